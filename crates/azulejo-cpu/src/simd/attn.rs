//! attn: causal attention of the tokens of a step. Tasks are blocks of tokens.

use azulejo_shaders::Run;
use azulejo_shaders::kernels::attn::Params;

use super::floats::{Cache, add_scaled, dot};
use super::{Context, exp};

/// Positions of a tile of keys and values.
pub(crate) const TILE: usize = 64;
/// Tokens that share a tile, at most.
const TOKENS: usize = 32;

/// The online softmax of a query (Milakov and Gimelshein, 2018).
pub(crate) struct Softmax {
    /// The greatest score so far.
    pub(crate) most: f32,
    /// The sum of weights so far.
    pub(crate) total: f32,
}

impl Softmax {
    pub(crate) const NEW: Self = Self { most: -3.0e38, total: 0.0 };

    /// Turns scores into weights, and gives the factor by which what was summed up before shrinks.
    pub(crate) fn weigh(&mut self, scores: &mut [f32]) -> f32 {
        let most = scores.iter().fold(self.most, |a, b| a.max(*b));
        let shrink = exp(self.most - most);
        scores.iter_mut().for_each(|score| *score = exp(*score - most));
        self.total = self.total * shrink + scores.iter().sum::<f32>();
        self.most = most;
        shrink
    }
}

pub(crate) fn attn(
    context: Context<'_>,
    params: Params,
    run: Run,
    keys: Cache<'_>,
    values: Cache<'_>,
    q: &[f32],
    out: &mut [f32],
) {
    let (tokens, stride) = (run.tokens as usize, params.out_stride as usize);
    let block = context.chunk(tokens, 4, 4).min(TOKENS);
    context.threads.chunks(&mut out[..tokens * stride], block * stride, |first, out| {
        let first = first / stride;
        for head in 0..params.heads as usize {
            attend(&params, run.position as usize, first, head, keys, values, q, out);
        }
    });
}

/// One head of a block of tokens.
fn attend(
    params: &Params,
    position: usize,
    first: usize,
    head: usize,
    keys: Cache<'_>,
    values: Cache<'_>,
    q: &[f32],
    out: &mut [f32],
) {
    let size = params.head_size as usize;
    let width = params.kv_heads as usize * size;
    let kv_at = head / (params.heads / params.kv_heads) as usize * size;
    let rows = out.chunks_exact_mut(params.out_stride as usize);
    let mut outs: Vec<&mut [f32]> =
        rows.map(|row| &mut row[params.out_offset as usize + head * size..][..size]).collect();
    let tokens = outs.len();
    let mut queries = vec![0f32; tokens * size];
    for (t, query) in queries.chunks_exact_mut(size).enumerate() {
        let q = &q[(first + t) * params.q_stride as usize + params.q_offset as usize + head * size..];
        query.iter_mut().zip(q).for_each(|(query, q)| *query = q * params.scale);
    }
    outs.iter_mut().for_each(|out| out.fill(0.0));
    let mut softmax: Vec<Softmax> = (0..tokens).map(|_| Softmax::NEW).collect();
    let (mut k, mut v) = (vec![0f32; TILE * size], vec![0f32; TILE * size]);
    let end = position + first + tokens;
    for tile in (0..end).step_by(TILE) {
        let count = TILE.min(end - tile);
        for i in 0..count {
            keys.load((tile + i) * width + kv_at, &mut k[i * size..][..size]);
            values.load((tile + i) * width + kv_at, &mut v[i * size..][..size]);
        }
        for (t, query) in queries.chunks_exact(size).enumerate() {
            let count = (position + first + t + 1).saturating_sub(tile).min(count);
            if count == 0 {
                continue;
            }
            let mut scores = [0f32; TILE];
            let scores = &mut scores[..count];
            scores.iter_mut().zip(k.chunks_exact(size)).for_each(|(score, k)| *score = dot(query, k));
            let shrink = softmax[t].weigh(scores);
            outs[t].iter_mut().for_each(|out| *out *= shrink);
            scores.iter().zip(v.chunks_exact(size)).for_each(|(w, v)| add_scaled(outs[t], *w, v));
        }
    }
    for (out, softmax) in outs.iter_mut().zip(&softmax) {
        out.iter_mut().for_each(|out| *out /= softmax.total);
    }
}
