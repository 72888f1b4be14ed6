//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for piece in ["out_add", "out_accumulate"] {
        for (tokens, cols) in [(1, 32), (3, 77), (33, 1757), (2, 1)] {
            cases.push(of(piece, tokens, cols));
        }
    }
    with_probes(cases, &["add_out_add_3x77"])
}

fn of(piece: &'static str, tokens: u32, cols: u32) -> Case {
    case(format!("add_{piece}_{tokens}x{cols}"), &KERNEL, Variant::of(&[piece]), move |inputs| {
        let accumulates = piece == "out_accumulate";
        let (b_offset, out_offset) = (4, 2);
        let a_offset = if accumulates { out_offset } else { 5 };
        let (a_width, b_width, out_width) = (a_offset + cols + 3, b_offset + cols, out_offset + cols + 30);
        let b = inputs.rows(tokens, b_width);
        inputs.floats(4, &b);
        if !accumulates {
            let a = inputs.rows(tokens, a_width);
            inputs.floats(7, &a);
        }
        let out = inputs.rows(tokens + 1, out_width);
        inputs.output_floats(8, &out);
        let params = Params {
            cols,
            a_stride: padded(if accumulates { out_width } else { a_width }),
            a_offset,
            b_stride: padded(b_width),
            b_offset,
            out_stride: padded(out_width),
            out_offset,
        };
        (params.words(), [Extent::Fixed(cols.div_ceil(64)), Extent::Tokens(1)], step(9, tokens))
    })
}
