//! Where things are printed: results to stdout, all else to stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::args::{Color, Common};

/// How the program speaks.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    json: bool,
    verbose: bool,
    quiet: bool,
    colors: bool,
    terminal: bool,
}

impl Output {
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = io::stderr().is_terminal();
        let colors = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        Self { json: common.json, verbose: common.verbose, quiet: common.quiet, colors, terminal }
    }

    /// True if results are to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// True if more is to be said.
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose && !self.quiet
    }

    /// Text between two colour codes, where colours are on.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colors { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints a piece of the result as it is, at once.
    pub(crate) fn text(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }

    /// Prints a line of the result.
    pub(crate) fn line(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// Ends a text that was printed in pieces: it is left as it is in a pipe, and gets a line break on a terminal.
    pub(crate) fn end_line(&self, text: &str) -> io::Result<()> {
        if io::stdout().is_terminal() && !text.ends_with('\n') { self.line("") } else { Ok(()) }
    }

    /// Prints a result as one line of JSON.
    pub(crate) fn json(&self, value: &Value) -> io::Result<()> {
        self.line(&value.to_string())
    }

    /// Says something that isn't a result.
    pub(crate) fn notice(&self, text: &str) {
        if !self.quiet {
            // Nobody to tell if stderr is closed.
            let _ = writeln!(io::stderr(), "{}", self.paint("2", text));
        }
    }

    /// Says something that may not be what was meant.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "{} {text}", self.paint("1;33", "warning:"));
        }
    }

    /// Says something that only `--verbose` asks for.
    pub(crate) fn detail(&self, text: &str) {
        if self.is_verbose() {
            self.notice(text);
        }
    }

    /// Tells of an error.
    pub(crate) fn error(&self, code: &str, message: &str) {
        let _ = if self.json {
            writeln!(io::stderr(), "{}", json!({ "error": { "code": code, "message": message } }))
        } else {
            writeln!(io::stderr(), "{} {message}", self.paint("1;31", "error:"))
        };
    }

    /// A bar, which shows only on a terminal.
    pub(crate) fn bar(&self, what: &'static str, total: u64, unit: Unit) -> Bar {
        let shown = self.terminal && !self.quiet;
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = match unit {
            Unit::Bytes => "{msg:>10} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}",
            Unit::Tokens => "{msg:>10} [{bar:30}] {pos} of {len} tokens, {per_sec}",
            Unit::Runs => "{msg:>10} [{bar:30}] {pos} of {len}, {eta} to go",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        // Nothing is drawn before there is something to tell.
        let bar = ProgressBar::with_draw_target(Some(total), target).with_message(what);
        Bar(bar.with_style(style.progress_chars("=> ")))
    }
}

/// What a bar counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes.
    Bytes,
    /// Tokens.
    Tokens,
    /// Anything else.
    Runs,
}

/// A bar on stderr; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn set(&self, done: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(done);
    }

    /// Prints a line of the result above the bar.
    pub(crate) fn suspend<T>(&self, f: impl FnOnce() -> T) -> T {
        self.0.suspend(f)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Milliseconds, with fractions.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
