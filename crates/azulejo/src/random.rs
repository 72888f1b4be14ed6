//! A model's shape with random weights, made in device memory: to time a model without its file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};

use azulejo_engine::{EngineError, Load, Loading};
use azulejo_plan::{Backend, Constant};
use azulejo_quant::{BlockFormat, PackedRows, QuantError, random_blocks};

use crate::backend::AnyBackend;

/// Bytes of blocks that are made of each format and length of row.
const BYTES: usize = 1 << 20;
/// Rows of them are a multiple of this, at which rows of any format can be cut.
const ROWS: usize = 32;

/// Fills the pieces of a plan's constants with random weights of a spread that keeps activations in range. False of
/// `progress` cancels.
///
/// Some 1 MiB of rows is made of each format and length, and written again and again, since 40 billion numbers would take
/// minutes: a tensor begins somewhere in these rows, by its name. For speed that is as good. Each weight still has its own
/// place in the device's memory and is read from there, no kernel asks for a weight's value before it decides what to do,
/// and the bits are as random as before to whatever power their switching takes. Which row a weight gets depends on its
/// tensor and its place there, so that a model is the same on every device, however it is cut.
pub(crate) fn fill_random(
    loading: &mut Loading<AnyBackend>,
    progress: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<(), EngineError> {
    let total = loading.bytes();
    let (mut made, mut done) = (HashMap::new(), 0);
    for index in 0..loading.loads().len() {
        let Load { constant, tensor, bytes, .. } = loading.loads()[index].clone();
        if let Some(tensor) = tensor {
            let tensor = loading.plan().tensor(tensor);
            let quant = |source| EngineError::Quant { tensor: tensor.name.clone(), source };
            let is_matrix =
                matches!(loading.backend().constants(loading.model())[constant], Constant::Matrix { .. });
            if is_matrix {
                let (format, cols) = (tensor.format, tensor.cols as usize);
                let row_bytes = format.row_bytes(cols).unwrap_or(BYTES).max(1) as u64;
                let rows = match made.entry((format, cols)) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => {
                        entry.insert(random_rows(format, cols, row_bytes as usize).map_err(quant)?)
                    }
                };
                let mut hash = DefaultHasher::new();
                tensor.name.hash(&mut hash);
                let begin = hash.finish() % (rows.rows() / ROWS as u64) * ROWS as u64;
                loading.fill_repeated(index, rows, begin + bytes.start / row_bytes)?;
            } else {
                let mut blocks = vec![0; (bytes.end - bytes.start) as usize];
                if tensor.format == BlockFormat::F32 {
                    // Norms: ones, so that a random model's activations stay in range.
                    blocks.chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&1.0f32.to_le_bytes()));
                } else {
                    random_blocks(tensor.format, 0, 1.0, &mut blocks).map_err(quant)?;
                }
                loading.fill(index, &blocks)?;
            }
        }
        done += bytes.end - bytes.start;
        if !progress(done, total) {
            return Err(EngineError::Cancelled);
        }
    }
    Ok(())
}

/// Rows of random blocks.
fn random_rows(format: BlockFormat, cols: usize, row_bytes: usize) -> Result<PackedRows, QuantError> {
    let rows = (BYTES / row_bytes / ROWS * ROWS).max(ROWS);
    let mut blocks = vec![0; rows * row_bytes];
    random_blocks(format, cols as u64, (cols as f32).sqrt().recip(), &mut blocks)?;
    PackedRows::new(format, rows, cols, &blocks)
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
