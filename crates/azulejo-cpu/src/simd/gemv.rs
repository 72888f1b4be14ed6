//! gemv and gemv_swiglu: rows of a matrix times one token, rows in parallel.

use azulejo_shaders::Run;
use azulejo_shaders::kernels::{gemv, gemv_swiglu};

use super::elementwise::{gated, normalise};
use super::{Context, Put, Weights, floats};
use crate::matrix::{Matrix, by_format};

/// Rows whose products are computed before they are put where they belong.
const ROWS: usize = 32;
/// Weights that are worth a task.
const LEAST: usize = 32_768;

/// Products of consecutive rows of a matrix with `x`.
fn products(_context: Context<'_>, matrix: &Matrix<'_>, x: &[f32], first_row: usize, out: &mut [f32]) {
    by_format!(matrix.format, F => {
        for (i, out) in out.iter_mut().enumerate() {
            let mut unit = [0f32; 32];
            let first = (first_row + i) * matrix.units_per_row;
            *out = 0.0;
            for (k, x) in x.as_chunks::<32>().0.iter().enumerate() {
                matrix.decode::<F>(first + k, &mut unit);
                *out += floats::dot(&unit, x);
            }
        }
    });
}

/// The input of a product: `x`, or what a norm makes of it.
fn input<'x>(
    x: &'x [f32],
    norm: Option<&[f32]>,
    cols: u32,
    units_per_row: u32,
    eps: f32,
    normed: &'x mut Vec<f32>,
) -> &'x [f32] {
    let width = units_per_row as usize * 32;
    let Some(weight) = norm else { return &x[..width] };
    normed.resize(width, 0.0);
    normalise(x, weight, cols as usize, eps, normed);
    normed
}

pub(crate) fn gemv(
    context: Context<'_>,
    params: gemv::Params,
    run: Run,
    weights: Weights<'_>,
    norm: Option<&[f32]>,
    put: Put<'_>,
    x: &[f32],
    out: &mut [f32],
) {
    let x = &x[(params.x_row * run.row * params.x_stride) as usize..];
    let mut normed = Vec::new();
    let x = input(x, norm, params.cols, params.units_per_row, params.eps, &mut normed);
    let rows = params.rows as usize;
    let chunk = context.chunk(rows, ROWS, LEAST.div_ceil(x.len()));
    let out = &mut out[params.out_offset as usize..][..rows];
    context.threads.chunks(out, chunk, |first, out| {
        for (i, out) in out.chunks_mut(ROWS).enumerate() {
            let first = first + i * ROWS;
            let mut sums = [0f32; ROWS];
            let sums = &mut sums[..out.len()];
            products(context, &weights.matrix, x, first, sums);
            add_bias(weights.bias, params.bias_offset as usize + first, sums);
            put.put(0, first, sums, out);
        }
    });
}

pub(crate) fn gemv_swiglu(
    context: Context<'_>,
    params: gemv_swiglu::Params,
    weights: Weights<'_>,
    norm: Option<&[f32]>,
    x: &[f32],
    out: &mut [f32],
) {
    let mut normed = Vec::new();
    let x = input(x, norm, params.cols, params.units_per_row, params.eps, &mut normed);
    let rows = params.rows as usize;
    let chunk = context.chunk(rows, ROWS, LEAST.div_ceil(x.len()));
    let out = &mut out[params.out_offset as usize..][..rows];
    context.threads.chunks(out, chunk, |first, out| {
        for (i, out) in out.chunks_mut(ROWS).enumerate() {
            let first = first + i * ROWS;
            let mut sums = [[0f32; ROWS]; 2];
            let [gate, up] = &mut sums;
            let (gate, up) = (&mut gate[..out.len()], &mut up[..out.len()]);
            products(context, &weights.matrix, x, first, gate);
            products(context, &weights.matrix, x, rows + first, up);
            add_bias(weights.bias, params.gate_bias_offset as usize + first, gate);
            add_bias(weights.bias, params.up_bias_offset as usize + first, up);
            gated(gate, up, out);
        }
    });
}

/// Adds elements of the bias from `first` on, if there is one.
pub(crate) fn add_bias(bias: Option<&[f32]>, first: usize, sums: &mut [f32]) {
    if let Some(bias) = bias {
        sums.iter_mut().zip(&bias[first..]).for_each(|(sum, bias)| *sum += bias);
    }
}
