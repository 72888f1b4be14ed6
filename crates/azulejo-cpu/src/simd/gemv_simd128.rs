//! The products of `gemv` by WebAssembly's SIMD.

use std::arch::wasm32::*;

use super::input::XBlock;
use super::simd128::{self, multiply_add, vector};
use super::tail::Tail;
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

fn rows_of<const F: u8>(matrix: &Matrix<'_>, x: &[XBlock], first_row: usize, out: &mut [f32]) {
    let full = matrix.units_per_row / UNITS;
    let rest = matrix.units_per_row % UNITS;
    let mut tail = Tail::default();
    for (i, out) in out.iter_mut().enumerate() {
        let first = (first_row + i) * matrix.units_per_row;
        let mut sums = [f32x4_splat(0.0); 2];
        for (b, x) in x[..full].iter().enumerate() {
            block::<F>(matrix, first + b * UNITS, x, &mut sums);
        }
        if rest != 0 {
            let matrix = tail.fill(matrix, first + full * UNITS, rest);
            block::<F>(&matrix, 0, &x[full], &mut sums);
        }
        *out = simd128::sum(f32x4_add(sums[0], sums[1]));
    }
}

/// Adds the products of the 8 units from `u` on.
#[inline(always)]
fn block<const F: u8>(matrix: &Matrix<'_>, u: usize, x: &XBlock, sums: &mut [v128; 2]) {
    let scales = simd128::scales::<F>(matrix, u);
    let mut add_offsets = |h: usize, of: &[f32; UNITS]| {
        for (i, of) in of.as_chunks::<4>().0.iter().enumerate() {
            sums[i] = multiply_add(scales.offset[h][i], vector(of), sums[i]);
        }
    };
    if halves(F) {
        add_offsets(0, &x.low);
        add_offsets(1, &x.high);
    } else if F != Q8_0 {
        add_offsets(0, &x.sums);
    }
    let step = f32x4_splat(x.scale);
    let [low, high]: [[f32; UNITS]; 2] =
        scales.scale.map(|scale| bytemuck::cast(scale.map(|v| f32x4_mul(v, step))));
    for k in 0..UNITS {
        let w = simd128::unit::<F>(matrix, u, k);
        let x: &[[i16; 8]; 4] = bytemuck::cast_ref(&x.q.as_chunks::<2>().0[k]);
        let product = |v: usize| i32x4_dot_i16x8(w[v], vector(&x[v]));
        let first = i32x4_add(product(0), product(1));
        let second = i32x4_add(product(2), product(3));
        let scaled =
            |products, scale, sum| multiply_add(f32x4_convert_i32x4(products), f32x4_splat(scale), sum);
        if halves(F) {
            sums[0] = scaled(first, low[k], sums[0]);
            sums[1] = scaled(second, high[k], sums[1]);
        } else {
            sums[k % 2] = scaled(i32x4_add(first, second), low[k], sums[k % 2]);
        }
    }
}

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
