//! Passages as vectors, by an encoder, in 8 bits a number.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Result;
use azulejo::{EmbedOptions, KvType, Model, Output as ModelOutput, Pooling};

use super::Piece;
use crate::args::LoadArgs;
use crate::exit::Usage;
use crate::interrupt;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};

/// Tokens of several passages that are evaluated at once.
const TOGETHER: u32 = 512;
/// What a folder's prompts are called that are meant for texts to be found.
const PROMPTS: [&str; 2] = ["passage", "document"];

/// The vectors of all passages.
#[derive(Debug)]
pub(crate) struct Vectors {
    /// The encoder's file or folder.
    pub(crate) model: String,
    /// Numbers of a vector.
    pub(crate) size: usize,
    /// For each language: a scale (f32, little-endian) for each passage, then the vectors in 8 bits, as the file has them.
    pub(crate) of: BTreeMap<String, Vec<u8>>,
}

/// Evaluates all passages.
pub(crate) fn vectors(
    args: &LoadArgs,
    languages: &BTreeMap<String, Vec<Piece<'_>>>,
    output: &Output,
) -> Result<Vectors> {
    load::check(args, output)?;
    let file = load::open(args.model.as_deref(), output)?;
    let how = EmbedOptions::of(&file)?;
    if how.pooling == Pooling::None {
        return Err(
            Usage("--model: this encoder doesn't say how a text becomes one vector".to_owned()).into()
        );
    }
    let tokenizer = azulejo::tokenizer_from_file(&file)?;
    let mut options = load::options(args, None, KvType::F32);
    options.output = ModelOutput::Hidden;
    let (config, _) = Model::plan_of(&file, &options)?;
    if config.is_causal {
        return Err(Usage(
            "--model: it is no encoder; give one that is made for search, as E5, MiniLM or BGE".to_owned(),
        )
        .into());
    }
    let prompt = PROMPTS.into_iter().find(|name| how.prompts.contains_key(*name));
    let most = config.context_length as usize;
    let (mut texts, mut cut) = (Vec::new(), 0);
    for piece in languages.values().flatten() {
        let (mut tokens, mut is_cut) = how.encode(&tokenizer, &piece.whole(), prompt)?;
        if tokens.len() > most {
            // The token that ends a text stays.
            tokens.drain(most - 1..tokens.len() - 1);
            is_cut = true;
        }
        cut += usize::from(is_cut);
        texts.push(tokens);
    }
    if cut > 0 {
        output.warning(&format!(
            "{cut} of {} passages are longer than the encoder takes: their vectors are of what is before",
            texts.len()
        ));
    }
    let longest = texts.iter().map(Vec::len).max().unwrap_or(1);
    let longest = u32::try_from(longest).unwrap_or(u32::MAX);
    options.context = Some(longest.max(TOGETHER.min(config.context_length)));
    let Loaded { model, .. } = load::load_file(&file, args, &options, output)?;
    let size = model.config().hidden as usize;
    let mut session = model.session()?;
    let bar = output.bar("vectors", texts.len() as u64, Unit::Runs);
    let mut rows: Vec<Vec<f32>> = vec![Vec::new(); texts.len()];
    session.embed(&texts, &how, |i, vector| {
        rows[i] = vector.to_vec();
        bar.set(i as u64 + 1, texts.len() as u64);
        if interrupt::pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    interrupt::check()?;
    let mut rows = rows.into_iter();
    let of = languages
        .iter()
        .map(|(language, pieces)| {
            (language.clone(), packed(&rows.by_ref().take(pieces.len()).collect::<Vec<_>>()))
        })
        .collect();
    let path = args.model.as_deref().and_then(|path| path.file_name()).unwrap_or_default();
    Ok(Vectors { model: path.to_string_lossy().into_owned(), size, of })
}

/// Scales, then numbers from -127 to 127.
fn packed(rows: &[Vec<f32>]) -> Vec<u8> {
    let scale = |row: &Vec<f32>| row.iter().fold(0f32, |most, v| most.max(v.abs())) / 127.0;
    let scales: Vec<f32> = rows.iter().map(scale).collect();
    let mut bytes: Vec<u8> = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    for (row, scale) in rows.iter().zip(&scales) {
        let of_one = |v: &f32| if *scale > 0.0 { (v / scale).round() as i8 } else { 0 };
        bytes.extend(row.iter().map(of_one).map(i8::cast_unsigned));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_packed_within_half_a_step() {
        let rows = [vec![0.5, -0.25, 0.125], vec![0.0; 3], vec![-1e-3, 2e-3, 3e-3]];
        let bytes = packed(&rows);
        assert_eq!(bytes.len(), 3 * 4 + 9);
        for (i, row) in rows.iter().enumerate() {
            let scale = f32::from_le_bytes(bytes[i * 4..][..4].try_into().unwrap());
            for (value, byte) in row.iter().zip(&bytes[12 + i * 3..]) {
                assert!((value - f32::from(byte.cast_signed()) * scale).abs() <= scale / 2.0 + 1e-9);
            }
        }
    }
}
