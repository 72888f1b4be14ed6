//! add, argmax, argmax_merge, group_norm, layer_norm, map, rms_norm, glu: a row at a time, tokens in parallel.

use azulejo_plan::Gate;
use azulejo_shaders::Run;
use azulejo_shaders::kernels::{add, argmax, argmax_merge, glu, group_norm, layer_norm, map, rms_norm};

use super::floats::{squares, total};
use super::{Context, Put, exp, gelu_tanh, silu};

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
    for ((out, x), weight) in out[..cols].iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
    out[cols..].fill(0.0);
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
                group.iter_mut().zip(weight).for_each(|(x, weight)| *x *= scale * weight);
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
        let mean = total(&x[token * x_stride..][..cols]) / cols as f32;
        let (out, rest) = out.split_at_mut(cols);
        out.iter_mut().zip(&x[token * x_stride..]).for_each(|(out, x)| *out = x - mean);
        let scale = 1.0 / (squares(out) / cols as f32 + params.eps).sqrt();
        out.iter_mut().for_each(|out| *out *= scale);
        if let Some((weight, bias)) = affine {
            out.iter_mut()
                .zip(weight)
                .zip(bias)
                .for_each(|((out, weight), bias)| *out = *out * weight + bias);
        }
        rest.fill(0.0);
    });
}

pub(crate) fn map(context: Context<'_>, params: map::Params, run: Run, is_clamp: bool, x: &mut [f32]) {
    let (cols, first, limit) = (params.cols as usize, params.offset as usize, params.limit);
    rows(context, run, x, params.stride as usize, |_, row| {
        let row = &mut row[first..first + cols];
        if is_clamp {
            row.iter_mut().for_each(|x| *x = x.clamp(-limit, limit));
        } else {
            row.iter_mut().for_each(|x| *x = gelu(*x));
        }
    });
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`, with the polynomial of `map_gelu.wesl`.
#[inline(always)]
fn gelu(value: f32) -> f32 {
    let x = value.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let p = -1.453_152 + t * 1.061_405_4;
    let p = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * p)));
    let erf = (1.0 - p * exp(-x * x)).copysign(value);
    0.5 * value * (1.0 + erf)
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
    let all = out.iter_mut().zip(x).zip(up);
    // A loop each, so that both become SIMD.
    match gate {
        Gate::Silu => all.for_each(|((out, x), up)| *out = silu(*x) * up),
        Gate::Gelu => all.for_each(|((out, x), up)| *out = gelu_tanh(*x) * up),
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
