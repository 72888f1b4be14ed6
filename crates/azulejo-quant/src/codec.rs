//! Whole slices of file blocks: to f32, from f32, and made up.

use crate::blocks::Block;
use crate::format::with_block;
use crate::random::Rng;
use crate::{BlockFormat, QuantError};

/// The number of whole blocks in `bytes`, or an error.
fn count_blocks(format: BlockFormat, bytes: usize) -> Result<usize, QuantError> {
    let (size, got) = (format.block_bytes(), bytes as u64);
    if !bytes.is_multiple_of(size) {
        let expected = bytes.next_multiple_of(size) as u64;
        return Err(QuantError::WrongLength { what: "bytes of whole blocks", expected, got });
    }
    Ok(bytes / size)
}

fn check_weights(format: BlockFormat, bytes: usize, weights: usize) -> Result<(), QuantError> {
    let expected = count_blocks(format, bytes)? as u64 * format.block_len() as u64;
    if expected != weights as u64 {
        return Err(QuantError::WrongLength { what: "weights", expected, got: weights as u64 });
    }
    Ok(())
}

/// Decodes file blocks into weights. `out` takes exactly as many as `bytes` holds.
///
/// # Errors
/// [`QuantError::WrongLength`] if `bytes` isn't whole blocks, or `out` isn't as long as they are.
pub fn decode(format: BlockFormat, bytes: &[u8], out: &mut [f32]) -> Result<(), QuantError> {
    check_weights(format, bytes.len(), out.len())?;
    with_block!(format, B => B::decode(bytes, out));
    Ok(())
}

/// Encodes weights into file blocks, rounding as GGUF's reference quantiser does (no importance matrix).
///
/// # Errors
/// [`QuantError::EncodeUnsupported`] for the K formats, [`QuantError::WrongLength`] as in [`decode`],
/// [`QuantError::NotFinite`] for NaN and infinities, unless the format is a float format.
pub fn encode(format: BlockFormat, weights: &[f32], out: &mut [u8]) -> Result<(), QuantError> {
    check_weights(format, out.len(), weights.len())?;
    if !format.is_float()
        && let Some(index) = weights.iter().position(|w| !w.is_finite())
    {
        return Err(QuantError::NotFinite { index, format });
    }
    let done = with_block!(format, B => B::encode(weights, out));
    if done { Ok(()) } else { Err(QuantError::EncodeUnsupported { format }) }
}

/// Fills `out` with valid blocks whose weights have a mean of about 0 and a standard deviation of about `std`.
/// The same arguments give the same bytes everywhere.
///
/// Block formats keep scales as f16: a `std` below about 1e-3 or above about 1e3 is met only roughly.
///
/// # Errors
/// [`QuantError::WrongLength`] if `out` isn't whole blocks.
pub fn random_blocks(format: BlockFormat, seed: u64, std: f32, out: &mut [u8]) -> Result<(), QuantError> {
    count_blocks(format, out.len())?;
    let mut rng = Rng(seed);
    with_block!(format, B => B::random(&mut rng, std, out));
    Ok(())
}
