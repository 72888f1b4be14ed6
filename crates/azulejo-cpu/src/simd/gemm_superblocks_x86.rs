//! Tiles of `gemm` for K formats, by AVX2 or AVX-512.
//!
//! Weights become 16-bit integers, times the integer scale of their unit, so that only the superblock's f16 scale remains.
//! They meet inputs of 16-bit integers (`input.rs`): an instruction has twice as many products of them as of f32. The
//! sums of the 32 products of a lane of AVX2 fit 32 bits: 31 * 63 * 32767 * 32 < 2^31 for Q5_K; Q6_K's, of up to
//! 32 * 128, are taken 16 at a time. A lane of AVX-512 has 16.

use std::arch::x86_64::*;

use super::Instructions;
use super::avx2::{self, lanes_of_pair, vector, vector_f32};
use super::gemm::{ROWS, next_panel};
use super::input::{self, XBlock};
use super::wide::each;
use crate::matrix::format::{Q3_K, Q6_K, halves};
use crate::matrix::{Matrix, UNITS, by_format};

/// Rows that are decoded at once.
const DECODED: usize = 16;
/// Blocks of 256 columns that are decoded of each row: two thirds of a first-level cache of 32 KiB.
const PANEL: usize = 2;
/// Rows of a register tile.
const R: usize = 4;

/// A block of a row of a tile.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Block {
    /// The weights, in the order of the inputs, times the unit's integer scale.
    w: [__m256i; 16],
    /// The offsets of the units, by halves where the format has two; zeros where the weights are signed.
    offset: [__m256; 2],
    /// The superblock's scale.
    scale: f32,
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
        instructions: Instructions,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
    ) {
        by_format!(superblocks matrix.format, F => {
            // SAFETY: this way is only taken where AVX2, FMA and F16C were found.
            unsafe { self.products_of::<F>(instructions, matrix, first, rows, x, products) }
        }, else {});
    }

    #[target_feature(enable = "avx2,fma,f16c")]
    fn products_of<const F: u8>(
        &mut self,
        instructions: Instructions,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
    ) {
        let zero = Block { w: [_mm256_setzero_si256(); 16], offset: [_mm256_setzero_ps(); 2], scale: 0.0 };
        self.blocks.resize(DECODED, [zero; PANEL]);
        products.fill([0.0; ROWS]);
        let per_row = input::blocks(matrix.units_per_row);
        for part in (0..rows).step_by(DECODED) {
            let (first, rows) = (first + part, DECODED.min(rows - part));
            for begin in (0..per_row).step_by(PANEL) {
                let count = PANEL.min(per_row - begin);
                let next = next_panel(matrix, begin * UNITS, PANEL * UNITS, DECODED);
                for (r, row) in self.blocks[..rows].iter_mut().enumerate() {
                    for (b, block) in row[..count].iter_mut().enumerate() {
                        let u = (first + r) * matrix.units_per_row + (begin + b) * UNITS;
                        decode::<F>(matrix, u, block);
                        avx2::prefetch::<F>(matrix, u + next, UNITS);
                    }
                }
                let tile = &self.blocks.as_chunks::<R>().0[..rows.div_ceil(R)];
                let panel = |token: usize| &x[token * per_row + begin..][..count];
                match instructions {
                    Instructions::Avx512 => meet(tile, panel, part / R, products, |tile, x| {
                        // SAFETY: these instructions are only chosen where they were found.
                        unsafe { folded_avx512::<F>(tile, x) }
                    }),
                    _ => meet(tile, panel, part / R, products, |tile, x| folded_avx2::<F>(tile, x)),
                }
            }
        }
    }
}

/// Some rows of a tile, from its `first` register tile on, with all tokens, in register tiles of `R` rows and `T` tokens.
#[inline(always)]
fn meet<'x, const T: usize>(
    tile: &[[[Block; PANEL]; R]],
    panel: impl Fn(usize) -> &'x [XBlock],
    first: usize,
    products: &mut [[f32; ROWS]],
    folded: impl Fn(&[[Block; PANEL]; R], [&[XBlock]; T]) -> [[f32; R]; T],
) {
    for (group, products) in products.chunks_mut(T).enumerate() {
        // Tokens behind the last are computed as the group's last and dropped, so that each sum is built in the
        // same way wherever its token is.
        let x: [&[XBlock]; T] = std::array::from_fn(|t| panel(group * T + t.min(products.len() - 1)));
        for (at, tile) in tile.iter().enumerate() {
            for (products, sums) in products.iter_mut().zip(folded(tile, x)) {
                let products = &mut products.as_chunks_mut::<R>().0[first + at];
                each(products, [&sums], |product, [sum]| product + sum);
            }
        }
    }
}

