//! Kernels compiled ahead, for an archive that a program carries.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use azulejo_shaders::{Kernel, Variant};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::archive::{self, Member};
use crate::cubin::{Kept, Key, written};
use crate::nvrtc::{Nvrtc, NvrtcError};
use crate::runtime::matrix_peak_kernel;
use crate::translate::TranslateError;
use crate::writer::Written;

/// Why an archive isn't made.
#[derive(Debug, thiserror::Error)]
pub enum AheadError {
    /// A kernel that can't be written.
    #[error(transparent)]
    Translate(#[from] TranslateError),
    /// A kernel that isn't compiled.
    #[error(transparent)]
    Compile(#[from] NvrtcError),
    /// A name that no architecture has.
    #[error("'{0}' is no architecture; name it as NVIDIA does, sm_90 for instance")]
    Architecture(String),
}

/// Compiles kernels for architectures (`sm_90`), on all cores, and gives an archive of their machine code
/// ([`Archive`](crate::Archive)), each translated and as its override, and of the kernel that measures. What is in the folder `kept` isn't compiled again; what is compiled goes there.
/// `progress` is told, after each, how many are done and how many there are.
///
/// # Errors
/// [`AheadError`]: what can't be compiled.
pub fn compile_ahead(
    compiler: &Nvrtc,
    kernels: &[(&'static Kernel, Variant)],
    architectures: &[&str],
    kept: &Path,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Vec<u8>, AheadError> {
    let version = compiler.version()?;
    let kept = Kept::new(kept, version);
    let mut wanted = Vec::new();
    for &name in architectures {
        let number = name.strip_prefix("sm_").and_then(|number| number.parse::<u32>().ok());
        let number = number.ok_or_else(|| AheadError::Architecture(name.to_owned()))?;
        let texts: Vec<(&'static str, Vec<Written>)> = kernels
            .par_iter()
            .map(|(kernel, variant)| Ok((kernel.name, written(kernel, variant, (number / 10, number % 10))?)))
            .collect::<Result<_, TranslateError>>()?;
        let of_kernels =
            texts.into_iter().flat_map(|(kernel, texts)| texts.into_iter().map(move |t| (kernel, t)));
        let all = of_kernels.chain([("matrix_peak", matrix_peak_kernel().0)]);
        wanted.extend(all.map(|(kernel, text)| (name, number, kernel, text)));
    }
    let done = AtomicUsize::new(0);
    let members: Vec<Member> = wanted
        .par_iter()
        .map(|(name, arch, kernel, text)| {
            let cubin = kept.get_or_compile(compiler, text, name)?;
            progress(done.fetch_add(1, Relaxed) + 1, wanted.len());
            Ok(Member { key: Key::of(text, name), arch: *arch, kernel, cubin })
        })
        .collect::<Result<_, NvrtcError>>()?;
    Ok(archive::write(version, members))
}
