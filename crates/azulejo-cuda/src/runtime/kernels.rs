//! The kernels of a device: written, compiled, kept on disk, loaded.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use azulejo_shaders::{Call, Kernel, Variant};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use sha2::{Digest, Sha256};

use super::driver::{Driver, Function};
use super::{CudaError, TIER};
use crate::nvrtc::Nvrtc;
use crate::translate::translate;
use crate::writer::{Options, PRELUDE, Parameter, Written};

/// A kernel on the device.
#[derive(Debug)]
pub(super) struct CudaKernel {
    pub(super) function: Arc<Function>,
    pub(super) parameters: Vec<Parameter>,
}

type Key = (&'static str, Variant);

/// Those that were asked for so far.
#[derive(Debug)]
pub(super) struct Kernels {
    compiler: Nvrtc,
    /// Part of what is kept under a name.
    version: (i32, i32),
    arch: String,
    options: Options,
    /// Where machine code is kept, if it is.
    folder: Option<PathBuf>,
    loaded: Mutex<HashMap<Key, Arc<CudaKernel>>>,
}

impl Kernels {
    /// `overrides` is the compute capability whose overrides are taken, if any are.
    pub(super) fn new(
        arch: String,
        overrides: Option<(u32, u32)>,
        folder: Option<PathBuf>,
    ) -> Result<Self, CudaError> {
        let compiler = Nvrtc::find().ok_or(CudaError::NoCompiler)?;
        let version = compiler.version()?;
        let options = Options { overrides, ..Options::default() };
        Ok(Self { compiler, version, arch, options, folder, loaded: Mutex::default() })
    }

    pub(super) fn version(&self) -> (i32, i32) {
        self.version
    }

    /// Loads those of the calls that aren't there yet, which compiles on all cores.
    pub(super) fn load<'c>(
        &self,
        driver: &Driver,
        calls: impl IntoIterator<Item = &'c Call>,
    ) -> Result<(), CudaError> {
        let mut missing: HashMap<Key, &'static Kernel> = HashMap::new();
        for call in calls {
            let key = (call.kernel.name, call.variant.clone());
            if !self.lock().contains_key(&key) {
                missing.insert(key, call.kernel);
            }
        }
        let compiled: Vec<(Key, Written, Vec<u8>)> = missing
            .into_par_iter()
            .map(|((name, variant), kernel)| {
                let written = translate(kernel, &variant, TIER, &self.options)?;
                let cubin = self.cubin(&written)?;
                Ok(((name, variant), written, cubin))
            })
            .collect::<Result<_, CudaError>>()?;
        for (key, written, cubin) in compiled {
            let function = Arc::new(driver.function(cubin, &written)?);
            self.lock().insert(key, Arc::new(CudaKernel { function, parameters: written.parameters }));
        }
        Ok(())
    }

    /// The kernel of a call, once it is loaded.
    pub(super) fn of(&self, driver: &Driver, call: &Call) -> Result<Arc<CudaKernel>, CudaError> {
        let key = (call.kernel.name, call.variant.clone());
        self.load(driver, [call])?;
        self.lock().get(&key).cloned().ok_or(CudaError::NothingToRead("a kernel"))
    }

    /// A function that no call is for.
    pub(super) fn function(&self, driver: &Driver, written: &Written) -> Result<Arc<Function>, CudaError> {
        Ok(Arc::new(driver.function(self.cubin(written)?, written)?))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<CudaKernel>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Machine code, from the disk if it was compiled before by the same compiler from the same text. What can't be kept is
    /// compiled again next time.
    fn cubin(&self, written: &Written) -> Result<Vec<u8>, CudaError> {
        let path = self.folder.as_deref().map(|folder| self.path(folder, written));
        if let Some(kept) = path.as_ref().and_then(|path| std::fs::read(path).ok()).filter(|b| is_elf(b)) {
            return Ok(kept);
        }
        let cubin = self.compiler.compile(written, &self.arch)?.cubin;
        if let Some(path) = path {
            keep(&path, &cubin);
        }
        Ok(cubin)
    }

    fn path(&self, folder: &Path, written: &Written) -> PathBuf {
        let mut hash = Sha256::new();
        let version = format!("{:?}", self.version);
        for part in [PRELUDE, &written.source, &self.arch, &version] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let name: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        folder.join(format!("{}-{name}.cubin", written.name))
    }
}

fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF")
}

/// Written under another name and renamed, so that no half of it is ever read.
fn keep(path: &Path, bytes: &[u8]) {
    let Some(folder) = path.parent() else { return };
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| tempfile::NamedTempFile::new_in(folder))
        .and_then(|file| std::fs::write(file.path(), bytes).map(|()| file));
    if let Ok(file) = written {
        // Another process may have been faster, or the disk may be full: it is compiled again then.
        let _ = file.persist(path);
    }
}
