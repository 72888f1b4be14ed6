//! Keeps what others print out of the program's output.

/// Starts the program anew without Mesa's layer that chooses among GPUs, where it would only complain.
///
/// That Vulkan layer asks Wayland for its favourite GPU. Where there is no session (a server, a container), Wayland's
/// library prints `error: XDG_RUNTIME_DIR is invalid` to stderr, twice, which reads like an error of ours. The layer
/// can only be turned off by the environment, which a running program can't change safely.
#[cfg(all(target_os = "linux", feature = "wgpu"))]
pub(crate) fn quieten() {
    use std::os::unix::process::CommandExt;
    const SWITCH: &str = "NODEVICE_SELECT";
    let is_set = |name| std::env::var_os(name).is_some();
    if is_set("XDG_RUNTIME_DIR") || is_set(SWITCH) {
        return;
    }
    let mut arguments = std::env::args_os();
    let (Ok(program), Some(name)) = (std::env::current_exe(), arguments.next()) else { return };
    // If that fails, all there is is the noise.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).env(SWITCH, "1").exec();
}

/// Nothing to keep out.
#[cfg(not(all(target_os = "linux", feature = "wgpu")))]
pub(crate) fn quieten() {}
