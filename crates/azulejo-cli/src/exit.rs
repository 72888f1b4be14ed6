//! Exit codes, and what an error looks like.

use std::fmt;
use std::io;

use crate::output::Output;

/// Done.
pub(crate) const OK: u8 = 0;
/// It went wrong; the line on stderr says what, where, and what to do.
pub(crate) const ERROR: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Stopped by Ctrl-C; what was printed before stays.
pub(crate) const INTERRUPTED: u8 = 130;

/// A mistake in the command line that only shows when it is run.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Usage {}

/// Ctrl-C, where there is nothing more to say.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// Tells of an error, once, and gives the exit code.
pub(crate) fn code(done: anyhow::Result<()>, output: &Output) -> u8 {
    let Err(error) = done else { return OK };
    // Whoever reads the output has had enough (`azulejo ... | head`).
    if error
        .chain()
        .any(|e| e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
    {
        return OK;
    }
    let (code, exit) = if let Some(e) = error.downcast_ref::<azulejo::Error>() {
        if e.is_cancelled() { ("cancelled", INTERRUPTED) } else { (e.code().as_str(), ERROR) }
    } else if error.is::<Usage>() {
        ("usage", USAGE)
    } else if error.is::<Interrupted>() {
        ("cancelled", INTERRUPTED)
    } else if error.chain().any(|e| e.is::<io::Error>()) {
        ("io", ERROR)
    } else {
        ("error", ERROR)
    };
    if exit == INTERRUPTED {
        output.notice("interrupted");
    } else {
        // Messages of lower layers may have line breaks (a driver's, say); an error is one line.
        let text = format!("{error:#}")
            .split('\n')
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect::<Vec<_>>()
            .join("; ");
        output.error(code, &text);
    }
    exit
}
