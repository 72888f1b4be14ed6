//! gemm: a matrix times the tokens of a step. Tasks are runs of rows.

use azulejo_shaders::Run;
use azulejo_shaders::kernels::gemm::Params;

use super::gemv::add_bias;
use super::{Context, Put, Weights, floats};

/// Rows of a tile.
const ROWS: usize = 16;

/// Rows from `first` on, and for each token the columns of the output that they fill.
struct Task<'o> {
    first: usize,
    columns: Vec<&'o mut [f32]>,
}

/// Cuts the output into tasks of `chunk` columns.
fn tasks<'o>(params: &Params, tokens: usize, chunk: usize, out: &'o mut [f32]) -> Vec<Task<'o>> {
    let rows = params.rows as usize;
    let mut tasks: Vec<Task<'o>> = (0..rows.div_ceil(chunk))
        .map(|i| Task { first: i * chunk, columns: Vec::with_capacity(tokens) })
        .collect();
    for row in out.chunks_mut(params.out_stride as usize).take(tokens) {
        let columns = &mut row[params.out_offset as usize..][..rows];
        columns.chunks_mut(chunk).zip(&mut tasks).for_each(|(columns, task)| task.columns.push(columns));
    }
    tasks
}

pub(crate) fn gemm(
    context: Context<'_>,
    params: Params,
    run: Run,
    weights: Weights<'_>,
    put: Put<'_>,
    x: &[f32],
    out: &mut [f32],
) {
    let tokens = run.tokens as usize;
    let width = params.units_per_row as usize * 32;
    let chunk = context.chunk(params.rows as usize, ROWS, ROWS);
    context.threads.for_each(tasks(&params, tokens, chunk, out), |mut task| {
        let mut tile = vec![0f32; ROWS * width];
        let rows = task.columns[0].len();
        for at in (0..rows).step_by(ROWS) {
            let rows = ROWS.min(rows - at);
            let first = task.first + at;
            let matrix_row = params.first_row as usize + first;
            weights.matrix.decode_units(matrix_row * params.units_per_row as usize, &mut tile[..rows * width]);
            for (token, columns) in task.columns.iter_mut().enumerate() {
                let x = &x[token * params.x_stride as usize..][..width];
                let mut sums = [0f32; ROWS];
                let sums = &mut sums[..rows];
                sums.iter_mut().zip(tile.chunks_exact(width)).for_each(|(sum, row)| *sum = floats::dot(row, x));
                add_bias(weights.bias, params.bias_offset as usize + first, sums);
                put.put(token, first, sums, &mut columns[at..at + rows]);
            }
        }
    });
}
