//! The products of attention by WebAssembly's SIMD: queries with a tile of keys, weights with a tile of values.

use std::arch::wasm32::*;

use super::attn::TILE;
use super::floats::LANES;
use super::simd128::{halves8, multiply_add, sum4, vector};

/// Floats of a vector; rows have a multiple of 8.
const WIDTH: usize = 4;

/// Products of queries and keys, both `[..][padded]`; `count` keys.
pub(super) fn scores(queries: &[f32], keys: &[f32], padded: usize, count: usize, scores: &mut [[f32; TILE]]) {
    let (pairs, rest) = scores.as_chunks_mut::<2>();
    let (pair_queries, rest_queries) = queries.split_at(pairs.len() * 2 * padded);
    for (queries, scores) in pair_queries.chunks_exact(2 * padded).zip(pairs) {
        scores_of::<2>(queries, keys, padded, count, scores);
    }
    for (query, scores) in rest_queries.chunks_exact(padded).zip(rest.chunks_mut(1)) {
        scores_of::<1>(query, keys, padded, count, scores);
    }
}

/// `R` queries, 4 keys at a time.
#[inline(always)]
fn scores_of<const R: usize>(
    queries: &[f32],
    keys: &[f32],
    padded: usize,
    count: usize,
    scores: &mut [[f32; TILE]],
) {
    const { assert!(TILE.is_multiple_of(4)) };
    let query: [&[[f32; WIDTH]]; R] = std::array::from_fn(|r| queries[r * padded..][..padded].as_chunks().0);
    for first in (0..count).step_by(4) {
        let key: [&[[f32; WIDTH]]; 4] =
            std::array::from_fn(|p| keys[(first + p) * padded..][..padded].as_chunks().0);
        let mut sums = [[f32x4_splat(0.0); 4]; R];
        for i in 0..padded / WIDTH {
            let k: [v128; 4] = std::array::from_fn(|p| vector(&key[p][i]));
            for r in 0..R {
                let q = vector(&query[r][i]);
                for p in 0..4 {
                    sums[r][p] = multiply_add(q, k[p], sums[r][p]);
                }
            }
        }
        for r in 0..R {
            let sums: [f32; 4] = bytemuck::cast(sum4(sums[r]));
            scores[r][first..first + 4].copy_from_slice(&sums);
        }
    }
}

/// Adds the values, weighted: `sums[i] += weights[i] . values`, for `count` values.
pub(super) fn add_weighted(
    weights: &[[f32; TILE]],
    values: &[f32],
    padded: usize,
    count: usize,
    sums: &mut [f32],
) {
    let values = &values[..count * padded];
    let (pairs, rest) = weights.as_chunks::<2>();
    let (pair_sums, rest_sums) = sums.split_at_mut(pairs.len() * 2 * padded);
    for (weights, sums) in pairs.iter().zip(pair_sums.chunks_exact_mut(2 * padded)) {
        add_weighted_of::<2>(weights, values, padded, sums);
    }
    for (weights, sums) in rest.iter().zip(rest_sums.chunks_exact_mut(padded)) {
        add_weighted_of::<1>(std::array::from_ref(weights), values, padded, sums);
    }
}

/// The values as `R` queries weigh them.
#[inline(always)]
fn add_weighted_of<const R: usize>(
    weights: &[[f32; TILE]; R],
    values: &[f32],
    padded: usize,
    sums: &mut [f32],
) {
    let wide = padded / (4 * WIDTH) * 4 * WIDTH;
    for at in (0..wide).step_by(4 * WIDTH) {
        add_columns::<R, 4>(weights, values, padded, at, sums);
    }
    for at in (wide..padded).step_by(LANES) {
        add_columns::<R, 2>(weights, values, padded, at, sums);
    }
}

/// `C` vectors of columns from `at` on.
#[inline(always)]
fn add_columns<const R: usize, const C: usize>(
    weights: &[[f32; TILE]; R],
    values: &[f32],
    padded: usize,
    at: usize,
    sums: &mut [f32],
) {
    let mut totals: [[v128; C]; R] = std::array::from_fn(|r| {
        let sums = sums[r * padded + at..][..C * WIDTH].as_chunks::<WIDTH>().0;
        std::array::from_fn(|c| vector(&sums[c]))
    });
    for (p, values) in values.chunks_exact(padded).enumerate() {
        let values = values[at..][..C * WIDTH].as_chunks::<WIDTH>().0;
        let values: [v128; C] = std::array::from_fn(|c| vector(&values[c]));
        for r in 0..R {
            let weight = f32x4_splat(weights[r][p]);
            for c in 0..C {
                totals[r][c] = multiply_add(weight, values[c], totals[r][c]);
            }
        }
    }
    for (r, totals) in totals.into_iter().enumerate() {
        let sums = sums[r * padded + at..][..C * WIDTH].as_chunks_mut::<WIDTH>().0;
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = bytemuck::cast(total));
    }
}

/// Half floats as f32.
pub(super) fn load_halves(halves: &[u16], out: &mut [f32]) {
    let (vectors, rest) = halves.as_chunks::<LANES>();
    let (outs, rest_out) = out.as_chunks_mut::<LANES>();
    for (halves, out) in vectors.iter().zip(outs) {
        *out = bytemuck::cast(halves8(halves));
    }
    rest_out.iter_mut().zip(rest).for_each(|(out, half)| *out = crate::matrix::half(*half));
}
