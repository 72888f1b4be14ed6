//! Bytes on their way back to the host.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use crate::report::{count, lock};
use crate::{WgpuBackend, WgpuError, WgpuModel, WgpuState};

/// The token that [`azulejo_shaders::kernels::argmax_merge`] chooses where no logit is a number.
const NO_NUMBER: u32 = u32::MAX;

/// What a device's callback says, once, and who waits for it.
#[derive(Debug)]
pub(crate) struct Signal<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Signal<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Signal<T> {
    pub(crate) fn set(&self, answer: T) {
        let mut state = lock(&self.0);
        state.0 = Some(answer);
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }

    fn is_set(&self) -> bool {
        lock(&self.0).0.is_some()
    }

    pub(crate) async fn wait(&self) -> T {
        poll_fn(|context| {
            let mut state = lock(&self.0);
            match &state.0 {
                Some(answer) => Poll::Ready(answer.clone()),
                None => {
                    state.1 = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A buffer that is being mapped.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) buffer: wgpu::Buffer,
    bytes: u64,
    index: wgpu::SubmissionIndex,
    done: Signal<Result<(), String>>,
}

impl Mapping {
    /// Asks for the first bytes of a read-back buffer that submission `index` writes last.
    pub(crate) fn start(buffer: wgpu::Buffer, bytes: u64, index: wgpu::SubmissionIndex) -> Self {
        let done = Signal::default();
        let to = done.clone();
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |answer| {
            to.set(answer.map_err(|e| e.to_string()));
        });
        Self { buffer, bytes, index, done }
    }

    /// Waits until the bytes are there. Natively this blocks; in a browser it returns to the event loop.
    async fn wait(&self, backend: &WgpuBackend) -> Result<(), WgpuError> {
        if !self.done.is_set() {
            backend.wait(self.index.clone())?;
        }
        let answer = self.done.wait().await;
        // A lost device answers every read with a refusal; the loss says more.
        backend.reporter.check()?;
        answer.map_err(WgpuError::Map)
    }

    /// The bytes, when they are there; frees the buffer.
    fn take<T>(
        self,
        backend: &WgpuBackend,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<(wgpu::Buffer, T), WgpuError> {
        let range = self.buffer.get_mapped_range(0..self.bytes).map_err(|e| WgpuError::Map(e.to_string()))?;
        let value = read(&range);
        drop(range);
        self.buffer.unmap();
        count(&backend.counters.bytes_read, self.bytes);
        Ok((self.buffer, value))
    }
}

impl WgpuBackend {
    /// Natively, blocks until a submission is done; in a browser nothing can block.
    pub(crate) fn wait(&self, index: wgpu::SubmissionIndex) -> Result<(), WgpuError> {
        if cfg!(target_arch = "wasm32") {
            return Ok(());
        }
        let waited = self.device.poll(wgpu::PollType::Wait { submission_index: Some(index), timeout: None });
        self.reporter.check()?;
        waited.map(|_| ()).map_err(|e| WgpuError::Map(e.to_string()))
    }

    /// The oldest chosen token that was not read yet. It stays the oldest if the future is dropped.
    pub(crate) async fn next_token(&self, state: &mut WgpuState) -> Result<u32, WgpuError> {
        self.settle().await?;
        let oldest = state.chosen.front().ok_or(WgpuError::NothingToRead("a token"))?;
        oldest.wait(self).await?;
        let Some(mapping) = state.chosen.pop_front() else {
            return Err(WgpuError::NothingToRead("a token"));
        };
        let (buffer, token) = mapping
            .take(self, |bytes| bytes.first_chunk().map_or(NO_NUMBER, |word| u32::from_le_bytes(*word)))?;
        state.free.push(buffer);
        Ok(token)
    }

    /// The logits of the last step that gave any, `[rows, vocabulary]`.
    pub(crate) async fn last_logits(
        &self,
        model: &WgpuModel,
        state: &mut WgpuState,
    ) -> Result<Vec<f32>, WgpuError> {
        self.settle().await?;
        let read = state.logits_read.as_mut().ok_or(WgpuError::NothingToRead("logits"))?;
        let index = read.index.clone().ok_or(WgpuError::NothingToRead("logits"))?;
        let stride = u64::from(model.program.logits_stride) * 4;
        let bytes = u64::from(read.rows) * stride;
        let mapping = read.mapping.get_or_insert_with(|| Mapping::start(read.buffer.clone(), bytes, index));
        mapping.wait(self).await?;
        let Some(mapping) = read.mapping.take() else {
            return Err(WgpuError::NothingToRead("logits"));
        };
        let width = model.program.logits_width as usize * 4;
        let (_, logits) = mapping.take(self, |bytes| {
            let rows = bytes.chunks_exact(stride as usize);
            rows.flat_map(|row| row[..width].as_chunks().0).map(|word| f32::from_le_bytes(*word)).collect()
        })?;
        Ok(logits)
    }

    /// Reads a whole buffer, for tests and self-tests of single calls.
    pub(crate) async fn read_words(&self, mapping: Mapping) -> Result<Vec<u32>, WgpuError> {
        mapping.wait(self).await?;
        let words = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Ok(mapping.take(self, words)?.1)
    }
}
