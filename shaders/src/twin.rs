//! What the twins share: what the pieces of a variant mean, in f64.

use azulejo_plan::{KvCache, KvType};
use azulejo_quant::{PlaneLayout, UNIT};
use half::f16;

use crate::kernel::{Reads, Writes};
use crate::program::Call;

/// A matrix in unit planes, at bindings 2 and 3.
pub(crate) struct Matrix<'a> {
    layout: PlaneLayout,
    quants: &'a [u32],
    aux: &'a [u32],
}

impl<'a> Matrix<'a> {
    /// The matrix of a call, of the format of its `block_` piece.
    pub(crate) fn of(call: &Call, read: &Reads<'a>, units_per_row: u32, units: u32) -> Self {
        let (rows, cols) = (units / units_per_row, units_per_row as usize * UNIT);
        let layout = PlaneLayout::new(call.variant.block(), rows as usize, cols)
            .expect("units make up whole rows of whole blocks");
        Self { layout, quants: read.words(2), aux: read.words(3) }
    }

    /// The weights of a row, padding included.
    pub(crate) fn row(&self, row: usize) -> Vec<f64> {
        let first = row * self.layout.units_per_row;
        let mut weights = Vec::with_capacity(self.layout.units_per_row * UNIT);
        for u in first..first + self.layout.units_per_row {
            let unit = self.layout.load_unit(self.quants, self.aux, u);
            weights.extend((0..UNIT).map(|j| {
                f64::from(unit.scale[j / 16]) * f64::from(unit.q[j]) + f64::from(unit.offset[j / 16])
            }));
        }
        weights
    }
}

/// The sum of the products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The `input_` pieces: `width` f32 of binding 4 from `base` on, normalised over `cols` by binding 5's weight if the
/// piece is `input_norm`.
pub(crate) fn input(
    call: &Call,
    read: &Reads<'_>,
    base: usize,
    width: usize,
    cols: u32,
    eps: f32,
) -> Vec<f64> {
    let mut x: Vec<f64> = read.floats(4)[base..base + width].iter().map(|&v| f64::from(v)).collect();
    if call.variant.has("input_norm") {
        let scale = norm_scale(&x, cols, eps);
        for (x, &weight) in x.iter_mut().zip(read.floats(5)) {
            *x *= scale * f64::from(weight);
        }
    }
    x
}

/// One over the root of the mean square of the first `cols` values and `eps`.
pub(crate) fn norm_scale(x: &[f64], cols: u32, eps: f32) -> f64 {
    (dot(x, x) / f64::from(cols) + f64::from(eps)).sqrt().recip()
}

/// The `bias_` pieces.
pub(crate) fn bias(call: &Call, read: &Reads<'_>, index: u32) -> f64 {
    if call.variant.has("bias_add") { f64::from(read.floats(6)[index as usize]) } else { 0.0 }
}

/// The `out_` pieces.
pub(crate) fn put(
    call: &Call,
    read: &Reads<'_>,
    write: &mut Writes<'_>,
    index: u32,
    residual: u32,
    value: f64,
) {
    let out = &mut write.floats(8)[index as usize];
    let before = if call.variant.has("out_accumulate") {
        f64::from(*out)
    } else if call.variant.has("out_add") {
        f64::from(read.floats(7)[residual as usize])
    } else {
        0.0
    };
    *out = (before + value) as f32;
}

/// `silu(gate) * up`, or `gelu(gate) * up` by the `gate_gelu` piece, whose tangent is written out here.
pub(crate) fn glu(call: &Call, gate: f64, up: f64) -> f64 {
    let cubic = gate + 0.044715 * gate.powi(3);
    let gated = match call.variant.has("gate_gelu") {
        true => 0.5 * gate * (1.0 + (std::f64::consts::FRAC_2_PI.sqrt() * cubic).tanh()),
        false => gate / (1.0 + (-gate).exp()),
    };
    gated * up
}

/// The `rope_` pieces: a head whose first `rotated` elements are turned by the cosines and sines of its position.
pub(crate) fn rotate(call: &Call, head: &[f32], rotated: u32, turns: &[f32]) -> Vec<f64> {
    let mut out: Vec<f64> = head.iter().map(|&v| f64::from(v)).collect();
    let half = rotated as usize / 2;
    for (pair, turn) in turns.chunks_exact(2).take(half).enumerate() {
        let (first, second) =
            if call.variant.has("rope_split") { (pair, pair + half) } else { (2 * pair, 2 * pair + 1) };
        let (cos, sin) = (f64::from(turn[0]), f64::from(turn[1]));
        let (a, b) = (f64::from(head[first]), f64::from(head[second]));
        out[first] = a * cos - b * sin;
        out[second] = b * cos + a * sin;
    }
    out
}

/// The cosines and sines of a position, from binding 7.
pub(crate) fn turns<'a>(read: &Reads<'a>, rotated: u32, position: u32) -> &'a [f32] {
    let at = (position * rotated) as usize;
    &read.floats(7)[at..at + rotated as usize]
}

