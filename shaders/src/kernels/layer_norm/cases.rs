//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::Case;
use crate::kernel::Variant;
use crate::program::Extent;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for affine in ["affine_none", "affine_full"] {
        for (tokens, cols) in [(1, 32), (3, 77), (33, 256), (3, 1757), (2, 3)] {
            cases.push(of(affine, tokens, cols));
        }
    }
    with_probes(cases, &["layer_norm_affine_full_3x77"])
}

fn of(affine: &'static str, tokens: u32, cols: u32) -> Case {
    case(format!("layer_norm_{affine}_{tokens}x{cols}"), &KERNEL, Variant::of(&[affine]), move |inputs| {
        // Away from zero, or the mean would have nothing to do.
        let mut x = inputs.rows(tokens, cols);
        for row in x.chunks_mut(padded(cols) as usize) {
            row[..cols as usize].iter_mut().for_each(|x| *x += 2.0);
        }
        inputs.floats(4, &x);
        if affine == "affine_full" {
            for binding in [5, 6] {
                let vector = inputs.rows(1, cols);
                inputs.floats(binding, &vector);
            }
        }
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
