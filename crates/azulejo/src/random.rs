//! A model's shape with random weights, made in device memory: to time a model without its file.

use azulejo_engine::{Engine, EngineError};
use azulejo_plan::{Backend, Plan};
use azulejo_quant::{BlockFormat, random_blocks};

/// Fills a plan's constants with random weights of the given spread.
pub(crate) fn load_random<B: Backend>(
    backend: B,
    plan: Plan,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Engine<B>, EngineError> {
    let mut buffer = Vec::new();
    Engine::load_from(backend, plan, progress, |plan, load, write| {
        let Some(tensor) = load.tensor else { return write(&[]) };
        let tensor = plan.tensor(tensor);
        buffer.resize((load.bytes.end - load.bytes.start) as usize, 0);
        if tensor.rows == 1 && tensor.format == BlockFormat::F32 {
            // Norms: ones, so that a random model's activations stay in range.
            buffer.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&1.0f32.to_le_bytes()));
        } else {
            let spread = (tensor.cols as f32).sqrt().recip();
            random_blocks(tensor.format, load.first ^ (tensor.name.len() as u64) << 40, spread, &mut buffer)
                .map_err(|source| EngineError::Quant { tensor: tensor.name.clone(), source })?;
        }
        write(&buffer)
    })
}
