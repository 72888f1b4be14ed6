//! What can be known of the CUDA C++ without a GPU.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test, and its place says enough")]

#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod nvrtc;
#[cfg(target_os = "linux")]
mod overrides;
#[cfg(target_os = "linux")]
mod races;
#[cfg(target_os = "linux")]
mod semantics;
mod writer;

use azulejo_shaders::Linked;

/// A text of its own as if it were linked, of the file `test.wesl`.
fn text(source: &str) -> Linked {
    let lines = (1..).zip(source.lines()).map(|(number, _)| ("test", number)).collect();
    Linked { source: source.to_owned(), bindings: Vec::new(), lines }
}
