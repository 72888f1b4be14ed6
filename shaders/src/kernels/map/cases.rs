//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for piece in ["map_gelu", "map_clamp"] {
        for (tokens, cols) in [(1, 32), (3, 77), (33, 1757)] {
            cases.push(of(piece, tokens, cols));
        }
    }
    with_probes(cases, &["map_gelu_3x77"])
}

fn of(piece: &'static str, tokens: u32, cols: u32) -> Case {
    case(format!("{piece}_{tokens}x{cols}"), &KERNEL, Variant::of(&[piece]), move |inputs| {
        let offset = 3;
        let width = offset + cols + 2;
        let stride = padded(width);
        let mut x = inputs.rows(tokens + 1, width);
        // Far out on both sides, where exponentials over- and underflow.
        for (row, value) in x.chunks_mut(stride as usize).zip([-200.0, 200.0].into_iter().cycle()) {
            row[offset as usize] = value;
            row[offset as usize + 1] = value / 40.0;
        }
        inputs.output_floats(8, &x);
        let params = Params { cols, stride, offset, limit: 0.75 };
        (params.words(), [Extent::Fixed(cols.div_ceil(64)), Extent::Tokens(1)], step(2, tokens))
    })
}
