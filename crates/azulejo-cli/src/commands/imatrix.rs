//! `imatrix`: measures on a text which columns of each matrix count, for `quantize --imatrix`.
//!
//! What is measured is the mean square of the activations that each column is multiplied with: to first order it is
//! what an error of that column's weights costs. The output matrix is left out, as llama-imatrix leaves it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use anyhow::Result;
use azulejo::{DeviceChoice, KvType, Model};
use azulejo_formats::ModelKind;
use serde_json::json;

use crate::args::ImatrixArgs;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::making::importance::{Entry, Importance};
use crate::output::{Output, Unit};
use crate::pieces::{self, Cut, Pieces};
use crate::{interrupt, text};

pub(crate) fn run(args: &ImatrixArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    if matches!(args.load.device, DeviceChoice::Wgpu(_) | DeviceChoice::Cuda(_)) {
        return Err(Usage("activations are measured on the CPU: leave --device out".to_owned()).into());
    }
    let bytes = text::input(None, args.file.as_deref())?;
    let file = load::open_adapted(&args.load, output)?;
    if !matches!(file.kind, ModelKind::Gguf(_)) {
        let text =
            "the matrices of a Hugging Face folder have other names: make a .gguf of it by `azulejo convert`";
        return Err(Usage(text.to_owned()).into());
    }
    let tokenizer = azulejo::tokenizer_from_file(&file)?;
    let mut options = load::options(&args.load, Some(args.ctx_size), KvType::F16);
    options.device = DeviceChoice::Cpu;
    options.checks.fuse = false;
    let (config, _) =
        Model::plan_of(&file, &options).map_err(|e| load::named(args.load.model.as_deref(), e))?;
    let context = if args.ctx_size == 0 { config.context_length } else { args.ctx_size } as usize;
    let cut = Cut { context, least: 1, chunks: args.chunks, parse_special: args.parse_special };
    let Pieces { pieces, .. } = pieces::cut(&tokenizer, &bytes, args.file.as_deref(), cut)?;
    let Loaded { model, .. } = load::load_file(&file, &args.load, &options, output)?;
    let chunks = pieces.len();
    let bar = output.bar("pieces", chunks as u64, Unit::Runs);
    let mut done = 0;
    let squares = model.session()?.input_squares(&mut pieces.into_iter(), || {
        done += 1;
        bar.set(done, chunks as u64);
        if interrupt::pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    drop(bar);
    let entry = |(name, (sums, tokens)): (String, (Vec<f64>, u64))| {
        (name, Entry { sums: sums.into_iter().map(|sum| sum as f32).collect(), count: tokens as f32 })
    };
    let importance = Importance {
        datasets: vec![args.file.as_ref().map_or_else(|| "stdin".to_owned(), |f| f.display().to_string())],
        chunks: u32::try_from(chunks)?,
        chunk_tokens: u32::try_from(context)?,
        entries: squares.into_iter().map(entry).collect::<BTreeMap<_, _>>(),
    };
    importance.write(&args.output)?;
    let (path, matrices) = (args.output.display().to_string(), importance.entries.len());
    if output.is_json() {
        let tokens = chunks * context;
        output.json(&json!({ "output": path, "matrices": matrices, "chunks": chunks, "tokens": tokens }))?;
    } else {
        output.line(&format!("{path}: {matrices} matrices, over {chunks} pieces of {context} tokens"))?;
    }
    Ok(())
}
