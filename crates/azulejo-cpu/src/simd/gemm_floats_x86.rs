//! Tiles of `gemm` in f32, by AVX2 or AVX-512.
//!
//! A tile is some rows of the matrix, decoded and turned, so that a vector holds a column of them. It meets groups of
//! tokens, turned as well: a lane sums up a row's product with a token, and there are no sums across lanes. That is how
//! matrix products of BLAS are built: Goto and van de Geijn, *Anatomy of High-Performance Matrix Multiplication*, 2008.

use std::arch::x86_64::*;

use super::gemm::{Finish, ROWS, next_panel};
use super::wide::each;
use super::{Context, Instructions, avx2, room};
use crate::matrix::{Matrix, by_format};

/// Tokens of a group. With AVX-512 they have 24 sums of vectors, for 32 registers; with AVX2 a half of them and of the rows
/// has 12, for 16.
const GROUP: usize = 12;
/// Units of 32 columns that a tile holds of each row: half of a first-level cache of 32 KiB.
const PANEL: usize = 4;
/// Rows that are met at once by AVX2, and the fewest by AVX-512.
const HALF: usize = ROWS / 2;

/// A column of a group of tokens.
pub(super) type Column = [f32; GROUP];

/// Turns tokens, each `stride` after the one before, into groups: `[group][column]`. What is missing of the last group
/// is zeros.
pub(super) fn groups<'s>(
    context: Context<'_>,
    out: &'s mut Vec<Column>,
    width: usize,
    stride: usize,
    x: &[f32],
) -> &'s [Column] {
    let out = room(out, x.len().div_ceil(GROUP * stride) * width, [0.0; GROUP]);
    context.threads.chunks(out, width, |first, out| {
        let x = &x[first / width * GROUP * stride..];
        for t in 0..GROUP {
            match x.get(t * stride..) {
                Some(x) if !x.is_empty() => out.iter_mut().zip(x).for_each(|(column, x)| column[t] = *x),
                _ => out.iter_mut().for_each(|column| column[t] = 0.0),
            }
        }
    });
    out
}

/// A column of the rows of a tile. Where it began within a line of the cache, each load would take two.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Rows([f32; ROWS]);

/// A decoded tile.
#[derive(Default)]
pub(super) struct FloatTile {
    columns: Vec<Rows>,
}

impl FloatTile {
    /// Products of `rows` rows from `first` on with all tokens, `x` being what [`groups`] gave. They are handed over as they
    /// come, so that memory is waited for while others are computed.
    pub(super) fn products(
        &mut self,
        instructions: Instructions,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[Column],
        products: &mut [[f32; ROWS]],
        finish: &mut Finish<'_>,
    ) {
        let width = matrix.units_per_row * 32;
        self.columns.resize(PANEL * 32, Rows([0.0; ROWS]));
        products.fill([0.0; ROWS]);
        for begin in (0..matrix.units_per_row).step_by(PANEL) {
            let count = PANEL.min(matrix.units_per_row - begin);
            let columns = &mut self.columns[..count * 32];
            by_format!(not superblocks matrix.format, F => {
                // SAFETY: this way is only taken where AVX2, FMA and F16C were found.
                unsafe { decode::<F>(matrix, first, rows, begin, columns) }
            }, else {});
            let groups = x.chunks_exact(width).zip(products.chunks_mut(GROUP));
            for (group, (x, products)) in groups.enumerate() {
                let x = &x[begin * 32..][..count * 32];
                match instructions {
                    // SAFETY: these instructions are only chosen where they were found.
                    Instructions::Avx512 if rows <= HALF => unsafe { meet_avx512::<1>(columns, x, products) },
                    // SAFETY: as above.
                    Instructions::Avx512 => unsafe { meet_avx512::<2>(columns, x, products) },
                    // SAFETY: as above.
                    _ => unsafe { meet_avx2(columns, rows, x, products) },
                }
                if begin + PANEL >= matrix.units_per_row {
                    finish(group * GROUP, products);
                }
            }
        }
    }
}

