//! `inspect`: what is in a model file, what it needs, and what a token costs, without loading it.

use std::collections::BTreeMap;

use anyhow::Result;
use azulejo::{Config, Model, ModelOptions, Output as ModelOutput, Plan, PlannedCall, Tokenizer};
use azulejo_formats::gguf::{Array, Value as Meta};
use azulejo_formats::{ModelFile, ModelKind, TensorInfo};
use azulejo_models::RopeScaling;
use azulejo_plan::RopeLayout;
use serde_json::{Map, Value, json};

use crate::args::InspectArgs;
use crate::load;
use crate::numbers;
use crate::output::Output;

/// Characters of a value, and items of an array, that a line shows.
const SHOWN: usize = 72;
const ITEMS: usize = 6;

pub(crate) fn run(args: &InspectArgs, output: &Output) -> Result<()> {
    let path = args.model.as_ref().or(args.path.as_ref());
    let (file, name) = match load::shape(&args.shape)? {
        Some(named) => named,
        None => (load::open(path.map(|p| p.as_path()), output)?, load::name(path)),
    };
    let mut options = ModelOptions::new().kv_types(args.cache_type_k, args.cache_type_v);
    options.context = args.ctx_size;
    options.checks.fuse = !args.no_fuse;
    // A file that can't be run can still be looked at.
    let mut planned = Model::plan_of(&file, &options);
    let mut warnings = azulejo_models::warnings(&file);
    if let Err(error) = &planned
        && let Ok(headless) = Model::plan_of(&file, &options.clone().output(ModelOutput::Hidden))
    {
        warnings.push(error.to_string());
        planned = Ok(headless);
        options.output = ModelOutput::Hidden;
    }
    if args.plan && !output.is_json() {
        return print_plan(&PlannedCall::of(&file, &options)?, output);
    }
    let tokenizer = azulejo::tokenizer_from_file(&file);
    warnings.extend(tokenizer.iter().flat_map(|t| t.warnings()).cloned());
    if output.is_json() {
        let mut report = json!({
            "model": name,
            "format": format_name(&file),
            "metadata": metadata_json(&file),
            "tensors": if args.summary { Value::Null } else { file.tensors.values().map(tensor_json).collect() },
            "types": totals(&file).into_iter().map(|(name, t)| (name, t.to_json())).collect::<Map<_, _>>(),
            "parameters": file.tensors.values().map(TensorInfo::weights).sum::<u64>(),
            "bytes": file.tensors.values().map(|t| t.bytes).sum::<u64>(),
            "config": planned.as_ref().map_or_else(problem, |(config, _)| config_json(config)),
            "memory": planned.as_ref().map_or(Value::Null, |(_, plan)| memory_json(plan)),
            "tokenizer": tokenizer.as_ref().map_or_else(problem, tokenizer_json),
            "warnings": warnings,
        });
        if args.plan {
            let calls = PlannedCall::of(&file, &options)?;
            report["plan"] = json!({
                "dispatches": calls.len(),
                "calls": calls.iter().map(|call| json!({
                    "kernel": call.kernel,
                    "variant": call.variant,
                    "workgroups": call.workgroups,
                    "label": call.label,
                })).collect::<Vec<_>>(),
            });
        }
        output.json(&report)?;
        return Ok(());
    }
    if !args.summary {
        print_metadata(&file, output)?;
        print_tensors(&file, output)?;
    }
    let row = |what: &str, text: &str| output.line(&format!("{what:<15}{text}"));
    row("model", &format!("{name} ({})", format_name(&file)))?;
    for (name, total) in totals(&file) {
        let n = total.tensors;
        row(
            &format!("  {name}"),
            &format!(
                "{n:>4} tensors, {:>12}, {}",
                numbers::bytes(total.bytes),
                numbers::parameters(total.weights)
            ),
        )?;
    }
    for warning in &warnings {
        output.warning(warning);
    }
    match &planned {
        Ok((config, plan)) => {
            print_config(config, plan, output)?;
        }
        Err(error) => output.warning(&format!("it can't be run: {error}")),
    }
    match &tokenizer {
        Ok(tokenizer) => print_tokenizer(tokenizer, output)?,
        Err(error) => output.warning(&format!("it has no tokenizer that can be used: {error}")),
    }
    Ok(())
}

