//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, padded, step, with_probes};
use crate::check::{Case, Words};
use crate::kernel::Variant;
use crate::program::Extent;

/// Changes to made-up logits.
type Change = fn(&mut [f32]);

pub(super) fn cases() -> Vec<Case> {
    let shapes: [(&str, u32, Change); 9] = [
        ("one", 1, |_| {}),
        ("chunk", 1024, |_| {}),
        ("chunk_and_one", 1025, |x| x[1024] = -7.0),
        ("ragged", 5003, |_| {}),
        ("ties", 3000, |x| {
            // Of one lane, of two lanes (the later lane first), and of two chunks.
            for i in [700, 130, 194, 69, 2_999] {
                x[i] = 9.0;
            }
        }),
        ("negative", 1500, |x| x.iter_mut().for_each(|x| *x = -1e30 - x.abs() * 1e29)),
        ("nan", 2100, |x| {
            x.iter_mut().step_by(3).for_each(|x| *x = f32::NAN);
            x[1030] = 8.0;
        }),
        ("infinite", 1100, |x| {
            x[3] = f32::NEG_INFINITY;
            x[800] = f32::INFINITY;
        }),
        // No index in the first chunk.
        ("nothing", 1030, |x| x[..1024].fill(f32::NAN)),
    ];
    with_probes(shapes.into_iter().map(of).collect(), &["argmax_ties"])
}

fn of((topic, count, change): (&str, u32, Change)) -> Case {
    case(format!("argmax_{topic}"), &KERNEL, Variant::default(), move |inputs| {
        let mut logits = inputs.rows(1, count);
        // What is behind the last must not be taken for a logit.
        logits.extend([100.0; 64]);
        logits[count as usize..padded(count) as usize].fill(100.0);
        change(&mut logits[..count as usize]);
        inputs.floats(4, &logits);
        let chunks = count.div_ceil(1024);
        inputs.output(8, vec![77; 2 * chunks as usize + 2], Words::Integers);
        (Params { count }.words(), [Extent::Fixed(chunks), Extent::Fixed(1)], step(4, 1))
    })
}
