//! What a kernel is.

use azulejo_plan::KvType;
use azulejo_quant::BlockFormat;

use crate::check::Case;
use crate::program::Call;

/// A kernel: one entry point, of the same name, and all that is known of it.
pub struct Kernel {
    /// Its name, the same word in WGSL, in Rust, in traces and in benches.
    pub name: &'static str,
    /// Its WESL source.
    pub source: &'static str,
    /// The names and types of the fields of its `Params`, in order.
    pub params: &'static [(&'static str, &'static str)],
    /// What it computes, plainly, in f64.
    pub twin: fn(&Call, Run, &Reads<'_>, &mut Writes<'_>),
    /// Every variant that a plan may ask for.
    pub variants: fn() -> Vec<Variant>,
    /// What it is tested, probed and benched with.
    pub cases: fn() -> Vec<Case>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kernel({})", self.name)
    }
}

/// The choices that make one shader of a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// Pieces that take the place of the ones of their family that the source imports. The family is the name up to
    /// the first `_`: `block_q4_k` takes the place of `block_f32`.
    pub pieces: Vec<&'static str>,
    /// Values for the `// param` constants.
    pub consts: Vec<(&'static str, u32)>,
}

impl Variant {
    /// A variant with these pieces.
    pub fn of(pieces: &[&'static str]) -> Self {
        Self { pieces: pieces.to_vec(), consts: Vec::new() }
    }

    /// True if it has that piece.
    pub fn has(&self, piece: &str) -> bool {
        self.pieces.contains(&piece)
    }

    /// The block format that its `block_` piece reads (F32 when it names none).
    pub fn block(&self) -> BlockFormat {
        BlockFormat::ALL.into_iter().find(|f| self.has(block_piece(*f))).unwrap_or(BlockFormat::F32)
    }

    /// The type of the cache that its `kcache_` piece keeps keys in.
    pub fn keys(&self) -> KvType {
        self.cache("kcache_")
    }

    /// The type of the cache that its `vcache_` piece keeps values in.
    pub fn values(&self) -> KvType {
        self.cache("vcache_")
    }

    /// The sources import the 16-bit caches where a variant says nothing.
    fn cache(&self, family: &str) -> KvType {
        let is_it = |kind: &KvType| self.has(&format!("{family}{}", kind.name()));
        KvType::ALL.into_iter().find(is_it).unwrap_or(KvType::F16)
    }

    /// The variant with this `bytes_` piece, if it reads small numbers out of bytes and names no way to do that.
    pub fn with_bytes(mut self, piece: &'static str) -> Self {
        let block = self.block();
        let is_named = self.pieces.iter().any(|piece| piece.starts_with("bytes_"));
        if !block.is_float() && block != BlockFormat::Q8_0 && !is_named {
            self.pieces.push(piece);
        }
        self
    }

    /// A short name: the pieces and constants.
    pub fn name(&self) -> String {
        let mut words: Vec<String> = self.pieces.iter().map(|p| (*p).to_owned()).collect();
        words.extend(self.consts.iter().map(|(name, value)| format!("{name}={value}")));
        words.join(",")
    }
}

/// The piece that reads a block format.
pub fn block_piece(format: BlockFormat) -> &'static str {
    match format {
        BlockFormat::F32 => "block_f32",
        BlockFormat::F16 => "block_f16",
        BlockFormat::BF16 => "block_bf16",
        BlockFormat::Q4_0 => "block_q4_0",
        BlockFormat::Q4_1 => "block_q4_1",
        BlockFormat::Q5_0 => "block_q5_0",
        BlockFormat::Q5_1 => "block_q5_1",
        BlockFormat::Q8_0 => "block_q8_0",
        BlockFormat::Q2_K => "block_q2_k",
        BlockFormat::Q3_K => "block_q3_k",
        BlockFormat::Q4_K => "block_q4_k",
        BlockFormat::Q5_K => "block_q5_k",
        BlockFormat::Q6_K => "block_q6_k",
    }
}

/// What changes from step to step: the contents of one small uniform buffer (`lib/run.wesl`).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Run {
    /// The position of the step's first token.
    pub position: u32,
    /// The tokens of the step.
    pub tokens: u32,
    /// The row of an activation that the kernels of one row read.
    pub row: u32,
    /// Keeps the size a multiple of 16.
    pub unused: u32,
}

/// How many binding numbers a kernel may use.
pub const BINDINGS: usize = 12;

/// The read-only bindings of a call, by number, in words.
#[derive(Debug, Default)]
pub struct Reads<'a>(pub [Option<&'a [u32]>; BINDINGS]);

impl<'a> Reads<'a> {
    /// The words bound there. A call that lacks a binding of its kernel is a bug in the lowering.
    pub fn words(&self, binding: usize) -> &'a [u32] {
        self.0[binding].expect("the lowering binds all that a kernel declares")
    }

    /// The same as f32.
    pub fn floats(&self, binding: usize) -> &'a [f32] {
        bytemuck::cast_slice(self.words(binding))
    }
}

/// The writable bindings of a call, by number, in words.
#[derive(Debug, Default)]
pub struct Writes<'a>(pub [Option<&'a mut [u32]>; BINDINGS]);

impl Writes<'_> {
    /// The words bound there.
    pub fn words(&mut self, binding: usize) -> &mut [u32] {
        self.0[binding].as_deref_mut().expect("the lowering binds all that a kernel declares")
    }

    /// The same as f32.
    pub fn floats(&mut self, binding: usize) -> &mut [f32] {
        bytemuck::cast_slice_mut(self.words(binding))
    }
}

/// Declares a kernel's parameters once: the struct, and the fields that a test compares with the shader's.
#[macro_export]
macro_rules! params {
    ($(#[$doc:meta])* pub struct Params { $($(#[$fdoc:meta])* $field:ident : $type:ident),* $(,)? }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct Params { $($(#[$fdoc])* pub $field: $type),* }

        impl Params {
            /// Names and types of the fields, in order.
            pub const FIELDS: &'static [(&'static str, &'static str)] = &[$((stringify!($field), stringify!($type))),*];

            /// The parameters of a call.
            pub fn of(call: &$crate::Call) -> Self {
                *bytemuck::from_bytes(bytemuck::cast_slice(&call.params))
            }

            /// As words.
            pub fn words(&self) -> Vec<u32> {
                bytemuck::cast_slice(bytemuck::bytes_of(self)).to_vec()
            }
        }
    };
}
