//! Tiles of `gemm` by WebAssembly's SIMD, for formats that have a scale for each unit (Q8_0, Q4_0 and their like).
//!
//! A vector holds a pair of columns of each of 4 rows, and is multiplied by that pair of an input in all lanes: so a
//! lane sums up a row, there are no sums across lanes, and one conversion and one scale serve 4 rows. Rows in vectors of
//! their own, as the K formats have them (`gemm_simd128.rs`), want a conversion a row and unit, and take 1.6 times as
//! long for Q8_0. The sums of a lane fit 32 bits with all 32 products of a unit (128 * 32767 * 32 < 2^31).

use std::arch::wasm32::*;

use super::gemm::{Finish, ROWS};
use super::input::{self, XBlock};
use super::simd128::{self, Constants, Units, multiply_add, vector};
use crate::matrix::format::Q8_0;
use crate::matrix::{Matrix, UNITS, by_format};

/// Blocks of 256 columns that a tile holds of each row: two thirds of a first-level cache of 32 KiB.
const PANEL: usize = 2;
/// Vectors of 4 rows that meet inputs at once.
const GROUPS: usize = 2;
/// Rows of them. A tile has more, so that what its tokens get is whole lines of the cache.
const STRIP: usize = 4 * GROUPS;
/// Tokens that meet a unit at once: with their 8 sums, 2 vectors of weights and one of inputs, 11 of 15 registers.
pub(super) const T: usize = 4;
/// Pairs of columns of a unit.
const PAIRS: usize = 16;

/// A unit of all rows of a strip.
#[derive(Clone, Copy)]
struct Unit {
    w: [[v128; GROUPS]; PAIRS],
    scale: [v128; GROUPS],
    offset: [v128; GROUPS],
}

impl Unit {
    const ZERO: Self = Self {
        w: [[u32x4(0, 0, 0, 0); GROUPS]; PAIRS],
        scale: [f32x4(0.0, 0.0, 0.0, 0.0); GROUPS],
        offset: [f32x4(0.0, 0.0, 0.0, 0.0); GROUPS],
    };
}

/// A block of an input of some tokens.
type Group = [XBlock; T];

/// A decoded tile: `[strip][unit]`.
#[derive(Default)]
pub(super) struct Tile {
    units: Vec<[Unit; PANEL * UNITS]>,
}

impl Tile {
    /// Products of `rows` rows from `first` on with all tokens, `x` being `[T tokens][block][token]`, so that one pointer is
    /// enough for all of them. They are handed over as they come, so that memory is waited for while others are computed.
    pub(super) fn products(
        &mut self,
        matrix: &Matrix<'_>,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
        finish: &mut Finish<'_>,
    ) {
        by_format!(units matrix.format, F => {
            self.products_of(matrix, decode::<F>, F != Q8_0, first, rows, x, products, finish)
        }, else {});
    }