fn problem(error: &azulejo::Error) -> Value {
    json!({ "error": { "code": error.code().as_str(), "message": error.to_string() } })
}

fn format_name(file: &ModelFile) -> &'static str {
    match file.kind {
        ModelKind::Gguf(_) => "GGUF",
        ModelKind::HuggingFace(_) => "Hugging Face",
    }
}

/// Tensors of one type.
#[derive(Default)]
struct Total {
    tensors: usize,
    weights: u64,
    bytes: u64,
}

impl Total {
    fn to_json(&self) -> Value {
        json!({ "tensors": self.tensors, "weights": self.weights, "bytes": self.bytes })
    }
}

fn totals(file: &ModelFile) -> BTreeMap<String, Total> {
    let mut totals: BTreeMap<String, Total> = BTreeMap::new();
    for tensor in file.tensors.values() {
        let total = totals.entry(tensor.format.name().to_owned()).or_default();
        total.tensors += 1;
        total.weights += tensor.weights();
        total.bytes += tensor.bytes;
    }
    totals
}

fn print_metadata(file: &ModelFile, output: &Output) -> Result<()> {
    match &file.kind {
        ModelKind::Gguf(metadata) => {
            output.line(&format!("metadata: {} keys", metadata.len()))?;
            for (key, value) in metadata.iter() {
                output.line(&format!("  {key} = {}", shortened(&meta_text(value))))?;
            }
        }
        ModelKind::HuggingFace(folder) => {
            let config = folder.config.as_object();
            output.line(&format!("config.json: {} keys", config.map_or(0, Map::len)))?;
            for (key, value) in config.into_iter().flatten() {
                output.line(&format!("  {key} = {}", shortened(&value.to_string())))?;
            }
        }
    }
    Ok(())
}

/// A line's worth of a text.
fn shortened(text: &str) -> String {
    let text = text.replace('\n', "\\n");
    if text.chars().count() <= SHOWN {
        return text;
    }
    let kept: String = text.chars().take(SHOWN).collect();
    format!("{kept}... ({} bytes)", text.len())
}

fn meta_text(value: &Meta) -> String {
    match value {
        Meta::String(text) => text.clone(),
        Meta::Array(array) => {
            let Value::Array(items) = array_json(array, ITEMS) else { return String::new() };
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            let more = if array.len() > ITEMS { ", ..." } else { "" };
            format!("{} of {}: [{}{more}]", array.type_name(), array.len(), items.join(", "))
        }
        scalar => scalar_json(scalar).to_string(),
    }
}

fn scalar_json(value: &Meta) -> Value {
    match value {
        Meta::U8(v) => json!(v),
        Meta::I8(v) => json!(v),
        Meta::U16(v) => json!(v),
        Meta::I16(v) => json!(v),
        Meta::U32(v) => json!(v),
        Meta::I32(v) => json!(v),
        Meta::F32(v) => float(*v),
        Meta::U64(v) => json!(v),
        Meta::I64(v) => json!(v),
        Meta::F64(v) => json!(v),
        Meta::Bool(v) => json!(v),
        Meta::String(v) => json!(v),
        Meta::Array(array) => array_json(array, usize::MAX),
    }
}

/// The shortest number that is this one in 32 bits: 1e-5, not 9.999999747378752e-6.
fn float(value: f32) -> Value {
    json!(value.to_string().parse::<f64>().unwrap_or(f64::from(value)))
}

fn array_json(array: &Array, most: usize) -> Value {
    macro_rules! items {
        ($items:expr) => {
            $items.iter().take(most).map(|v| json!(v)).collect()
        };
    }
    match array {
        Array::U8(v) => items!(v),
        Array::I8(v) => items!(v),
        Array::U16(v) => items!(v),
        Array::I16(v) => items!(v),
        Array::U32(v) => items!(v),
        Array::I32(v) => items!(v),
        Array::F32(v) => v.iter().take(most).map(|v| float(*v)).collect(),
        Array::U64(v) => items!(v),
        Array::I64(v) => items!(v),
        Array::F64(v) => items!(v),
        Array::Bool(v) => items!(v),
        Array::String(v) => items!(v),
        Array::Array(v) => v.iter().take(most).map(|a| array_json(a, most)).collect(),
    }
}

