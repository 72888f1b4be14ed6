//! The kernel that measures how fast tensor cores are.

use azulejo_shaders::Access;

use crate::writer::{Bounds, Parameter, Written};

/// Threads of a block: warps enough for all parts of a multiprocessor.
pub(super) const THREADS: u32 = 256;
/// Blocks: so many that the last ones, which leave multiprocessors idle, don't count.
pub(super) const BLOCKS: u32 = 16_384;
/// Sums that a warp has at once, and how often it adds to each.
const CHAINS: u32 = 8;
const ROUNDS: u32 = 256;
/// Products and additions of a warp's instruction: 16 x 8 sums of 16 products.
const OPERATIONS: u32 = 2 * 16 * 8 * 16;

/// The kernel, and how many floating-point operations, additions and multiplications, a block of it does. It fills an array of
/// f32, one for each thread of a block, with the products that the thread has summed, each of which is one.
pub fn matrix_peak_kernel() -> (Written, u64) {
    let text = include_str!("matrix_peak.cu");
    let written = Written {
        name: "matrix_peak".to_owned(),
        source: format!(
            "#define THREADS {THREADS}u\n#define CHAINS {CHAINS}u\n#define ROUNDS {ROUNDS}u\n{text}#undef THREADS\n#undef CHAINS\n#undef \
             ROUNDS\n"
        ),
        parameters: vec![Parameter { binding: 0, access: Access::ReadWrite, bytes: 4, is_array: true }],
        threads: THREADS,
        shared_bytes: 0,
        share: [1, 1],
        // The one index that it has.
        bounds: Bounds::Clamp,
    };
    (written, u64::from(THREADS / 32 * CHAINS * ROUNDS) * u64::from(OPERATIONS))
}
