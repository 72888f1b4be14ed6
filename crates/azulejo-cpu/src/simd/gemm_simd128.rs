//! Tiles of `gemm` by WebAssembly's SIMD, for K formats and floats; `gemm_units_simd128.rs` has the others.
//!
//! As by AVX2 (`gemm_superblocks_x86.rs`): quantised weights become 16-bit integers, times the integer scale of their unit, and
//! meet inputs of 16-bit integers. But only the decoding is compiled once a format: what meets the inputs is the same
//! code for all formats, since a page loads it. The sums of a lane fit 32 bits with all 64 products of a block
//! (15 * 63 * 32767 * 64 < 2^31 for Q4_K), with 32 of Q5_K's, and with 16 of Q6_K's of up to 32 * 128.

use std::arch::wasm32::*;

use super::gemm::ROWS;
use super::input::{self, XBlock};
use super::simd128::{self, Constants, Units, multiply_add, sum4, vector};
use crate::matrix::format::{Q3_K, Q5_K, Q6_K, halves};
use crate::matrix::{Matrix, UNITS, by_format};

/// Blocks of 256 columns that a tile holds of each row: with 16 rows, two thirds of a first-level cache of 32 KiB.
const PANEL: usize = 2;
/// Rows of a register tile.
const R: usize = 4;
/// Tokens of a register tile.
const T: usize = 2;
/// Vectors of a block: a unit has 4.
const VECTORS: usize = 4 * UNITS;

/// A block of `R` rows of a tile.
#[derive(Clone, Copy)]
struct Block {
    /// The weights, in the order of the inputs, times the unit's integer scale.
    w: [[v128; R]; VECTORS],
    /// The superblock's scale.
    scale: [f32; R],
    /// The offsets of the units of each row, by halves where the format has two.
    offset: [[[v128; 2]; 2]; R],
}

impl Block {
    const ZERO: Self = Self {
        w: [[u32x4(0, 0, 0, 0); R]; VECTORS],
        scale: [0.0; R],
        offset: [[[f32x4(0.0, 0.0, 0.0, 0.0); 2]; 2]; R],
    };
}

/// What tells formats apart once their blocks are decoded.
#[derive(Clone, Copy)]
struct Kind {
    /// Units whose products are summed up as integers.
    run: usize,
    offsets: Offsets,
}

/// The offsets that a format has.
#[derive(Clone, Copy)]
enum Offsets {
    None,
    Units,
    Halves,
}

impl Kind {
    const fn of(format: u8) -> Self {
        let offsets = match format {
            Q3_K | Q6_K => Offsets::None,
            _ if halves(format) => Offsets::Halves,
            _ => Offsets::Units,
        };
        let run = match format {
            Q6_K => 2,
            Q5_K => 4,
            _ => UNITS,
        };
        Self { run, offsets }
    }
}

/// A decoded tile: `[rows / R][block]`.
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
        by_format!(superblocks matrix.format, F => {
            self.products_of(matrix, decode::<F>, Kind::of(F), first, rows, x, products)
        }, else {});
    }

    fn products_of(
        &mut self,
        matrix: &Matrix<'_>,
        decode: fn(&Matrix<'_>, usize, usize, &mut Block, usize),
        kind: Kind,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
    ) {
        self.blocks.resize(ROWS / R, [Block::ZERO; PANEL]);
        products.fill([0.0; ROWS]);
        let per_row = input::blocks(matrix.units_per_row);
        for begin in (0..per_row).step_by(PANEL) {
            let count = PANEL.min(per_row - begin);
            for r in 0..rows {
                for (b, block) in self.blocks[r / R][..count].iter_mut().enumerate() {
                    decode(matrix, first + r, begin + b, block, r % R);
                }
            }
            for (group, products) in products.chunks_mut(T).enumerate() {
                // Tokens behind the last are computed as the group's last and dropped, so that each sum is built in
                // the same way wherever its token is.
                let x: [&[XBlock]; T] = std::array::from_fn(|t| {
                    &x[(group * T + t.min(products.len() - 1)) * per_row + begin..][..count]
                });
                for (at, tile) in self.blocks.iter().enumerate().take(rows.div_ceil(R)) {
                    add_sums(folded(tile, kind, x), at * R, products);
                }
            }
        }
    }
}

/// Adds the sums of lanes to the products of each token, rows from `at` on.
#[inline(always)]
fn add_sums(sums: [[v128; R]; T], at: usize, products: &mut [[f32; ROWS]]) {
    for (products, sums) in products.iter_mut().zip(sums) {
        let sums: [f32; R] = bytemuck::cast(sum4(sums));
        products[at..at + R].iter_mut().zip(sums).for_each(|(product, sum)| *product += sum);
    }
}

/// Decodes block `b` of a row into row `r` of a block.
fn decode<const F: u8>(matrix: &Matrix<'_>, row: usize, b: usize, out: &mut Block, r: usize) {
    let u = row * matrix.units_per_row + b * UNITS;
    let count = UNITS.min(matrix.units_per_row - b * UNITS);
    let units = Units::new::<F>(matrix, Constants::new(), u, count);
    let out_units = out.w.as_chunks_mut::<4>().0.iter_mut().enumerate().take(count);
    let scales = simd128::int_scales::<F>(matrix, u);
    out.offset[r] = scales.offset;
    out.scale[r] = f32x4_extract_lane::<0>(scales.d);
    let bias = i16x8_splat(match F {
        Q3_K => 4,
        Q6_K => 32,
        _ => 0,
    });
    let scale: [[i16; UNITS]; 2] = scales.scale.map(bytemuck::cast);
    for (k, out) in out_units {
        for (v, (out, w)) in out.iter_mut().zip(units.unit::<F>(k)).enumerate() {
            out[r] = i16x8_mul(i16x8_sub(w, bias), i16x8_splat(scale[v / 2][k]));
        }
    }
}

