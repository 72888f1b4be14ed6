//! Tiles of `gemm` by AVX2.
//!
//! Quantised weights become 16-bit integers and meet inputs of 16-bit integers (`input.rs`) in `vpmaddwd`: 16 products
//! an instruction, where f32 has 8. Two ways to the scales:
//! - formats with an f16 scale a unit: the sums of each two units are scaled (9 instructions for 64 products);
//! - K formats: the integer scale of a unit is multiplied into its weights when they are decoded, so that only the
//!   superblock's f16 scale remains (8.5 instructions for 64 products, and fewer registers). The sums of 32 products a
//!   lane fit 32 bits: 31 * 63 * 32767 * 32 < 2^31 for Q5_K; Q6_K's, of up to 32 * 128, are taken 16 at a time.
//!
//! Float weights meet f32.

use std::arch::x86_64::*;

use super::avx2::{self, Tail, lanes_of_pair, vector, vector_f32};
use super::gemm::ROWS;
use super::input::{self, XBlock};
use crate::matrix::format::{Q3_K, Q6_K, Q8_0, halves, is_k};
use crate::matrix::{Matrix, UNITS, by_format};

/// Blocks of 256 columns that a tile holds of each row: with 8 rows, two thirds of a first-level cache of 32 KiB.
const PANEL: usize = 4;

/// A block of a row of a tile.
#[derive(Clone, Copy)]
struct Block {
    /// The weights, in the order of the inputs; times the unit's integer scale for a K format.
    w: [__m256i; 16],
    /// For each pair of units the scale of its lanes; for a K format the first is the superblock's scale.
    scale: [__m256; 4],
    /// The offsets of the units, by halves where the format has two; zeros where the weights are signed.
    offset: [__m256; 2],
}

/// A decoded tile: `[row][block]`.
#[derive(Default)]
pub(super) struct Tile {
    blocks: Vec<[Block; PANEL]>,
}

impl Tile {
    /// Products of `rows` rows from `first` on with all tokens, `x` being `[token][block]`.
    pub(super) fn products(
        &mut self,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
    ) {
        by_format!(quants matrix.format, F => {
            // SAFETY: this way is only taken where AVX2, FMA and F16C were found.
            unsafe { self.products_of::<F>(matrix, first, rows, x, products) }
        }, else {});
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    fn products_of<const F: u8>(
        &mut self,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
    ) {
        let zero = Block {
            w: [_mm256_setzero_si256(); 16],
            scale: [_mm256_setzero_ps(); 4],
            offset: [_mm256_setzero_ps(); 2],
        };
        self.blocks.resize(ROWS, [zero; PANEL]);
        products.fill([0.0; ROWS]);
        let per_row = input::blocks(matrix.units_per_row);
        for begin in (0..per_row).step_by(PANEL) {
            let count = PANEL.min(per_row - begin);
            for (r, row) in self.blocks[..rows].iter_mut().enumerate() {
                for (b, block) in row[..count].iter_mut().enumerate() {
                    decode::<F>(matrix, first + r, begin + b, block);
                }
            }
            let panel = |token: usize| &x[token * per_row + begin..][..count];
            if is_k(F) {
                meet::<F, 4, 2>(&self.blocks, rows, panel, products);
            } else {
                meet::<F, 2, 3>(&self.blocks, rows, panel, products);
            }
        }
    }
}

/// All rows of a tile with all tokens, in register tiles of `R` rows and `T` tokens.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn meet<'x, const F: u8, const R: usize, const T: usize>(
    tile: &[[Block; PANEL]],
    rows: usize,
    panel: impl Fn(usize) -> &'x [XBlock],
    products: &mut [[f32; ROWS]],
) {
    for (group, products) in products.chunks_mut(T).enumerate() {
        // Tokens behind the last are computed as the group's last and dropped, so that each sum is built in the
        // same way wherever its token is.
        let x: [&[XBlock]; T] = std::array::from_fn(|t| panel(group * T + t.min(products.len() - 1)));
        for (at, tile) in tile.as_chunks::<R>().0.iter().enumerate().take(rows.div_ceil(R)) {
            let sums = if is_k(F) { folded::<F, R, T>(tile, x) } else { scaled::<F, R, T>(tile, x) };
            add_sums(&sums, at * R, products);
        }
    }
}

