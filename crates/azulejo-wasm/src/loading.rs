//! From a file's bytes to a model on a device.

use std::io;
use std::sync::Arc;

use azulejo::shape::{Quant, Shape};
use azulejo::{EmbedOptions, Memory};
use azulejo_formats::gguf::{Gguf, merge};
use azulejo_formats::{ByteSource, ModelFile, ModelKind, ParseStep};
use serde_json::{Value, json};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error::{Result, invalid, thrown};
use crate::options::{LoadOptions, read};
use crate::{Device, Model};

/// The header of a GGUF file, or of each part of a split one, read from a prefix that grows, and what else its
/// configuration is made of. Parts are one file here, one behind the other: so their bytes are counted.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Header {
    part_bytes: Vec<u64>,
    parts: Vec<Gguf>,
    file: Option<ModelFile>,
    given: Vec<(u64, Vec<u8>)>,
}

/// A file of which a few ranges are there. The others come later, and by another way ([`Loading`]).
struct Ranges {
    total_bytes: u64,
    given: Vec<(u64, Vec<u8>)>,
}

impl ByteSource for Ranges {
    fn len(&self) -> u64 {
        self.total_bytes
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let part = self.given.iter().find_map(|(start, bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
            bytes.get(from..from.checked_add(buf.len())?)
        });
        buf.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

#[wasm_bindgen]
impl Header {
    /// Of a file whose parts have so many bytes each; most have one part.
    #[wasm_bindgen(constructor)]
    pub fn new(part_bytes: Vec<f64>) -> Header {
        let part_bytes = part_bytes.into_iter().map(|bytes| bytes as u64).collect();
        Header { part_bytes, parts: Vec::new(), file: None, given: Vec::new() }
    }

    /// Reads what there is of the next part: 0 if that was enough, and the part after it is next; else how many bytes
    /// from its start are.
    pub fn parse(&mut self, prefix: &[u8]) -> Result<f64> {
        let corrupt =
            |error| thrown(azulejo_formats::FormatError::Gguf { file: "the model's file".to_owned(), error });
        let next = self.parts.len();
        let bytes = *self.part_bytes.get(next).ok_or_else(|| invalid("every part was read"))?;
        let mut part = match Gguf::parse(prefix, bytes).map_err(corrupt)? {
            ParseStep::NeedBytes(bytes) => return Ok(bytes as f64),
            ParseStep::Done(part) => part,
        };
        let start: u64 = self.part_bytes[..next].iter().sum();
        part.tensors.iter_mut().for_each(|tensor| tensor.offset += start);
        self.parts.push(part);
        if self.parts.len() == self.part_bytes.len() {
            let whole = merge(std::mem::take(&mut self.parts)).map_err(corrupt)?;
            self.file = Some(ModelFile::from_gguf(whole, self.sources()).map_err(thrown)?);
        }
        Ok(0.0)
    }

    /// The bytes of the file that are wanted besides, before anything else: `[start, end, start, end, ...]`.
    pub fn wanted(&self) -> Result<Vec<f64>> {
        let tensors = azulejo_models::config_tensors(self.file()?);
        Ok(tensors.flat_map(|t| [t.offset as f64, (t.offset + t.bytes) as f64]).collect())
    }

    /// Gives bytes that [`wanted`](Self::wanted) names.
    pub fn give(&mut self, start: f64, bytes: &[u8]) {
        self.given.push((start as u64, bytes.to_vec()));
        let sources = self.sources();
        if let Some(file) = &mut self.file {
            file.sources = sources;
        }
    }

    /// What the file is, and the memory that it would take: options as of [`Loading`].
    pub fn summary(&self, options: &str) -> Result<String> {
        let file = self.file()?;
        let options: LoadOptions = read(options)?;
        let (config, plan) = azulejo::Model::plan_of(file, &options.of_file(file)?).map_err(thrown)?;
        let ModelKind::Gguf(metadata) = &file.kind else {
            return Err(invalid("this is no GGUF file"));
        };
        let license = metadata.find_str("general.license").ok().flatten();
        let languages = metadata.get_array_str("general.languages").ok();
        let memory = azulejo::estimated_memory(&plan).map_err(thrown)?;
        Ok(json!({
            "architecture": plan.architecture, "name": config.name,
            "license": license, "languages": languages,
            "contextLength": config.context_length, "vocabulary": config.vocabulary,
            "parameters": plan.parameters(), "memory": of_memory(memory),
        })
        .to_string())
    }

    /// The whole as the source of each part.
    fn sources(&self) -> Vec<Arc<dyn ByteSource>> {
        let total_bytes = self.part_bytes.iter().sum();
        let whole: Arc<dyn ByteSource> = Arc::new(Ranges { total_bytes, given: self.given.clone() });
        vec![whole; self.part_bytes.len()]
    }

    fn file(&self) -> Result<&ModelFile> {
        self.file.as_ref().ok_or_else(|| invalid("the header is not complete: parse() wants more bytes"))
    }
}

pub(crate) fn of_memory(memory: Memory) -> Value {
    json!({ "weights": memory.weights, "kv": memory.kv, "activations": memory.activations })
}

/// A model whose weights are on their way to a device.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Loading(azulejo::Loading, EmbedOptions);

#[wasm_bindgen]
impl Loading {
    /// Plans the model and makes room for it: `{context?, chunk?, kvType?: "f16" | "f32" | "q8_0" | "q4_0"}`.
    #[wasm_bindgen(constructor)]
    pub fn new(header: &Header, device: &Device, options: &str) -> Result<Loading> {
        let options: LoadOptions = read(options)?;
        let file = header.file()?;
        let loading = azulejo::Loading::new(file, &device.0, &options.of_file(file)?).map_err(thrown)?;
        Ok(Loading(loading, EmbedOptions::of(file).map_err(thrown)?))
    }

    /// A model of a known shape with random weights, and no tokenizer: for benches. `quant` is a type such as
    /// `Q4_K_M`.
    pub async fn random(shape: String, quant: String, device: &Device, options: String) -> Result<Model> {
        let device = device.0.clone();
        let options: LoadOptions = read(&options)?;
        let quant = Quant::from_name(&quant)
            .ok_or_else(|| invalid(format!("there is no type '{quant}'; these are: {}", Quant::names())))?;
        let file = Shape::from_name(&shape).and_then(|s| s.file(quant)).map_err(thrown)?;
        let mut loading = azulejo::Loading::new(&file, &device, &options.model_options()?).map_err(thrown)?;
        device.settle().await.map_err(thrown)?;
        loading.fill_random(&mut |_, _| true).map_err(thrown)?;
        device.flush().await.map_err(thrown)?;
        Ok(Model(loading.finish().map_err(thrown)?, EmbedOptions::new()))
    }

    /// The bytes of the file that are wanted: `[start, end, start, end, ...]`, in the file's order.
    pub fn ranges(&self) -> Vec<f64> {
        self.0.ranges().flat_map(|r| [r.start as f64, r.end as f64]).collect()
    }

    /// Bytes that the model takes on the device.
    pub fn memory(&self) -> String {
        of_memory(self.0.memory()).to_string()
    }

    /// Gives the bytes of the range of that number.
    pub fn fill(&mut self, index: usize, bytes: &[u8]) -> Result<()> {
        self.0.fill(index, bytes).map_err(thrown)
    }

    /// The model, when every range was given.
    pub fn finish(self) -> Result<Model> {
        Ok(Model(self.0.finish().map_err(thrown)?, self.1))
    }
}
