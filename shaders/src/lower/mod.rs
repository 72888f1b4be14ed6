//! Turns a plan into kernel calls.
//!
//! A step of one token (decode) and a step of several (prefill) share buffers and constants. Matrices of one input
//! and one format that stand one behind the other are stacked into one constant, and a constant over the device's
//! binding limit is cut into shards by rows.

mod attention;
mod constants;
mod linears;
mod norms;

use azulejo_plan::{ActivationId, Constant, Gate, KvType, Op, Part, Plan, Row, TensorId, View};
use azulejo_quant::{BlockFormat, PlaneLayout, QuantError, UNIT};

use crate::kernel::{Kernel, Variant};
use crate::kernels;
use crate::program::{Bind, Buffer, BufferClass, Call, Extent, Limits, Program};

/// Invocations of a workgroup, in every kernel (`lib/group.wesl`).
const WG: u32 = 64;
/// Positions of a split of a decoded token's attention (`lib/split.wesl`).
const SPLIT: u32 = 256;
/// Rows and tokens of a tile of `gemm`.
const TILE: u32 = 32;
/// Logits of a chunk of `argmax`.
const ARGMAX_CHUNK: u32 = 1024;
/// The largest head that the attention kernels have room for.
const MAX_HEAD_SIZE: u32 = 512;

/// Why a plan can't be lowered.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// A head that the attention kernels can't hold.
    #[error("heads of {head_size} elements are not supported; they must be even and at most {MAX_HEAD_SIZE}")]
    HeadSize {
        /// The size.
        head_size: u32,
    },
    /// Heads that can't be grouped.
    #[error("{heads} query heads can't share {kv_heads} key heads evenly")]
    Heads {
        /// Query heads.
        heads: u32,
        /// Heads of keys and values.
        kv_heads: u32,
    },
    /// A row of a matrix alone is over the limit.
    #[error("one row of tensor '{tensor}' takes more than the {limit} bytes that this device can bind")]
    RowOverLimit {
        /// The tensor.
        tensor: String,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The cache of one layer is over the limit.
    #[error(
        "the KV cache of one layer takes {bytes} bytes at {capacity} positions, and this device binds at most {limit}; choose a smaller context (-c)"
    )]
    KvOverLimit {
        /// Bytes of the keys (or values) of a layer.
        bytes: u64,
        /// Positions.
        capacity: u32,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The plan asks for something that no kernel does.
    #[error("no kernel does {0}")]
    Unsupported(&'static str),
    /// A shape that its block format can't have.
    #[error("tensor '{tensor}': {source}")]
    Shape {
        /// The tensor.
        tensor: String,
        /// Why.
        source: QuantError,
    },
}

/// Lowers a plan for a device of these limits.
pub fn lower(plan: &Plan, limits: Limits) -> Result<Program, LowerError> {
    let kv = plan.kv;
    if !kv.head_size.is_multiple_of(2) || kv.head_size > MAX_HEAD_SIZE || kv.head_size == 0 {
        return Err(LowerError::HeadSize { head_size: kv.head_size });
    }
    if kv.kv_heads == 0 || !plan.heads.is_multiple_of(kv.kv_heads) {
        return Err(LowerError::Heads { heads: plan.heads, kv_heads: kv.kv_heads });
    }
    let mut lowering = Lowering::new(plan, limits)?;
    let decode = lowering.ops(&plan.body, Phase::Decode)?;
    let prefill = lowering.ops(&plan.body, Phase::Prefill)?;
    let head_one = lowering.ops(&plan.head, Phase::Head)?;
    let head_all = if plan.output_rows > 1 { lowering.ops(&plan.head, Phase::Prefill)? } else { Vec::new() };
    let choose = lowering.argmax();
    let logits = lowering.activation(plan.logits.activation);
    let of_tokens = decode.iter().filter(|call| {
        let by_position = ["row_position", "row_fixed"].iter().any(|piece| call.variant.has(piece));
        call.kernel.name == "embed" && !by_position
    });
    let vocabulary = of_tokens.map(|call| {
        let params = kernels::embed::Params::of(call);
        params.first_row + params.rows
    });
    Ok(Program {
        vocabulary: vocabulary.max().ok_or(LowerError::Unsupported("a body without an embedding"))?,
        chunk: plan.chunk,
        capacity: kv.capacity,
        output_rows: plan.output_rows,
        logits_width: plan.logits.width,
        tokens: lowering.tokens,
        texts: lowering.texts,
        logits,
        logits_stride: lowering.stride(plan.logits),
        buffers: lowering.buffers,
        constants: lowering.constants,
        constant_buffers: lowering.constant_buffers,
        prefill,
        decode,
        head_one,
        head_all,
        choose,
    })
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// The tokens of a chunk.
    Prefill,
    /// One token, in row 0.
    Decode,
    /// One row of a chunk, `run.row`.
    Head,
}

/// Some rows of a stack of matrices, in one constant.
struct Shard {
    constant: usize,
    /// From the top: the part, its first row here, rows.
    pieces: Vec<(usize, u64, u64)>,
}

struct Lowering<'p> {
    plan: &'p Plan,
    limits: Limits,
    buffers: Vec<Buffer>,
    constants: Vec<Constant>,
    constant_buffers: Vec<(usize, Option<usize>)>,
    activations: Vec<Option<usize>>,
    /// Keys and values of each layer.
    kv: Vec<(usize, usize)>,
    tokens: usize,
    parts: Option<usize>,
    texts: Option<usize>,
    /// Activations that the head has written for one token, to row 0.
    of_one: Vec<ActivationId>,
}

