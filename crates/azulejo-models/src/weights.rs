//! Weights of a file, under GGUF's names or Hugging Face's.

use azulejo_formats::{ModelFile, ModelKind};
use azulejo_plan::{Change, PlanBuilder, Tensor, TensorId};

use crate::ModelError;

/// The architecture that the file names.
pub(crate) fn architecture_name(file: &ModelFile) -> Result<String, ModelError> {
    match &file.kind {
        ModelKind::Gguf(metadata) => Ok(metadata.get_str("general.architecture")?.to_owned()),
        ModelKind::HuggingFace(folder) => folder
            .config
            .get("model_type")
            .and_then(|v| v.as_str())
            .map(str::to_owned)
            .ok_or_else(|| ModelError::config("model_type", "is missing from config.json")),
    }
}

/// What a decoder's names in a Hugging Face folder begin with: a model's; that of one saved from a base model, without a
/// head; and that of the part that writes, in a model that reads images too, as transformers 4 wrote it and as 5 does.
const PREFIXES: [&str; 4] = ["model.", "", "language_model.model.", "model.language_model."];

/// Looks weights up by their GGUF names.
pub(crate) struct Weights<'f> {
    file: &'f ModelFile,
    /// GGUF name -> name in a Hugging Face file.
    hugging_face: fn(&str) -> Option<String>,
    /// What Hugging Face names of the file begin with.
    prefix: &'static str,
}

impl<'f> Weights<'f> {
    pub(crate) fn new(file: &'f ModelFile, hugging_face: fn(&str) -> Option<String>) -> Self {
        let is_it =
            |prefix: &&&str| file.tensors.keys().any(|name| name.starts_with(&format!("{prefix}layers.")));
        let prefix = PREFIXES.iter().find(is_it).copied().unwrap_or("model.");
        Self { file, hugging_face, prefix }
    }

    fn name(&self, gguf: &str) -> String {
        if crate::is_gguf(self.file) {
            return gguf.to_owned();
        }
        let name = (self.hugging_face)(gguf).unwrap_or_else(|| gguf.to_owned());
        // The head stands beside the rest.
        let beside = self.prefix.strip_suffix("model.").unwrap_or_default();
        match name.strip_prefix("model.") {
            Some(rest) => format!("{}{rest}", self.prefix),
            None if name.starts_with("lm_head.") => format!("{beside}{name}"),
            None => name,
        }
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
