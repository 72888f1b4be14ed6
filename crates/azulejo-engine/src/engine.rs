//! A plan with its weights on a device.

use azulejo_formats::ModelFile;
use azulejo_plan::{Backend, Plan};

use crate::load::{fill, loads};
use crate::{EngineError, Load};

/// A model, ready for sessions.
pub struct Engine<B: Backend> {
    pub(crate) backend: B,
    pub(crate) model: B::Model,
    pub(crate) plan: Plan,
}

impl<B: Backend> std::fmt::Debug for Engine<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({} on {})", self.plan.architecture, self.backend.info().name)
    }
}

impl<B: Backend> Engine<B> {
    /// Prepares the plan and fills its constants from the file.
    ///
    /// `progress` is told the bytes done and the bytes in all after each piece; false stops the loading with
    /// [`EngineError::Cancelled`].
    pub fn load(
        backend: B,
        plan: Plan,
        file: &ModelFile,
        mut progress: impl FnMut(u64, u64) -> bool,
    ) -> Result<Self, EngineError> {
        let mut buffer = Vec::new();
        Self::load_from(backend, plan, &mut progress, |plan, load, backend_fill| {
            let Some(tensor) = load.tensor else { return backend_fill(&[]) };
            let info = file.tensor(&plan.tensor(tensor).name)?;
            match file.slice(info, load.bytes.clone()) {
                Some(bytes) => backend_fill(bytes)?,
                None => {
                    buffer.resize((load.bytes.end - load.bytes.start) as usize, 0);
                    file.read(info, load.bytes.clone(), &mut buffer)?;
                    backend_fill(&buffer)?;
                }
            }
            file.release(info, load.bytes.clone());
            Ok(())
        })
    }

    /// Prepares the plan and fills its constants with bytes that `fetch` makes for each piece: random weights of a
    /// shape without a file, say. A piece needs as many bytes as [`Load::bytes`] is long.
    pub fn load_from(
        backend: B,
        plan: Plan,
        progress: &mut dyn FnMut(u64, u64) -> bool,
        mut fetch: impl FnMut(
            &Plan,
            &Load,
            &mut dyn FnMut(&[u8]) -> Result<(), EngineError>,
        ) -> Result<(), EngineError>,
    ) -> Result<Self, EngineError> {
        let mut model = backend.prepare(&plan).map_err(EngineError::backend)?;
        let loads = loads(&plan, backend.constants(&model));
        let total: u64 = loads.iter().map(|l| l.bytes.end - l.bytes.start).sum();
        let mut scratch = Vec::new();
        let mut done = 0;
        for load in &loads {
            let mut write = |bytes: &[u8]| fill(&backend, &mut model, &plan, load, bytes, &mut scratch);
            fetch(&plan, load, &mut write)?;
            done += load.bytes.end - load.bytes.start;
            if !progress(done, total) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(Self { backend, model, plan })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The device.
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// The prepared plan.
    pub fn model(&self) -> &B::Model {
        &self.model
    }
}
