//! The products of attention by AVX2: queries with a tile of keys, weights with a tile of values.

use std::arch::x86_64::*;

use super::attn::TILE;
use super::avx2::{sum8, vector_f32};
use super::floats::LANES;

/// Products of queries and keys, both `[..][padded]`; `count` keys.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn scores(queries: &[f32], keys: &[f32], padded: usize, count: usize, scores: &mut [[f32; TILE]]) {
    let mut rest = (queries, scores);
    while rest.1.len() >= 4 {
        let (queries, other) = rest.0.split_at(4 * padded);
        let (scores, others) = rest.1.split_at_mut(4);
        scores_of::<4, 2>(queries, keys, padded, count, scores);
        rest = (other, others);
    }
    for (query, scores) in rest.0.chunks_exact(padded).zip(rest.1.chunks_mut(1)) {
        scores_of::<1, 8>(query, keys, padded, count, scores);
    }
}

/// `R` queries, `P` keys at a time.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn scores_of<const R: usize, const P: usize>(
    queries: &[f32],
    keys: &[f32],
    padded: usize,
    count: usize,
    scores: &mut [[f32; TILE]],
) {
    const { assert!(R * P == 8 && TILE.is_multiple_of(P)) };
    let query: [&[[f32; LANES]]; R] = std::array::from_fn(|r| queries[r * padded..][..padded].as_chunks().0);
    for first in (0..count).step_by(P) {
        let key: [&[[f32; LANES]]; P] =
            std::array::from_fn(|p| keys[(first + p) * padded..][..padded].as_chunks().0);
        let mut sums = [_mm256_setzero_ps(); 8];
        for i in 0..padded / LANES {
            let k: [__m256; P] = std::array::from_fn(|p| vector_f32(&key[p][i]));
            for r in 0..R {
                let q = vector_f32(&query[r][i]);
                for p in 0..P {
                    sums[r * P + p] = _mm256_fmadd_ps(q, k[p], sums[r * P + p]);
                }
            }
        }
        let sums: [f32; 8] = bytemuck::cast(sum8(sums));
        for r in 0..R {
            scores[r][first..first + P].copy_from_slice(&sums[r * P..][..P]);
        }
    }
}

/// Adds the values, weighted: `sums[i] += weights[i] . values`, for `count` values.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn add_weighted(
    weights: &[[f32; TILE]],
    values: &[f32],
    padded: usize,
    count: usize,
    sums: &mut [f32],
) {
    let (pairs, rest) = weights.as_chunks::<2>();
    let (pair_sums, rest_sums) = sums.split_at_mut(pairs.len() * 2 * padded);
    for (weights, sums) in pairs.iter().zip(pair_sums.chunks_exact_mut(2 * padded)) {
        add_rows::<2>(weights, values, padded, count, sums);
    }
    for (weights, sums) in rest.iter().zip(rest_sums.chunks_exact_mut(padded)) {
        add_rows::<1>(&[*weights], values, padded, count, sums);
    }
}

/// `R` rows, 32 columns at a time, then 8.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_rows<const R: usize>(
    weights: &[[f32; TILE]; R],
    values: &[f32],
    padded: usize,
    count: usize,
    sums: &mut [f32],
) {
    let values = &values[..count * padded];
    let wide = padded / (4 * LANES) * 4 * LANES;
    for at in (0..wide).step_by(4 * LANES) {
        add_columns::<R, 4>(weights, values, padded, at, sums);
    }
    for at in (wide..padded).step_by(LANES) {
        add_columns::<R, 1>(weights, values, padded, at, sums);
    }
}

/// `R` rows, `C` vectors of columns from `at` on.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_columns<const R: usize, const C: usize>(
    weights: &[[f32; TILE]; R],
    values: &[f32],
    padded: usize,
    at: usize,
    sums: &mut [f32],
) {
    let mut totals: [[__m256; C]; R] = std::array::from_fn(|r| {
        let sums = sums[r * padded + at..].as_chunks::<LANES>().0;
        std::array::from_fn(|c| vector_f32(&sums[c]))
    });
    for (i, values) in values.chunks_exact(padded).enumerate().take(TILE) {
        let values = &values[at..][..C * LANES];
        let v: [__m256; C] = std::array::from_fn(|c| vector_f32(&values.as_chunks().0[c]));
        for r in 0..R {
            let weight = _mm256_set1_ps(weights[r][i]);
            for c in 0..C {
                totals[r][c] = _mm256_fmadd_ps(weight, v[c], totals[r][c]);
            }
        }
    }
    for (r, totals) in totals.iter().enumerate() {
        let sums = sums[r * padded + at..].as_chunks_mut::<LANES>().0;
        sums.iter_mut().zip(totals).for_each(|(sum, total)| *sum = bytemuck::cast(*total));
    }
}

/// Half floats as f32.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn load_halves(halves: &[u16], out: &mut [f32]) {
    let (vectors, rest) = halves.as_chunks::<LANES>();
    let (outs, rest_out) = out.as_chunks_mut::<LANES>();
    for (halves, out) in vectors.iter().zip(outs) {
        *out = bytemuck::cast(_mm256_cvtph_ps(bytemuck::pod_read_unaligned(bytemuck::bytes_of(halves))));
    }
    rest_out.iter_mut().zip(rest).for_each(|(out, half)| *out = crate::matrix::half(*half));
}
