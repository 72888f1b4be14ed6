//! Kernels by hand, in the place of translated ones where a device has what WGSL can't say.
//!
//! An override takes the bindings, the params and the grid of its kernel, and passes the same cases. It stands behind what
//! is translated of the kernel's functions and calls them, so that one of it does for all pieces. What is there for it:
//!
//! - `BINDINGS`: the kernel's parameters, named as in WGSL; `x_length` is the length of `x`;
//! - the kernel's functions, but for those that use workgroup memory, called as in WGSL: `load_unit(u, units)`;
//! - `INDEX(at, length, "x")`: an index of a buffer or of shared memory, as the options want it;
//! - `POISON(shared)`: what it begins with if it has a `Shared` in shared memory;
//! - `THREADS` and `SHARED_BYTES`: what the table says;
//! - the prelude, and `tensor` in it.

/// A kernel by hand.
#[derive(Debug)]
pub(crate) struct Override {
    /// The kernel that it stands for.
    pub(crate) kernel: &'static str,
    /// The least compute capability, major and minor.
    pub(crate) capability: (u32, u32),
    /// The text, and its file's name.
    pub(crate) source: &'static str,
    pub(crate) file: &'static str,
    /// The threads of a block.
    pub(crate) threads: u32,
    /// Bytes of shared memory.
    pub(crate) shared_bytes: u32,
    /// How many of the kernel's workgroups a block does, in the two extents of its grid.
    pub(crate) share: [u32; 2],
}

/// What has bf16, and fragments of 16 columns.
const AMPERE: (u32, u32) = (8, 0);

const OVERRIDES: [Override; 2] = [
    Override {
        kernel: "gemm",
        capability: AMPERE,
        source: include_str!("gemm.cu"),
        file: "gemm.cu",
        threads: 128,
        shared_bytes: 2 * (128 + 64) * 128,
        share: [4, 2],
    },
    Override {
        kernel: "attn",
        capability: AMPERE,
        source: include_str!("attn.cu"),
        file: "attn.cu",
        threads: 128,
        shared_bytes: (64 + 32) * 512,
        share: [1, 64],
    },
];

/// The one that a device of this compute capability takes for a kernel.
pub(crate) fn find(kernel: &str, capability: (u32, u32)) -> Option<&'static Override> {
    OVERRIDES.iter().find(|by_hand| by_hand.kernel == kernel && by_hand.capability <= capability)
}
