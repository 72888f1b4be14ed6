//! Rope, the KV cache, and attention.

use azulejo_plan::{Attention, Constant, KvType, Reach, RopeKv, RopeLayout};

use super::{LowerError, Lowering, SPLIT, WG};
use crate::kernel::Variant;
use crate::kernels;
use crate::program::{Bind, BufferClass, Call, Extent};

impl Lowering<'_> {
    pub(super) fn rotated(&self, table: u32) -> u32 {
        2 * self.plan.rope_tables[table as usize].inverse_frequencies.len() as u32
    }

    pub(super) fn rotation(&mut self, table: u32) -> Result<usize, LowerError> {
        let constant = self.constant(Constant::Rope { table })?;
        Ok(self.constant_buffers[constant].0)
    }

    pub(super) fn kv_pieces(&self) -> [&'static str; 2] {
        let k = match self.plan.kv.k {
            KvType::F16 => "kcache_f16",
            KvType::F32 => "kcache_f32",
            KvType::Q8_0 => "kcache_q8_0",
            KvType::Q4_0 => "kcache_q4_0",
        };
        let v = match self.plan.kv.v {
            KvType::F16 => "vcache_f16",
            KvType::F32 => "vcache_f32",
            KvType::Q8_0 => "vcache_q8_0",
            KvType::Q4_0 => "vcache_q4_0",
        };
        [k, v]
    }

    pub(super) fn rope_piece(&self) -> &'static str {
        match self.plan.rope_layout {
            RopeLayout::Interleaved => "rope_interleaved",
            RopeLayout::HalfSplit => "rope_split",
        }
    }

    pub(super) fn rope_kv(&mut self, rope: &RopeKv, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let kv = self.plan.kv;
        let qkv = self.qkv(rope)?;
        let (keys, values) = self.kv[rope.layer as usize];
        let rotated = self.rotated(rope.table);
        let params = kernels::rope_kv::Params {
            heads: self.plan.heads,
            kv_heads: kv.kv_heads,
            head_size: kv.head_size,
            rotated,
            stride: self.stride(rope.q),
            q_offset: rope.q.offset,
            k_offset: rope.k.offset,
            v_offset: rope.v.offset,
        };
        let [k, v] = self.kv_pieces();
        let pairs = self.plan.heads * rotated / 2 + kv.width();
        calls.push(Call {
            kernel: &kernels::rope_kv::KERNEL,
            variant: Variant::of(&[self.rope_piece(), k, v]),
            params: params.words(),
            binds: vec![
                Bind { binding: 4, buffer: qkv },
                Bind { binding: 5, buffer: keys },
                Bind { binding: 6, buffer: values },
                Bind { binding: 7, buffer: self.rotation(rope.table)? },
            ],
            grid: [Extent::Fixed(pairs.div_ceil(WG)), Extent::Tokens(1)],
            label: format!("layer {}", rope.layer),
        });
        Ok(())
    }

    /// The buffer that queries, keys and values share.
    pub(super) fn qkv(&mut self, rope: &RopeKv) -> Result<usize, LowerError> {
        if rope.q.activation != rope.k.activation || rope.q.activation != rope.v.activation {
            return Err(LowerError::Unsupported("rope of queries, keys and values in several activations"));
        }
        Ok(self.activation(rope.q.activation))
    }

    pub(super) fn attn(&mut self, attention: &Attention, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let kv = self.plan.kv;
        let (keys, values) = self.kv[attention.layer as usize];
        let params = kernels::attn::Params {
            heads: self.plan.heads,
            kv_heads: kv.kv_heads,
            head_size: kv.head_size,
            q_stride: self.stride(attention.q),
            q_offset: attention.q.offset,
            out_stride: self.stride(attention.out),
            out_offset: attention.out.offset,
            scale: 1.0 / (kv.head_size as f32).sqrt(),
            window: window(attention.reach),
        };
        let mut binds = vec![
            Bind { binding: 4, buffer: self.activation(attention.q.activation) },
            Bind { binding: 5, buffer: keys },
            Bind { binding: 6, buffer: values },
            Bind { binding: 8, buffer: self.activation(attention.out.activation) },
        ];
        let reach = if attention.reach == Reach::All {
            binds.push(Bind { binding: 7, buffer: self.texts() });
            "reach_text"
        } else {
            "reach_past"
        };
        let [k, v] = self.kv_pieces();
        calls.push(Call {
            kernel: &kernels::attn::KERNEL,
            variant: Variant::of(&[reach, k, v]),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(self.plan.heads), Extent::Tokens(1)],
            label: format!("layer {}", attention.layer),
        });
        Ok(())
    }

    pub(super) fn attn_decode(
        &mut self,
        rope: &RopeKv,
        attention: &Attention,
        calls: &mut Vec<Call>,
    ) -> Result<(), LowerError> {
        let kv = self.plan.kv;
        let heads = self.plan.heads;
        let (keys, values) = self.kv[rope.layer as usize];
        let splits = kv.capacity.div_ceil(SPLIT);
        let parts = match self.parts {
            Some(buffer) => buffer,
            None => {
                let bytes = u64::from(heads) * u64::from(splits) * u64::from(kv.head_size + 2) * 4;
                let buffer = self.buffer("attention splits", bytes, BufferClass::Activation);
                self.parts = Some(buffer);
                buffer
            }
        };
        let params = kernels::attn_decode::Params {
            heads,
            kv_heads: kv.kv_heads,
            head_size: kv.head_size,
            rotated: self.rotated(rope.table),
            q_offset: rope.q.offset,
            k_offset: rope.k.offset,
            v_offset: rope.v.offset,
            splits,
            scale: 1.0 / (kv.head_size as f32).sqrt(),
            window: window(attention.reach),
        };
        let [k, v] = self.kv_pieces();
        calls.push(Call {
            kernel: &kernels::attn_decode::KERNEL,
            variant: Variant::of(&[self.rope_piece(), k, v]),
            params: params.words(),
            binds: vec![
                Bind { binding: 4, buffer: self.qkv(rope)? },
                Bind { binding: 5, buffer: keys },
                Bind { binding: 6, buffer: values },
                Bind { binding: 7, buffer: self.rotation(rope.table)? },
                Bind { binding: 8, buffer: parts },
            ],
            grid: [Extent::Fixed(heads), Extent::Fixed(splits)],
            label: format!("layer {}", rope.layer),
        });
        let params = kernels::attn_merge::Params {
            head_size: kv.head_size,
            splits,
            out_offset: attention.out.offset,
            window: window(attention.reach),
        };
        let out = self.activation(attention.out.activation);
        calls.push(Call {
            kernel: &kernels::attn_merge::KERNEL,
            variant: Variant::default(),
            params: params.words(),
            binds: vec![Bind { binding: 4, buffer: parts }, Bind { binding: 8, buffer: out }],
            grid: [Extent::Fixed(heads), Extent::Fixed(1)],
            label: format!("layer {}", attention.layer),
        });
        Ok(())
    }
}

/// Positions up to its own that a token sees.
fn window(reach: Reach) -> u32 {
    match reach {
        Reach::Window(window) => window,
        Reach::Past | Reach::All => u32::MAX,
    }
}
