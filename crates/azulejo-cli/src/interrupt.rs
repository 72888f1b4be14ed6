//! Ctrl-C: the first stops what is running, the second the program.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use crate::exit;

static PRESSED: AtomicU32 = AtomicU32::new(0);
/// True while `chat` waits for a line: there is nothing to stop then.
static IDLE: AtomicBool = AtomicBool::new(false);

/// Listens for Ctrl-C (and SIGTERM).
pub(crate) fn install() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let pressed = PRESSED.fetch_add(1, SeqCst) + 1;
        if pressed >= 2 {
            eprintln!();
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        if IDLE.load(SeqCst) {
            eprint!("\n(Ctrl-C again, Ctrl-D or /exit ends the chat)\n> ");
        }
    })
}

/// True if Ctrl-C was pressed since the last [`reset`].
pub(crate) fn pressed() -> bool {
    PRESSED.load(SeqCst) > 0
}

/// `Break` if Ctrl-C was pressed.
pub(crate) fn flow() -> ControlFlow<()> {
    if pressed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// An error if Ctrl-C was pressed.
pub(crate) fn check() -> Result<(), exit::Interrupted> {
    if pressed() { Err(exit::Interrupted) } else { Ok(()) }
}

/// Forgets a Ctrl-C that was heeded.
pub(crate) fn reset() {
    PRESSED.store(0, SeqCst);
}

/// Says whether the program waits for a line.
pub(crate) fn set_idle(idle: bool) {
    IDLE.store(idle, SeqCst);
}
