//! Whole slices of file blocks: to f32, from f32, and made up.

use crate::blocks::Block;
use crate::format::with_block;
use crate::random::Rng;
use crate::{BlockFormat, EncodeError, QuantError};

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

/// Encodes weights into file blocks: the formats of 32 weights as GGUF's reference quantiser rounds, the K formats
/// with scales of least squared error.
///
/// # Errors
/// [`QuantError::WrongLength`] as in [`decode`]; [`EncodeError::NotFinite`] for NaN and infinities, but for the float
/// formats; [`EncodeError::OutOfRange`] for weights beyond what an f16 keeps, but for F32 and BF16.
pub fn encode(format: BlockFormat, weights: &[f32], out: &mut [u8]) -> Result<(), EncodeError> {
    check_encode(format, weights, out.len())?;
    with_block!(format, B => B::encode(weights, None, out));
    Ok(())
}

/// Encodes rows with scales of the least weighted squared error: `importance` says for each column (0 or more, in
/// any unit) what an error of its weights counts, e.g. the mean square of the activations that meet it. Q8_0 and the
/// float formats have nothing to choose and are as in [`encode`].
///
/// # Errors
/// As [`encode`]; [`QuantError::WrongLength`] if the weights aren't whole rows of as many columns as `importance`
/// has; [`EncodeError::Importance`] for numbers that are negative or not finite.
pub fn encode_with_importance(
    format: BlockFormat,
    weights: &[f32],
    importance: &[f32],
    out: &mut [u8],
) -> Result<(), EncodeError> {
    check_encode(format, weights, out.len())?;
    let cols = importance.len();
    let row_bytes = format.row_bytes(cols).filter(|bytes| *bytes > 0 && weights.len().is_multiple_of(cols));
    let Some(row_bytes) = row_bytes else {
        let got = weights.len() as u64;
        return Err(
            QuantError::WrongLength { what: "columns of importance", expected: cols as u64, got }.into()
        );
    };
    if let Some(column) = importance.iter().position(|i| !i.is_finite() || *i < 0.0) {
        return Err(EncodeError::Importance { column });
    }
    // Columns that never met an activation still count a little, so that their weights aren't arbitrary.
    let mean = importance.iter().map(|i| f64::from(*i)).sum::<f64>() / cols as f64;
    let scaled = |i: &f32| if mean > 0.0 { (f64::from(*i) / mean) as f32 + 1e-4 } else { 1.0 };
    let importance: Vec<f32> = importance.iter().map(scaled).collect();
    for (weights, out) in weights.chunks_exact(cols).zip(out.chunks_exact_mut(row_bytes)) {
        with_block!(format, B => B::encode(weights, Some(&importance), out));
    }
    Ok(())
}

/// The largest magnitude of an f16, which keeps the weight itself or its scale or minimum.
const LARGEST: f32 = 65504.0;

fn check_encode(format: BlockFormat, weights: &[f32], bytes: usize) -> Result<(), EncodeError> {
    check_weights(format, bytes, weights.len())?;
    if matches!(format, BlockFormat::F32 | BlockFormat::BF16) {
        return Ok(());
    }
    if let Some(index) = weights.iter().position(|w| !w.is_finite())
        && !format.is_float()
    {
        return Err(EncodeError::NotFinite { index, format });
    }
    match weights.iter().position(|w| w.is_finite() && w.abs() > LARGEST) {
        Some(index) => Err(EncodeError::OutOfRange { index, format }),
        None => Ok(()),
    }
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
