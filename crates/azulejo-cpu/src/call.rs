//! A kernel's call: what of it can be found out beforehand, and its execution.

use azulejo_plan::{Gate, KvType};
use azulejo_quant::{PlaneLayout, UNIT};
use azulejo_shaders::kernels::{
    add, argmax, argmax_merge, attn, attn_decode, attn_merge, embed, gemm, gemv, gemv_glu, glu, group_norm,
    layer_norm, map, rms_norm, rope_kv,
};
use azulejo_shaders::{Access, Call, Reads, Run, Target, Tier, Writes, link};

use crate::matrix::Matrix;
use crate::simd::floats::Cache;
use crate::simd::rope_kv::{Caches, Rotation};
use crate::simd::{self, Context, Instructions, Put, Scratch, Weights};
use crate::words::Words;

/// A kernel with its parameters.
#[derive(Clone, Debug)]
enum Job {
    Embed(embed::Params, PlaneLayout),
    RmsNorm(rms_norm::Params),
    LayerNorm(layer_norm::Params),
    GroupNorm(group_norm::Params),
    Map(map::Params),
    Gemv(gemv::Params, PlaneLayout),
    GemvGlu(gemv_glu::Params, PlaneLayout),
    Gemm(gemm::Params, PlaneLayout),
    RopeKv(rope_kv::Params),
    Attn(attn::Params),
    AttnDecode(attn_decode::Params),
    AttnMerge(attn_merge::Params),
    Add(add::Params),
    Glu(glu::Params),
    Argmax(argmax::Params),
    ArgmaxMerge(argmax_merge::Params),
    /// By the twin; the bindings that it writes.
    Twin(Vec<u32>),
}

/// A call that is ready to be executed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    call: Call,
    job: Job,
    has_norm: bool,
    has_bias: bool,
    is_accumulated: bool,
    is_split: bool,
    gate: Gate,
    k: KvType,
    v: KvType,
    /// The buffers it writes.
    written: Vec<usize>,
}

/// Where buffers are: constants, and those of a state; a buffer is empty in one of the two.
pub(crate) struct Buffers<'b> {
    pub(crate) constants: &'b [Words],
    pub(crate) state: &'b mut [Words],
}

impl Buffers<'_> {
    fn get(&self, buffer: usize) -> &Words {
        let own = &self.state[buffer];
        if own.words().is_empty() { self.constants.get(buffer).unwrap_or(own) } else { own }
    }
}

impl Prepared {
    /// Prepares a call; an error says why it is none that the lowering makes.
    pub(crate) fn new(call: &Call, instructions: Instructions) -> Result<Self, String> {
        let job = match (instructions, call.kernel.name) {
            (Instructions::Twin, _) => twin(call)?,
            (_, "embed") => {
                let p = embed::Params::of(call);
                Job::Embed(p, layout(call, p.units, p.units_per_row)?)
            }
            (_, "rms_norm") => Job::RmsNorm(rms_norm::Params::of(call)),
            (_, "layer_norm") => Job::LayerNorm(layer_norm::Params::of(call)),
            (_, "group_norm") => Job::GroupNorm(group_norm::Params::of(call)),
            (_, "map") => Job::Map(map::Params::of(call)),
            (_, "gemv") => {
                let p = gemv::Params::of(call);
                Job::Gemv(p, layout(call, p.units, p.units_per_row)?)
            }
            (_, "gemv_glu") => {
                let p = gemv_glu::Params::of(call);
                Job::GemvGlu(p, layout(call, p.units, p.units_per_row)?)
            }
            (_, "gemm") => {
                let p = gemm::Params::of(call);
                Job::Gemm(p, layout(call, p.units, p.units_per_row)?)
            }
            (_, "rope_kv") => Job::RopeKv(rope_kv::Params::of(call)),
            (_, "attn") => Job::Attn(attn::Params::of(call)),
            (_, "attn_decode") => Job::AttnDecode(attn_decode::Params::of(call)),
            (_, "attn_merge") => Job::AttnMerge(attn_merge::Params::of(call)),
            (_, "add") => Job::Add(add::Params::of(call)),
            (_, "glu") => Job::Glu(glu::Params::of(call)),
            (_, "argmax") => Job::Argmax(argmax::Params::of(call)),
            (_, "argmax_merge") => Job::ArgmaxMerge(argmax_merge::Params::of(call)),
            _ => twin(call)?,
        };
        let bindings: &[u32] = match &job {
            Job::RopeKv(_) => &[4, 5, 6],
            Job::AttnDecode(_) => &[5, 6, 8],
            Job::Twin(written) => written,
            _ => &[8],
        };
        let written = bindings.iter().map(|b| bound(call, *b)).collect::<Result<_, _>>()?;
        let has = |piece| call.variant.has(piece);
        Ok(Self {
            has_norm: has("input_norm"),
            has_bias: has("bias_add"),
            is_accumulated: has("out_accumulate"),
            is_split: has("rope_split"),
            gate: if has("gate_gelu") { Gate::Gelu } else { Gate::Silu },
            k: call.variant.keys(),
            v: call.variant.values(),
            job,
            written,
            call: call.clone(),
        })
    }

