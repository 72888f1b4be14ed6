//! gemm: a matrix times the tokens of a step.
//!
//! Tasks are runs of rows. A tile of some rows is decoded once and met by all tokens; the portable way decodes as `gemv`
//! does, the others (`gemm_*.rs`) to what their multiplications take.

use azulejo_quant::{BlockFormat, UNIT};
use azulejo_shaders::Run;
use azulejo_shaders::kernels::gemm::Params;

use super::gemv::add_bias;
use super::input::{self, Order, ScaleOf, XBlock};
use super::wide::each;
use super::{Context, Instructions, Put, Scratch, Weights, floats, room};
#[cfg(target_arch = "x86_64")]
use super::{gemm_floats_x86, gemm_superblocks_x86};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::{gemm_simd128, gemm_units_simd128};
use crate::matrix::{Matrix, UNITS, by_format};

/// Rows of a tile.
pub(crate) const ROWS: usize = match () {
    () if cfg!(target_arch = "x86_64") => 32,
    () if cfg!(target_arch = "wasm32") => 16,
    () => 8,
};
/// Rows that a task has a multiple of. On x86-64 it is half a tile, so that small matrices are enough for many threads.
const CHUNK: usize = if cfg!(target_arch = "x86_64") { ROWS / 2 } else { ROWS };

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

/// Takes the products of a tile with some tokens, of which it gets the first one's number and a row of products each.
pub(super) type Finish<'a> = dyn FnMut(usize, &mut [[f32; ROWS]]) + 'a;

/// Computes the products of a tile, given its first row in the matrix, its rows, and room for a row of products a token; hands
/// over those of each token once, all together or as they come.
type TileProducts<'a> = dyn FnMut(usize, usize, &mut [[f32; ROWS]], &mut Finish<'_>) + 'a;

