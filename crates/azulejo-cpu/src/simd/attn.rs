//! attn: causal attention of the tokens of a step. Tasks are blocks of tokens.
//!
//! [`Attend`] is what both kinds of attention are made of: some queries over one head of the cache, tile by tile.

use std::ops::Range;

use azulejo_shaders::Run;
use azulejo_shaders::kernels::attn::Params;

use super::floats::{Cache, LANES, add_scaled, dot, greatest, total};
use super::rope_kv::head_stride;
use super::wide::{Float, Wide, each};
use super::{Context, Instructions, exp};

/// Positions of a tile of keys and values.
pub(crate) const TILE: usize = 64;
/// Positions that are fetched ahead.
#[cfg(target_arch = "x86_64")]
const AHEAD: usize = 16;
/// Tokens that share a tile, at most.
const TOKENS: usize = 32;
/// What stands for the score of a position that a query doesn't see.
const UNSEEN: f32 = -3.0e38;

/// The online softmax of a query (Milakov and Gimelshein, 2018).
#[derive(Clone, Copy)]
pub(crate) struct Softmax {
    /// The greatest score so far.
    pub(crate) most: f32,
    /// The sum of weights so far.
    pub(crate) total: f32,
}

impl Softmax {
    pub(crate) const NEW: Self = Self { most: UNSEEN, total: 0.0 };

    /// Turns scores into weights, and gives the factor by which what was summed up before shrinks.
    #[inline(always)]
    fn weigh(&mut self, scores: &mut [f32]) -> f32 {
        let most = self.most.at_least(greatest(scores));
        let shrink = exp(self.most - most);
        each(scores, [], |score, []| exp(score - Wide::splat(most)));
        self.total = self.total * shrink + total(scores);
        self.most = most;
        shrink
    }
}

/// A head of a layer's cache.
#[derive(Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) keys: Cache<'a>,
    pub(crate) values: Cache<'a>,
    /// Elements of a position.
    pub(crate) width: usize,
    /// The first element of the head.
    pub(crate) at: usize,
}

