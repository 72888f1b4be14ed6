//! Weights of a file, under GGUF's names or Hugging Face's.

use azulejo_formats::hf::HfFiles;
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{Change, PlanBuilder, Tensor, TensorId};

use crate::ModelError;
use crate::decoder::Place;
use crate::names::DecoderNames;

/// The architecture that the file names.
pub(crate) fn architecture_name(file: &ModelFile) -> Result<String, ModelError> {
    match &file.kind {
        ModelKind::Gguf(metadata) => Ok(metadata.get_str("general.architecture")?.to_owned()),
        ModelKind::HuggingFace(folder) => model_type(folder),
    }
}

/// The architecture that a folder names.
pub(crate) fn model_type(folder: &HfFiles) -> Result<String, ModelError> {
    let name = folder.config.get("model_type").and_then(|v| v.as_str()).map(str::to_owned);
    name.ok_or_else(|| ModelError::config("model_type", "is missing from config.json"))
}

/// Looks weights up by their GGUF names.
pub(crate) struct Weights<'f> {
    file: &'f ModelFile,
    /// What they are called in a decoder's Hugging Face folder; none elsewhere.
    names: Option<DecoderNames>,
}

impl<'f> Weights<'f> {
    /// Of a file in which they are called as they are asked for.
    pub(crate) fn new(file: &'f ModelFile) -> Self {
        Self { file, names: None }
    }

    /// Of a decoder whose norms stand in that place.
    pub(crate) fn of_decoder(file: &'f ModelFile, place: Place) -> Self {
        let names = (!crate::is_gguf(file)).then(|| DecoderNames::of(place, file.tensors.keys()));
        Self { file, names }
    }

    fn name(&self, gguf: &str) -> String {
        let name = self.names.and_then(|names| names.hugging_face(gguf));
        name.unwrap_or_else(|| gguf.to_owned())
    }

    /// True if the file has the tensor.
    pub(crate) fn has(&self, gguf: &str) -> bool {
        self.file.tensors.contains_key(&self.name(gguf))
    }

    /// The rows of a matrix.
    pub(crate) fn rows(&self, gguf: &str) -> Result<u64, ModelError> {
        let info = self.file.tensor(&self.name(gguf))?;
        Ok(info.shape.first().copied().unwrap_or(0))
    }

    /// Adds a matrix to the plan.
    pub(crate) fn matrix(
        &self,
        b: &mut PlanBuilder,
        gguf: &str,
        rows: u32,
        cols: u32,
    ) -> Result<TensorId, ModelError> {
        self.add(b, gguf, &[u64::from(rows), u64::from(cols)], Change::NONE)
    }

    /// Adds a vector to the plan.
    pub(crate) fn vector(
        &self,
        b: &mut PlanBuilder,
        gguf: &str,
        size: u32,
        change: Change,
    ) -> Result<TensorId, ModelError> {
        self.add(b, gguf, &[u64::from(size)], change)
    }

    /// Adds a vector to the plan if the file has it.
    pub(crate) fn optional(
        &self,
        b: &mut PlanBuilder,
        gguf: &str,
        size: u32,
    ) -> Result<Option<TensorId>, ModelError> {
        if self.has(gguf) { self.vector(b, gguf, size, Change::NONE).map(Some) } else { Ok(None) }
    }

    fn add(
        &self,
        b: &mut PlanBuilder,
        gguf: &str,
        wanted: &[u64],
        change: Change,
    ) -> Result<TensorId, ModelError> {
        let name = self.name(gguf);
        let info = self.file.tensor(&name)?;
        if info.shape != wanted {
            return Err(ModelError::Shape {
                tensor: name,
                found: info.shape.clone(),
                wanted: wanted.to_vec(),
            });
        }
        let (rows, cols) = match wanted {
            [rows, cols] => (*rows, *cols),
            _ => (1, wanted[0]),
        };
        Ok(b.tensor(Tensor { name, format: info.format, rows, cols, change }))
    }
}
