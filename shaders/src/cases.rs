//! What the kernels' cases are made with: made-up contents of buffers, bound to the call that reads them.

use azulejo_plan::KvType;
use azulejo_quant::{BlockFormat, PlaneLayout, UNIT, random_blocks};

use crate::check::{Case, Output, Setup, Words, tolerance};
use crate::kernel::{Kernel, Run, Variant};
use crate::program::{Bind, Call, Extent};
use crate::twin::Cache;

/// A case, of the tolerance that its kernel and variant have. Its numbers come from its name.
pub(crate) fn case(
    name: String,
    kernel: &'static Kernel,
    variant: Variant,
    make: impl Fn(&mut Inputs) -> (Vec<u32>, [Extent; 2], Run) + Send + Sync + 'static,
) -> Case {
    let tolerance = tolerance(kernel.name, &variant);
    Case::new(name.clone(), tolerance, move || {
        let mut inputs = Inputs::new(&name);
        let (params, grid, run) = make(&mut inputs);
        let Inputs { buffers, binds, outputs, .. } = inputs;
        let variant = variant.clone();
        Setup {
            call: Call { kernel, variant, params, binds, grid, label: name.clone() },
            run,
            buffers,
            outputs,
        }
    })
}

/// Marks the cases of these names for the start-up self-test.
pub(crate) fn with_probes(mut cases: Vec<Case>, names: &[&str]) -> Vec<Case> {
    for case in &mut cases {
        case.probe = names.contains(&case.name.as_str());
    }
    cases
}

/// The same case as a device of few lanes is asked for it, by another variant and grid, or by another kernel.
pub(crate) fn narrowed(
    case: Case,
    name: String,
    change: impl Fn(&mut Setup) + Send + Sync + 'static,
) -> Case {
    Case::new(name, case.tolerance, move || {
        let mut setup = case.setup();
        change(&mut setup);
        setup
    })
}

/// A step of so many tokens from that position on.
pub(crate) fn step(position: u32, tokens: u32) -> Run {
    Run { position, tokens, row: 0, unused: 0 }
}

/// For each token of texts of so many tokens, the first of its text and the one behind its last.
pub(crate) fn spans(texts: &[u32]) -> Vec<u32> {
    let mut spans = Vec::new();
    for &tokens in texts {
        let first = spans.len() as u32 / 2;
        (0..tokens).for_each(|_| spans.extend([first, first + tokens]));
    }
    spans
}

/// Columns of a row of an activation or of a vector, with its padding.
pub(crate) fn padded(width: u32) -> u32 {
    width.next_multiple_of(UNIT as u32)
}

/// A few columns, more than a workgroup has lanes, and no multiple of 64; of floats no multiple of anything.
pub(crate) fn some_columns(format: BlockFormat) -> u32 {
    match format.block_len() {
        1 => 77,
        32 => 96,
        _ => 768,
    }
}

/// The same, more than a workgroup takes at once in units.
pub(crate) fn many_columns(format: BlockFormat) -> u32 {
    match format.block_len() {
        1 => 2085,
        32 => 2080,
        _ => 2304,
    }
}

/// A format's name in a case's.
pub(crate) fn lower(format: BlockFormat) -> String {
    format.name().to_lowercase()
}

/// The buffers of a call as they are filled.
pub(crate) struct Inputs {
    random: Random,
    buffers: Vec<Vec<u32>>,
    binds: Vec<Bind>,
    outputs: Vec<Output>,
}

impl Inputs {
    fn new(name: &str) -> Self {
        Self { random: Random::of(name), buffers: Vec::new(), binds: Vec::new(), outputs: Vec::new() }
    }

    /// The numbers to make contents of.
    pub(crate) fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Binds words, which the call only reads.
    pub(crate) fn words(&mut self, binding: u32, mut words: Vec<u32>) {
        words.resize(words.len().next_multiple_of(4).max(4), 0);
        self.binds.push(Bind { binding, buffer: self.buffers.len() });
        self.buffers.push(words);
    }

    /// Binds f32, which the call only reads.
    pub(crate) fn floats(&mut self, binding: u32, floats: &[f32]) {
        self.words(binding, bytemuck::cast_slice(floats).to_vec());
    }

    /// Binds words that the call writes.
    pub(crate) fn output(&mut self, binding: u32, words: Vec<u32>, kind: Words) {
        self.outputs.push(Output { buffer: self.buffers.len(), kind });
        self.words(binding, words);
    }

    /// Binds f32 that the call writes.
    pub(crate) fn output_floats(&mut self, binding: u32, floats: &[f32]) {
        self.output(binding, bytemuck::cast_slice(floats).to_vec(), Words::Floats);
    }

    /// Rows of an activation: about normal, with zeros for padding. An output begins as one too, so that a kernel
    /// that leaves something out, or writes where it should not, shows.
    pub(crate) fn rows(&mut self, rows: u32, width: u32) -> Vec<f32> {
        let mut out = Vec::new();
        for _ in 0..rows {
            out.extend((0..width).map(|_| self.random.normal()));
            out.resize(out.len().next_multiple_of(UNIT), 0.0);
        }
        out
    }

    /// Binds a made-up matrix in planes to 2 and 3; gives units of a row and of all rows. The products of its rows
    /// with normal values are about normal.
    pub(crate) fn matrix(&mut self, format: BlockFormat, rows: u32, cols: u32) -> (u32, u32) {
        let layout = PlaneLayout::new(format, rows as usize, cols as usize).expect("a case has whole blocks");
        let mut blocks = vec![0; layout.file_row_bytes * rows as usize];
        random_blocks(format, self.random.next(), 1.0 / (cols as f32).sqrt(), &mut blocks)
            .expect("a row is whole blocks");
        let (quants, aux) = layout.repack_all(&blocks).expect("the blocks are those of the layout");
        self.words(2, quants);
        self.words(3, aux);
        (layout.units_per_row as u32, layout.units as u32)
    }

    /// Binds a cache of `capacity` positions that the call writes, of the type of that name. Positions from `used` on
    /// hold numbers that are far too large, so that a kernel that reads them shows.
    pub(crate) fn cache(&mut self, binding: u32, kind: &str, capacity: u32, used: u32, width: u32) {
        let kind = KvType::of_name(kind).expect("a case names a type of the cache");
        let values: Vec<f64> = (0..capacity * width)
            .map(|i| if i < used * width { self.random.normal().into() } else { f64::from(5_000 + i % 7) })
            .collect();
        let mut words = vec![0; kind.bytes(values.len() as u64).div_ceil(4) as usize];
        Cache(kind).store(&mut words, 0, &values);
        self.output(binding, words, if kind == KvType::F32 { Words::Floats } else { Words::Cache(kind) });
    }

    /// Binds a table of rotations to 7: `positions` rows of cosines and sines.
    pub(crate) fn rotation(&mut self, positions: u32, rotated: u32) {
        let mut table = Vec::new();
        for position in 0..positions {
            for pair in 0..rotated / 2 {
                let angle = f64::from(position) * 10_000f64.powf(-2.0 * f64::from(pair) / f64::from(rotated));
                table.extend([angle.cos() as f32, angle.sin() as f32]);
            }
        }
        self.floats(7, &table);
    }
}

/// A small deterministic generator (splitmix64: Steele, Lea, Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    /// Seeded by a name (FNV-1a).
    fn of(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// About normal, of variance 1: the sum of four uniform 16-bit numbers.
    pub(crate) fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f32 / 65_536.0 - 2.0) * 3f32.sqrt()
    }

    /// From `low` to `high`.
    pub(crate) fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.next() >> 40) as f32 / (1u64 << 24) as f32)
    }
}