/// Elements from one head of the cache to the next.
pub(crate) fn head_stride(head_size: u32) -> usize {
    KvCache::head_stride(head_size) as usize
}

/// The `kcache_` and `vcache_` pieces: how keys or values are kept.
#[derive(Clone, Copy)]
pub(crate) struct Cache(pub(crate) KvType);

impl Cache {
    /// How the keys are kept.
    pub(crate) fn of_keys(call: &Call) -> Self {
        Self(call.variant.keys())
    }

    /// How the values are kept.
    pub(crate) fn of_values(call: &Call) -> Self {
        Self(call.variant.values())
    }

    /// Elements `[first, first + count)`: whole blocks, or whole pairs.
    pub(crate) fn load(self, words: &[u32], first: usize, count: usize) -> Vec<f64> {
        match self.0 {
            KvType::F32 => {
                words[first..first + count].iter().map(|&w| f64::from(f32::from_bits(w))).collect()
            }
            KvType::F16 => {
                let halves: &[f16] = bytemuck::cast_slice(words);
                halves[first..first + count].iter().map(|h| h.to_f64()).collect()
            }
            KvType::Q8_0 | KvType::Q4_0 => {
                let size = self.block_words();
                let blocks = words[first / 32 * size..].chunks_exact(size).take(count / 32);
                blocks.flat_map(|block| self.block(block)).collect()
            }
        }
    }

    /// Words of a block of 32.
    fn block_words(self) -> usize {
        self.0.bytes(32) as usize / 4
    }

    /// The elements of a block of 32.
    fn block(self, words: &[u32]) -> [f64; 32] {
        let scale = f64::from(f32::from_bits(words[0]));
        let bytes: &[u8] = bytemuck::cast_slice(&words[1..]);
        std::array::from_fn(|i| match self.0 {
            KvType::Q8_0 => scale * f64::from(bytes[i] as i8),
            _ => scale * (f64::from(bytes[i / 2] >> (4 * (i % 2)) & 15) - 8.0),
        })
    }

    /// Writes a head of a position, and zeros behind it.
    pub(crate) fn store_head(self, words: &mut [u32], first: usize, values: &[f64]) {
        let mut padded = values.to_vec();
        padded.resize(head_stride(values.len() as u32), 0.0);
        self.store(words, first, &padded);
    }

    /// Writes elements from `first` on: whole blocks, or whole pairs.
    pub(crate) fn store(self, words: &mut [u32], first: usize, values: &[f64]) {
        match self.0 {
            KvType::F32 => {
                for (word, &value) in words[first..].iter_mut().zip(values) {
                    *word = (value as f32).to_bits();
                }
            }
            KvType::F16 => {
                let halves: &mut [f16] = bytemuck::cast_slice_mut(words);
                for (half, &value) in halves[first..].iter_mut().zip(values) {
                    *half = f16::from_f64(value);
                }
            }
            KvType::Q8_0 | KvType::Q4_0 => {
                let size = self.block_words();
                let blocks = words[first / 32 * size..].chunks_exact_mut(size);
                blocks
                    .zip(values.chunks_exact(32))
                    .for_each(|(block, values)| self.store_block(block, values));
            }
        }
    }

    fn store_block(self, words: &mut [u32], values: &[f64]) {
        let most =
            values.iter().copied().fold(0.0, |most: f64, v| if v.abs() > most.abs() { v } else { most });
        let scale = if self.0 == KvType::Q8_0 { most.abs() / 127.0 } else { most / -8.0 };
        words[0] = (scale as f32).to_bits();
        let over = |value: f64| if scale == 0.0 { 0.0 } else { (value / scale).round() };
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words[1..]);
        if self.0 == KvType::Q8_0 {
            bytes.iter_mut().zip(values).for_each(|(byte, value)| *byte = over(*value) as i8 as u8);
        } else {
            let quant = |value: f64| (over(value) + 8.0).clamp(0.0, 15.0) as u8;
            let pairs = values.chunks_exact(2);
            bytes.iter_mut().zip(pairs).for_each(|(byte, pair)| *byte = quant(pair[0]) | quant(pair[1]) << 4);
        }
    }
}

/// Softmax-weighted values: the greatest score, the sum of the weights `exp(score - greatest)`, and the sum of the
/// weighted values.
pub(crate) fn attend(
    scores: &[f64],
    values: impl Fn(usize) -> Vec<f64>,
    head_size: usize,
) -> (f64, f64, Vec<f64>) {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    let mut sums = vec![0.0; head_size];
    for (i, score) in scores.iter().enumerate() {
        let weight = (score - most).exp();
        total += weight;
        for (sum, value) in sums.iter_mut().zip(values(i)) {
            *sum += weight * value;
        }
    }
    (most, total, sums)
}

/// A `// param` constant: the variant's value, else the source's.
pub(crate) fn constant(call: &Call, name: &str, value: u32) -> u32 {
    call.variant.consts.iter().find(|(n, _)| *n == name).map_or(value, |(_, v)| *v)
}