/// Adds the sums of lanes to the products of each token, rows from `at` on.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_sums<const R: usize, const T: usize>(
    sums: &[[__m256; T]; R],
    at: usize,
    products: &mut [[f32; ROWS]],
) {
    const { assert!(R * T <= 8) };
    let v: [__m256; 8] =
        std::array::from_fn(|i| if i < R * T { sums[i % R][i / R] } else { _mm256_setzero_ps() });
    let sums: [f32; 8] = bytemuck::cast(avx2::sum8(v));
    for (products, sums) in products.iter_mut().zip(sums.as_chunks::<R>().0) {
        products[at..at + R].iter_mut().zip(sums).for_each(|(product, sum)| *product += sum);
    }
}

/// Decodes block `b` of a row.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn decode<const F: u8>(matrix: &Matrix<'_>, row: usize, b: usize, out: &mut Block) {
    let u = row * matrix.units_per_row + b * UNITS;
    let left = matrix.units_per_row - b * UNITS;
    if left < UNITS {
        let mut tail = Tail::default();
        return decode_full::<F>(&tail.fill(matrix, u, left), 0, out);
    }
    decode_full::<F>(matrix, u, out);
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn decode_full<const F: u8>(matrix: &Matrix<'_>, u: usize, out: &mut Block) {
    if !is_k(F) {
        let scales = avx2::scales::<F>(matrix, u);
        for p in 0..4 {
            out.w[4 * p..][..4].copy_from_slice(&avx2::pair::<F>(matrix, u, p));
            out.scale[p] = _mm256_permutevar8x32_ps(scales.scale[0], lanes_of_pair(p));
        }
        out.offset = scales.offset;
        return;
    }
    let scales = avx2::int_scales::<F>(matrix, u);
    out.scale[0] = _mm256_set1_ps(scales.d);
    out.offset = scales.offset;
    let bias = _mm256_set1_epi16(match F {
        Q3_K => 4,
        Q6_K => 32,
        _ => 0,
    });
    for p in 0..4 {
        let scale = scales.scale.map(|s| {
            let s = _mm256_permutevar8x32_epi32(s, lanes_of_pair(p));
            _mm256_packs_epi32(s, s)
        });
        for (v, w) in avx2::pair::<F>(matrix, u, p).into_iter().enumerate() {
            out.w[4 * p + v] = _mm256_mullo_epi16(_mm256_sub_epi16(w, bias), scale[v / 2]);
        }
    }
}

/// Adds what the offsets contribute: each unit's times the sum of its inputs.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_offsets<const F: u8>(block: &Block, x: &XBlock, sum: __m256) -> __m256 {
    if matches!(F, Q3_K | Q6_K | Q8_0) {
        return sum;
    }
    if halves(F) {
        let sum = _mm256_fmadd_ps(block.offset[0], vector_f32(&x.low), sum);
        return _mm256_fmadd_ps(block.offset[1], vector_f32(&x.high), sum);
    }
    _mm256_fmadd_ps(block.offset[0], vector_f32(&x.sums), sum)
}

/// A scale for each pair of units.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn scaled<const F: u8, const R: usize, const T: usize>(
    tile: &[[Block; PANEL]; R],
    x: [&[XBlock]; T],
) -> [[__m256; T]; R] {
    let mut totals = [[_mm256_setzero_ps(); T]; R];
    for b in 0..x[0].len().min(PANEL) {
        let x: [&XBlock; T] = std::array::from_fn(|t| &x[t][b]);
        let mut sums = [[_mm256_setzero_ps(); T]; R];
        for p in 0..4 {
            let mut products = [[_mm256_setzero_si256(); T]; R];
            for v in 4 * p..4 * p + 4 {
                for t in 0..T {
                    let x = vector(&x[t].q[v]);
                    for r in 0..R {
                        let product = _mm256_madd_epi16(tile[r][b].w[v], x);
                        products[r][t] = _mm256_add_epi32(products[r][t], product);
                    }
                }
            }
            for r in 0..R {
                for t in 0..T {
                    let product = _mm256_cvtepi32_ps(products[r][t]);
                    sums[r][t] = _mm256_fmadd_ps(product, tile[r][b].scale[p], sums[r][t]);
                }
            }
        }
        for r in 0..R {
            for t in 0..T {
                let total = _mm256_fmadd_ps(sums[r][t], _mm256_set1_ps(x[t].scale[0]), totals[r][t]);
                totals[r][t] = add_offsets::<F>(&tile[r][b], x[t], total);
            }
        }
    }
    totals
}

