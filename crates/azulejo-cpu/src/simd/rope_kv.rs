//! rope_kv, and the part of attn_decode that does the same for one token.

use azulejo_plan::{KvCache, KvType};
use azulejo_shaders::Run;
use azulejo_shaders::kernels::rope_kv::Params;
use half::f16;

use super::Context;
use super::elementwise::rows;
use super::floats::{Q4_WORDS, Q8_WORDS};

/// The rotation of a head's first elements.
#[derive(Clone, Copy)]
pub(crate) struct Rotation<'a> {
    /// `[position][pair]`: cosine and sine.
    pub(crate) table: &'a [f32],
    /// Elements that rotate.
    pub(crate) rotated: usize,
    /// Elements i and i + rotated / 2 rotate together, else 2i and 2i + 1.
    pub(crate) is_split: bool,
}

impl Rotation<'_> {
    /// Rotates a head in place.
    pub(crate) fn rotate(&self, position: usize, head: &mut [f32]) {
        let half = self.rotated / 2;
        let turns = self.table[position * self.rotated..][..self.rotated].as_chunks::<2>().0;
        let turn = |a: &mut f32, b: &mut f32, [cos, sin]: [f32; 2]| {
            (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
        };
        if self.is_split {
            let (first, second) = head[..self.rotated].split_at_mut(half);
            first.iter_mut().zip(second).zip(turns).for_each(|((a, b), t)| turn(a, b, *t));
        } else {
            let pairs = head[..self.rotated].as_chunks_mut::<2>().0;
            pairs.iter_mut().zip(turns).for_each(|([a, b], t)| turn(a, b, *t));
        }
    }
}

/// Writes the heads of a position, of `size` elements each, and zeros behind each of them.
pub(crate) fn store_heads(cache: &mut [u32], kind: KvType, position: usize, size: usize, values: &[f32]) {
    let stride = head_stride(size);
    let first = position * (values.len() / size) * stride;
    if size == stride {
        return store(cache, kind, first, values);
    }
    let mut padded = vec![0f32; stride];
    for (head, values) in values.chunks_exact(size).enumerate() {
        padded[..size].copy_from_slice(values);
        store(cache, kind, first + head * stride, &padded);
    }
}

/// Elements of the cache from one head of this size to the next.
pub(crate) fn head_stride(size: usize) -> usize {
    KvCache::head_stride(size as u32) as usize
}

/// Writes elements from `at` on into a cache.
fn store(cache: &mut [u32], kind: KvType, at: usize, values: &[f32]) {
    match kind {
        KvType::F16 => {
            let cache: &mut [u16] = bytemuck::cast_slice_mut(cache);
            for (cache, value) in cache[at..].iter_mut().zip(values) {
                *cache = f16::from_f32(*value).to_bits();
            }
        }
        KvType::F32 => {
            bytemuck::cast_slice_mut::<u32, f32>(cache)[at..at + values.len()].copy_from_slice(values);
        }
        KvType::Q8_0 => {
            let blocks = cache[at / 32 * Q8_WORDS..].as_chunks_mut::<Q8_WORDS>().0;
            blocks.iter_mut().zip(values.as_chunks().0).for_each(|(block, values)| store_q8(block, values));
        }
        KvType::Q4_0 => {
            let blocks = cache[at / 32 * Q4_WORDS..].as_chunks_mut::<Q4_WORDS>().0;
            blocks.iter_mut().zip(values.as_chunks().0).for_each(|(block, values)| store_q4(block, values));
        }
    }
}

/// A scale whose inverse is no number is as good as zero.
fn inverse(scale: f32) -> f32 {
    if scale.abs() < 1e-37 { 0.0 } else { 1.0 / scale }
}

fn store_q8(block: &mut [u32; Q8_WORDS], values: &[f32; 32]) {
    let most = values.iter().fold(0f32, |most, value| most.max(value.abs()));
    let scale = most / 127.0;
    let inverse = inverse(scale);
    block[0] = scale.to_bits();
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut block[1..]);
    bytes.iter_mut().zip(values).for_each(|(byte, value)| *byte = (value * inverse).round() as i8 as u8);
}

fn store_q4(block: &mut [u32; Q4_WORDS], values: &[f32; 32]) {
    let most = values.iter().fold(0f32, |most, value| if value.abs() > most.abs() { *value } else { most });
    let scale = most / -8.0;
    let inverse = inverse(scale);
    block[0] = scale.to_bits();
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut block[1..]);
    let quant = |value: f32| ((value * inverse).round() + 8.0).clamp(0.0, 15.0) as u8;
    for (byte, [a, b]) in bytes.iter_mut().zip(values.as_chunks().0) {
        *byte = quant(*a) | quant(*b) << 4;
    }
}

/// A layer's cache, to be written.
pub(crate) struct Caches<'a> {
    pub(crate) keys: &'a mut [u32],
    pub(crate) values: &'a mut [u32],
    pub(crate) k: KvType,
    pub(crate) v: KvType,
}

pub(crate) fn rope_kv(
    context: Context<'_>,
    params: Params,
    run: Run,
    rotation: Rotation<'_>,
    qkv: &mut [f32],
    caches: Caches<'_>,
) {
    let (heads, kv_heads, size) =
        (params.heads as usize, params.kv_heads as usize, params.head_size as usize);
    let (q, k, v) = (params.q_offset as usize, params.k_offset as usize, params.v_offset as usize);
    let width = kv_heads * size;
    let position = run.position as usize;
    rows(context, run, qkv, params.stride as usize, |token, row| {
        row[q..q + heads * size]
            .chunks_exact_mut(size)
            .for_each(|head| rotation.rotate(position + token, head));
    });
    // Keys are rotated on their way; the activation keeps them as they were.
    let mut keys = vec![0f32; width];
    for (token, row) in qkv.chunks_exact(params.stride as usize).take(run.tokens as usize).enumerate() {
        keys.copy_from_slice(&row[k..k + width]);
        keys.chunks_exact_mut(size).for_each(|head| rotation.rotate(position + token, head));
        store_heads(caches.keys, caches.k, position + token, size, &keys);
        store_heads(caches.values, caches.v, position + token, size, &row[v..v + width]);
    }
}