impl<'p> Lowering<'p> {
    fn new(plan: &'p Plan, limits: Limits) -> Result<Self, LowerError> {
        let mut lowering = Self {
            plan,
            limits,
            buffers: Vec::new(),
            constants: Vec::new(),
            constant_buffers: Vec::new(),
            activations: vec![None; plan.activations.len()],
            kv: Vec::new(),
            tokens: 0,
            parts: None,
            texts: None,
            of_one: Vec::new(),
        };
        lowering.tokens = lowering.buffer("tokens", u64::from(plan.chunk) * 4, BufferClass::Activation);
        let elements = u64::from(plan.kv.capacity) * u64::from(plan.kv.width());
        for layer in 0..plan.kv.layers {
            let mut one = |name: &str, kind: KvType| {
                let bytes = kind.bytes(elements);
                if bytes > limits.binding_bytes {
                    let (capacity, limit) = (plan.kv.capacity, limits.binding_bytes);
                    return Err(LowerError::KvOverLimit { bytes, capacity, limit });
                }
                Ok(lowering.buffer(&format!("{name} {layer}"), bytes, BufferClass::Kv))
            };
            let pair = (one("keys", plan.kv.k)?, one("values", plan.kv.v)?);
            lowering.kv.push(pair);
        }
        Ok(lowering)
    }

    fn buffer(&mut self, label: &str, bytes: u64, class: BufferClass) -> usize {
        let bytes = bytes.next_multiple_of(16).max(16);
        self.buffers.push(Buffer { label: label.to_owned(), bytes, class });
        self.buffers.len() - 1
    }

    /// The buffer of texts' spans.
    fn texts(&mut self) -> usize {
        if let Some(buffer) = self.texts {
            return buffer;
        }
        let buffer = self.buffer("texts", u64::from(self.plan.chunk) * 8, BufferClass::Activation);
        self.texts = Some(buffer);
        buffer
    }

    fn activation(&mut self, id: ActivationId) -> usize {
        if let Some(buffer) = self.activations[id.0 as usize] {
            return buffer;
        }
        let activation = self.plan.activation(id);
        let rows = if activation.per_output { self.plan.output_rows } else { self.plan.chunk };
        let bytes = u64::from(rows) * u64::from(padded(activation.width)) * 4;
        let buffer = self.buffer(&activation.name, bytes, BufferClass::Activation);
        self.activations[id.0 as usize] = Some(buffer);
        buffer
    }

    fn stride(&self, view: View) -> u32 {
        padded(self.plan.activation(view.activation).width)
    }

    fn ops(&mut self, ops: &[Op], phase: Phase) -> Result<Vec<Call>, LowerError> {
        let mut calls = Vec::new();
        for op in ops {
            self.op(op, phase, &mut calls)?;
            let is_of_one = |view: &View| self.of_one.contains(&view.activation);
            if phase == Phase::Head && (matches!(op, Op::Linears(_)) || op.reads().iter().any(is_of_one)) {
                self.of_one.extend(op.writes().iter().map(|view| view.activation));
            }
        }
        Ok(calls)
    }

    fn op(&mut self, op: &Op, phase: Phase, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        match op {
            Op::Embed { table, row, scale, out } => self.embed(*table, *row, *scale, *out, calls),
            Op::RmsNorm { x, norm } => self.rms_norm(*x, norm, calls),
            Op::LayerNorm(norm) => self.layer_norm(norm, calls),
            Op::GroupNorm(norm) => self.group_norm(norm, calls),
            Op::Map { x, map } => {
                self.map(*x, *map, calls);
                Ok(())
            }
            Op::Linears(linears) if phase == Phase::Prefill => self.gemm(linears, calls),
            Op::Linears(linears) => self.gemv(linears, phase, calls),
            Op::RopeKv(rope) => self.rope_kv(rope, calls),
            Op::Attention(attention) => self.attn(attention, calls),
            Op::RopeKvAttention(rope, attention) if phase == Phase::Prefill => {
                self.rope_kv(rope, calls)?;
                self.attn(attention, calls)
            }
            Op::RopeKvAttention(rope, attention) => self.attn_decode(rope, attention, calls),
            Op::Add { a, b, out } => self.add(*a, *b, *out, calls),
            Op::Glu { gate, x, up, out } => self.glu(*gate, [*x, *up], *out, calls),
        }
    }

