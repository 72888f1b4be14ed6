//! Kernels compiled ahead, for an archive that a program carries.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use azulejo_shaders::{Kernel, Variant};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use crate::archive::{self, Member};
use crate::cubin::{Kept, Key, TIER};
use crate::nvrtc::{Nvrtc, NvrtcError};
use crate::overrides;
use crate::runtime::matrix_peak_kernel;
use crate::translate::{TranslateError, translate};
use crate::writer::{Options, Written};

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
/// ([`Archive`](crate::Archive)): each as it is translated and as its override, and the kernel that measures. What is in the
/// folder `kept` isn't compiled again; what is compiled goes there. `progress` is told, after each, how many are done and how
/// many there are.
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
    let numbered = |name: &&str| match name.strip_prefix("sm_").map(str::parse::<u32>) {
        Some(Ok(number)) => Ok(number),
        _ => Err(AheadError::Architecture((*name).to_owned())),
    };
    let numbers: Vec<u32> = architectures.iter().map(numbered).collect::<Result<_, _>>()?;
    let mut translated = written(kernels, None)?;
    translated.push(("matrix_peak", matrix_peak_kernel().0));
    let by_hand = numbers.iter().map(|number| written(kernels, Some((number / 10, number % 10))));
    let by_hand: Vec<Vec<Named>> = by_hand.collect::<Result<_, _>>()?;
    let mut wanted = Vec::new();
    for ((name, number), by_hand) in architectures.iter().zip(numbers).zip(&by_hand) {
        wanted.extend(translated.iter().chain(by_hand).map(|(kernel, text)| (*name, number, *kernel, text)));
    }
    let done = AtomicUsize::new(0);
    let members: Vec<Member> = wanted
        .par_iter()
        .map(|&(name, arch, kernel, text)| {
            let cubin = kept.get_or_compile(compiler, text, name)?;
            progress(done.fetch_add(1, Relaxed) + 1, wanted.len());
            Ok(Member { key: Key::of(text, name), arch, kernel, cubin })
        })
        .collect::<Result<_, NvrtcError>>()?;
    Ok(archive::write(version, members))
}

/// A text with the name of its kernel.
type Named = (&'static str, Written);

/// What is translated of kernels; or those overrides that a compute capability takes.
fn written(
    kernels: &[(&'static Kernel, Variant)],
    overrides: Option<(u32, u32)>,
) -> Result<Vec<Named>, TranslateError> {
    let options = Options { overrides, ..Options::default() };
    kernels
        .par_iter()
        .filter(|(kernel, _)| overrides.is_none_or(|c| overrides::find(kernel.name, c).is_some()))
        .map(|(kernel, variant)| Ok((kernel.name, translate(kernel, variant, TIER, &options)?)))
        .collect()
}
