//! The twin.

use azulejo_quant::UNIT;

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Matrix, bias, dot, glu, input};

pub(super) fn run(call: &Call, _run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let x = input(call, read, 0, p.units_per_row as usize * UNIT, p.cols, p.eps);
    let matrix = Matrix::of(call, read, p.units_per_row, p.units);
    for row in 0..p.rows {
        let gate = dot(&matrix.row(row as usize), &x) + bias(call, read, p.gate_bias_offset + row);
        let up = dot(&matrix.row((p.rows + row) as usize), &x) + bias(call, read, p.up_bias_offset + row);
        write.floats(8)[(p.out_offset + row) as usize] = glu(call, gate, up) as f32;
    }
}
