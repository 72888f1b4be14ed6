//! Turns a plan into kernel calls.
//!
//! A step of one token (decode) and a step of several (prefill) share buffers and constants. Matrices of one input
//! and one format that stand one behind the other are stacked into one constant, and a constant over the device's
//! binding limit is cut into shards by rows.

use azulejo_plan::{
    ActivationId, Attention, Constant, KvType, Linears, Norm, Op, Part, Piece, Plan, RopeKv, RopeLayout,
    TensorId, Then, View,
};
use azulejo_quant::{BlockFormat, PlaneLayout, QuantError, UNIT};

use crate::kernel::{Kernel, Variant, block_piece};
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
    if kv.head_size % 2 != 0 || kv.head_size > MAX_HEAD_SIZE || kv.head_size == 0 {
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
    Ok(Program {
        tokens: lowering.tokens,
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
        };
        lowering.tokens = lowering.buffer("tokens", u64::from(plan.chunk) * 4, BufferClass::Activation);
        let elements = u64::from(plan.kv.capacity) * u64::from(plan.kv.width());
        for layer in 0..plan.kv.layers {
            let mut one = |name: &str, kind: KvType| {
                let bytes = elements * kind.bytes();
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

    /// Finds the constant, or makes it and its buffers.
    fn constant(&mut self, constant: Constant) -> Result<usize, LowerError> {
        if let Some(at) = self.constants.iter().position(|c| *c == constant) {
            return Ok(at);
        }
        let label = constant.label(self.plan);
        let buffers = match &constant {
            Constant::Matrix { format, cols, .. } => {
                let layout = layout(*format, constant.rows(), *cols, &label)?;
                let quants = self.buffer(&label, layout.quants_bytes, BufferClass::Constant);
                let aux = self.buffer(&format!("{label} (aux)"), layout.aux_bytes, BufferClass::Constant);
                (quants, Some(aux))
            }
            Constant::Vector { .. } => {
                let bytes = constant.rows().next_multiple_of(UNIT as u64) * 4;
                (self.buffer(&label, bytes, BufferClass::Constant), None)
            }
            Constant::Rope { table } => {
                let pairs = self.plan.rope_tables[*table as usize].inverse_frequencies.len() as u64;
                let bytes = u64::from(self.plan.kv.capacity) * pairs * 8;
                (self.buffer(&label, bytes, BufferClass::Constant), None)
            }
        };
        self.constants.push(constant);
        self.constant_buffers.push(buffers);
        Ok(self.constants.len() - 1)
    }

    fn vector(&mut self, tensor: TensorId) -> Result<usize, LowerError> {
        let rows = self.plan.tensor(tensor).cols;
        let constant =
            self.constant(Constant::Vector { pieces: vec![Piece { tensor: Some(tensor), first: 0, rows }] })?;
        Ok(self.constant_buffers[constant].0)
    }

    /// The biases of parts, one behind the other, zeros where a part has none; nothing if none has.
    fn biases(&mut self, parts: &[Part]) -> Result<Option<usize>, LowerError> {
        if parts.iter().all(|p| p.bias.is_none()) {
            return Ok(None);
        }
        let rows = |p: &Part| self.plan.tensor(p.weight).rows;
        let pieces = parts.iter().map(|p| Piece { tensor: p.bias, first: 0, rows: rows(p) }).collect();
        let constant = self.constant(Constant::Vector { pieces })?;
        Ok(Some(self.constant_buffers[constant].0))
    }

    /// The most rows of a matrix that one binding takes, a multiple of 32 so that pieces begin on whole words.
    fn rows_per_shard(&self, tensor: TensorId) -> Result<u64, LowerError> {
        let tensor = self.plan.tensor(tensor);
        let rows = 32;
        let layout = layout(tensor.format, rows, tensor.cols, &tensor.name)?;
        let most = self.limits.binding_bytes / layout.quants_bytes.max(layout.aux_bytes) * rows;
        if most == 0 {
            return Err(LowerError::RowOverLimit {
                tensor: tensor.name.clone(),
                limit: self.limits.binding_bytes,
            });
        }
        Ok(most)
    }

    /// The constants of parts stacked from the top, cut where they are over the limit.
    fn stack(&mut self, parts: &[Part]) -> Result<Vec<Shard>, LowerError> {
        let most = self.rows_per_shard(parts[0].weight)?;
        let mut cuts: Vec<Vec<(usize, u64, u64)>> = Vec::new();
        let mut room = 0;
        for (i, part) in parts.iter().enumerate() {
            let rows = self.plan.tensor(part.weight).rows;
            let mut first = 0;
            while first < rows {
                if room == 0 {
                    cuts.push(Vec::new());
                    room = most;
                }
                let taken = room.min(rows - first);
                if let Some(last) = cuts.last_mut() {
                    last.push((i, first, taken));
                }
                first += taken;
                room -= taken;
            }
        }
        cuts.into_iter().map(|pieces| self.shard(parts, pieces)).collect()
    }

    /// The constants of two parts of equal height, each shard with the same rows of both.
    fn paired(&mut self, parts: &[Part]) -> Result<Vec<Shard>, LowerError> {
        let rows = self.plan.tensor(parts[0].weight).rows;
        let most = (self.rows_per_shard(parts[0].weight)? / 2).next_multiple_of(32).max(32);
        let mut shards = Vec::new();
        let mut first = 0;
        while first < rows {
            let taken = most.min(rows - first);
            shards.push(self.shard(parts, vec![(0, first, taken), (1, first, taken)])?);
            first += taken;
        }
        Ok(shards)
    }

    fn shard(&mut self, parts: &[Part], pieces: Vec<(usize, u64, u64)>) -> Result<Shard, LowerError> {
        let of = self.plan.tensor(parts[0].weight);
        let constant = self.constant(Constant::Matrix {
            format: of.format,
            cols: of.cols,
            pieces: pieces
                .iter()
                .map(|&(part, first, rows)| Piece { tensor: Some(parts[part].weight), first, rows })
                .collect(),
        })?;
        Ok(Shard { constant, pieces })
    }

    /// True if the parts can stand in one constant and their products in one run of columns.
    fn stackable(&self, a: &Part, b: &Part) -> bool {
        let (ta, tb) = (self.plan.tensor(a.weight), self.plan.tensor(b.weight));
        ta.format == tb.format
            && ta.rows.is_multiple_of(8)
            && tb.rows.is_multiple_of(8)
            && a.out.activation == b.out.activation
            && a.out.offset + a.out.width == b.out.offset
    }

    fn ops(&mut self, ops: &[Op], phase: Phase) -> Result<Vec<Call>, LowerError> {
        let mut calls = Vec::new();
        for op in ops {
            self.op(op, phase, &mut calls)?;
        }
        Ok(calls)
    }

    fn op(&mut self, op: &Op, phase: Phase, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        match op {
            Op::Embed { table, out } => self.embed(*table, *out, calls),
            Op::RmsNorm { x, norm } => self.rms_norm(*x, norm, calls),
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
            Op::SwiGlu { gate, up, out } => self.swiglu(*gate, *up, *out, calls),
            Op::Argmax { .. } => Err(LowerError::Unsupported("argmax within a body")),
        }
    }

    fn embed(&mut self, table: TensorId, out: View, calls: &mut Vec<Call>) -> Result<(), LowerError> {
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
            };
            let mut binds = self.matrix(shard.constant);
            binds.push(Bind { binding: 4, buffer: self.tokens });
            binds.push(Bind { binding: 8, buffer: out_buffer });
            calls.push(Call {
                kernel: &kernels::embed::KERNEL,
                variant: Variant::of(&[self.block(shard.constant)]),
                params: params.words(),
                binds,
                grid: [Extent::Fixed(units_per_row.div_ceil(WG)), Extent::Tokens(1)],
                label: label.clone(),
            });
        }
        Ok(())
    }

    fn rms_norm(&mut self, x: View, norm: &Norm, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        if x.offset != 0 || norm.out.offset != 0 {
            return Err(LowerError::Unsupported("a norm of some columns"));
        }
        let params = kernels::rms_norm::Params {
            cols: x.width,
            x_stride: self.stride(x),
            out_stride: self.stride(norm.out),
            eps: norm.eps,
        };
        let binds = vec![
            Bind { binding: 4, buffer: self.activation(x.activation) },
            Bind { binding: 5, buffer: self.vector(norm.weight)? },
            Bind { binding: 8, buffer: self.activation(norm.out.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::rms_norm::KERNEL,
            variant: Variant::default(),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(1), Extent::Tokens(1)],
            label: self.plan.tensor(norm.weight).name.clone(),
        });
        Ok(())
    }

    /// Runs of parts that are stacked.
    fn stacks<'l>(&self, linears: &'l Linears) -> Vec<&'l [Part]> {
        linears.parts.chunk_by(|a, b| self.stackable(a, b)).collect()
    }

    fn gemv(&mut self, linears: &Linears, phase: Phase, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let x = linears.x;
        if x.offset != 0 {
            return Err(LowerError::Unsupported("a product of some columns"));
        }
        if let Then::SwiGlu { out } = linears.then {
            let [gate, up] = &linears.parts[..] else {
                return Err(LowerError::Unsupported("a gate of other than two halves"));
            };
            if phase == Phase::Decode && self.stackable(gate, up) {
                return self.gemv_swiglu(linears, out, calls);
            }
        }
        for parts in self.stacks(linears) {
            let bias = self.biases(parts)?;
            let mut bias_offset = 0;
            for shard in self.stack(parts)? {
                let (units_per_row, units) = self.units(shard.constant);
                let (part, first, _) = shard.pieces[0];
                let rows = self.constants[shard.constant].rows() as u32;
                let mut pieces = vec![self.block(shard.constant)];
                let mut binds = self.matrix(shard.constant);
                binds.push(Bind { binding: 4, buffer: self.activation(x.activation) });
                self.input(linears, &mut pieces, &mut binds)?;
                if let Some(buffer) = bias {
                    pieces.push("bias_add");
                    binds.push(Bind { binding: 6, buffer });
                }
                let (out, residual) = self.output(linears, &parts[part], &mut pieces, &mut binds);
                let params = kernels::gemv::Params {
                    cols: x.width,
                    rows,
                    units_per_row,
                    units,
                    x_stride: self.stride(x),
                    x_row: u32::from(phase == Phase::Head),
                    out_offset: out.offset + first as u32,
                    residual_offset: residual.offset + first as u32,
                    bias_offset,
                    eps: linears.norm.map_or(0.0, |n| n.eps),
                };
                bias_offset += rows;
                let (variant, grid) = kernels::gemv::shape(pieces, rows, self.limits.is_narrow);
                calls.push(Call {
                    kernel: &kernels::gemv::KERNEL,
                    variant,
                    params: params.words(),
                    binds,
                    grid,
                    label: self.constants[shard.constant].label(self.plan),
                });
            }
        }
        match linears.then {
            Then::SwiGlu { out } => self.swiglu(linears.parts[0].out, linears.parts[1].out, out, calls),
            _ => Ok(()),
        }
    }

    fn gemv_swiglu(&mut self, linears: &Linears, out: View, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        let parts = &linears.parts;
        let height = self.plan.tensor(parts[0].weight).rows as u32;
        let bias = self.biases(parts)?;
        for shard in self.paired(parts)? {
            let (units_per_row, units) = self.units(shard.constant);
            let (_, first, rows) = shard.pieces[0];
            let mut pieces = vec![self.block(shard.constant)];
            let mut binds = self.matrix(shard.constant);
            binds.push(Bind { binding: 4, buffer: self.activation(linears.x.activation) });
            self.input(linears, &mut pieces, &mut binds)?;
            if let Some(buffer) = bias {
                pieces.push("bias_add");
                binds.push(Bind { binding: 6, buffer });
            }
            binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
            let params = kernels::gemv_swiglu::Params {
                cols: linears.x.width,
                rows: rows as u32,
                units_per_row,
                units,
                out_offset: out.offset + first as u32,
                gate_bias_offset: first as u32,
                up_bias_offset: height + first as u32,
                eps: linears.norm.map_or(0.0, |n| n.eps),
            };
            let (variant, grid) = kernels::gemv_swiglu::shape(pieces, rows as u32, self.limits.is_narrow);
            calls.push(Call {
                kernel: &kernels::gemv_swiglu::KERNEL,
                variant,
                params: params.words(),
                binds,
                grid,
                label: self.constants[shard.constant].label(self.plan),
            });
        }
        Ok(())
    }

    fn gemm(&mut self, linears: &Linears, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        if let Some(norm) = &linears.norm {
            self.rms_norm(linears.x, norm, calls)?;
        }
        let x = linears.input();
        if x.offset != 0 {
            return Err(LowerError::Unsupported("a product of some columns"));
        }
        // The constants are those of a decoded token, whichever way it stacked them.
        let paired = matches!(linears.then, Then::SwiGlu { .. })
            && linears.parts.len() == 2
            && self.stackable(&linears.parts[0], &linears.parts[1]);
        for parts in self.stacks(linears) {
            let bias = self.biases(parts)?;
            let shards = if paired { self.paired(parts)? } else { self.stack(parts)? };
            for shard in shards {
                let (units_per_row, units) = self.units(shard.constant);
                let mut above = 0;
                // Pieces whose products stand in one run of columns are one call.
                let of = |p: &(usize, u64, u64)| u64::from(parts[p.0].out.offset) + p.1;
                for run in shard.pieces.chunk_by(|a, b| of(a) + a.2 == of(b)) {
                    let rows: u64 = run.iter().map(|p| p.2).sum();
                    let (part, first, _) = run[0];
                    let before: u64 = parts[..part].iter().map(|p| self.plan.tensor(p.weight).rows).sum();
                    let mut pieces = vec![self.block(shard.constant)];
                    let mut binds = self.matrix(shard.constant);
                    binds.push(Bind { binding: 4, buffer: self.activation(x.activation) });
                    if let Some(buffer) = bias {
                        pieces.push("bias_add");
                        binds.push(Bind { binding: 6, buffer });
                    }
                    let (out, residual) = self.output(linears, &parts[part], &mut pieces, &mut binds);
                    let params = kernels::gemm::Params {
                        rows: rows as u32,
                        units_per_row,
                        units,
                        first_row: above as u32,
                        x_stride: self.stride(x),
                        out_stride: self.stride(out),
                        out_offset: out.offset + first as u32,
                        residual_stride: self.stride(residual),
                        residual_offset: residual.offset + first as u32,
                        bias_offset: (before + first) as u32,
                    };
                    above += rows;
                    let (kernel, variant, grid) = self.gemm_shape(pieces, rows as u32);
                    calls.push(Call {
                        kernel,
                        variant,
                        params: params.words(),
                        binds,
                        grid,
                        label: self.constants[shard.constant].label(self.plan),
                    });
                }
            }
        }
        match linears.then {
            Then::SwiGlu { out } => self.swiglu(linears.parts[0].out, linears.parts[1].out, out, calls),
            _ => Ok(()),
        }
    }

    /// The kernel of a matrix and many tokens, and its grid over `rows` rows.
    fn gemm_shape(&self, pieces: Vec<&'static str>, rows: u32) -> (&'static Kernel, Variant, [Extent; 2]) {
        if self.limits.is_narrow {
            let (variant, grid) = kernels::gemm_narrow::shape(pieces, rows);
            return (&kernels::gemm_narrow::KERNEL, variant, grid);
        }
        let grid = [Extent::Fixed(rows.div_ceil(TILE)), Extent::Tokens(TILE)];
        (&kernels::gemm::KERNEL, Variant { pieces, consts: Vec::new() }, grid)
    }

    /// The norm in front of a `gemv`.
    fn input(
        &mut self,
        linears: &Linears,
        pieces: &mut Vec<&'static str>,
        binds: &mut Vec<Bind>,
    ) -> Result<(), LowerError> {
        match linears.norm {
            Some(norm) => {
                pieces.push("input_norm");
                binds.push(Bind { binding: 5, buffer: self.vector(norm.weight)? });
            }
            None => pieces.push("input_plain"),
        }
        Ok(())
    }

    /// Where the products of a part go: the output, and the residual (the output where there is none).
    fn output(
        &mut self,
        linears: &Linears,
        part: &Part,
        pieces: &mut Vec<&'static str>,
        binds: &mut Vec<Bind>,
    ) -> (View, View) {
        let (out, residual) = match linears.then {
            Then::Add { residual, out } => (out, residual),
            _ => (part.out, part.out),
        };
        match linears.then {
            Then::Add { residual, out } if residual == out => pieces.push("out_accumulate"),
            Then::Add { residual, .. } => {
                pieces.push("out_add");
                binds.push(Bind { binding: 7, buffer: self.activation(residual.activation) });
            }
            _ => pieces.push("out_store"),
        }
        binds.push(Bind { binding: 8, buffer: self.activation(out.activation) });
        (out, residual)
    }

    fn matrix(&self, constant: usize) -> Vec<Bind> {
        let (quants, aux) = self.constant_buffers[constant];
        let mut binds = vec![Bind { binding: 2, buffer: quants }];
        binds.extend(aux.map(|buffer| Bind { binding: 3, buffer }));
        binds
    }

    fn block(&self, constant: usize) -> &'static str {
        match &self.constants[constant] {
            Constant::Matrix { format, .. } => block_piece(*format),
            _ => block_piece(BlockFormat::F32),
        }
    }

    /// Units of a row and of the whole matrix.
    fn units(&self, constant: usize) -> (u32, u32) {
        match &self.constants[constant] {
            Constant::Matrix { cols, .. } => {
                let per_row = cols.div_ceil(UNIT as u64);
                (per_row as u32, (per_row * self.constants[constant].rows()) as u32)
            }
            _ => (0, 0),
        }
    }

    fn rotated(&self, table: u32) -> u32 {
        2 * self.plan.rope_tables[table as usize].inverse_frequencies.len() as u32
    }

    fn rotation(&mut self, table: u32) -> Result<usize, LowerError> {
        let constant = self.constant(Constant::Rope { table })?;
        Ok(self.constant_buffers[constant].0)
    }

    fn kv_pieces(&self) -> [&'static str; 2] {
        let k = match self.plan.kv.k {
            KvType::F16 => "kcache_f16",
            KvType::F32 => "kcache_f32",
        };
        let v = match self.plan.kv.v {
            KvType::F16 => "vcache_f16",
            KvType::F32 => "vcache_f32",
        };
        [k, v]
    }

    fn rope_piece(&self) -> &'static str {
        match self.plan.rope_layout {
            RopeLayout::Interleaved => "rope_interleaved",
            RopeLayout::HalfSplit => "rope_split",
        }
    }

    fn rope_kv(&mut self, rope: &RopeKv, calls: &mut Vec<Call>) -> Result<(), LowerError> {
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
    fn qkv(&mut self, rope: &RopeKv) -> Result<usize, LowerError> {
        if rope.q.activation != rope.k.activation || rope.q.activation != rope.v.activation {
            return Err(LowerError::Unsupported("rope of queries, keys and values in several activations"));
        }
        Ok(self.activation(rope.q.activation))
    }

    fn attn(&mut self, attention: &Attention, calls: &mut Vec<Call>) -> Result<(), LowerError> {
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
        };
        let binds = vec![
            Bind { binding: 4, buffer: self.activation(attention.q.activation) },
            Bind { binding: 5, buffer: keys },
            Bind { binding: 6, buffer: values },
            Bind { binding: 8, buffer: self.activation(attention.out.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::attn::KERNEL,
            variant: Variant::of(&self.kv_pieces()),
            params: params.words(),
            binds,
            grid: [Extent::Fixed(self.plan.heads), Extent::Tokens(1)],
            label: format!("layer {}", attention.layer),
        });
        Ok(())
    }

    fn attn_decode(
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
        let params =
            kernels::attn_merge::Params { head_size: kv.head_size, splits, out_offset: attention.out.offset };
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

    fn swiglu(&mut self, gate: View, up: View, out: View, calls: &mut Vec<Call>) -> Result<(), LowerError> {
        if gate.activation != up.activation {
            return Err(LowerError::Unsupported("a gate over two activations"));
        }
        let params = kernels::swiglu::Params {
            cols: out.width,
            stride: self.stride(gate),
            gate_offset: gate.offset,
            up_offset: up.offset,
            out_stride: self.stride(out),
            out_offset: out.offset,
        };
        let binds = vec![
            Bind { binding: 4, buffer: self.activation(gate.activation) },
            Bind { binding: 8, buffer: self.activation(out.activation) },
        ];
        calls.push(Call {
            kernel: &kernels::swiglu::KERNEL,
            variant: Variant::default(),
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

fn padded(width: u32) -> u32 {
    width.next_multiple_of(UNIT as u32)
}

fn layout(format: BlockFormat, rows: u64, cols: u64, tensor: &str) -> Result<PlaneLayout, LowerError> {
    PlaneLayout::new(format, rows as usize, cols as usize)
        .map_err(|source| LowerError::Shape { tensor: tensor.to_owned(), source })
}
