//! A lowered plan: buffers, constants, and kernel calls over them.

use azulejo_plan::{Constant, Memory};
use azulejo_quant::Plane;

use crate::kernel::{Kernel, Run, Variant};

/// What a device can bind and hold, and how it works.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of one storage binding, and of one buffer.
    pub binding_bytes: u64,
    /// True if a workgroup is executed by few lanes at once (8 or 4), as on GPUs made of software: workgroups of few
    /// lanes with much work each are then best.
    pub is_narrow: bool,
}

impl Limits {
    /// A device without limits, as the CPU is.
    pub const NONE: Limits = Limits { binding_bytes: u64::MAX, is_narrow: false };
    /// What every WebGPU device has.
    pub const BASELINE: Limits = Limits { binding_bytes: 128 << 20, is_narrow: false };
}

/// What a buffer is for, which says who allocates and who fills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferClass {
    /// Filled at load, shared by all states.
    Constant,
    /// The KV cache of a state.
    Kv,
    /// Zeros at first, overwritten in each step; of a state.
    Activation,
}

/// A buffer.
#[derive(Clone, Debug, PartialEq)]
pub struct Buffer {
    /// A word for traces.
    pub label: String,
    /// Its size, a multiple of 16.
    pub bytes: u64,
    /// What it is for.
    pub class: BufferClass,
}

/// A whole buffer, bound to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The `@binding` in the kernel.
    pub binding: u32,
    /// The place in [`Program::buffers`].
    pub buffer: usize,
}

/// How many workgroups, along one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many.
    Fixed(u32),
    /// One for every so many tokens of the step.
    Tokens(u32),
}

impl Extent {
    /// The number for a step of `tokens`.
    pub fn count(self, tokens: u32) -> u32 {
        match self {
            Extent::Fixed(n) => n,
            Extent::Tokens(per) => tokens.div_ceil(per),
        }
    }
}

/// Bytes from one call's params to the next: what every device aligns uniform bindings to.
pub const PARAMS_PITCH: u64 = 256;

/// One dispatch.
#[derive(Clone, Debug)]
pub struct Call {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Which shader of it.
    pub variant: Variant,
    /// Its `Params`, in words (binding 0).
    pub params: Vec<u32>,
    /// Its buffers (binding 1, [`Run`], goes without saying).
    pub binds: Vec<Bind>,
    /// Workgroups: `wg_id.x` (folded into x and y where there are more than 65,535) and `wg_id.z`.
    pub grid: [Extent; 2],
    /// The tensor or layer that it is for.
    pub label: String,
}

impl Call {
    /// The workgroups of a step, as a GPU is told them: the first extent folded into x and y, the second in z.
    pub fn workgroups(&self, run: Run) -> [u32; 3] {
        self.blocks(run, [1, 1])
    }

    /// The same for a kernel that does the work of so many workgroups at once, in the two extents.
    pub fn blocks(&self, run: Run, share: [u32; 2]) -> [u32; 3] {
        const MOST: u32 = 65_535;
        let x = self.grid[0].count(run.tokens).div_ceil(share[0]);
        let y = x.div_ceil(MOST).max(1);
        [x.div_ceil(y), y, self.grid[1].count(run.tokens).div_ceil(share[1])]
    }
}

/// A lowered plan.
#[derive(Clone, Debug)]
pub struct Program {
    /// All buffers.
    pub buffers: Vec<Buffer>,
    /// What fills the buffers of class [`BufferClass::Constant`].
    pub constants: Vec<Constant>,
    /// For each constant its planes' buffers: quants (vectors and tables have only this) and aux.
    pub constant_buffers: Vec<(usize, Option<usize>)>,
    /// The buffer of token ids, `[chunk]`.
    pub tokens: usize,
    /// For each token the first of its text and the one behind its last, `[chunk][2]`; none where no call reads it.
    pub texts: Option<usize>,
    /// The most tokens of a step.
    pub chunk: u32,
    /// The positions of the cache.
    pub capacity: u32,
    /// The most rows of logits of a step.
    pub output_rows: u32,
    /// The tokens that there are: rows of the embedding.
    pub vocabulary: u32,
    /// Logits of a row: the vocabulary, or the width of what is read in its place.
    pub logits_width: u32,
    /// The buffer of logits, `[output_rows][stride]`.
    pub logits: usize,
    /// f32 from one row of logits to the next.
    pub logits_stride: u32,
    /// A chunk of tokens through the body.
    pub prefill: Vec<Call>,
    /// One token through the body.
    pub decode: Vec<Call>,
    /// The logits of row [`Run::row`].
    pub head_one: Vec<Call>,
    /// The logits of all tokens of the step; empty where the plan has one row of logits.
    pub head_all: Vec<Call>,
    /// The greedy choice, into the token buffer.
    pub choose: Vec<Call>,
}

impl Program {
    /// Dispatches of one greedily decoded token.
    pub fn dispatches_per_token(&self) -> usize {
        self.decode.len() + self.head_one.len() + self.choose.len()
    }

    /// All calls, of every [`Phase`](crate::Phase), in their order.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        [&self.prefill, &self.decode, &self.head_one, &self.head_all, &self.choose].into_iter().flatten()
    }

    /// Bytes that it takes, with one state.
    pub fn memory(&self) -> Memory {
        Memory {
            weights: self.bytes(BufferClass::Constant),
            kv: self.bytes(BufferClass::Kv),
            activations: self.bytes(BufferClass::Activation),
        }
    }

    /// The place in [`buffers`](Self::buffers) of what is written: whole words within a plane of a constant.
    ///
    /// # Errors
    /// The bytes of the plane (0 if there is none), which these are outside of, or no whole words.
    pub fn place_of_write(
        &self,
        constant: usize,
        plane: Plane,
        offset: u64,
        length: u64,
    ) -> Result<usize, u64> {
        let &(quants, aux) = self.constant_buffers.get(constant).ok_or(0u64)?;
        let place = match plane {
            Plane::Quants => quants,
            Plane::Aux => aux.ok_or(0u64)?,
        };
        let bytes = self.buffers[place].bytes;
        let is_within = offset.checked_add(length).is_some_and(|end| end <= bytes);
        if is_within && offset.is_multiple_of(4) && length.is_multiple_of(4) { Ok(place) } else { Err(bytes) }
    }

    /// The params of all calls, phase by phase, each [`PARAMS_PITCH`] bytes behind the one before.
    pub fn params(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for call in self.calls() {
            let from = bytes.len();
            bytes.extend(call.params.iter().flat_map(|word| word.to_le_bytes()));
            bytes.resize(from + PARAMS_PITCH as usize, 0);
        }
        bytes
    }

    /// Bytes of the buffers of a class.
    pub fn bytes(&self, class: BufferClass) -> u64 {
        self.buffers.iter().filter(|b| b.class == class).map(|b| b.bytes).sum()
    }
}
