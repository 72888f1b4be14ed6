//! What a device tells of itself: errors that come late, its loss, and counts of what was asked of it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::WgpuError;

/// How often a back-end did what costs time, since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Command buffers that went to the queue.
    pub submits: u64,
    /// Dispatches in them.
    pub dispatches: u64,
    /// Buffers made.
    pub buffers: u64,
    /// Bytes that came back from the device.
    pub bytes_read: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) submits: AtomicU64,
    pub(crate) dispatches: AtomicU64,
    pub(crate) buffers: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
}

impl Counters {
    pub(crate) fn snapshot(&self) -> Counts {
        Counts {
            submits: self.submits.load(Relaxed),
            dispatches: self.dispatches.load(Relaxed),
            buffers: self.buffers.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
        }
    }
}

/// Adds to a counter.
pub(crate) fn count(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Relaxed);
}

/// A lock that outlives a panic of another thread: nothing here is left half written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Errors that reached nobody, and the device's loss.
#[derive(Debug, Default)]
struct Reports {
    lost: Option<String>,
    errors: Vec<WgpuError>,
}

/// Collects them from the device's callbacks, for the next call to return.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reporter(Arc<Mutex<Reports>>);

impl Reporter {
    /// Listens to a device.
    pub(crate) fn listen(device: &wgpu::Device) -> Self {
        let reporter = Self::default();
        let to = reporter.clone();
        device.on_uncaptured_error(Arc::new(move |error| to.report(from_wgpu(error, "a command", 0))));
        let to = reporter.clone();
        device.set_device_lost_callback(move |_, message| {
            lock(&to.0).lost =
                Some(if message.is_empty() { "it gave no reason".to_owned() } else { message });
        });
        reporter
    }

    pub(crate) fn report(&self, error: WgpuError) {
        lock(&self.0).errors.push(error);
    }

    /// The device's loss, or the oldest error, once.
    pub(crate) fn check(&self) -> Result<(), WgpuError> {
        let mut reports = lock(&self.0);
        if let Some(why) = &reports.lost {
            return Err(WgpuError::DeviceLost(why.clone()));
        }
        if reports.errors.is_empty() { Ok(()) } else { Err(reports.errors.remove(0)) }
    }
}

/// wgpu's error in our words; `what` and `bytes` are for a lack of memory.
pub(crate) fn from_wgpu(error: wgpu::Error, what: &str, bytes: u64) -> WgpuError {
    match error {
        wgpu::Error::OutOfMemory { .. } => WgpuError::OutOfMemory { what: what.to_owned(), bytes },
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            WgpuError::Validation(description)
        }
    }
}
