//! Embeddings: a text as a vector, for search and comparison.

/// What becomes of the hidden states of a text's tokens.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use azulejo::{DeviceChoice, EncodeOptions, Model, ModelOptions, Output, Pooling};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let options = ModelOptions::new().device(DeviceChoice::Cpu).context(256).output(Output::Hidden);
/// let model = Model::embedded(&options)?;
/// let how = EncodeOptions { add_special: true, parse_special: false };
/// let texts = [model.tokenizer()?.encode("water bill", how)?, model.tokenizer()?.encode("identity card", how)?];
/// let mut vectors = Vec::new();
/// model.session()?.embed(&texts, Pooling::Mean, |_, vector| {
///     vectors.push(vector.to_vec());
///     ControlFlow::Continue(())
/// })?;
/// let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// assert!(cosine < 1.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// They stay as they are, one a token.
    None,
    /// Their mean.
    Mean,
    /// The first token's, which many encoders are trained to put the text into.
    Cls,
    /// The last token's, which is what a decoder has seen all the text in.
    Last,
}

impl Pooling {
    /// Pools `[tokens, width]` to one row, or leaves it.
    pub(crate) fn pool(self, rows: &[f32], width: usize) -> Vec<f32> {
        let count = rows.len() / width.max(1);
        match self {
            Pooling::None => rows.to_vec(),
            Pooling::Cls => rows[..width].to_vec(),
            Pooling::Last => rows[(count - 1) * width..].to_vec(),
            Pooling::Mean => (0..width)
                .map(|column| {
                    let sum: f64 = rows.iter().skip(column).step_by(width).map(|v| f64::from(*v)).sum();
                    (sum / count as f64) as f32
                })
                .collect(),
        }
    }
}

/// Divides by the Euclidean length; a vector of zeros stays.
pub(crate) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|v| *v = (f64::from(*v) / length) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embed_pools_and_normalises() {
        let rows = vec![1.0, 2.0, 3.0, 4.0, 5.0, 9.0];
        assert_eq!(Pooling::None.pool(&rows, 2), rows);
        assert_eq!(Pooling::Cls.pool(&rows, 2), [1.0, 2.0]);
        assert_eq!(Pooling::Last.pool(&rows, 2), [5.0, 9.0]);
        assert_eq!(Pooling::Mean.pool(&rows, 2), [3.0, 5.0]);
        let mut vector = [3.0, 4.0];
        normalise(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zeros = [0.0; 3];
        normalise(&mut zeros);
        assert_eq!(zeros, [0.0; 3]);
    }
}
