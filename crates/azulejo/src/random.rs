//! A model's shape with random weights, made in device memory: to time a model without its file.

use std::hash::{DefaultHasher, Hash, Hasher};

use azulejo_engine::{EngineError, Load, Loading};
use azulejo_quant::{BlockFormat, random_blocks};

use crate::backend::AnyBackend;

/// Fills the pieces of a plan's constants with random weights of a spread that keeps activations in range: a row's depend
/// on its tensor and its place there, so that a model is the same on every device, however it is cut. False of `progress`
/// cancels.
pub(crate) fn fill_random(
    loading: &mut Loading<AnyBackend>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), EngineError> {
    let total = loading.bytes();
    let (mut buffer, mut done) = (Vec::new(), 0);
    for index in 0..loading.loads().len() {
        let Load { tensor, bytes, .. } = loading.loads()[index].clone();
        if let Some(tensor) = tensor {
            let tensor = loading.plan().tensor(tensor);
            buffer.resize((bytes.end - bytes.start) as usize, 0);
            if tensor.rows == 1 && tensor.format == BlockFormat::F32 {
                // Norms: ones, so that a random model's activations stay in range.
                buffer.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&1.0f32.to_le_bytes()));
            } else {
                let spread = (tensor.cols as f32).sqrt().recip();
                let row = tensor.format.row_bytes(tensor.cols as usize).unwrap_or(buffer.len()).max(1);
                for (place, row) in (bytes.start..).step_by(row).zip(buffer.chunks_mut(row)) {
                    let mut seed = DefaultHasher::new();
                    (tensor.name.as_str(), place).hash(&mut seed);
                    random_blocks(tensor.format, seed.finish(), spread, row)
                        .map_err(|source| EngineError::Quant { tensor: tensor.name.clone(), source })?;
                }
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

#[cfg(all(test, feature = "cpu", feature = "wgpu"))]
mod tests {
    use azulejo_quant::BlockFormat;

    use crate::shape::{Quant, TRIAL};
    use crate::{DeviceChoice, Model, ModelOptions};

    #[test]
    fn random_weights_are_the_same_on_every_device_however_they_are_cut() {
        let file = TRIAL.file(Quant::Plain(BlockFormat::Q4_0)).unwrap();
        let logits = |device, binding_bytes| {
            let mut options = ModelOptions::new().device(device);
            options.checks.binding_bytes = binding_bytes;
            let model = Model::random(&file, &options, &mut |_, _| true).unwrap();
            model.session().unwrap().logits_of(&[1, 2, 3], 2).unwrap()
        };
        let cpu = logits(DeviceChoice::Cpu, None);
        let power: f32 = cpu.iter().map(|c| c * c).sum();
        assert!(power.is_finite() && power > 0.0);
        // The table of 2.4 MB, which is the output matrix too, whole and in three.
        for binding_bytes in [None, Some(1 << 20)] {
            let gpu = logits(DeviceChoice::Wgpu(None), binding_bytes);
            let error: f32 = gpu.iter().zip(&cpu).map(|(g, c)| (g - c).powi(2)).sum();
            assert!(error < 1e-4 * power, "cut at {binding_bytes:?}: {}", error / power);
        }
    }
}
