//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    // Heads, their size, splits there is room for, position, window.
    let shapes = [
        (12, 64, 1, 0, u32::MAX),
        (3, 80, 1, 255, u32::MAX),
        (4, 20, 2, 256, u32::MAX),
        (4, 128, 5, 700, u32::MAX),
        (2, 256, 4, 700, u32::MAX),
        (1, 512, 40, 10_000, u32::MAX),
        (3, 20, 5, 700, 300),
        (3, 20, 5, 700, 189),
        (2, 80, 5, 700, 1),
    ];
    with_probes(shapes.into_iter().map(of).collect(), &["attn_merge_4x128_at_700"])
}

fn of((heads, head_size, splits, position, window): (u32, u32, u32, u32, u32)) -> Case {
    let seen = if window == u32::MAX { String::new() } else { format!("_seeing_{window}") };
    case(
        format!("attn_merge_{heads}x{head_size}_at_{position}{seen}"),
        &KERNEL,
        Variant::default(),
        move |inputs| {
            let mut parts = Vec::new();
            for _ in 0..heads {
                for split in 0..splits {
                    if split * 256 > position || split < (position + 1).saturating_sub(window) / 256 {
                        // What must not be read.
                        parts.extend((0..head_size + 2).map(|_| 50.0));
                        continue;
                    }
                    let total = inputs.random().uniform(1.0, 90.0);
                    parts.extend((0..head_size).map(|_| total * inputs.random().normal()));
                    parts.extend([inputs.random().uniform(-6.0, 6.0), total]);
                }
            }
            inputs.floats(4, &parts);
            let out_offset = 3;
            let out = inputs.rows(1, out_offset + heads * head_size + 2);
            inputs.output_floats(8, &out);
            let params = Params { head_size, splits, out_offset, window };
            (params.words(), [Extent::Fixed(heads), Extent::Fixed(1)], step(position, 1))
        },
    )
}
