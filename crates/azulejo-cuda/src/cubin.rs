//! Machine code of a kernel: what it is called by, and where it is kept on disk.

use std::path::{Path, PathBuf};

use azulejo_shaders::{Kernel, Tier, Variant, kernels};
use sha2::{Digest, Sha256};

use crate::nvrtc::{FEW_THREADS, Nvrtc, NvrtcError, OPTIONS};
use crate::writer::{PRELUDE, Written};

/// What every device has that the compiler still knows.
pub(crate) const TIER: Tier = Tier::SubgroupsF16;

/// What machine code is made of, but for the compiler's version, as a hash: text, prelude, the compiler's options and
/// architecture. So what was compiled from another text is never taken for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl Key {
    pub(crate) fn of(written: &Written, arch: &str) -> Self {
        let mut hash = Sha256::new();
        let few = FEW_THREADS.to_string();
        for part in [PRELUDE, &written.source, &written.name, arch, &few].into_iter().chain(OPTIONS) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut key = Self(Default::default());
        key.0.copy_from_slice(&hash.finalize()[..16]);
        key
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// All kernels that a device of CUDA runs, with their variants. The narrow ones are for GPUs made of software alone
/// (`Limits::is_narrow`).
pub fn all_variants() -> Vec<(&'static Kernel, Variant)> {
    let wide = kernels::ALL.iter().filter(|kernel| !kernel.name.ends_with("_narrow"));
    wide.flat_map(|&kernel| (kernel.variants)().into_iter().map(move |variant| (kernel, variant))).collect()
}

/// Machine code on disk, of one version of the compiler.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    version: (i32, i32),
}

impl Kept {
    pub(crate) fn new(folder: &Path, version: (i32, i32)) -> Self {
        Self { folder: folder.to_owned(), version }
    }

    fn path(&self, written: &Written, arch: &str) -> PathBuf {
        let (major, minor) = self.version;
        let key = Key::of(written, arch);
        self.folder.join(format!("{}-{arch}-{key}-{major}.{minor}.cubin", written.name))
    }

    /// Machine code that was compiled before, if it was.
    pub(crate) fn get(&self, written: &Written, arch: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(written, arch)).ok().filter(|bytes| is_elf(bytes))
    }

    /// Machine code that was compiled before by the same compiler from the same text; else it is compiled, and kept. What
    /// can't be kept is compiled again next time.
    pub(crate) fn get_or_compile(
        &self,
        compiler: &Nvrtc,
        written: &Written,
        arch: &str,
    ) -> Result<Vec<u8>, NvrtcError> {
        if let Some(kept) = self.get(written, arch) {
            return Ok(kept);
        }
        let cubin = compiler.compile(written, arch)?.cubin;
        keep(&self.path(written, arch), &cubin);
        Ok(cubin)
    }
}

pub(crate) fn is_elf(bytes: &[u8]) -> bool {
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
