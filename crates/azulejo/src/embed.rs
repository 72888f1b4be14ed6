//! Embeddings: a text as a vector, for search and comparison.

use std::collections::BTreeMap;

use azulejo_tokenizer::{EncodeOptions, Tokenizer};

use crate::Error;

/// How a text becomes a vector: what a model's makers say of it ([`EmbedOptions::of`]), or what a caller wants.
///
/// ```
/// use std::ops::ControlFlow;
///
/// use azulejo::{DeviceChoice, EmbedOptions, Model, ModelOptions, Output};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// let file = Model::embedded_file()?;
/// let how = EmbedOptions::of(&file)?;
/// let options = ModelOptions::new().device(DeviceChoice::Cpu).context(256).output(Output::Hidden);
/// let model = Model::embedded(&options)?;
/// let tokenizer = model.tokenizer()?;
/// let texts = [how.encode(tokenizer, "water bill", None)?.0, how.encode(tokenizer, "identity card", None)?.0];
/// let mut vectors = Vec::new();
/// model.session()?.embed(&texts, &how, |_, vector| {
///     vectors.push(vector.to_vec());
///     ControlFlow::Continue(())
/// })?;
/// let cosine: f32 = vectors[0].iter().zip(&vectors[1]).map(|(a, b)| a * b).sum();
/// assert!(cosine < 1.0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmbedOptions {
    /// What becomes of the hidden states of a text's tokens.
    pub pooling: Pooling,
    /// Whether the vector is divided by its Euclidean length; unpooled states never are.
    pub normalise: bool,
    /// What may stand in front of a text, by the name of what the text is for (`query`, `passage`).
    pub prompts: BTreeMap<String, String>,
    /// The name of the prompt that is taken where none is named.
    pub default_prompt: Option<String>,
    /// The most tokens of a text; what is behind them is left out. None: texts that are too long are an error.
    pub most_tokens: Option<u32>,
    /// Whether texts are put in lower case first.
    pub lowercase: bool,
}

impl Default for EmbedOptions {
    fn default() -> Self {
        Self {
            pooling: Pooling::Mean,
            normalise: true,
            prompts: BTreeMap::new(),
            default_prompt: None,
            most_tokens: None,
            lowercase: false,
        }
    }
}

impl EmbedOptions {
    /// The mean, of length 1, without prompts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`pooling`](field@Self::pooling).
    pub fn pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = pooling;
        self
    }

    /// The tokens of a text behind its prompt, `[CLS]` and the like with it, and whether some were left out. `prompt` is
    /// the prompt's name; without one it is the default prompt, and with an empty name there is none.
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`](crate::Code): there is no prompt of that name;
    /// - those of [`Tokenizer::encode`].
    pub fn encode(
        &self,
        tokenizer: &Tokenizer,
        text: &str,
        prompt: Option<&str>,
    ) -> Result<(Vec<u32>, bool), Error> {
        let name = prompt.or(self.default_prompt.as_deref()).filter(|name| !name.is_empty());
        let prompt = name.map(|name| self.prompt(name)).transpose()?.unwrap_or_default();
        let whole = [prompt, text].concat();
        let whole = if self.lowercase { whole.to_lowercase() } else { whole };
        let mut tokens =
            tokenizer.encode(&whole, EncodeOptions { add_special: true, parse_special: true })?;
        let is_cut = self.most_tokens.is_some_and(|most| tokenizer.cut(&mut tokens, most as usize));
        Ok((tokens, is_cut))
    }

    fn prompt(&self, name: &str) -> Result<&str, Error> {
        self.prompts.get(name).map(String::as_str).ok_or_else(|| {
            let known: Vec<&str> = self.prompts.keys().map(String::as_str).collect();
            Error::invalid(match known.as_slice() {
                [] => format!("there is no prompt '{name}': the model's files name none"),
                known => format!("there is no prompt '{name}'; these are: {}", known.join(", ")),
            })
        })
    }
}

/// What becomes of the hidden states of a text's tokens.
///
/// ```
/// use azulejo::{EmbedOptions, Pooling};
///
/// assert_eq!(EmbedOptions::new().pooling(Pooling::Cls).pooling, Pooling::Cls);
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
