//! Opening and loading a model, as the flags say.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use azulejo::shape::{Quant, Shape};
use azulejo::{KvType, Loading, Model, ModelOptions};
use azulejo_formats::ModelFile;

use crate::args::{ChatFormatArgs, LoadArgs, ShapeArgs};
use crate::exit::Usage;
use crate::interrupt;
use crate::making::lora;
use crate::numbers;
use crate::output::{Output, Unit};
use crate::{tested, text};

/// A loaded model.
pub(crate) struct Loaded {
    pub(crate) model: Model,
    /// How long it took.
    pub(crate) took: Duration,
}

/// Options for [`load`], from the flags: `kv` is the type of the cache where they don't say one.
pub(crate) fn options(args: &LoadArgs, context: Option<u32>, kv: KvType) -> ModelOptions {
    let mut options = ModelOptions::new()
        .device(args.device)
        .kv_types(args.cache_type_k.unwrap_or(kv), args.cache_type_v.unwrap_or(kv));
    options.context = context;
    options.chunk = args.ubatch_size;
    options.sliding_window = args.sliding_window;
    options.threads = args.threads.map(|n| n as usize);
    options.checks.fuse = !args.no_fuse;
    options.checks.overrides = !args.no_overrides;
    options
}

/// Says what flags are accepted for their own sake, and refuses those that can't be.
fn remark(args: &LoadArgs, output: &Output) -> Result<()> {
    if args.hf_repo.is_some() || args.hf_file.is_some() {
        let text =
            "-hf is not supported: nothing is downloaded here; get the file yourself and give it by -m";
        return Err(Usage(text.to_owned()).into());
    }
    if args.n_gpu_layers.is_some() {
        output
            .warning("-ngl has no meaning here: a model is on one device as a whole; choose it by --device");
    }
    if args.flash_attn.is_some() {
        output.warning("-fa has no meaning here: attention is always computed without a matrix of scores");
    }
    Ok(())
}

/// The file that `-m` names, or the embedded one, with the adapters of `--lora`.
pub(crate) fn open_adapted(args: &LoadArgs, output: &Output) -> Result<ModelFile> {
    let mut file = open(args.model.as_deref(), output)?;
    lora::apply(&mut file, &args.lora)?;
    Ok(file)
}

/// The file that `-m` names, or the embedded one.
pub(crate) fn open(path: Option<&Path>, output: &Output) -> Result<ModelFile> {
    match path {
        Some(path) => Ok(azulejo::open_file(path)?),
        None => embedded(output),
    }
}

/// The file of the shape that `--shape` names, whose weights are nowhere, and its name.
pub(crate) fn shape(args: &ShapeArgs) -> Result<Option<(ModelFile, String)>> {
    let Some(name) = &args.shape else { return Ok(None) };
    let shape = Shape::from_name(name).map_err(|e| Usage(format!("--shape: {e}")))?;
    let quant = &args.quant;
    let unknown = || Usage(format!("--quant: there is no '{quant}'; these are: {}", Quant::names()));
    let quant = Quant::from_name(quant).ok_or_else(unknown)?;
    Ok(Some((shape.file(quant)?, name.clone())))
}

#[cfg(feature = "embedded")]
fn embedded(output: &Output) -> Result<ModelFile> {
    output.notice("no model given (-m): this is the demonstration model, which only knows its small subject");
    Ok(Model::embedded_file()?)
}

#[cfg(not(feature = "embedded"))]
fn embedded(_: &Output) -> Result<ModelFile> {
    Err(Usage("no model: give one by -m (this build has no demonstration model in it)".to_owned()).into())
}

/// Opens and loads a model, with a bar.
pub(crate) fn load(args: &LoadArgs, options: &ModelOptions, output: &Output) -> Result<Loaded> {
    remark(args, output)?;
    let file = open_adapted(args, output)?;
    load_file(&file, args, options, output)
}

/// Loads an open file.
pub(crate) fn load_file(
    file: &ModelFile,
    args: &LoadArgs,
    options: &ModelOptions,
    output: &Output,
) -> Result<Loaded> {
    let fill =
        |loading: &mut Loading, progress: &mut dyn FnMut(u64, u64) -> bool| loading.fill_from(file, progress);
    loading(file, options, output, fill, |e| named(args.model.as_deref(), e))
}

/// The error with the path of its file in front.
pub(crate) fn named(file: Option<&Path>, error: azulejo::Error) -> azulejo::Error {
    match file {
        Some(path) => error.context(path.display().to_string()),
        None => error,
    }
}

