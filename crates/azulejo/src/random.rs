//! A model's shape with random weights, made in device memory: to time a model without its file.

use azulejo_engine::{EngineError, Load, Loading};
use azulejo_plan::Backend;
use azulejo_quant::{BlockFormat, random_blocks};

/// Fills the pieces of a plan's constants with random weights of a spread that keeps activations in range; false of
/// `progress` cancels.
pub(crate) fn fill_random<B: Backend>(
    loading: &mut Loading<B>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), EngineError> {
    let total = loading.bytes();
    let (mut buffer, mut done) = (Vec::new(), 0);
    for index in 0..loading.loads().len() {
        let Load { tensor, bytes, first, .. } = loading.loads()[index].clone();
        if let Some(tensor) = tensor {
            let tensor = loading.plan().tensor(tensor);
            buffer.resize((bytes.end - bytes.start) as usize, 0);
            if tensor.rows == 1 && tensor.format == BlockFormat::F32 {
                // Norms: ones, so that a random model's activations stay in range.
                buffer.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&1.0f32.to_le_bytes()));
            } else {
                let spread = (tensor.cols as f32).sqrt().recip();
                random_blocks(tensor.format, first ^ (tensor.name.len() as u64) << 40, spread, &mut buffer)
                    .map_err(|source| EngineError::Quant { tensor: tensor.name.clone(), source })?;
            }
            loading.fill(index, &buffer)?;
        }
        done += bytes.end - bytes.start;
        if !progress(done, total) {
            return Err(EngineError::Cancelled);
        }
    }
    Ok(())
}
