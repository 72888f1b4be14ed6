//! add, argmax, argmax_merge, group_norm, layer_norm, map, rms_norm, glu: a row at a time, tokens in parallel.

use azulejo_plan::Gate;
use azulejo_shaders::Run;
use azulejo_shaders::kernels::{add, argmax, argmax_merge, glu, group_norm, layer_norm, map, rms_norm};

use super::floats::{squares, total};
use super::wide::{Float, Wide, each};
use super::{Context, Put, gelu, gelu_tanh, silu};

/// Elements that are worth a task.
const LEAST: usize = 16_384;

/// Calls `each` with every token and its row of the output.
pub(crate) fn rows(
    context: Context<'_>,
    run: Run,
    out: &mut [f32],
    stride: usize,
    each: impl Fn(usize, &mut [f32]) + Sync + Send,
) {
    let tokens = run.tokens as usize;
    let chunk = context.chunk(tokens, 1, LEAST.div_ceil(stride));
    context.threads.chunks(&mut out[..tokens * stride], chunk * stride, |first, out| {
        for (i, row) in out.chunks_exact_mut(stride).enumerate() {
            each(first / stride + i, row);
        }
    });
}

/// `out = x / sqrt(mean(x^2) + eps) * weight`, columns behind the last zero.
pub(crate) fn normalise(x: &[f32], weight: &[f32], cols: usize, eps: f32, out: &mut [f32]) {
    let scale = 1.0 / (squares(&x[..cols]) / cols as f32 + eps).sqrt();
    let (out, rest) = out.split_at_mut(cols);
    each(out, [x, weight], |_, [x, weight]| x * Wide::splat(scale) * weight);
    rest.fill(0.0);
}

pub(crate) fn rms_norm(
    context: Context<'_>,
    params: rms_norm::Params,
    run: Run,
    x: &[f32],
    weight: &[f32],
    out: &mut [f32],
) {
    let (cols, x_stride) = (params.cols as usize, params.x_stride as usize);
    rows(context, run, out, params.out_stride as usize, |token, out| {
        normalise(&x[token * x_stride..], weight, cols, params.eps, out);
    });
}

pub(crate) fn group_norm(
    context: Context<'_>,
    params: group_norm::Params,
    run: Run,
    q_weight: &[f32],
    k_weight: &[f32],
    x: &mut [f32],
) {
    let p = params;
    rows(context, run, x, p.stride as usize, |_, row| {
        for (weight, offset, size, groups) in
            [(q_weight, p.q_offset, p.q_size, p.q_groups), (k_weight, p.k_offset, p.k_size, p.k_groups)]
        {
            let columns = &mut row[offset as usize..][..(size * groups) as usize];
            for group in columns.chunks_exact_mut(size as usize) {
                let scale = 1.0 / (squares(group) / size as f32 + p.eps).sqrt();
                each(group, [weight], |x, [weight]| x * (Wide::splat(scale) * weight));
            }
        }
    });
}

/// `affine`: weight and bias.
pub(crate) fn layer_norm(
    context: Context<'_>,
    params: layer_norm::Params,
    run: Run,
    x: &[f32],
    affine: Option<(&[f32], &[f32])>,
    out: &mut [f32],
) {
    let (cols, x_stride) = (params.cols as usize, params.x_stride as usize);
    rows(context, run, out, params.out_stride as usize, |token, out| {
        let x = &x[token * x_stride..][..cols];
        let mean = Wide::splat(total(x) / cols as f32);
        let (out, rest) = out.split_at_mut(cols);
        each(out, [x], |_, [x]| x - mean);
        let scale = Wide::splat(1.0 / (squares(out) / cols as f32 + params.eps).sqrt());
        match affine {
            None => each(out, [], |x, []| x * scale),
            Some((weight, bias)) => each(out, [weight, bias], |x, [weight, bias]| x * scale * weight + bias),
        }
        rest.fill(0.0);
    });
}

pub(crate) fn map(context: Context<'_>, params: map::Params, run: Run, is_clamp: bool, x: &mut [f32]) {
    let (cols, first, limit) = (params.cols as usize, params.offset as usize, params.limit);
    rows(context, run, x, params.stride as usize, |_, row| {
        let row = &mut row[first..first + cols];
        if is_clamp {
            let limit = Wide::splat(limit);
            each(row, [], |x, []| x.at_least(-limit).at_most(limit));
        } else {
            each(row, [], |x, []| gelu(x));
        }
    });
}

pub(crate) fn add(
    context: Context<'_>,
    params: add::Params,
    run: Run,
    put: Put<'_>,
    b: &[f32],
    out: &mut [f32],
) {
    let (cols, first) = (params.cols as usize, params.out_offset as usize);
    rows(context, run, out, params.out_stride as usize, |token, out| {
        let b = &b[token * params.b_stride as usize + params.b_offset as usize..][..cols];
        put.put(token, 0, b, &mut out[first..first + cols]);
    });
}

pub(crate) fn glu(
    context: Context<'_>,
    params: glu::Params,
    run: Run,
    gate: Gate,
    halves: &[f32],
    out: &mut [f32],
) {
    let (cols, first) = (params.cols as usize, params.out_offset as usize);
    rows(context, run, out, params.out_stride as usize, |token, out| {
        let row = token * params.stride as usize;
        let x = &halves[row + params.gate_offset as usize..][..cols];
        let up = &halves[row + params.up_offset as usize..][..cols];
        gated(gate, x, up, &mut out[first..first + cols]);
    });
}

/// `out = gate(x) * up`.
pub(crate) fn gated(gate: Gate, x: &[f32], up: &[f32], out: &mut [f32]) {
    match gate {
        Gate::Silu => each(out, [x, up], |_, [x, up]| silu(x) * up),
        Gate::Gelu => each(out, [x, up], |_, [x, up]| gelu_tanh(x) * up),
    }
}

/// What stands for no index.
const NOTHING: u32 = u32::MAX;
/// What every logit that counts is over; the same as in `argmax.wesl`.
const LEAST_LOGIT: f32 = -3.4e38;
/// Logits of a chunk.
const CHUNK: usize = 1024;

/// The greatest of some numbers with its place among them; the first one on ties.
fn greatest(values: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    values.enumerate().fold(None, |best, (i, value)| match best {
        None if value > LEAST_LOGIT => Some((i, value)),
        Some((_, most)) if value > most => Some((i, value)),
        best => best,
    })
}

pub(crate) fn argmax(params: argmax::Params, logits: &[f32], best: &mut [u32]) {
    let chunks = logits[..params.count as usize].chunks(CHUNK);
    for ((i, logits), best) in chunks.enumerate().zip(best.as_chunks_mut::<2>().0) {
        // Most chunks are passed over by a maximum that becomes SIMD; the place is looked for behind it.
        let (at, value) = greatest(logits.iter().copied())
            .map_or((NOTHING, LEAST_LOGIT), |(at, value)| ((i * CHUNK + at) as u32, value));
        *best = [value.to_bits(), at];
    }
}

pub(crate) fn argmax_merge(params: argmax_merge::Params, best: &[u32], tokens: &mut [u32]) {
    let best = &best.as_chunks::<2>().0[..params.count as usize];
    let found = greatest(best.iter().map(|b| f32::from_bits(b[0])));
    tokens[0] = found.map_or(NOTHING, |(at, _)| best[at][1]);
}