/// Metadata as JSON; long arrays (the vocabulary) only by their type and length.
fn metadata_json(file: &ModelFile) -> Value {
    match &file.kind {
        ModelKind::Gguf(metadata) => metadata
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Meta::Array(array) if array.len() > 64 => {
                        json!({ "type": array.type_name(), "length": array.len() })
                    }
                    value => scalar_json(value),
                };
                (key.to_owned(), value)
            })
            .collect::<Map<_, _>>()
            .into(),
        ModelKind::HuggingFace(folder) => folder.config.clone(),
    }
}

fn tensor_json(tensor: &TensorInfo) -> Value {
    json!({
        "name": tensor.name,
        "shape": tensor.shape,
        "type": tensor.format.name(),
        "bytes": tensor.bytes,
        "file": tensor.file,
        "offset": tensor.offset,
    })
}

fn print_tensors(file: &ModelFile, output: &Output) -> Result<()> {
    output.line(&format!("tensors: {} (shape: rows x columns)", file.tensors.len()))?;
    let mut tensors: Vec<&TensorInfo> = file.tensors.values().collect();
    tensors.sort_by_key(|t| (t.file, t.offset));
    let width = tensors.iter().map(|t| t.name.len()).max().unwrap_or(0);
    for t in tensors {
        let shape: Vec<String> = t.shape.iter().map(u64::to_string).collect();
        let (shape, bytes) = (shape.join(" x "), numbers::bytes(t.bytes));
        output.line(&format!("  {:<width$}  {:<5} {shape:>16} {bytes:>12}", t.name, t.format.name()))?;
    }
    Ok(())
}

fn config_json(c: &Config) -> Value {
    json!({
        "architecture": c.architecture,
        "name": c.name,
        "vocabulary": c.vocabulary,
        "layers": c.layers,
        "hidden": c.hidden,
        "ffn": c.ffn,
        "heads": c.heads,
        "kv_heads": c.kv_heads,
        "head_size": c.head_size,
        "context_length": c.context_length,
        "eps": c.eps,
        "rope_theta": c.rope.theta,
        "rope_layout": layout(c.rope_layout),
        "rope_scaling": scaling(&c.rope.scaling),
        "windows": c.windows,
    })
}

fn layout(layout: RopeLayout) -> &'static str {
    match layout {
        RopeLayout::Interleaved => "interleaved",
        RopeLayout::HalfSplit => "half-split",
    }
}

fn scaling(scaling: &RopeScaling) -> &'static str {
    match scaling {
        RopeScaling::None => "none",
        RopeScaling::Linear { .. } => "linear",
        RopeScaling::Llama3 { .. } => "llama3",
        RopeScaling::Yarn { .. } => "yarn",
        RopeScaling::Factors(_) => "factors",
    }
}

/// Bytes of weights and of activations of a plan, as it is in the file.
fn sizes(plan: &Plan) -> (u64, u64) {
    let weights =
        plan.tensors.iter().map(|t| t.rows * t.format.row_bytes(t.cols as usize).unwrap_or(0) as u64).sum();
    let rows = |per_output| u64::from(if per_output { plan.output_rows } else { plan.chunk });
    let activations = plan.activations.iter().map(|a| u64::from(a.width) * rows(a.per_output) * 4).sum();
    (weights, activations)
}

fn memory_json(plan: &Plan) -> Value {
    let (weights, activations) = sizes(plan);
    let kv = plan.kv.bytes_per_token() * u64::from(plan.kv.capacity);
    json!({
        "weights_bytes": weights,
        "kv_bytes_per_token": plan.kv.bytes_per_token(),
        "context": plan.kv.capacity,
        "kv_bytes": kv,
        "activations_bytes": activations,
        "total_bytes": weights + kv + activations,
    })
}

