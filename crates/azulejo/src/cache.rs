//! Where the user's caches are.

use std::path::PathBuf;

/// The folder for what can be made again: `azulejo` in the user's folder of caches. `None` if nothing says where such
/// files go; then nothing is kept.
///
/// ```
/// assert!(azulejo::cache_folder().is_none_or(|folder| folder.ends_with("azulejo")));
/// ```
pub fn cache_folder() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let caches = if cfg!(windows) {
        folder("LOCALAPPDATA")?
    } else if let Some(caches) = folder("XDG_CACHE_HOME") {
        caches
    } else {
        folder("HOME")?.join(if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" })
    };
    Some(caches.join("azulejo"))
}