    fn products_of(
        &mut self,
        matrix: &Matrix<'_>,
        decode: fn(&Matrix<'_>, [usize; STRIP], usize, &mut [Unit]),
        has_offsets: bool,
        first: usize,
        rows: usize,
        x: &[XBlock],
        products: &mut [[f32; ROWS]],
        finish: &mut Finish<'_>,
    ) {
        self.units.resize(ROWS / STRIP, [Unit::ZERO; PANEL * UNITS]);
        let strips = &mut self.units[..rows.div_ceil(STRIP)];
        let blocks = input::blocks(matrix.units_per_row);
        let x: &[Group] = x.as_chunks().0;
        // Rows behind the last are computed as the last and dropped.
        let rows_of = |strip: usize| std::array::from_fn(|r| first + (strip * STRIP + r).min(rows - 1));
        for begin in (0..blocks).step_by(PANEL) {
            let count = (PANEL * UNITS).min(matrix.units_per_row - begin * UNITS);
            for (strip, units) in strips.iter_mut().enumerate() {
                for (b, units) in units[..count].chunks_mut(UNITS).enumerate() {
                    decode(matrix, rows_of(strip), (begin + b) * UNITS, units);
                }
            }
            for (group, products) in products.chunks_mut(T).enumerate() {
                let x = &x[group * blocks + begin..][..count.div_ceil(UNITS)];
                for (strip, units) in strips.iter().enumerate() {
                    panel(&units[..count], has_offsets, x, begin > 0, strip, products);
                }
                if begin + PANEL >= blocks {
                    finish(group * T, products);
                }
            }
        }
    }
}

/// Decodes units of a block, from unit `u` of each row on.
fn decode<const F: u8>(matrix: &Matrix<'_>, rows: [usize; STRIP], u: usize, out: &mut [Unit]) {
    let count = out.len();
    for (group, rows) in rows.as_chunks::<4>().0.iter().enumerate() {
        let first = rows.map(|row| row * matrix.units_per_row + u);
        let scales = first.map(|u| simd128::scales::<F>(matrix, u, count));
        let scale: [[f32; UNITS]; 4] = std::array::from_fn(|r| bytemuck::cast(scales[r].scale[0]));
        let offset: [[f32; UNITS]; 4] = std::array::from_fn(|r| bytemuck::cast(scales[r].offset[0]));
        let units = first.map(|u| Units::new::<F>(matrix, Constants::new(), u, count));
        for (k, out) in out.iter_mut().enumerate() {
            out.scale[group] = f32x4(scale[0][k], scale[1][k], scale[2][k], scale[3][k]);
            out.offset[group] = f32x4(offset[0][k], offset[1][k], offset[2][k], offset[3][k]);
            let w = units.map(|units| units.unit::<F>(k));
            for (v, pairs) in out.w.as_chunks_mut::<4>().0.iter_mut().enumerate() {
                let turned = turned([w[0][v], w[1][v], w[2][v], w[3][v]]);
                pairs.iter_mut().zip(turned).for_each(|(pair, w)| pair[group] = w);
            }
        }
    }
}

/// Rows of 4 lanes become columns.
#[inline(always)]
fn turned([a, b, c, d]: [v128; 4]) -> [v128; 4] {
    let low = |a, b| i32x4_shuffle::<0, 4, 1, 5>(a, b);
    let high = |a, b| i32x4_shuffle::<2, 6, 3, 7>(a, b);
    let (ab, cd) = ([low(a, b), high(a, b)], [low(c, d), high(c, d)]);
    let first = |h: usize| i64x2_shuffle::<0, 2>(ab[h], cd[h]);
    let second = |h: usize| i64x2_shuffle::<1, 3>(ab[h], cd[h]);
    [first(0), second(0), first(1), second(1)]
}

/// The products of all units of a strip with some tokens, or adds them to those that are there.
#[inline(never)]
fn panel(
    units: &[Unit],
    has_offsets: bool,
    x: &[Group],
    is_added: bool,
    strip: usize,
    products: &mut [[f32; ROWS]],
) {
    // What the compiler knows to be zeros it writes by a call, and what is iterated over by value it copies by one: here
    // that would be every few units.
    let zero = std::hint::black_box(f32x4_splat(0.0));
    let mut totals = [[zero; GROUPS]; T];
    for (units, x) in units.chunks(UNITS).zip(x) {
        let mut sums = [[zero; GROUPS]; T];
        for (k, unit) in units.iter().enumerate() {
            add_products(unit, x, k, &mut sums);
        }
        for t in 0..T {
            for g in 0..GROUPS {
                totals[t][g] = multiply_add(sums[t][g], f32x4_splat(x[t].scale[0]), totals[t][g]);
            }
        }
        if has_offsets {
            // Each unit's offset, times the sum of its inputs.
            for (totals, x) in totals.iter_mut().zip(x) {
                for (unit, sum) in units.iter().zip(&x.sums) {
                    for (total, offset) in totals.iter_mut().zip(&unit.offset) {
                        *total = multiply_add(*offset, f32x4_splat(*sum), *total);
                    }
                }
            }
        }
    }
    for (products, totals) in products.iter_mut().zip(&totals) {
        let products = &mut products.as_chunks_mut::<4>().0[strip * GROUPS..];
        for (products, total) in products.iter_mut().zip(totals) {
            let before = if is_added { vector(products) } else { zero };
            *products = bytemuck::cast(f32x4_add(before, *total));
        }
    }
}

/// Adds the products of a unit of weights with unit `k` of some tokens.
///
/// A function with one loop and a name for each sum, since an engine's compiler unrolls what is nested deeper, and then
/// has too few registers.
#[inline(never)]
fn add_products(unit: &Unit, x: &Group, k: usize, sums: &mut [[v128; GROUPS]; T]) {
    let x = x.each_ref().map(|x| &bytemuck::cast_ref::<_, [[u32; PAIRS]; UNITS]>(&x.q)[k]);
    let zero = u32x4(0, 0, 0, 0);
    let [mut a0, mut a1, mut b0, mut b1, mut c0, mut c1, mut d0, mut d1] = [zero; T * GROUPS];
    let add = |sum: &mut v128, w: v128, x: v128| *sum = i32x4_add(*sum, i32x4_dot_i16x8(w, x));
    for p in 0..PAIRS {
        let [w0, w1] = unit.w[p];
        let [a, b, c, d] = x.map(|x| u32x4_splat(x[p]));
        add(&mut a0, w0, a);
        add(&mut a1, w1, a);
        add(&mut b0, w0, b);
        add(&mut b1, w1, b);
        add(&mut c0, w0, c);
        add(&mut c1, w1, c);
        add(&mut d0, w0, d);
        add(&mut d1, w1, d);
    }
    for (sums, products) in sums.iter_mut().zip([[a0, a1], [b0, b1], [c0, c1], [d0, d1]]) {
        for ((sum, product), scale) in sums.iter_mut().zip(products).zip(unit.scale) {
            *sum = multiply_add(f32x4_convert_i32x4(product), scale, *sum);
        }
    }
}
