//! The products of `gemv` by WebAssembly's SIMD.

use std::arch::wasm32::*;

use super::input::XBlock;
use super::simd128::{self, Constants, Units, multiply_add, vector};
use crate::matrix::format::{Q8_0, halves};
use crate::matrix::{Matrix, UNITS, by_format};

/// Products of consecutive rows of quantised weights with an input.
pub(super) fn rows(matrix: &Matrix<'_>, x: &[XBlock], first_row: usize, out: &mut [f32]) {
    by_format!(quants matrix.format, F => rows_of::<F>(matrix, x, first_row, out), else {});
}

/// Products of consecutive rows of floats with an input.
pub(super) fn float_rows(matrix: &Matrix<'_>, x: &[f32], first_row: usize, out: &mut [f32]) {
    by_format!(floats matrix.format, F => float_rows_of::<F>(matrix, x, first_row, out), else {});
}

#[inline(never)]
fn rows_of<const F: u8>(matrix: &Matrix<'_>, x: &[XBlock], first_row: usize, out: &mut [f32]) {
    let constants = Constants::new();
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        let mut sum = f32x4_splat(0.0);
        for (b, x) in x.iter().enumerate() {
            let count = UNITS.min(matrix.units_per_row - b * UNITS);
            sum = block::<F>(matrix, constants, first + b * UNITS, count, x, sum);
        }
        *out = simd128::sum(sum);
    }
}

/// Adds the products of `count` units from `u` on.
#[inline(always)]
fn block<const F: u8>(
    matrix: &Matrix<'_>,
    constants: Constants,
    u: usize,
    count: usize,
    x: &XBlock,
    mut sum: v128,
) -> v128 {
    let scales = simd128::scales::<F>(matrix, u, count);
    let mut add_offsets = |h: usize, of: &[f32; UNITS]| {
        for (offset, of) in scales.offset[h].into_iter().zip(of.as_chunks::<4>().0) {
            sum = multiply_add(offset, vector(of), sum);
        }
    };
    if halves(F) {
        add_offsets(0, &x.low);
        add_offsets(1, &x.high);
    } else if F != Q8_0 {
        add_offsets(0, &x.sums);
    }
    let step: [v128; 2] = bytemuck::cast(x.scale);
    let [low, high]: [[f32; UNITS]; 2] =
        scales.scale.map(|[a, b]| bytemuck::cast([f32x4_mul(a, step[0]), f32x4_mul(b, step[1])]));
    let units = Units::new::<F>(matrix, constants, u, count);
    // One unit a turn, of one row: in a longer run of instructions, an engine's compiler mixes them all up, and then
    // has too few registers.
    let (low, high, x) = (&low[..count], &high[..count], &x.q.as_chunks::<2>().0[..count]);
    for k in 0..count {
        let x: [v128; 4] = bytemuck::cast(x[k]);
        let w = units.unit::<F>(k);
        let product = |v: usize| i32x4_dot_i16x8(w[v], x[v]);
        let first = i32x4_add(product(0), product(1));
        let second = i32x4_add(product(2), product(3));
        if halves(F) {
            let first = f32x4_mul(f32x4_convert_i32x4(first), f32x4_splat(low[k]));
            sum = f32x4_add(sum, multiply_add(f32x4_convert_i32x4(second), f32x4_splat(high[k]), first));
        } else {
            let products = f32x4_convert_i32x4(i32x4_add(first, second));
            sum = multiply_add(products, f32x4_splat(low[k]), sum);
        }
    }
    sum
}

#[inline(never)]
fn float_rows_of<const F: u8>(matrix: &Matrix<'_>, x: &[f32], first_row: usize, out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        let mut sums = [f32x4_splat(0.0); 4];
        for (k, x) in x.as_chunks::<32>().0.iter().enumerate() {
            let w = simd128::floats::<F>(matrix, first + k);
            for (v, (w, x)) in w.into_iter().zip(x.as_chunks::<4>().0).enumerate() {
                sums[v % 4] = multiply_add(w, vector(x), sums[v % 4]);
            }
        }
        let [a, b, c, d] = sums;
        *out = simd128::sum(f32x4_add(f32x4_add(a, b), f32x4_add(c, d)));
    }
}
