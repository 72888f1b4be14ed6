//! A model on its way from a file to a device, in pieces that come in any order.

use std::ops::Range;
use std::sync::Arc;

use azulejo_engine::EngineError;
use azulejo_formats::ModelFile;
use azulejo_models::Config;
use azulejo_plan::{Backend, Memory, Plan};
use azulejo_tokenizer::Tokenizer;

use crate::backend::AnyBackend;
use crate::options::planned;
use crate::random::fill_random;
use crate::vocabulary::tokenizer_from_file;
use crate::{Code, Device, Error, Model, ModelOptions};

/// A model whose weights are on their way. Only the header of its file is needed to begin with.
///
/// ```
/// use azulejo::{Device, DeviceChoice, Loading, Model, ModelOptions};
///
/// # fn main() -> Result<(), azulejo::Error> {
/// # let bytes = std::fs::read("../../models/azulejo-demo.gguf").unwrap();
/// let options = ModelOptions::new().device(DeviceChoice::Cpu).context(256);
/// let device = pollster::block_on(Device::open(&options))?;
/// let mut loading = Loading::new(&Model::embedded_file()?, &device, &options)?;
/// // `bytes` is the file; it could come in pieces, and from anywhere.
/// for (index, range) in loading.ranges().collect::<Vec<_>>().into_iter().enumerate() {
///     loading.fill(index, &bytes[range.start as usize..range.end as usize])?;
/// }
/// let session = loading.finish()?.session()?;
/// # assert_eq!(session.context(), 256);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Loading {
    weights: azulejo_engine::Loading<AnyBackend>,
    /// For each piece that needs bytes, in the order of the file: the bytes, and the engine's number of the piece.
    pieces: Vec<(Range<u64>, usize)>,
    tokenizer: Result<Arc<Tokenizer>, (Code, String)>,
    config: Arc<Config>,
    warnings: Vec<String>,
}

impl Loading {
    /// Plans the model and makes room for it on the device.
    ///
    /// # Errors
    /// - Those of [`Model::plan_of`];
    /// - [`Code::OutOfMemory`]: the device has no room for it; [`Code::DeviceLost`], [`Code::Device`].
    pub fn new(file: &ModelFile, device: &Device, options: &ModelOptions) -> Result<Self, Error> {
        let (config, plan) = planned(file, options, device.backend.default_chunk())?;
        let tokenizer = tokenizer_from_file(file).map(Arc::new).map_err(|e| (e.code(), e.to_string()));
        let of_tokenizer = tokenizer.as_ref().map(|t| t.warnings()).unwrap_or_default();
        let of_device = device.warnings.iter().chain(of_tokenizer).cloned();
        let warnings = azulejo_models::warnings(file).into_iter().chain(of_device).collect();
        let weights = azulejo_engine::Loading::new(device.backend.clone(), plan)?;
        let pieces = pieces(file, &weights)?;
        Ok(Self { weights, pieces, tokenizer, config: Arc::new(config), warnings })
    }

    /// The bytes of the (first) file that each piece needs, in their order. A piece is about 1 MiB at most; pieces
    /// may overlap where two uses share a tensor.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.pieces.iter().map(|(range, _)| range.clone())
    }

    /// Gives the bytes of a piece, by its place in [`ranges`](Self::ranges).
    ///
    /// # Errors
    /// - [`Code::InvalidArgument`]: there is no such piece, or it takes another number of bytes;
    /// - [`Code::Corrupt`]: bytes that are no weights of the tensor's format;
    /// - [`Code::DeviceLost`], [`Code::OutOfMemory`], [`Code::Device`]: what the device reports.
    pub fn fill(&mut self, index: usize, bytes: &[u8]) -> Result<(), Error> {
        let Some((range, piece)) = self.pieces.get(index) else {
            return Err(Error::invalid(format!("there is no piece {index}, but {}", self.pieces.len())));
        };
        if range.end - range.start != bytes.len() as u64 {
            let wanted = range.end - range.start;
            return Err(Error::invalid(format!("piece {index} takes {wanted} bytes, not {}", bytes.len())));
        }
        Ok(self.weights.fill(*piece, bytes)?)
    }

    /// Fills everything from the file. `progress` is told bytes done and in all; false cancels.
    ///
    /// # Errors
    /// Those of [`fill`](Self::fill), [`Code::Io`] and [`Code::Cancelled`].
    pub fn fill_from(
        &mut self,
        file: &ModelFile,
        progress: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), Error> {
        Ok(self.weights.fill_from(file, progress)?)
    }

    /// Fills everything with random weights, and forgets the tokenizer. `progress` is told bytes done and in all; false
    /// cancels.
    ///
    /// # Errors
    /// Those of [`fill`](Self::fill), and [`Code::Cancelled`].
    pub fn fill_random(&mut self, progress: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), Error> {
        self.tokenizer =
            Err((Code::InvalidArgument, "this model has random weights and no tokenizer".to_owned()));
        Ok(fill_random(&mut self.weights, progress)?)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.weights.plan()
    }

    /// Bytes that it takes on the device, with one session.
    pub fn memory(&self) -> Memory {
        self.weights.backend().memory(self.weights.model())
    }

    /// The model, if every piece was filled.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`]: some weren't.
    pub fn finish(self) -> Result<Model, Error> {
        let engine = Arc::new(self.weights.finish()?);
        Ok(Model { engine, tokenizer: self.tokenizer, config: self.config, warnings: self.warnings.into() })
    }
}

fn pieces(
    file: &ModelFile,
    loading: &azulejo_engine::Loading<AnyBackend>,
) -> Result<Vec<(Range<u64>, usize)>, EngineError> {
    let mut pieces = Vec::new();
    for (index, load) in loading.loads().iter().enumerate() {
        if let Some(tensor) = load.tensor {
            let info = file.tensor(&loading.plan().tensor(tensor).name)?;
            pieces.push((info.offset + load.bytes.start..info.offset + load.bytes.end, index));
        }
    }
    pieces.sort_by_key(|(range, _)| (range.start, range.end));
    Ok(pieces)
}
