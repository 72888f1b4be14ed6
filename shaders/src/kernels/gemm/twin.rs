//! The twin.

use azulejo_quant::UNIT;

use super::Params;
use crate::kernel::{Reads, Run, Writes};
use crate::program::Call;
use crate::twin::{Matrix, bias, dot, input, put};

pub(super) fn run(call: &Call, run: Run, read: &Reads<'_>, write: &mut Writes<'_>) {
    let p = Params::of(call);
    let width = p.units_per_row as usize * UNIT;
    let x: Vec<Vec<f64>> = (0..run.tokens)
        .map(|token| input(call, read, (token * p.x_stride) as usize, width, 0, 0.0))
        .collect();
    let matrix = Matrix::of(call, read, p.units_per_row, p.units);
    for row in 0..p.rows {
        let weights = matrix.row((p.first_row + row) as usize);
        let bias = bias(call, read, p.bias_offset + row);
        for (token, x) in (0..run.tokens).zip(&x) {
            let out = token * p.out_stride + p.out_offset + row;
            let residual = token * p.residual_stride + p.residual_offset + row;
            put(call, read, write, out, residual, dot(&weights, x) + bias);
        }
    }
}