pub(crate) fn gemm(
    context: Context<'_>,
    scratch: &mut Scratch,
    params: Params,
    run: Run,
    weights: Weights<'_>,
    put: Put<'_>,
    x: &[f32],
    out: &mut [f32],
) {
    let tokens = run.tokens as usize;
    let x = &x[..tokens * params.x_stride as usize];
    let chunk = context.chunk(params.rows as usize, CHUNK, CHUNK);
    let tasks = tasks(&params, tokens, chunk, out);
    let each_tile = |mut task: Task<'_>, tile: &mut TileProducts<'_>| {
        let mut products = vec![[0f32; ROWS]; tokens];
        let columns = task.columns[0].len();
        for at in (0..columns).step_by(ROWS) {
            let rows = ROWS.min(columns - at);
            let row = task.first + at;
            let bias = weights.bias.map(|bias| &bias[params.bias_offset as usize + row..][..rows]);
            let mut finish = |first: usize, products: &mut [[f32; ROWS]]| {
                put_tile(first, row, rows, products, bias, put, at, &mut task.columns[first..]);
            };
            tile(params.first_row as usize + row, rows, &mut products, &mut finish);
        }
    };
    let matrix = &weights.matrix;
    let x_stride = params.x_stride as usize;
    let order = match context.instructions {
        Instructions::Avx2 | Instructions::Avx512 => Order::Paired,
        Instructions::Simd128 if matrix.format != BlockFormat::Q8_0 => Order::EvenOdd,
        _ => Order::Plain,
    };
    let scale_of = match context.instructions {
        Instructions::Portable => ScaleOf::Unit,
        _ => ScaleOf::Block,
    };
    let width = matrix.units_per_row * 32;
    let in_blocks = meets_blocks(context.instructions, matrix.format);
    let beside = match context.instructions {
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Instructions::Simd128 if matrix.format.block_len() == UNIT => gemm_units_simd128::T,
        _ => 1,
    };
    let blocks = match in_blocks {
        true => quantise(context, &mut scratch.blocks, width, order, scale_of, beside, x_stride, x),
        false => &[],
    };
    #[cfg(target_arch = "x86_64")]
    let groups = match context.instructions {
        Instructions::Avx2 | Instructions::Avx512 if !in_blocks => {
            gemm_floats_x86::groups(context, &mut scratch.groups, width, x_stride, x)
        }
        _ => &[],
    };
    context.threads.for_each(tasks, |task| match context.instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 | Instructions::Avx512 if !in_blocks => {
            let mut tile = gemm_floats_x86::FloatTile::default();
            each_tile(task, &mut |row, rows, products, finish| {
                tile.products(context.instructions, matrix, row, rows, groups, products, finish);
            });
        }
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 | Instructions::Avx512 => {
            let mut tile = gemm_superblocks_x86::Tile::default();
            each_tile(task, &mut |row, rows, products, finish| {
                tile.products(context.instructions, matrix, row, rows, blocks, products);
                finish(0, products);
            });
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Instructions::Simd128 if matrix.format.is_float() => {
            let mut tile = gemm_simd128::FloatTile::default();
            each_tile(task, &mut |row, rows, products, finish| {
                tile.products(matrix, row, rows, x_stride, x, products);
                finish(0, products);
            });
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Instructions::Simd128 if matrix.format.block_len() == UNIT => {
            let mut tile = gemm_units_simd128::Tile::default();
            each_tile(task, &mut |row, rows, products, finish| {
                tile.products(matrix, row, rows, blocks, products, finish)
            });
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Instructions::Simd128 => {
            let mut tile = gemm_simd128::Tile::default();
            each_tile(task, &mut |row, rows, products, finish| {
                tile.products(matrix, row, rows, blocks, products);
                finish(0, products);
            });
        }
        _ if !in_blocks => {
            let mut tile = vec![0f32; ROWS * width];
            each_tile(task, &mut |row, rows, products, finish| {
                matrix.decode_units(row * matrix.units_per_row, &mut tile[..rows * width]);
                for (x, sums) in x.chunks_exact(x_stride).zip(&mut *products) {
                    let rows = tile[..rows * width].chunks_exact(width);
                    sums.iter_mut().zip(rows).for_each(|(sum, row)| *sum = floats::dot(row, &x[..width]));
                }
                finish(0, products);
            });
        }
        _ => {
            let mut tile = Vec::new();
            each_tile(task, &mut |row, rows, products, finish| {
                by_format!(coarse matrix.format, F => decode::<F>(matrix, row, rows, &mut tile), else {});
                for (x, sums) in blocks.chunks_exact(input::blocks(matrix.units_per_row)).zip(&mut *products)
                {
                    for (sum, units) in sums.iter_mut().zip(tile.chunks_exact(matrix.units_per_row)) {
                        let products = units.iter().enumerate().map(|(k, unit)| {
                            floats::dot_unit(&unit.q, unit.scale, unit.offset, &x[k / UNITS], k % UNITS)
                        });
                        *sum = products.sum();
                    }
                }
                finish(0, products);
            });
        }
    });
}

/// Whether weights of a format meet inputs in 16 bits, and not in f32.
///
/// Instructions have twice as many products of 16 bits. On x86-64, K formats alone gain by that: for the others, what scales
/// the sums of units takes as much. By WebAssembly's SIMD all do.
fn meets_blocks(instructions: Instructions, format: BlockFormat) -> bool {
    match instructions {
        Instructions::Avx2 | Instructions::Avx512 => format.block_len() > UNIT,
        Instructions::Simd128 => !format.is_float(),
        _ => !format.is_precise(),
    }
}

/// Units from those of a panel of `panel` units of `rows` rows, which begins with unit `begin`, to those that are decoded next:
/// the same rows' next ones, or the first ones of the rows that follow.
#[cfg(target_arch = "x86_64")]
pub(super) fn next_panel(matrix: &Matrix<'_>, begin: usize, panel: usize, rows: usize) -> usize {
    match begin + panel < matrix.units_per_row {
        true => panel,
        false => rows * matrix.units_per_row - begin,
    }
}

/// Puts products of a tile with tokens from `first` on, whose output's columns from `at` on they fill. They are those of
/// `rows` rows from `row` on.
fn put_tile(
    first: usize,
    row: usize,
    rows: usize,
    products: &mut [[f32; ROWS]],
    bias: Option<&[f32]>,
    put: Put<'_>,
    at: usize,
    columns: &mut [&mut [f32]],
) {
    let each_token = products.iter_mut().zip(columns).enumerate();
    // Almost all tiles are whole: their loops are of a known length.
    if rows == ROWS {
        let mut whole = [0f32; ROWS];
        whole.iter_mut().zip(bias.unwrap_or_default()).for_each(|(whole, bias)| *whole = *bias);
        for (i, (sums, columns)) in each_token {
            each(sums, [&whole], |sum, [bias]| sum + bias);
            if let Some(out) = columns[at..].first_chunk_mut::<ROWS>() {
                put.put(first + i, row, sums, out);
            }
        }
    } else {
        for (i, (sums, columns)) in each_token {
            add_bias(bias, 0, &mut sums[..rows]);
            put.put(first + i, row, &sums[..rows], &mut columns[at..at + rows]);
        }
    }
}

/// Quantises the rows of `x`, `[tokens][block][token]`: `beside` tokens have a block beside each other. Behind the last token
/// the last such group has it again, so that each sum is built in the same way wherever its token is.
fn quantise<'s>(
    context: Context<'_>,
    out: &'s mut Vec<XBlock>,
    width: usize,
    order: Order,
    scale_of: ScaleOf,
    beside: usize,
    stride: usize,
    x: &[f32],
) -> &'s [XBlock] {
    let tokens = x.len() / stride;
    let groups = tokens.div_ceil(beside);
    let of_group = beside * input::blocks(width / UNIT);
    let out = room(out, groups * of_group, XBlock::ZERO);
    let chunk = context.chunk(groups, 1, 16usize.div_ceil(of_group));
    context.threads.chunks(out, chunk * of_group, |first, out| {
        for (i, out) in out.chunks_exact_mut(of_group).enumerate() {
            for t in 0..beside {
                let token = ((first / of_group + i) * beside + t).min(tokens - 1);
                let blocks = out[t..].iter_mut().step_by(beside);
                input::quantise(context.instructions, &x[token * stride..][..width], order, scale_of, blocks);
            }
        }
    });
    out
}

/// A unit with its quants as wide as the inputs.
struct WideUnit {
    q: [i16; 32],
    scale: [f32; 2],
    offset: [f32; 2],
}

/// Decodes rows.
fn decode<const F: u8>(matrix: &Matrix<'_>, row: usize, rows: usize, tile: &mut Vec<WideUnit>) {
    let first = row * matrix.units_per_row;
    tile.clear();
    tile.extend((first..first + rows * matrix.units_per_row).map(|u| {
        let unit = matrix.unit::<F>(u);
        WideUnit { q: unit.q.map(i16::from), scale: unit.scale, offset: unit.offset }
    }));
}