    fn embed(
        &mut self,
        table: TensorId,
        row: Row,
        scale: f32,
        out: View,
        calls: &mut Vec<Call>,
    ) -> Result<(), LowerError> {
        if out.offset != 0 {
            return Err(LowerError::Unsupported("an embedding into some columns"));
        }
        let part = Part { weight: table, bias: None, out };
        let out_buffer = self.activation(out.activation);
        let label = self.plan.tensor(table).name.clone();
        for shard in self.stack(&[part])? {
            let (units_per_row, units) = self.units(shard.constant);
            let (_, first_row, rows) = shard.pieces[0];
            let params = kernels::embed::Params {
                units_per_row,
                units,
                first_row: first_row as u32,
                rows: rows as u32,
                out_stride: self.stride(out),
                base: match row {
                    Row::Token => 0,
                    Row::Position(base) | Row::Fixed(base) => base,
                },
                scale,
            };
            let mut pieces = vec![self.block(shard.constant)];
            let mut binds = self.matrix(shard.constant);
            match row {
                Row::Token => binds.push(Bind { binding: 4, buffer: self.tokens }),
                Row::Position(_) => {
                    pieces.push("row_position");
                    binds.push(Bind { binding: 4, buffer: self.texts() });
                }
                Row::Fixed(_) => pieces.push("row_fixed"),
            }
            binds.push(Bind { binding: 8, buffer: out_buffer });
            calls.push(Call {
                kernel: &kernels::embed::KERNEL,
                variant: Variant::of(&pieces),
                params: params.words(),
                binds,
                grid: [Extent::Fixed(units_per_row.div_ceil(WG)), Extent::Tokens(1)],
                label: label.clone(),
            });
        }
        Ok(())
    }

    fn add(&mut self, a: View, b: View, out: View, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let params = kernels::add::Params {
            cols: out.width,
            a_stride: self.stride(a),
            a_offset: a.offset,
            b_stride: self.stride(b),
            b_offset: b.offset,
            out_stride: self.stride(out),
            out_offset: out.offset,
        };
        let mut binds = vec![Bind { binding: 4, buffer: self.activation(b.activation) }];
        let piece = if a == out {
            "out_accumulate"
        } else {
            binds.push(Bind { binding: 7, buffer: self.activation(a.activation) });
            "out_add"
        };
        binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
        calls.push(Call {
            kernel: &kernels::add::KERNEL,
            variant: Variant::of(&[piece]),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(out.width.div_ceil(WG)), Extent::Tokens(1)],
            label: self.plan.activation(out.activation).name.clone(),
        });
        Ok(())
    }

    fn glu(
        &mut self,
        gate: Gate,
        [x, up]: [View; 2],
        out: View,
        calls: &mut Vec<Call>,
    ) -> Result<(), LowerError> {
        if x.activation != up.activation {
            return Err(LowerError::Unsupported("a gate over two activations"));
        }
        let params = kernels::glu::Params {
            cols: out.width,
            stride: self.stride(x),
            gate_offset: x.offset,
            up_offset: up.offset,
            out_stride: self.stride(out),
            out_offset: out.offset,
        };
        let binds = vec![
            Bind { binding: 4, buffer: self.activation(x.activation) },
            Bind { binding: 8, buffer: self.activation(out.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::glu::KERNEL,
            variant: Variant::of(&[gate_piece(gate)]),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(out.width.div_ceil(WG)), Extent::Tokens(1)],
            label: self.plan.activation(out.activation).name.clone(),
        });
        Ok(())
    }

    fn argmax(&mut self) -> Vec<Call> {
        let count = self.plan.logits.width;
        let chunks = count.div_ceil(ARGMAX_CHUNK);
        let logits = self.activation(self.plan.logits.activation);
        let best = self.buffer("argmax chunks", u64::from(chunks) * 8, BufferClass::Activation);
        let call = |kernel: &'static Kernel, params, from, to, groups| Call {
            kernel,
            variant: Variant::default(),
            params,
            binds: vec![Bind { binding: 4, buffer: from }, Bind { binding: 8, buffer: to }],
            grid: [Extent::Fixed(groups), Extent::Fixed(1)],
            label: "logits".to_owned(),
        };
        vec![
            call(&kernels::argmax::KERNEL, kernels::argmax::Params { count }.words(), logits, best, chunks),
            call(
                &kernels::argmax_merge::KERNEL,
                kernels::argmax_merge::Params { count: chunks }.words(),
                best,
                self.tokens,
                1,
            ),
        ]
    }
}

fn gate_piece(gate: Gate) -> &'static str {
    match gate {
        Gate::Silu => "gate_silu",
        Gate::Gelu => "gate_gelu",
    }
}

fn padded(width: u32) -> u32 {
    width.next_multiple_of(UNIT as u32)
}

fn layout(format: BlockFormat, rows: u64, cols: u64, tensor: &str) -> Result<PlaneLayout, LowerError> {
    PlaneLayout::new(format, rows as usize, cols as usize)
        .map_err(|source| LowerError::Shape { tensor: tensor.to_owned(), source })
}
