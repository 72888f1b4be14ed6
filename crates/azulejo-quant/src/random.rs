//! A small deterministic generator (splitmix64: Steele, Lea, Flood 2014) for made-up weights.

/// The state of splitmix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in 0..n.
    pub(crate) fn below(&mut self, n: u8) -> u8 {
        ((u64::from(self.next_u64() as u32) * u64::from(n)) >> 32) as u8
    }

    pub(crate) fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// About normal, of variance 1: the sum of four uniform 16-bit numbers (variance 4/12 each unit square).
    pub(crate) fn normal(&mut self) -> f32 {
        let bits = self.next_u64();
        let sum: u64 = (0..4).map(|i| (bits >> (16 * i)) & 0xffff).sum();
        (sum as f32 / 65536.0 - 2.0) * 3f32.sqrt()
    }

    /// A factor for a block's scale: 0.5..1.5, divided so that its root mean square is 1.
    pub(crate) fn jitter(&mut self) -> f32 {
        let uniform = (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32;
        (0.5 + uniform) / (13f32 / 12.0).sqrt()
    }

    /// [`Self::jitter`] with a random sign, which makes the mean of a block with uneven quants (-8..=7) vanish.
    pub(crate) fn signed_jitter(&mut self) -> f32 {
        let sign = if self.next_u64() >> 63 == 0 { 1.0 } else { -1.0 };
        sign * self.jitter()
    }
}
