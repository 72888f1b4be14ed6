//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    // Tokens, then size and groups of queries and of keys.
    let shapes = [
        (1, [128, 16], [128, 8]),
        (3, [20, 4], [20, 2]),
        (33, [77, 1], [40, 1]),
        (2, [1757, 1], [1757, 1]),
        (5, [6, 3], [6, 1]),
    ];
    with_probes(shapes.into_iter().map(of).collect(), &["group_norm_3_4x20_2x20"])
}

fn of((tokens, [q_size, q_groups], [k_size, k_groups]): (u32, [u32; 2], [u32; 2])) -> Case {
    let name = format!("group_norm_{tokens}_{q_groups}x{q_size}_{k_groups}x{k_size}");
    case(name, &KERNEL, Variant::default(), move |inputs| {
        // Keys before queries, something between them.
        let k_offset = 3;
        let q_offset = k_offset + k_size * k_groups + 5;
        let width = q_offset + q_size * q_groups + 2;
        for (binding, size) in [(5, q_size), (6, k_size)] {
            let weight = inputs.rows(1, size);
            inputs.floats(binding, &weight);
        }
        let x = inputs.rows(tokens + 1, width);
        inputs.output_floats(8, &x);
        let stride = padded(width);
        let params = Params { stride, q_offset, q_size, q_groups, k_offset, k_size, k_groups, eps: 1e-5 };
        (params.words(), [Extent::Fixed(q_groups + k_groups), Extent::Tokens(1)], step(7, tokens))
    })
}