/// The integer products of vectors of weights with those of inputs.
///
/// A function with one loop, since an engine's compiler unrolls what is nested deeper, and then has too few registers;
/// as it is, sums, weights and inputs take 14 of 15.
#[inline(never)]
fn integers(w: &[[v128; R]], x: [&[[i16; 8]]; T], products: &mut [[v128; R]; T]) {
    let [x0, x1] = x.map(|x| &x[..w.len()]);
    let [mut sums0, mut sums1] = [[u32x4(0, 0, 0, 0); R]; T];
    for v in 0..w.len() {
        let (x0, x1) = (vector(&x0[v]), vector(&x1[v]));
        for r in 0..R {
            sums0[r] = i32x4_add(sums0[r], i32x4_dot_i16x8(w[v][r], x0));
            sums1[r] = i32x4_add(sums1[r], i32x4_dot_i16x8(w[v][r], x1));
        }
    }
    *products = [sums0, sums1];
}

/// Adds what the offsets contribute: each unit's times the sum of its inputs.
#[inline(always)]
fn add_offsets(block: &Block, kind: Kind, x: &[&XBlock; T], totals: &mut [[v128; R]; T]) {
    let mut add = |h: usize, of: fn(&XBlock) -> &[f32; UNITS]| {
        for t in 0..T {
            let sums: [v128; 2] = bytemuck::cast(*of(x[t]));
            for (total, offsets) in totals[t].iter_mut().zip(block.offset) {
                for (sums, offset) in sums.into_iter().zip(offsets[h]) {
                    *total = multiply_add(offset, sums, *total);
                }
            }
        }
    };
    match kind.offsets {
        Offsets::None => {}
        Offsets::Units => add(0, |x| &x.sums),
        Offsets::Halves => {
            add(0, |x| &x.low);
            add(1, |x| &x.high);
        }
    }
}

/// The products of a tile with some tokens.
fn folded(tile: &[Block; PANEL], kind: Kind, x: [&[XBlock]; T]) -> [[v128; R]; T] {
    let mut totals = [[f32x4_splat(0.0); R]; T];
    for (b, block) in tile.iter().enumerate().take(x[0].len()) {
        let x: [&XBlock; T] = std::array::from_fn(|t| &x[t][b]);
        let mut sums = [[f32x4_splat(0.0); R]; T];
        for k in (0..UNITS).step_by(kind.run) {
            let vectors = 4 * k..4 * (k + kind.run);
            let q = x.map(|x| &x.q.as_flattened().as_chunks::<8>().0[vectors.clone()]);
            let mut products = [[u32x4(0, 0, 0, 0); R]; T];
            integers(&block.w[vectors], q, &mut products);
            for (sum, product) in sums.as_flattened_mut().iter_mut().zip(products.as_flattened()) {
                *sum = f32x4_add(*sum, f32x4_convert_i32x4(*product));
            }
        }
        for t in 0..T {
            for r in 0..R {
                let scale = f32x4_splat(block.scale[r] * x[t].scale[0]);
                totals[t][r] = multiply_add(sums[t][r], scale, totals[t][r]);
            }
        }
        add_offsets(block, kind, &x, &mut totals);
    }
    totals
}

/// Units of 32 columns that a tile of floats holds of each row.
const FLOAT_PANEL: usize = 16;

/// A tile of floats: `[rows / R][unit][vector][row]`.
#[derive(Default)]
pub(super) struct FloatTile {
    units: Vec<[[[v128; R]; 8]; FLOAT_PANEL]>,
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
        self.units.resize(ROWS / R, [[[f32x4_splat(0.0); R]; 8]; FLOAT_PANEL]);
        products.fill([0.0; ROWS]);
        for begin in (0..matrix.units_per_row).step_by(FLOAT_PANEL) {
            let count = FLOAT_PANEL.min(matrix.units_per_row - begin);
            for r in 0..rows {
                let u = (first + r) * matrix.units_per_row + begin;
                for (k, unit) in self.units[r / R][..count].iter_mut().enumerate() {
                    let w = by_format!(floats matrix.format, F => simd128::floats::<F>(matrix, u + k), else {
                        continue
                    });
                    unit.iter_mut().zip(w).for_each(|(vector, w)| vector[r % R] = w);
                }
            }
            for (group, products) in products.chunks_mut(T).enumerate() {
                let x: [&[[f32; 4]]; T] = std::array::from_fn(|t| {
                    let token = group * T + t.min(products.len() - 1);
                    x[token * stride + begin * 32..][..count * 32].as_chunks::<4>().0
                });
                for (at, tile) in self.units.iter().enumerate().take(rows.div_ceil(R)) {
                    let mut sums = [[f32x4_splat(0.0); R]; T];
                    for (v, w) in tile[..count].as_flattened().iter().enumerate() {
                        for t in 0..T {
                            let x = vector(&x[t][v]);
                            for r in 0..R {
                                sums[t][r] = multiply_add(w[r], x, sums[t][r]);
                            }
                        }
                    }
                    add_sums(sums, at * R, products);
                }
            }
        }
    }
}
