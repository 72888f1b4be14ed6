//! gemv and gemv_glu: rows of a matrix times one token, rows in parallel.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::borrow::Cow;

use azulejo_plan::Gate;
use azulejo_quant::BlockFormat;
use azulejo_shaders::Run;
use azulejo_shaders::kernels::{gemv, gemv_glu};

#[cfg(target_arch = "x86_64")]
use super::avx2::{self, Tail, vector, vector_f32};
use super::elementwise::{gated, normalise};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::gemv_simd128;
use super::input::{self, Order, ScaleOf, XBlock};
use super::wide::each;
use super::{Context, Instructions, Put, Scratch, Weights, floats, room};
#[cfg(target_arch = "x86_64")]
use crate::matrix::format::halves;
use crate::matrix::{Matrix, UNITS, by_format};

/// Rows whose products are computed before they are put where they belong.
const ROWS: usize = 32;
/// Weights that are worth a task.
const LEAST: usize = 32_768;

/// The input of a product, ready for the matrix's format.
enum Input<'x> {
    /// As it is, for precise formats: memory is waited for either way.
    Floats(Cow<'x, [f32]>),
    /// Quantised, for coarse ones, and for Q8_0 by WebAssembly's SIMD, which has half as many products of f32.
    Blocks(&'x [XBlock]),
}

impl<'x> Input<'x> {
    /// `x`, or what a norm of `cols` columns makes of it.
    fn new(
        context: Context<'_>,
        scratch: &'x mut Scratch,
        matrix: &Matrix<'_>,
        x: &'x [f32],
        norm: Option<&[f32]>,
        cols: u32,
        eps: f32,
    ) -> Self {
        let width = matrix.units_per_row * 32;
        let x = match norm {
            None => Cow::Borrowed(&x[..width]),
            Some(weight) => {
                let mut normed = vec![0f32; width];
                normalise(x, weight, cols as usize, eps, &mut normed);
                Cow::Owned(normed)
            }
        };
        let is_simd128 = context.instructions == Instructions::Simd128;
        if matrix.format.is_float() || matrix.format.is_precise() && !is_simd128 {
            return Input::Floats(x);
        }
        let order = match context.instructions {
            Instructions::Avx2 | Instructions::Avx512 => Order::Paired,
            Instructions::Simd128 if matrix.format != BlockFormat::Q8_0 => Order::EvenOdd,
            _ => Order::Plain,
        };
        let blocks = room(&mut scratch.blocks, input::blocks(matrix.units_per_row), XBlock::ZERO);
        input::quantise(context.instructions, &x, order, ScaleOf::Unit, &mut *blocks);
        Input::Blocks(blocks)
    }
}

/// Products of consecutive rows of a matrix with an input.
fn products(context: Context<'_>, matrix: &Matrix<'_>, x: &Input<'_>, first_row: usize, out: &mut [f32]) {
    match (context.instructions, x) {
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx2 | Instructions::Avx512, Input::Blocks(x)) => {
            // SAFETY: these instructions are only chosen where they were found.
            by_format!(coarse matrix.format, F => unsafe { avx2_rows::<F>(matrix, x, first_row, out) }, else {});
        }
        #[cfg(target_arch = "x86_64")]
        (Instructions::Avx2 | Instructions::Avx512, Input::Floats(x)) => {
            // SAFETY: as above.
            by_format!(precise matrix.format, F => unsafe { avx2_float_rows::<F>(matrix, x, first_row, out) }, else {});
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        (Instructions::Simd128, Input::Blocks(x)) => gemv_simd128::rows(matrix, x, first_row, out),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        (Instructions::Simd128, Input::Floats(x)) => gemv_simd128::float_rows(matrix, x, first_row, out),
        (_, Input::Blocks(x)) => {
            by_format!(coarse matrix.format, F => portable_rows::<F>(matrix, x, first_row, out), else {});
        }
        (_, Input::Floats(x)) => {
            by_format!(precise matrix.format, F => portable_float_rows::<F>(matrix, x, first_row, out), else {});
        }
    }
}

fn portable_rows<const F: u8>(matrix: &Matrix<'_>, x: &[XBlock], first_row: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        *out = 0.0;
        for k in 0..matrix.units_per_row {
            let unit = matrix.unit::<F>(first + k);
            *out += floats::dot_unit(&unit.q, unit.scale, unit.offset, &x[k / UNITS], k % UNITS);
        }
    }
}

fn portable_float_rows<const F: u8>(matrix: &Matrix<'_>, x: &[f32], first_row: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let mut unit = [0f32; 32];
        let mut lanes = floats::lanes(0.0);
        let first = (first_row + i) * matrix.units_per_row;
        for (k, x) in x.as_chunks::<32>().0.iter().enumerate() {
            matrix.decode::<F>(first + k, &mut unit);
            floats::add_products(&mut lanes, &unit, x);
        }
        *out = floats::sum(lanes);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn avx2_rows<const F: u8>(matrix: &Matrix<'_>, x: &[XBlock], first_row: usize, out: &mut [f32]) {
    let full = matrix.units_per_row / UNITS;
    let rest = matrix.units_per_row % UNITS;
    let mut tail = Tail::default();
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        let mut sums = [_mm256_setzero_ps(); 2];
        for (b, x) in x[..full].iter().enumerate() {
            avx2::prefetch::<F>(matrix, first + b * UNITS + avx2::units_ahead(F), UNITS);
            avx2_block::<F>(matrix, first + b * UNITS, x, &mut sums);
        }
        if rest != 0 {
            let matrix = tail.fill(matrix, first + full * UNITS, rest);
            avx2_block::<F>(&matrix, 0, &x[full], &mut sums);
        }
        *out = avx2::sum(_mm256_add_ps(sums[0], sums[1]));
    }
}

