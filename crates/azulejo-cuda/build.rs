//! Embeds an archive of kernels compiled ahead (`cargo xtask cubins`), where `AZULEJO_CUBINS` names one.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-env-changed=AZULEJO_CUBINS");
    println!("cargo:rustc-check-cfg=cfg(azulejo_cubins)");
    let Some(named) = std::env::var_os("AZULEJO_CUBINS").filter(|named| !named.is_empty()) else { return };
    let path = Path::new(&named);
    assert!(
        path.is_absolute() && path.is_file(),
        "AZULEJO_CUBINS is {}, which is no whole path of a file; `cargo xtask cubins` makes one and says its path",
        path.display()
    );
    println!("cargo:rerun-if-changed={}", path.display());
    println!("cargo:rustc-env=AZULEJO_CUBINS_FILE={}", path.display());
    println!("cargo:rustc-cfg=azulejo_cubins");
}