/// Decodes units of some rows, to whole halves. Rows behind the last are the last, and their products are dropped.
#[target_feature(enable = "avx2,fma,f16c")]
fn decode<const F: u8>(matrix: &Matrix<'_>, first: usize, rows: usize, begin: usize, columns: &mut [Rows]) {
    let next = next_panel(matrix, begin, PANEL, ROWS);
    for (k, columns) in columns.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        for eight in 0..rows.next_multiple_of(HALF) / 8 {
            let mut units = [[_mm256_setzero_ps(); 4]; 8];
            for (r, unit) in units.iter_mut().enumerate() {
                let row = first + (8 * eight + r).min(rows - 1);
                let u = row * matrix.units_per_row + begin + k;
                *unit = avx2::floats::<F>(matrix, u);
                avx2::prefetch::<F>(matrix, u + next, 1);
            }
            for (v, columns) in columns.as_chunks_mut::<8>().0.iter_mut().enumerate() {
                let turned = turned(units.map(|unit| unit[v]));
                for (column, rows) in columns.iter_mut().zip(turned) {
                    column.0.as_chunks_mut::<8>().0[eight] = bytemuck::cast(rows);
                }
            }
        }
    }
}

/// Rows of 8 lanes become columns.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn turned([a, b, c, d, e, f, g, h]: [__m256; 8]) -> [__m256; 8] {
    let pairs = |a, b| [_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)];
    let fours = |a: [__m256; 2], b: [__m256; 2]| {
        let low = |a, b| _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
        let high = |a, b| _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b)));
        [low(a[0], b[0]), high(a[0], b[0]), low(a[1], b[1]), high(a[1], b[1])]
    };
    let above = fours(pairs(a, b), pairs(c, d));
    let below = fours(pairs(e, f), pairs(g, h));
    std::array::from_fn(|i| match i {
        0..4 => _mm256_permute2f128_ps::<0x20>(above[i], below[i]),
        _ => _mm256_permute2f128_ps::<0x31>(above[i - 4], below[i - 4]),
    })
}

/// Adds the products of some columns of a tile with those of a group to the products of each token.
#[target_feature(enable = "avx2,fma,f16c")]
fn meet_avx2(columns: &[Rows], rows: usize, x: &[Column], products: &mut [[f32; ROWS]]) {
    const T: usize = GROUP / 2;
    const R: usize = HALF / 8;
    for (t, products) in products.chunks_mut(T).enumerate() {
        for r in 0..rows.div_ceil(HALF) {
            let mut sums = [[_mm256_setzero_ps(); R]; T];
            for (column, x) in columns.iter().zip(x) {
                let column: &[[__m256; R]; 2] = bytemuck::cast_ref(&column.0);
                for (sums, x) in sums.iter_mut().zip(&x.as_chunks::<T>().0[t]) {
                    let x = _mm256_set1_ps(*x);
                    for (sum, column) in sums.iter_mut().zip(column[r]) {
                        *sum = _mm256_fmadd_ps(column, x, *sum);
                    }
                }
            }
            for (products, sums) in products.iter_mut().zip(sums) {
                let sums: [f32; HALF] = bytemuck::cast(sums);
                let products = &mut products.as_chunks_mut::<HALF>().0[r];
                each(products, [&sums], |product, [sum]| product + sum);
            }
        }
    }
}

/// The same by AVX-512, for the first `R` halves of the rows.
#[target_feature(enable = "avx512f")]
fn meet_avx512<const R: usize>(columns: &[Rows], x: &[Column], products: &mut [[f32; ROWS]]) {
    let mut sums = [[_mm512_setzero_ps(); R]; GROUP];
    for (column, x) in columns.iter().zip(x) {
        let column: [__m512; 2] = bytemuck::cast(column.0);
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = _mm512_set1_ps(*x);
            for (sum, column) in sums.iter_mut().zip(column) {
                *sum = _mm512_fmadd_ps(column, x, *sum);
            }
        }
    }
    for (products, sums) in products.iter_mut().zip(sums) {
        for (products, sum) in products.as_chunks_mut::<HALF>().0.iter_mut().zip(sums) {
            let sum: [f32; HALF] = bytemuck::cast(sum);
            each(products, [&sum], |product, [sum]| product + sum);
        }
    }
}