/// Adds the products of the 8 units from `u` on.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn avx2_block<const F: u8>(matrix: &Matrix<'_>, u: usize, x: &XBlock, sums: &mut [__m256; 2]) {
    let scales = avx2::scales::<F>(matrix, u);
    let step = vector_f32(&x.scale);
    let [low, high] = scales.scale.map(|s| _mm256_mul_ps(s, step));
    let x_at = |at: usize| vector(&x.q[at]);
    if halves(F) {
        sums[0] = _mm256_fmadd_ps(scales.offset[0], vector_f32(&x.low), sums[0]);
        sums[1] = _mm256_fmadd_ps(scales.offset[1], vector_f32(&x.high), sums[1]);
    } else {
        sums[0] = _mm256_fmadd_ps(scales.offset[0], vector_f32(&x.sums), sums[0]);
    }
    for p in 0..4 {
        let w = avx2::pair::<F>(matrix, u, p);
        let product = |v: usize| _mm256_madd_epi16(w[v], x_at(4 * p + v));
        let first = _mm256_add_epi32(product(0), product(1));
        let second = _mm256_add_epi32(product(2), product(3));
        let lanes = avx2::lanes_of_pair(p);
        let scaled = |products, scale, sum| {
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), _mm256_permutevar8x32_ps(scale, lanes), sum)
        };
        if halves(F) {
            sums[0] = scaled(first, low, sums[0]);
            sums[1] = scaled(second, high, sums[1]);
        } else {
            sums[p % 2] = scaled(_mm256_add_epi32(first, second), low, sums[p % 2]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn avx2_float_rows<const F: u8>(matrix: &Matrix<'_>, x: &[f32], first_row: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        let mut sums = [_mm256_setzero_ps(); 4];
        for (k, x) in x.as_chunks::<32>().0.iter().enumerate() {
            avx2::prefetch::<F>(matrix, first + k + avx2::units_ahead(F), 1);
            let w = avx2::floats::<F>(matrix, first + k);
            for ((sum, w), x) in sums.iter_mut().zip(w).zip(x.as_chunks::<8>().0) {
                *sum = _mm256_fmadd_ps(w, vector_f32(x), *sum);
            }
        }
        let [a, b, c, d] = sums;
        *out = avx2::sum(_mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
    }
}

pub(crate) fn gemv(
    context: Context<'_>,
    scratch: &mut Scratch,
    params: gemv::Params,
    run: Run,
    weights: Weights<'_>,
    norm: Option<&[f32]>,
    put: Put<'_>,
    x: &[f32],
    out: &mut [f32],
) {
    let x = &x[(params.x_row * run.row * params.x_stride) as usize..];
    let x = Input::new(context, scratch, &weights.matrix, x, norm, params.cols, params.eps);
    let rows = params.rows as usize;
    let chunk = context.chunk(rows, ROWS, LEAST.div_ceil(weights.matrix.units_per_row * 32));
    let out = &mut out[params.out_offset as usize..][..rows];
    context.threads.chunks(out, chunk, |first, out| {
        for (i, out) in out.chunks_mut(ROWS).enumerate() {
            let first = first + i * ROWS;
            let mut sums = [0f32; ROWS];
            let sums = &mut sums[..out.len()];
            products(context, &weights.matrix, &x, first, sums);
            add_bias(weights.bias, params.bias_offset as usize + first, sums);
            put.put(0, first, sums, out);
        }
    });
}

pub(crate) fn gemv_glu(
    context: Context<'_>,
    scratch: &mut Scratch,
    params: gemv_glu::Params,
    kind: Gate,
    weights: Weights<'_>,
    norm: Option<&[f32]>,
    x: &[f32],
    out: &mut [f32],
) {
    let x = Input::new(context, scratch, &weights.matrix, x, norm, params.cols, params.eps);
    let rows = params.rows as usize;
    let chunk = context.chunk(rows, ROWS, LEAST.div_ceil(weights.matrix.units_per_row * 32));
    let out = &mut out[params.out_offset as usize..][..rows];
    context.threads.chunks(out, chunk, |first, out| {
        for (i, out) in out.chunks_mut(ROWS).enumerate() {
            let first = first + i * ROWS;
            let mut sums = [[0f32; ROWS]; 2];
            let [gate, up] = &mut sums;
            let (gate, up) = (&mut gate[..out.len()], &mut up[..out.len()]);
            products(context, &weights.matrix, &x, first, gate);
            products(context, &weights.matrix, &x, rows + first, up);
            add_bias(weights.bias, params.gate_bias_offset as usize + first, gate);
            add_bias(weights.bias, params.up_bias_offset as usize + first, up);
            gated(kind, gate, up, out);
        }
    });
}

/// Adds elements of the bias from `first` on, if there is one.
pub(crate) fn add_bias(bias: Option<&[f32]>, first: usize, sums: &mut [f32]) {
    if let Some(bias) = bias {
        each(sums, [&bias[first..]], |sum, [bias]| sum + bias);
    }
}