/// Attention of some queries over a head; all rows have `padded` elements, those behind a head's last being zero.
pub(crate) struct Attend {
    instructions: Instructions,
    size: usize,
    pub(crate) padded: usize,
    /// `[query][padded]`, scaled.
    pub(crate) queries: Vec<f32>,
    /// `[query][padded]`: weighted sums of values.
    pub(crate) sums: Vec<f32>,
    pub(crate) softmax: Vec<Softmax>,
    scores: Vec<[f32; TILE]>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Attend {
    pub(crate) fn new(instructions: Instructions, size: usize, queries: usize) -> Self {
        let padded = size.next_multiple_of(LANES);
        Self {
            instructions,
            size,
            padded,
            queries: vec![0.0; queries * padded],
            sums: vec![0.0; queries * padded],
            softmax: vec![Softmax::NEW; queries],
            scores: vec![[0.0; TILE]; queries],
            keys: vec![0.0; TILE * padded],
            values: vec![0.0; TILE * padded],
        }
    }

    /// Query number `i`, to be filled.
    pub(crate) fn query(&mut self, i: usize) -> &mut [f32] {
        &mut self.queries[i * self.padded..][..self.size]
    }

    /// The weighted sum of values of query number `i`.
    pub(crate) fn sum(&self, i: usize) -> &[f32] {
        &self.sums[i * self.padded..][..self.size]
    }

    /// Attends to the positions from `begin` on; query number i sees those before `first_end + i * step`, the last
    /// `window` of them.
    pub(crate) fn run(&mut self, head: Head<'_>, begin: usize, first_end: usize, step: usize, window: usize) {
        let queries = self.softmax.len();
        let end_of = |i: usize| first_end + i * step;
        self.softmax.fill(Softmax::NEW);
        self.sums.fill(0.0);
        for tile in (begin..end_of(queries - 1)).step_by(TILE) {
            let count = TILE.min(end_of(queries - 1) - tile);
            // Queries that see nothing of this tile stand before the others.
            let blind = (0..queries).take_while(|i| end_of(*i) <= tile).count();
            for (cache, rows) in [(head.keys, &mut self.keys), (head.values, &mut self.values)] {
                for (i, row) in rows.chunks_exact_mut(self.padded).take(count).enumerate() {
                    let at = (tile + i) * head.width + head.at;
                    cache.load(self.instructions, at, &mut row[..self.size]);
                    #[cfg(target_arch = "x86_64")]
                    cache.prefetch(at + AHEAD * head.width, self.size);
                }
            }
            let rows = blind * self.padded..;
            let (queries, sums) = (&self.queries[rows.clone()], &mut self.sums[rows]);
            let (scores, softmax) = (&mut self.scores[blind..], &mut self.softmax[blind..]);
            let seen = |i: usize| {
                let end = end_of(blind + i);
                end.saturating_sub(window).saturating_sub(tile).min(count)..(end - tile).min(count)
            };
            match self.instructions {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: these instructions are only chosen where they were found.
                Instructions::Avx2 | Instructions::Avx512 => unsafe {
                    super::attn_avx2::scores(queries, &self.keys, self.padded, count, scores);
                    weigh_avx2(scores, softmax, sums, self.padded, count, seen);
                    super::attn_avx2::add_weighted(scores, &self.values, self.padded, count, sums);
                },
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                Instructions::Simd128 => {
                    super::attn_simd128::scores(queries, &self.keys, self.padded, count, scores);
                    weigh(scores, softmax, sums, self.padded, count, seen);
                    super::attn_simd128::add_weighted(scores, &self.values, self.padded, count, sums);
                }
                _ => {
                    for (query, scores) in queries.chunks_exact(self.padded).zip(scores.iter_mut()) {
                        let keys = self.keys.chunks_exact(self.padded);
                        scores.iter_mut().zip(keys).for_each(|(score, key)| *score = dot(query, key));
                    }
                    weigh(scores, softmax, sums, self.padded, count, seen);
                    for (scores, sum) in scores.iter().zip(sums.chunks_exact_mut(self.padded)) {
                        let values = self.values.chunks_exact(self.padded).take(count);
                        scores.iter().zip(values).for_each(|(weight, value)| add_scaled(sum, *weight, value));
                    }
                }
            }
        }
    }
}

/// Turns the scores of a tile of `count` positions into weights, and shrinks the sums; query number i sees the positions
/// `seen(i)`.
#[inline(always)]
fn weigh(
    scores: &mut [[f32; TILE]],
    softmax: &mut [Softmax],
    sums: &mut [f32],
    padded: usize,
    count: usize,
    seen: impl Fn(usize) -> Range<usize>,
) {
    let rows = scores.iter_mut().zip(softmax).zip(sums.chunks_exact_mut(padded));
    for (i, ((scores, softmax), sum)) in rows.enumerate() {
        // A query whose window begins behind this tile makes nonsense of it, which shrinks to nothing later.
        let seen = seen(i);
        let scores = &mut scores[..count.next_multiple_of(LANES)];
        scores[..seen.start].fill(UNSEEN);
        scores[seen.end..].fill(UNSEEN);
        let shrink = softmax.weigh(scores);
        each(sum, [], |sum, []| sum * Wide::splat(shrink));
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
fn weigh_avx2(
    scores: &mut [[f32; TILE]],
    softmax: &mut [Softmax],
    sums: &mut [f32],
    padded: usize,
    count: usize,
    seen: impl Fn(usize) -> Range<usize>,
) {
    weigh(scores, softmax, sums, padded, count, seen);
}

pub(crate) fn attn(
    context: Context<'_>,
    params: Params,
    run: Run,
    keys: Cache<'_>,
    values: Cache<'_>,
    texts: Option<&[[u32; 2]]>,
    q: &[f32],
    out: &mut [f32],
) {
    let (tokens, stride, size) = (run.tokens as usize, params.out_stride as usize, params.head_size as usize);
    let width = params.kv_heads as usize * head_stride(size);
    let position = run.position as usize;
    let most = context.chunk(tokens, 4, 4).min(TOKENS);
    // Tokens from `first` on, of one text where they see all of theirs.
    let attend_all = |(first, out): (usize, &mut [f32])| {
        let mut attend = Attend::new(context.instructions, size, out.len() / stride);
        for head in 0..params.heads as usize {
            for t in 0..out.len() / stride {
                let q = &q[(first + t) * params.q_stride as usize + params.q_offset as usize + head * size..];
                each(attend.query(t), [q], |_, [q]| q * Wide::splat(params.scale));
            }
            let at = head / (params.heads / params.kv_heads) as usize * head_stride(size);
            let head_of_cache = Head { keys, values, width, at };
            if let Some(texts) = texts {
                let [begin, end] = texts[first].map(|row| position + row as usize);
                attend.run(head_of_cache, begin, end, 0, usize::MAX);
            } else {
                let (end, window) = (position + first + 1, params.window as usize);
                attend.run(head_of_cache, end.saturating_sub(window), end, 1, window);
            }
            for (t, out) in out.chunks_exact_mut(stride).enumerate() {
                let (sum, total) = (attend.sum(t), attend.softmax[t].total);
                let out = &mut out[params.out_offset as usize + head * size..][..size];
                each(out, [sum], |_, [sum]| sum / Wide::splat(total));
            }
        }
    };
    // As even as whole fours allow; a task of two texts would read the keys of both twice.
    let mut tasks = Vec::new();
    let (mut first, mut rest) = (0, &mut out[..tokens * stride]);
    while first < tokens {
        let left = texts.map_or(tokens, |texts| texts[first][1] as usize) - first;
        let count = left.div_ceil(left.div_ceil(most)).next_multiple_of(4).min(left);
        let (task, behind) = rest.split_at_mut(count * stride);
        tasks.push((first, task));
        (first, rest) = (first + count, behind);
    }
    context.threads.for_each(tasks, attend_all);
}