/// Makes a model of a file's shape with random weights; cancelled if that isn't done in time.
pub(crate) fn load_random(
    file: &ModelFile,
    options: &ModelOptions,
    until: Option<Instant>,
    output: &Output,
) -> Result<Loaded> {
    let is_over = || until.is_some_and(|until| Instant::now() >= until);
    let fill = |loading: &mut Loading, progress: &mut dyn FnMut(u64, u64) -> bool| {
        loading.fill_random(&mut |done, total| progress(done, total) && !is_over())
    };
    loading(file, options, output, fill, |e| e)
}

fn loading(
    file: &ModelFile,
    options: &ModelOptions,
    output: &Output,
    fill: impl FnOnce(&mut Loading, &mut dyn FnMut(u64, u64) -> bool) -> Result<(), azulejo::Error>,
    named: impl Fn(azulejo::Error) -> azulejo::Error,
) -> Result<Loaded> {
    let start = Instant::now();
    let device = tested::open(options, output)?;
    let bar = output.bar("loading", 0, Unit::Bytes);
    let mut loading = Loading::new(file, &device, options).map_err(&named)?;
    let filled = fill(&mut loading, &mut |done, total| {
        bar.set(done, total);
        !interrupt::pressed()
    });
    filled.map_err(&named)?;
    let model = loading.finish().map_err(&named)?;
    drop(bar);
    let took = start.elapsed();
    for warning in model.warnings() {
        output.warning(warning);
    }
    let (device, memory) = (model.device(), model.memory());
    output.detail(&format!(
        "device:  {} ({}), tier {}: {}",
        device.name, device.driver, device.tier, device.reason
    ));
    output.detail(&format!(
        "memory:  weights {}, KV cache {}, activations {}",
        numbers::bytes(memory.weights),
        numbers::bytes(memory.kv),
        numbers::bytes(memory.activations)
    ));
    let plan = model.plan();
    output.detail(&format!(
        "model:   {}, {} parameters, {} positions of context, KV {}/{}; loaded in {:.2} s",
        plan.architecture,
        numbers::parameters(model.parameters()),
        plan.kv.capacity,
        plan.kv.k.name(),
        plan.kv.v.name(),
        took.as_secs_f64()
    ));
    Ok(Loaded { model, took })
}

/// The flags' [`remark`]s for commands that load by themselves.
pub(crate) fn check(args: &LoadArgs, output: &Output) -> Result<()> {
    remark(args, output)
}

/// What stands for the model's file in results.
pub(crate) fn name(path: Option<&PathBuf>) -> String {
    path.map_or_else(|| "(embedded)".to_owned(), |p| p.display().to_string())
}

/// The chat template of the flags; what is wrong with one in Jinja is told before a model is loaded. A name may be that
/// of a template of the model's own.
pub(crate) fn template(args: &ChatFormatArgs) -> Result<Option<String>> {
    let (flag, template) = match (&args.chat_template, &args.chat_template_file) {
        (Some(template), _) => ("--chat-template", template.clone()),
        (None, Some(path)) => ("--chat-template-file", text::text_of(path)?),
        (None, None) => return Ok(None),
    };
    match azulejo::ChatTemplate::given(&template) {
        Ok(_) | Err(azulejo_tokenizer::Error::UnknownChatTemplate { .. }) => Ok(Some(template)),
        Err(error) => Err(azulejo::Error::from(error).context(flag).into()),
    }
}

/// Looks the flag's template up once the model is there, which may have one of that name.
pub(crate) fn check_template(model: &Model, template: Option<&str>) -> Result<()> {
    if template.is_some() {
        let found = model.tokenizer()?.chat_template(template);
        found.map_err(|e| azulejo::Error::from(e).context("--chat-template"))?;
    }
    Ok(())
}

/// The system's message of the flags.
pub(crate) fn system_prompt(args: &ChatFormatArgs) -> Result<Option<String>> {
    match (&args.system_prompt, &args.system_prompt_file) {
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(path)) => Ok(Some(text::text_of(path)?.trim_end_matches(['\r', '\n']).to_owned())),
        (None, None) => Ok(None),
    }
}

/// The seed of the flag: a negative one is a new one each time.
pub(crate) fn seed(flag: i64) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    u64::try_from(flag).unwrap_or_else(|_| {
        // The standard library's hash keys are the random numbers that need no dependency. 32 bits are easy to type.
        std::collections::hash_map::RandomState::new().build_hasher().finish() & 0xffff_ffff
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_taken_unless_they_are_declined() {
        let taken = |no_overrides| {
            let args = LoadArgs { no_overrides, ..LoadArgs::default() };
            options(&args, None, KvType::F16).checks.overrides
        };
        assert!(taken(false) && !taken(true));
    }
}