fn print_config(c: &Config, plan: &Plan, output: &Output) -> Result<()> {
    let row = |what: &str, text: String| output.line(&format!("{what:<15}{text}"));
    let name = c.name.as_deref().map_or_else(String::new, |name| format!(" ({name})"));
    row("architecture", format!("{}{name}", c.architecture))?;
    row("parameters", numbers::parameters(plan.parameters()))?;
    row(
        "shape",
        format!(
            "{} layers of {}, feed-forward {}, {} heads of {} ({} for keys and values)",
            c.layers, c.hidden, c.ffn, c.heads, c.head_size, c.kv_heads
        ),
    )?;
    row("context", format!("{} positions", c.context_length))?;
    if c.rotated > 0 {
        let scaling = scaling(&c.rope.scaling);
        row("rope", format!("base {}, {}, scaling {scaling}", c.rope.theta, layout(c.rope_layout)))?;
    }
    if let Some(window) = c.windows.iter().flatten().next() {
        let layers = c.windows.iter().flatten().count();
        row("window", format!("{window} positions in {layers} of {} layers", c.layers))?;
    }
    let (weights, activations) = sizes(plan);
    let (a_token, capacity) = (plan.kv.bytes_per_token(), plan.kv.capacity);
    let kv = a_token * u64::from(capacity);
    row(
        "memory",
        format!(
            "{}: weights {}, KV cache {} ({capacity} positions of {}), activations {}",
            numbers::bytes(weights + kv + activations),
            numbers::bytes(weights),
            numbers::bytes(kv),
            numbers::bytes(a_token),
            numbers::bytes(activations)
        ),
    )
    .map_err(Into::into)
}

fn tokenizer_json(tokenizer: &Tokenizer) -> Value {
    json!({
        "vocabulary": tokenizer.vocab_size(),
        "bos": tokenizer.bos(),
        "eos": tokenizer.eos(),
        "end_of_text": tokenizer.end_of_text(),
        "chat_templates": tokenizer.chat_templates().iter().collect::<BTreeMap<_, _>>(),
    })
}

fn print_tokenizer(tokenizer: &Tokenizer, output: &Output) -> Result<()> {
    let token = |id: u32| format!("{id} {}", tokenizer.token_text(id).unwrap_or("?"));
    let bos = tokenizer.bos().map_or_else(|| "none".to_owned(), token);
    let ends: Vec<String> = tokenizer.end_of_text().iter().map(|id| token(*id)).collect();
    output.line(&format!(
        "{:<15}{} tokens, BOS {bos}, ends of text: {}",
        "tokenizer",
        tokenizer.vocab_size(),
        ends.join(", ")
    ))?;
    let template = match (tokenizer.chat_templates().is_empty(), tokenizer.chat_template(None)) {
        (true, Ok(_)) => "built in, by the vocabulary".to_owned(),
        (_, Ok(template)) => shortened(template.source()),
        (true, Err(_)) => "none".to_owned(),
        (_, Err(error)) => format!("unusable: {error}"),
    };
    output.line(&format!("{:<15}{template}", "chat template"))?;
    let named = tokenizer.chat_templates().iter().map(|(name, _)| name).filter(|name| *name != "default");
    let named: Vec<&str> = named.collect();
    if !named.is_empty() {
        output.line(&format!("{:<15}{}", "further ones", named.join(", ")))?;
    }
    Ok(())
}

fn print_plan(calls: &[PlannedCall], output: &Output) -> Result<()> {
    let width = |text: fn(&PlannedCall) -> &str| calls.iter().map(|c| text(c).len()).max().unwrap_or(0);
    let (kernel, variant) = (width(|c| c.kernel), width(|c| &c.variant));
    for (i, call) in calls.iter().enumerate() {
        let [x, y, z] = call.workgroups;
        let groups = format!("{x}x{y}x{z}");
        output.line(&format!(
            "{i:>4}  {:<kernel$}  {:<variant$}  {groups:>12}  {}",
            call.kernel, call.variant, call.label
        ))?;
    }
    output.line(&format!("{} dispatches a decoded token", calls.len()))?;
    Ok(())
}
