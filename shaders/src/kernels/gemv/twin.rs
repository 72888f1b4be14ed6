//! The twin.

use azulejo_quant::UNIT;

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Matrix, bias, dot, input, put};

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let base = (p.x_row * run.row * p.x_stride) as usize;
    let x = input(call, read, base, p.units_per_row as usize * UNIT, p.cols, p.eps);
    let matrix = Matrix::of(call, read, p.units_per_row, p.units);
    for row in 0..p.rows {
        let value = dot(&matrix.row(row as usize), &x) + bias(call, read, p.bias_offset + row);
        put(call, read, write, p.out_offset + row, p.residual_offset + row, value);
    }
}