    /// Executes it.
    pub(crate) fn execute(
        &self,
        context: Context<'_>,
        run: Run,
        buffers: &mut Buffers<'_>,
        scratch: &mut Scratch,
    ) {
        // What is written is taken out, so that it can be borrowed next to what is read.
        let mut taken: Vec<Words> =
            self.written.iter().map(|buffer| std::mem::take(&mut buffers.state[*buffer])).collect();
        self.with(context, run, buffers, scratch, &mut taken);
        for (buffer, words) in self.written.iter().zip(taken) {
            buffers.state[*buffer] = words;
        }
    }

    /// Which row of a table each token looks up.
    fn row<'w>(
        &self,
        p: embed::Params,
        run: Run,
        words: &'w [u32],
    ) -> impl Fn(usize) -> u32 + Sync + Send + 'w {
        let is_position = self.call.variant.has("row_position");
        let is_fixed = self.call.variant.has("row_fixed");
        move |token| match (is_position, is_fixed) {
            (true, _) => p.base + run.position + token as u32 - words[2 * token],
            (_, true) => p.base,
            _ => words[token],
        }
    }

    /// What a matrix product is about to read: the labels of its matrices, its rows, and their stride. `None` for
    /// other calls, and for products that a norm is part of.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn product_input<'b>(&self, run: Run, state: &'b [Words]) -> Option<(&str, &'b [f32], usize)> {
        let stride = match &self.job {
            Job::Gemm(p, _) => p.x_stride as usize,
            Job::Gemv(p, _) if !self.has_norm => (p.units_per_row as usize * UNIT).max(1),
            _ => return None,
        };
        let bind = self.call.binds.iter().find(|b| b.binding == 4)?;
        let rows = if matches!(self.job, Job::Gemm(..)) { run.tokens as usize } else { 1 };
        let floats = state[bind.buffer].floats();
        Some((&self.call.label, &floats[..(rows * stride).min(floats.len())], stride))
    }

    fn with(
        &self,
        context: Context<'_>,
        run: Run,
        buffers: &Buffers<'_>,
        scratch: &mut Scratch,
        written: &mut [Words],
    ) {
        let find = |binding| self.call.binds.iter().find(|b| b.binding == binding);
        let words = |binding| find(binding).map_or(&[][..], |bind| buffers.get(bind.buffer).words());
        let floats = |binding| bytemuck::cast_slice::<u32, f32>(words(binding));
        let matrix = |layout| Matrix::new(layout, words(2), words(3));
        let weights = |layout| Weights { matrix: matrix(layout), bias: self.has_bias.then(|| floats(6)) };
        let norm = || self.has_norm.then(|| floats(5));
        let put = |offset: u32, stride: u32| match find(7) {
            _ if self.is_accumulated => Put::Accumulate,
            Some(bind) => Put::Add(buffers.get(bind.buffer).floats(), offset as usize, stride as usize),
            None => Put::Store,
        };
        let rotation =
            |rotated: u32| Rotation { table: floats(7), rotated: rotated as usize, is_split: self.is_split };
        let (k, v) = (self.k, self.v);
        match (&self.job, written) {
            (Job::Embed(p, layout), [out]) => {
                let row = self.row(*p, run, words(4));
                simd::embed::embed(context, *p, run, matrix(layout), row, out.floats_mut());
            }
            (Job::RmsNorm(p), [out]) => {
                simd::elementwise::rms_norm(context, *p, run, floats(4), floats(5), out.floats_mut());
            }
            (Job::LayerNorm(p), [out]) => {
                let affine = self.call.variant.has("affine_full").then(|| (floats(5), floats(6)));
                simd::elementwise::layer_norm(context, *p, run, floats(4), affine, out.floats_mut());
            }
            (Job::GroupNorm(p), [x]) => {
                simd::elementwise::group_norm(context, *p, run, floats(5), floats(6), x.floats_mut());
            }
            (Job::Map(p), [x]) => {
                let is_clamp = self.call.variant.has("map_clamp");
                simd::elementwise::map(context, *p, run, is_clamp, x.floats_mut());
            }
            (Job::Gemv(p, layout), [out]) => {
                let put = put(p.residual_offset, 0);
                simd::gemv::gemv(
                    context,
                    scratch,
                    *p,
                    run,
                    weights(layout),
                    norm(),
                    put,
                    floats(4),
                    out.floats_mut(),
                );
            }
            (Job::GemvGlu(p, layout), [out]) => {
                simd::gemv::gemv_glu(
                    context,
                    scratch,
                    *p,
                    self.gate,
                    weights(layout),
                    norm(),
                    floats(4),
                    out.floats_mut(),
                );
            }
            (Job::Gemm(p, layout), [out]) => {
                let put = put(p.residual_offset, p.residual_stride);
                simd::gemm::gemm(
                    context,
                    scratch,
                    *p,
                    run,
                    weights(layout),
                    put,
                    floats(4),
                    out.floats_mut(),
                );
            }
            (Job::RopeKv(p), [qkv, keys, values]) => {
                let caches = Caches { keys: keys.words_mut(), values: values.words_mut(), k, v };
                simd::rope_kv::rope_kv(context, *p, run, rotation(p.rotated), qkv.floats_mut(), caches);
            }
            (Job::Attn(p), [out]) => {
                let (keys, values) = (Cache::new(words(5), k), Cache::new(words(6), v));
                let texts = self.call.variant.has("reach_text").then(|| words(7).as_chunks().0);
                simd::attn::attn(context, *p, run, keys, values, texts, floats(4), out.floats_mut());
            }
            (Job::AttnDecode(p), [keys, values, parts]) => {
                let caches = Caches { keys: keys.words_mut(), values: values.words_mut(), k, v };
                let rotation = rotation(p.rotated);
                simd::attn_decode::attn_decode(
                    context,
                    *p,
                    run,
                    rotation,
                    floats(4),
                    caches,
                    parts.floats_mut(),
                );
            }
            (Job::AttnMerge(p), [out]) => simd::attn_decode::attn_merge(*p, run, floats(4), out.floats_mut()),
            (Job::Add(p), [out]) => {
                simd::elementwise::add(
                    context,
                    *p,
                    run,
                    put(p.a_offset, p.a_stride),
                    floats(4),
                    out.floats_mut(),
                );
            }
            (Job::Glu(p), [out]) => {
                simd::elementwise::glu(context, *p, run, self.gate, floats(4), out.floats_mut())
            }
            (Job::Argmax(p), [out]) => simd::elementwise::argmax(*p, floats(4), out.words_mut()),
            (Job::ArgmaxMerge(p), [out]) => simd::elementwise::argmax_merge(*p, words(4), out.words_mut()),
            (Job::Twin(bindings), written) => {
                let (mut reads, mut writes) = (Reads::default(), Writes::default());
                for bind in self.call.binds.iter().filter(|b| !bindings.contains(&b.binding)) {
                    reads.0[bind.binding as usize] = Some(buffers.get(bind.buffer).words());
                }
                for (binding, words) in bindings.iter().zip(written) {
                    writes.0[*binding as usize] = Some(words.words_mut());
                }
                (self.call.kernel.twin)(&self.call, run, &reads, &mut writes);
            }
            // `new` gathered the buffers for the job, so their numbers agree.
            _ => {}
        }
    }
}

/// The buffer bound there.
fn bound(call: &Call, binding: u32) -> Result<usize, String> {
    let bind = call.binds.iter().find(|b| b.binding == binding);
    bind.map(|b| b.buffer).ok_or_else(|| format!("a call of {} lacks binding {binding}", call.kernel.name))
}

/// The layout of a call's matrix.
fn layout(call: &Call, units: u32, units_per_row: u32) -> Result<PlaneLayout, String> {
    let rows = units.checked_div(units_per_row).unwrap_or(0) as usize;
    PlaneLayout::new(call.variant.block(), rows, units_per_row as usize * UNIT)
        .map_err(|e| format!("the matrix of a call of {}: {e}", call.kernel.name))
}

/// The twin, and what it writes: the bindings that are writable in the linked shader and bound to.
fn twin(call: &Call) -> Result<Job, String> {
    let linked =
        link(call.kernel, &call.variant, Tier::Baseline, Target::Native).map_err(|e| e.to_string())?;
    let writable = linked.bindings.iter().filter(|b| b.access == Access::ReadWrite).map(|b| b.number);
    Ok(Job::Twin(writable.filter(|b| call.binds.iter().any(|bind| bind.binding == *b)).collect()))
}
