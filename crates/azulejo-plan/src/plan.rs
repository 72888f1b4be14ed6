//! The plan and its builder.

use azulejo_quant::BlockFormat;

use crate::{Attention, Gate, Linears, Norm, Op, Part, Reach, RopeKv, Row, Then};

/// A weight of the plan, by its place in [`Plan::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub u32);

/// An activation of the plan, by its place in [`Plan::activations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActivationId(pub u32);

/// A weight in the model's file.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name in the file.
    pub name: String,
    /// Its block format in the file.
    pub format: BlockFormat,
    /// Rows; 1 for a vector.
    pub rows: u64,
    /// Columns.
    pub cols: u64,
    /// What is done to its weights while it is loaded; vectors alone have any.
    pub change: Change,
}

/// What is done to a weight while it is loaded: `(weight + plus) * times`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The summand.
    pub plus: f32,
    /// The factor.
    pub times: f32,
}

impl Change {
    /// Nothing.
    pub const NONE: Change = Change { plus: 0.0, times: 1.0 };

    /// Does it.
    pub fn apply(self, weights: &mut [f32]) {
        if self != Self::NONE {
            weights.iter_mut().for_each(|weight| *weight = (*weight + self.plus) * self.times);
        }
    }
}

/// Rows of f32 that ops write and read.
#[derive(Clone, Debug, PartialEq)]
pub struct Activation {
    /// A word for traces.
    pub name: String,
    /// Columns.
    pub width: u32,
    /// True for the logits, which have a row for each token that an output is wanted of.
    pub per_output: bool,
}

/// Some columns of an activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The activation.
    pub activation: ActivationId,
    /// The first column.
    pub offset: u32,
    /// The number of columns.
    pub width: u32,
}

impl View {
    /// True if the two have a column in common.
    pub fn overlaps(&self, other: &View) -> bool {
        self.activation == other.activation
            && self.offset < other.offset + other.width
            && other.offset < self.offset + self.width
    }
}

/// How an element of the KV cache is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvType {
    /// 16-bit floats, two in a u32.
    F16,
    /// 32-bit floats.
    F32,
    /// Blocks of 32 elements: the scale in a word (f32, the greatest magnitude over 127), then signed bytes.
    Q8_0,
    /// Blocks of 32 elements: the scale in a word (f32, the element of greatest magnitude over -8), then 4 bits an
    /// element, 8 more than the element over the scale, the first in the lowest.
    Q4_0,
}

impl KvType {
    /// All of them.
    pub const ALL: [KvType; 4] = [KvType::F16, KvType::F32, KvType::Q8_0, KvType::Q4_0];

    /// Elements that are kept together, of one head.
    pub const fn block_len(self) -> u32 {
        match self {
            KvType::F16 | KvType::F32 => 1,
            KvType::Q8_0 | KvType::Q4_0 => 32,
        }
    }

    /// Bytes of a block.
    const fn block_bytes(self) -> u64 {
        match self {
            KvType::F16 => 2,
            KvType::F32 => 4,
            KvType::Q8_0 => 4 + 32,
            KvType::Q4_0 => 4 + 16,
        }
    }

    /// Bytes of so many elements, of whole blocks.
    pub const fn bytes(self, elements: u64) -> u64 {
        elements / self.block_len() as u64 * self.block_bytes()
    }

    /// The name that the command line uses.
    pub fn name(self) -> &'static str {
        match self {
            KvType::F16 => "f16",
            KvType::F32 => "f32",
            KvType::Q8_0 => "q8_0",
            KvType::Q4_0 => "q4_0",
        }
    }

    /// The type of that name, in any case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// The shape of the KV cache: `[layers][capacity][kv_heads][head_stride]`, keys and values apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KvCache {
    /// Layers.
    pub layers: u32,
    /// Heads of keys and values.
    pub kv_heads: u32,
    /// Elements a head.
    pub head_size: u32,
    /// Positions.
    pub capacity: u32,
    /// The type of the keys.
    pub k: KvType,
    /// The type of the values.
    pub v: KvType,
}

