//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for piece in ["gate_silu", "gate_gelu"] {
        for (tokens, cols) in [(1, 32), (3, 77), (33, 1757), (2, 1)] {
            cases.push(of(piece, tokens, cols));
        }
    }
    with_probes(cases, &["glu_gate_silu_3x77"])
}

fn of(piece: &'static str, tokens: u32, cols: u32) -> Case {
    case(format!("glu_{piece}_{tokens}x{cols}"), &KERNEL, Variant::of(&[piece]), move |inputs| {
        let (up_offset, out_offset) = (3, 5);
        let gate_offset = up_offset + cols + 2;
        let (width, out_width) = (gate_offset + cols, out_offset + cols + 1);
        let stride = padded(width);
        let mut halves = inputs.rows(tokens, width);
        // Gates so low that their exponential overflows, and so high that it vanishes.
        for (row, gate) in halves.chunks_mut(stride as usize).zip([-200.0, 200.0].into_iter().cycle()) {
            row[gate_offset as usize] = gate;
        }
        inputs.floats(4, &halves);
        let out = inputs.rows(tokens + 1, out_width);
        inputs.output_floats(8, &out);
        let params =
            Params { cols, stride, gate_offset, up_offset, out_stride: padded(out_width), out_offset };
        (params.words(), [Extent::Fixed(cols.div_ceil(64)), Extent::Tokens(1)], step(2, tokens))
    })
}
