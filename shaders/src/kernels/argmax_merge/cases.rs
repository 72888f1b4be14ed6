//! The cases.

use super::{KERNEL, Params};
use crate::cases::{case, step, with_probes};
use crate::check::{Case, Words};
use crate::kernel::Variant;
use crate::program::Extent;

/// What a chunk has for an index where no logit is a number, and then for its logit.
const NOTHING: (f32, u32) = (-3.4e38, u32::MAX);

/// Changes to made-up results of chunks.
type Change = fn(&mut [(f32, u32)]);

pub(super) fn cases() -> Vec<Case> {
    let shapes: [(&str, u32, Change); 6] = [
        ("one", 1, |_| {}),
        ("ragged", 5, |_| {}),
        ("more_than_lanes", 149, |_| {}),
        ("ties", 149, |x| {
            for i in [131, 70, 6, 5] {
                x[i].0 = 9.0;
            }
        }),
        ("some_nothing", 66, |x| x[1..].fill(NOTHING)),
        ("nothing", 3, |x| x.fill(NOTHING)),
    ];
    with_probes(shapes.into_iter().map(of).collect(), &["argmax_merge_ties"])
}

fn of((topic, count, change): (&str, u32, Change)) -> Case {
    case(format!("argmax_merge_{topic}"), &KERNEL, Variant::default(), move |inputs| {
        let mut best: Vec<(f32, u32)> = (0..count)
            .map(|chunk| (inputs.random().normal(), chunk * 1024 + (inputs.random().next() % 1024) as u32))
            .collect();
        change(&mut best);
        let mut words: Vec<u32> = best.iter().flat_map(|(value, index)| [value.to_bits(), *index]).collect();
        // What is behind the last must not be taken for a chunk.
        words.extend([100f32.to_bits(), 1, 100f32.to_bits(), 2]);
        inputs.words(4, words);
        inputs.output(8, vec![77; 8], Words::Integers);
        (Params { count }.words(), [Extent::Fixed(1), Extent::Fixed(1)], step(4, 1))
    })
}