/// Decodes the superblock that begins with unit `u`.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn decode<const F: u8>(matrix: &Matrix<'_>, u: usize, out: &mut Block) {
    let scales = avx2::int_scales::<F>(matrix, u);
    out.scale = scales.d;
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
    if matches!(F, Q3_K | Q6_K) {
        return sum;
    }
    if halves(F) {
        let sum = _mm256_fmadd_ps(block.offset[0], vector_f32(&x.low), sum);
        return _mm256_fmadd_ps(block.offset[1], vector_f32(&x.high), sum);
    }
    _mm256_fmadd_ps(block.offset[0], vector_f32(&x.sums), sum)
}

/// The products of some rows with some tokens.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn folded_avx2<const F: u8>(tile: &[[Block; PANEL]; R], x: [&[XBlock]; 2]) -> [[f32; R]; 2] {
    const T: usize = 2;
    let mut totals = [[_mm256_setzero_ps(); R]; T];
    let run = if F == Q6_K { 8 } else { 16 };
    for b in 0..x[0].len().min(PANEL) {
        let x: [&XBlock; T] = std::array::from_fn(|t| &x[t][b]);
        for begin in (0..16).step_by(run) {
            let mut products = [[_mm256_setzero_si256(); R]; T];
            for v in begin..begin + run {
                let x: [__m256i; T] = std::array::from_fn(|t| vector(&x[t].q[v]));
                for r in 0..R {
                    for t in 0..T {
                        let product = _mm256_madd_epi16(tile[r][b].w[v], x[t]);
                        products[t][r] = _mm256_add_epi32(products[t][r], product);
                    }
                }
            }
            for r in 0..R {
                for t in 0..T {
                    let scale = _mm256_set1_ps(tile[r][b].scale * x[t].scale[0]);
                    totals[t][r] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products[t][r]), scale, totals[t][r]);
                }
            }
        }
        for r in 0..R {
            for t in 0..T {
                totals[t][r] = add_offsets::<F>(&tile[r][b], x[t], totals[t][r]);
            }
        }
    }
    totals.map(|totals| bytemuck::cast(avx2::sum4(totals)))
}

/// The same by AVX-512.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512vnni")]
#[inline]
fn folded_avx512<const F: u8>(tile: &[[Block; PANEL]; R], x: [&[XBlock]; 4]) -> [[f32; R]; 4] {
    const T: usize = 4;
    let mut totals = [[_mm512_setzero_ps(); R]; T];
    let mut offsets = [[_mm256_setzero_ps(); R]; T];
    for b in 0..x[0].len().min(PANEL) {
        let x: [&XBlock; T] = std::array::from_fn(|t| &x[t][b]);
        let w: [&[[__m256i; 2]; 8]; R] = std::array::from_fn(|r| bytemuck::cast_ref(&tile[r][b].w));
        let q: [&[[i16; 32]; 8]; T] = x.map(|x| bytemuck::cast_ref(&x.q));
        let mut products = [[_mm512_setzero_si512(); R]; T];
        for v in 0..8 {
            let w: [__m512i; R] = w.map(|w| bytemuck::cast(w[v]));
            for t in 0..T {
                let x: __m512i = bytemuck::cast(q[t][v]);
                for r in 0..R {
                    products[t][r] = _mm512_dpwssd_epi32(products[t][r], w[r], x);
                }
            }
        }
        for t in 0..T {
            for r in 0..R {
                let scale = _mm512_set1_ps(tile[r][b].scale * x[t].scale[0]);
                totals[t][r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(products[t][r]), scale, totals[t][r]);
                offsets[t][r] = add_offsets::<F>(&tile[r][b], x[t], offsets[t][r]);
            }
        }
    }
    std::array::from_fn(|t| {
        let sums = std::array::from_fn(|r| {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(totals[t][r])));
            let sum = _mm256_add_ps(_mm512_castps512_ps256(totals[t][r]), high);
            _mm256_add_ps(sum, offsets[t][r])
        });
        bytemuck::cast(avx2::sum4(sums))
    })
}
