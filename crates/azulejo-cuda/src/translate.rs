//! A kernel of `azulejo-shaders` as CUDA C++.

use azulejo_shaders::{Kernel, LinkError, Linked, Target, Tier, Variant, link};
use naga::compact::{KeepUnused, compact};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::overrides::{self, Override};
use crate::writer::{self, Options, Written};

/// Why a kernel has no CUDA C++.
#[derive(Debug, thiserror::Error)]
pub enum TranslateError {
    /// The variant can't be put together.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// It is no valid WGSL.
    #[error("kernel '{kernel}', {at}: {detail}")]
    Invalid {
        /// The kernel and its variant.
        kernel: String,
        /// File and line.
        at: String,
        /// What is wrong.
        detail: String,
    },
    /// It uses something that the writer doesn't know.
    #[error(
        "kernel '{kernel}', {at}: {kind} can't be written as CUDA C++; write it otherwise, or teach the writer"
    )]
    Unsupported {
        /// The kernel and its variant.
        kernel: String,
        /// File and line.
        at: String,
        /// What it is.
        kind: String,
    },
}

/// Translates a variant of a kernel for a tier, of which CUDA's devices have the highest; or takes its override, where the options
/// want that and there is one.
///
/// # Errors
/// [`TranslateError`]: a mistake in the kernel, or something in it that isn't written.
///
/// ```
/// use azulejo_cuda::{Options, translate};
/// use azulejo_shaders::{Tier, kernels};
///
/// let kernel = kernels::ALL.iter().find(|k| k.name == "rms_norm").expect("it is one of them");
/// let variant = &(kernel.variants)()[0];
/// let written = translate(kernel, variant, Tier::Subgroups, &Options::default())?;
/// assert!(written.source.contains("KERNEL(64) rms_norm("));
/// # Ok::<(), azulejo_cuda::TranslateError>(())
/// ```
pub fn translate(
    kernel: &Kernel,
    variant: &Variant,
    tier: Tier,
    options: &Options,
) -> Result<Written, TranslateError> {
    // What does best on these devices.
    let linked = link(kernel, &variant.clone().with_bytes("bytes_fractions"), tier, Target::Native)?;
    let name = match variant.name().as_str() {
        "" => kernel.name.to_owned(),
        variant => format!("{}[{variant}]", kernel.name),
    };
    let by_hand = options.overrides.and_then(|capability| overrides::find(kernel.name, capability));
    write(&name, &linked, tier, options, by_hand)
}

/// Translates a linked text, which has no override; `name` is for errors.
///
/// # Errors
/// As [`translate`].
pub fn translate_linked(
    name: &str,
    linked: &Linked,
    tier: Tier,
    options: &Options,
) -> Result<Written, TranslateError> {
    write(name, linked, tier, options, None)
}

fn write(
    name: &str,
    linked: &Linked,
    tier: Tier,
    options: &Options,
    by_hand: Option<&Override>,
) -> Result<Written, TranslateError> {
    let source = &linked.source;
    let at = |line: Option<u32>| {
        let origin = line.and_then(|line| linked.lines.get((line as usize).checked_sub(1)?));
        match (origin, line) {
            (Some((file, number)), _) => format!("{file}.wesl:{number}"),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => "somewhere".to_owned(),
        }
    };
    let invalid = |line: Option<u32>, detail: String| TranslateError::Invalid {
        kernel: name.to_owned(),
        at: at(line),
        detail,
    };
    let mut module = naga::front::wgsl::parse_str(source)
        .map_err(|e| invalid(e.location(source).map(|l| l.line_number), e.message().to_owned()))?;
    let mut capabilities = Capabilities::SHADER_FLOAT16_IN_FLOAT32;
    capabilities.set(Capabilities::SHADER_FLOAT16, tier.f16());
    capabilities.set(Capabilities::SUBGROUP, tier.subgroups());
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    let mut validate = |module: &naga::Module| {
        let info = validator.validate(module);
        info.map_err(|e| invalid(e.location(source).map(|l| l.line_number), e.emit_to_string(source)))
    };
    // Pieces bring more functions along than a kernel calls. What is taken out of a module must be valid.
    validate(&module)?;
    compact(&mut module, KeepUnused::No);
    let info = validate(&module)?;
    writer::write(&module, &info, source, options, by_hand).map_err(|e| TranslateError::Unsupported {
        kernel: name.to_owned(),
        at: at(e.line),
        kind: e.what,
    })
}