/// One scale for a block.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn folded<const F: u8, const R: usize, const T: usize>(
    tile: &[[Block; PANEL]; R],
    x: [&[XBlock]; T],
) -> [[__m256; T]; R] {
    let mut totals = [[_mm256_setzero_ps(); T]; R];
    let run = if F == Q6_K { 8 } else { 16 };
    for b in 0..x[0].len().min(PANEL) {
        let x: [&XBlock; T] = std::array::from_fn(|t| &x[t][b]);
        for begin in (0..16).step_by(run) {
            let mut products = [[_mm256_setzero_si256(); T]; R];
            for v in begin..begin + run {
                let x: [__m256i; T] = std::array::from_fn(|t| vector(&x[t].q[v]));
                for r in 0..R {
                    for t in 0..T {
                        let product = _mm256_madd_epi16(tile[r][b].w[v], x[t]);
                        products[r][t] = _mm256_add_epi32(products[r][t], product);
                    }
                }
            }
            for r in 0..R {
                for t in 0..T {
                    let scale = _mm256_mul_ps(tile[r][b].scale[0], _mm256_set1_ps(x[t].scale[0]));
                    totals[r][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products[r][t]), scale, totals[r][t]);
                }
            }
        }
        for r in 0..R {
            for t in 0..T {
                totals[r][t] = add_offsets::<F>(&tile[r][b], x[t], totals[r][t]);
            }
        }
    }
    totals
}

/// Units of 32 columns that a tile of floats holds of each row.
const FLOAT_PANEL: usize = 8;

/// A tile of floats: `[row][unit]`.
#[derive(Default)]
pub(super) struct FloatTile {
    units: Vec<[[__m256; 4]; FLOAT_PANEL]>,
}

impl FloatTile {
    /// Products of `rows` rows from `first` on with all tokens, `x` having a row each `stride`.
    pub(super) fn products(
        &mut self,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        stride: usize,
        x: &[f32],
        products: &mut [[f32; ROWS]],
    ) {
        by_format!(floats matrix.format, F => {
            // SAFETY: this way is only taken where AVX2, FMA and F16C were found.
            unsafe { self.products_of::<F>(matrix, first, rows, stride, x, products) }
        }, else {});
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    fn products_of<const F: u8>(
        &mut self,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        stride: usize,
        x: &[f32],
        products: &mut [[f32; ROWS]],
    ) {
        const R: usize = 4;
        const T: usize = 2;
        self.units.resize(ROWS, [[_mm256_setzero_ps(); 4]; FLOAT_PANEL]);
        products.fill([0.0; ROWS]);
        for begin in (0..matrix.units_per_row).step_by(FLOAT_PANEL) {
            let count = FLOAT_PANEL.min(matrix.units_per_row - begin);
            for (r, row) in self.units[..rows].iter_mut().enumerate() {
                let u = (first + r) * matrix.units_per_row + begin;
                for (k, unit) in row[..count].iter_mut().enumerate() {
                    *unit = avx2::floats::<F>(matrix, u + k);
                }
            }
            for (group, products) in products.chunks_mut(T).enumerate() {
                let x: [&[[f32; 8]]; T] = std::array::from_fn(|t| {
                    let token = group * T + t.min(products.len() - 1);
                    x[token * stride + begin * 32..][..count * 32].as_chunks::<8>().0
                });
                for (at, tile) in self.units.as_chunks::<R>().0.iter().enumerate().take(rows.div_ceil(R)) {
                    let mut sums = [[_mm256_setzero_ps(); T]; R];
                    for k in 0..count {
                        for v in 0..4 {
                            let x: [__m256; T] = std::array::from_fn(|t| vector_f32(&x[t][4 * k + v]));
                            for r in 0..R {
                                for t in 0..T {
                                    sums[r][t] = _mm256_fmadd_ps(tile[r][k][v], x[t], sums[r][t]);
                                }
                            }
                        }
                    }
                    add_sums(&sums, at * R, products);
                }
            }
        }
    }
}
