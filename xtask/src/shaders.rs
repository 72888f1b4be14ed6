//! Writes every linked shader, for reading.

use std::path::Path;

use anyhow::{Context, Result};
use azulejo_shaders::{Target, Tier, kernels, link};

/// Writes `DIR/<tier>/<kernel>[-<variant>].wgsl`.
pub(crate) fn emit(folder: &Path) -> Result<()> {
    let mut count = 0;
    for tier in Tier::ALL {
        let folder = folder.join(tier.name());
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        for kernel in kernels::ALL {
            for variant in (kernel.variants)() {
                let linked = link(kernel, &variant, tier, Target::Browser)?;
                let name = variant.name().replace(',', "-");
                let dash = if name.is_empty() { "" } else { "-" };
                let path = folder.join(format!("{}{dash}{name}.wgsl", kernel.name));
                std::fs::write(&path, linked.source).with_context(|| path.display().to_string())?;
                count += 1;
            }
        }
    }
    println!("{count} shaders in {}", folder.display());
    Ok(())
}