impl KvCache {
    /// Elements from one head of this size to the next: what is loaded at once has 8, and behind the head's own are zeros.
    pub const fn head_stride(head_size: u32) -> u32 {
        head_size.next_multiple_of(8)
    }

    /// Elements of one position of one layer, in the keys or in the values.
    pub fn width(&self) -> u32 {
        self.kv_heads * Self::head_stride(self.head_size)
    }

    /// Bytes of keys and values of one position over all layers.
    pub fn bytes_per_token(&self) -> u64 {
        let width = u64::from(self.width());
        u64::from(self.layers) * (self.k.bytes(width) + self.v.bytes(width))
    }
}

/// Which elements of a head rotate together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RopeLayout {
    /// Elements 2i and 2i + 1 (GGUF's order for the Llama family).
    Interleaved,
    /// Elements i and i + rotated / 2 (Hugging Face's order; GGUF's for Qwen and others).
    HalfSplit,
}

/// A table of rotations (Su et al., 2021).
#[derive(Clone, Debug, PartialEq)]
pub struct RopeTable {
    /// Radians a position, one value a rotated pair.
    pub inverse_frequencies: Vec<f32>,
    /// What cosine and sine are multiplied by (1 but for YaRN).
    pub magnitude: f32,
}

/// What is to be computed for a token, or for a chunk of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The architecture's name.
    pub architecture: String,
    /// Weights, in the order in which they are first used.
    pub tensors: Vec<Tensor>,
    /// Activations.
    pub activations: Vec<Activation>,
    /// The KV cache.
    pub kv: KvCache,
    /// Query heads.
    pub heads: u32,
    /// Which elements rotate together.
    pub rope_layout: RopeLayout,
    /// The tables of rotations.
    pub rope_tables: Vec<RopeTable>,
    /// From token ids to the last layer's output.
    pub body: Vec<Op>,
    /// From there to the logits.
    pub head: Vec<Op>,
    /// What is read: the logits, or the hidden state in a plan that has none.
    pub logits: View,
    /// The most tokens of one step.
    pub chunk: u32,
    /// The most rows of logits of one step.
    pub output_rows: u32,
}

impl Plan {
    /// The weight of that id.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.0 as usize]
    }

    /// The activation of that id.
    pub fn activation(&self, id: ActivationId) -> &Activation {
        &self.activations[id.0 as usize]
    }

    /// True if no token sees those behind it, so that a text can be evaluated piece by piece.
    pub fn is_causal(&self) -> bool {
        let sees_all = |op: &Op| matches!(op, Op::Attention(a) if a.reach == Reach::All);
        !self.body.iter().flat_map(Op::unfused).any(|op| sees_all(&op))
    }

    /// The tokens that there are: rows of the table that they are looked up in.
    pub fn vocabulary(&self) -> u32 {
        let rows = self.body.iter().find_map(|op| match op {
            Op::Embed { table, row: Row::Token, .. } => Some(self.tensor(*table).rows),
            _ => None,
        });
        rows.unwrap_or(0) as u32
    }

    /// Weights, the embedding table's included.
    pub fn parameters(&self) -> u64 {
        self.tensors.iter().map(|t| t.rows * t.cols).sum()
    }

    /// The same plan with every fused op replaced by its parts.
    pub fn unfused(&self) -> Plan {
        let mut plan = self.clone();
        plan.body = self.body.iter().flat_map(Op::unfused).collect();
        plan.head = self.head.iter().flat_map(Op::unfused).collect();
        plan
    }
}

/// Writes a plan, op by op.
#[derive(Debug)]
pub struct PlanBuilder {
    plan: Plan,
    in_head: bool,
}

