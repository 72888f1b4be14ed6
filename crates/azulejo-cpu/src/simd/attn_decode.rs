//! attn_decode and attn_merge: attention of one token. Tasks are heads of the cache.

use azulejo_shaders::Run;
use azulejo_shaders::kernels::{attn_decode, attn_merge};

use super::attn::{Attend, Head, Softmax};
use super::floats::{Cache, add_scaled};
use super::rope_kv::{Caches, Rotation, head_stride, store_heads};
use super::{Context, exp};

/// Positions of a split; the same as in `lib/split.wesl`.
const SPLIT: usize = 256;
/// Elements of the cache that are worth a task.
const LEAST: usize = 16_384;

pub(crate) fn attn_decode(
    context: Context<'_>,
    params: attn_decode::Params,
    run: Run,
    rotation: Rotation<'_>,
    qkv: &[f32],
    caches: Caches<'_>,
    parts: &mut [f32],
) {
    let (heads, kv_heads, size) =
        (params.heads as usize, params.kv_heads as usize, params.head_size as usize);
    let (position, width) = (run.position as usize, kv_heads * size);
    let mut rotated = qkv[params.k_offset as usize..][..width].to_vec();
    rotated.chunks_exact_mut(size).for_each(|head| rotation.rotate(position, head));
    store_heads(caches.keys, caches.k, position, size, &rotated);
    let values = &qkv[params.v_offset as usize..][..width];
    store_heads(caches.values, caches.v, position, size, values);
    let (keys, values) = (Cache::new(caches.keys, caches.k), Cache::new(caches.values, caches.v));

    let first_seen = (position + 1).saturating_sub(params.window as usize);
    let part = size + 2;
    let of_head = params.splits as usize * part;
    // The query heads that share a head of the cache are a task.
    let group = heads / kv_heads;
    let chunk = context.chunk(kv_heads, 1, LEAST.div_ceil((position + 1 - first_seen) * size));
    context.threads.chunks(&mut parts[..heads * of_head], chunk * group * of_head, |first, parts| {
        let mut attend = Attend::new(context.instructions, size, group);
        for (i, parts) in parts.chunks_exact_mut(group * of_head).enumerate() {
            let kv_head = first / (group * of_head) + i;
            for g in 0..group {
                let query = attend.query(g);
                query
                    .copy_from_slice(&qkv[params.q_offset as usize + (kv_head * group + g) * size..][..size]);
                rotation.rotate(position, query);
                query.iter_mut().for_each(|q| *q *= params.scale);
            }
            let stride = head_stride(size);
            let head = Head { keys, values, width: kv_heads * stride, at: kv_head * stride };
            for split in first_seen / SPLIT..position / SPLIT + 1 {
                let (begin, end) = (first_seen.max(split * SPLIT), (position + 1).min((split + 1) * SPLIT));
                attend.run(head, begin, end, 0, usize::MAX);
                for (g, parts) in parts.chunks_exact_mut(of_head).enumerate() {
                    let (sums, ends) = parts[split * part..][..part].split_at_mut(size);
                    sums.copy_from_slice(attend.sum(g));
                    ends.copy_from_slice(&[attend.softmax[g].most, attend.softmax[g].total]);
                }
            }
        }
    });
}

pub(crate) fn attn_merge(params: attn_merge::Params, run: Run, parts: &[f32], out: &mut [f32]) {
    let size = params.head_size as usize;
    let first = (run.position as usize + 1).saturating_sub(params.window as usize) / SPLIT;
    let used = run.position as usize / SPLIT + 1;
    let heads = parts.chunks_exact(params.splits as usize * (size + 2));
    let outs = out[params.out_offset as usize..].chunks_exact_mut(size);
    for (parts, out) in heads.zip(outs) {
        let parts = || parts.chunks_exact(size + 2).take(used).skip(first);
        let most = parts().fold(Softmax::NEW.most, |most, part| most.max(part[size]));
        let mut total = 0.0;
        out.fill(0.0);
        for part in parts() {
            let weight = exp(part[size] - most);
            total += weight * part[size + 1];
            add_scaled(out, weight, &part[..size]);
        }
        out.iter_mut().for_each(|out| *out /= total);
    }
}
