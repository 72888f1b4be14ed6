//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let shapes = [(1, 32), (3, 77), (33, 256), (3, 1757), (1, 4096), (2, 3)];
    with_probes(shapes.into_iter().map(|(tokens, cols)| of(tokens, cols)).collect(), &["rms_norm_3x77"])
}

fn of(tokens: u32, cols: u32) -> Case {
    case(format!("rms_norm_{tokens}x{cols}"), &KERNEL, Variant::default(), move |inputs| {
        let x = inputs.rows(tokens, cols);
        inputs.floats(4, &x);
        let weight = inputs.rows(1, cols);
        inputs.floats(5, &weight);
        // Rows of the output are wider than they need be; there is one more than the step has tokens.
        let wider = cols + 32;
        let mut out = inputs.rows(tokens + 1, wider);
        for row in out.chunks_mut(padded(wider) as usize) {
            row[cols as usize..].fill(0.0);
        }
        inputs.output_floats(8, &out);
        let params = Params { cols, x_stride: padded(cols), out_stride: padded(wider), eps: 1e-5 };
        (params.words(), [Extent::Fixed(1), Extent::Tokens(1)], step(0, tokens))
    })
}