impl PlanBuilder {
    /// An empty plan.
    pub fn new(
        architecture: &str,
        heads: u32,
        kv: KvCache,
        rope_layout: RopeLayout,
        rope_tables: Vec<RopeTable>,
        chunk: u32,
        output_rows: u32,
    ) -> Self {
        let nothing = View { activation: ActivationId(0), offset: 0, width: 0 };
        Self {
            plan: Plan {
                architecture: architecture.to_owned(),
                tensors: Vec::new(),
                activations: Vec::new(),
                kv,
                heads,
                rope_layout,
                rope_tables,
                body: Vec::new(),
                head: Vec::new(),
                logits: nothing,
                chunk,
                output_rows,
            },
            in_head: false,
        }
    }

    /// Adds a weight, or finds it where it was added before (tied embeddings).
    pub fn tensor(&mut self, tensor: Tensor) -> TensorId {
        let at = self.plan.tensors.iter().position(|t| t.name == tensor.name).unwrap_or_else(|| {
            self.plan.tensors.push(tensor);
            self.plan.tensors.len() - 1
        });
        TensorId(at as u32)
    }

    /// Adds an activation with a row a token.
    pub fn activation(&mut self, name: &str, width: u32) -> View {
        self.add_activation(name, width, false)
    }

    /// Adds the logits.
    pub fn logits(&mut self, width: u32) -> View {
        let view = self.add_activation("logits", width, true);
        self.plan.logits = view;
        view
    }

    /// Says what is read of a plan without logits.
    pub fn output(&mut self, view: View) {
        self.plan.logits = view;
    }

    fn add_activation(&mut self, name: &str, width: u32, per_output: bool) -> View {
        self.plan.activations.push(Activation { name: name.to_owned(), width, per_output });
        View { activation: ActivationId(self.plan.activations.len() as u32 - 1), offset: 0, width }
    }

    /// Columns of a view.
    pub fn columns(&self, of: View, offset: u32, width: u32) -> View {
        debug_assert!(offset + width <= of.width);
        View { activation: of.activation, offset: of.offset + offset, width }
    }

    /// Appends an op to the body, or to the head once that was begun.
    pub fn push(&mut self, op: Op) {
        if self.in_head { self.plan.head.push(op) } else { self.plan.body.push(op) }
    }

    /// Looks a token's row up, and multiplies it.
    pub fn embed(&mut self, table: TensorId, scale: f32, out: View) {
        self.push(Op::Embed { table, row: Row::Token, scale, out });
    }

    /// Normalises.
    pub fn rms_norm(&mut self, x: View, weight: TensorId, eps: f32, out: View) {
        self.push(Op::RmsNorm { x, norm: Norm { weight, eps, out } });
    }

    /// Multiplies by a matrix.
    pub fn linear(&mut self, x: View, weight: TensorId, bias: Option<TensorId>, out: View) {
        self.push(linear(x, weight, bias, out));
    }

    /// Rotates and appends to the cache.
    pub fn rope_kv(&mut self, q: View, k: View, v: View, layer: u32, table: u32) {
        self.push(Op::RopeKv(RopeKv { q, k, v, layer, table }));
    }

    /// Attends.
    pub fn attention(&mut self, q: View, out: View, layer: u32, reach: Reach) {
        self.push(Op::Attention(Attention { q, out, layer, reach }));
    }

    /// Adds.
    pub fn add(&mut self, a: View, b: View, out: View) {
        self.push(Op::Add { a, b, out });
    }

    /// Gates.
    pub fn glu(&mut self, gate: Gate, x: View, up: View, out: View) {
        self.push(Op::Glu { gate, x, up, out });
    }

    /// What is pushed from here on is the head: it is evaluated for those tokens alone that an output is wanted of.
    pub fn begin_head(&mut self) {
        self.in_head = true;
    }

    /// The finished plan, as it was written.
    pub fn finish(self) -> Plan {
        self.plan
    }
}

fn linear(x: View, weight: TensorId, bias: Option<TensorId>, out: View) -> Op {
    Op::Linears(Linears { x, norm: None, parts: vec![Part { weight, bias, out }], then: Then::Store })
}
