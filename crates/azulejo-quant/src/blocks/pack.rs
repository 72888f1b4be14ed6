//! The pieces of a repack that several formats share; the layouts are those of [`crate::planes`].

use super::{put_u32, u32_at};

/// 32 bytes whose low nibbles are a unit, and whose high nibbles are another: into 2 units of 16 bytes.
#[inline]
pub(crate) fn nibble_units(bytes: &[u8], low: &mut [u8], high: &mut [u8]) {
    for at in [0, 4, 8, 12] {
        let (first, second) = (u32_at(bytes, at), u32_at(bytes, at + 16));
        put_u32(low, at, (first & 0x0f0f_0f0f) | ((second & 0x0f0f_0f0f) << 4));
        put_u32(high, at, ((first >> 4) & 0x0f0f_0f0f) | (second & 0xf0f0_f0f0));
    }
}

/// 64 bytes of 2-bit fields, where field `j` of byte `32n + l` belongs to weight `l` of unit `4n + j`:
/// into 8 units of 2 words.
#[inline]
pub(crate) fn bits2_units(bytes: &[u8; 64], out: &mut [u8; 64]) {
    for n in 0..2 {
        for h in 0..2 {
            let words: [u32; 4] = std::array::from_fn(|s| u32_at(bytes, 32 * n + 16 * h + 4 * s));
            for j in 0..4 {
                let field = |s: usize| ((words[s] >> (2 * j)) & 0x0303_0303) << (2 * s);
                put_u32(out, (4 * n + j) * 8 + 4 * h, field(0) | field(1) | field(2) | field(3));
            }
        }
    }
}

/// 32 bytes where bit `u` of byte `l` belongs to weight `l` of unit `u`: into 8 words.
#[inline]
pub(crate) fn bit1_units(bytes: &[u8; 32], out: &mut [u8; 32]) {
    let words: [u32; 8] = std::array::from_fn(|i| u32_at(bytes, 4 * i));
    for unit in 0..8 {
        let word = words.iter().enumerate().fold(0, |acc, (i, w)| acc | (((w >> unit) & 0x0101_0101) << i));
        put_u32(out, 4 * unit, word);
    }
}

/// For each byte: bit `t` moved to bit `8 * (t % 4) + t / 4`.
static SPREAD: [u32; 256] = {
    let mut table = [0u32; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut t = 0;
        while t < 8 {
            table[byte] |= ((byte as u32 >> t) & 1) << (8 * (t % 4) + t / 4);
            t += 1;
        }
        byte += 1;
    }
    table
};

/// One unit's fifth bits, bit `j` for weight `j`, into its word of the bit1 section.
#[inline]
pub(crate) fn bit1_word(bits: u32) -> u32 {
    let [a, b, c, d] = bits.to_le_bytes().map(|byte| SPREAD[usize::from(byte)]);
    a | (b << 2) | (c << 4) | (d << 6)
}

/// Eight pairs of 6-bit numbers into the 12 bytes of the sc6 section.
#[inline]
pub(crate) fn sc6(a: &[u8; 8], b: &[u8; 8], out: &mut [u8]) {
    let mut high = 0;
    for j in 0..8 {
        out[j] = (a[j] & 15) | ((b[j] & 15) << 4);
        high |= (u32::from(a[j] >> 4) | (u32::from(b[j] >> 4) << 2)) << (4 * j);
    }
    put_u32(out, 8, high);
}

/// The 12 bytes of scales and minima of a Q4_K or Q5_K block into the 12 bytes of the sc6 section.
///
/// In the file, bytes 0..4 are scales 0..4 and bytes 4..8 minima 0..4, in their lower 6 bits; bytes 8..12 are the
/// lower nibbles of scales 4..8 (low nibble) and minima 4..8 (high nibble), whose upper 2 bits are the upper bits
/// of bytes 0..4 and 4..8.
#[inline]
pub(crate) fn k_scales_to_sc6(file: &[u8], out: &mut [u8]) {
    let (a, b, both) = (u32_at(file, 0), u32_at(file, 4), u32_at(file, 8));
    put_u32(out, 0, (a & 0x0f0f_0f0f) | ((b & 0x0f0f_0f0f) << 4));
    put_u32(out, 4, both);
    // Four bytes of a nibble each into 16 bits.
    let nibbles = |x: u32| (x & 0xf) | ((x >> 4) & 0xf0) | ((x >> 8) & 0xf00) | ((x >> 12) & 0xf000);
    let lower = nibbles(((a >> 4) & 0x0303_0303) | ((b >> 2) & 0x0c0c_0c0c));
    let upper = nibbles(((a >> 6) & 0x0303_0303) | ((b >> 4) & 0x0c0c_0c0c));
    put_u32(out, 8, lower | (upper << 16));
}

/// The scales and minima of a Q4_K or Q5_K block; see [`k_scales_to_sc6`] for the layout.
#[inline]
pub(crate) fn k_scales(file: &[u8]) -> ([u8; 8], [u8; 8]) {
    let (a, b, both) = (u32_at(file, 0), u32_at(file, 4), u32_at(file, 8));
    let lower = |x: u32| x & 0x3f3f_3f3f;
    let upper = |x: u32, nibbles: u32| (nibbles & 0x0f0f_0f0f) | ((x >> 2) & 0x3030_3030);
    let join = |x: u32, y: u32| (u64::from(x) | (u64::from(y) << 32)).to_le_bytes();
    (join(lower(a), upper(a, both)), join(lower(b), upper(b, both >> 4)))
}

/// The reverse of [`k_scales`].
pub(crate) fn put_k_scales(a: &[u8; 8], b: &[u8; 8], file: &mut [u8]) {
    for j in 0..4 {
        file[j] = (a[j] & 63) | ((a[j + 4] >> 4) << 6);
        file[j + 4] = (b[j] & 63) | ((b[j + 4] >> 4) << 6);
        file[j + 8] = (a[j + 4] & 15) | ((b[j + 4] & 15) << 4);
    }
}
