//! A kernel as a program whose threads are the system's, under ThreadSanitizer.

use std::path::Path;
use std::process::Command;

use azulejo_shaders::check::Executor;
use azulejo_shaders::{Call, Run};

use super::{HostBuffer, HostError, bound, compile, over_words, run_call};
use crate::writer::{Bounds, Written};

/// What ThreadSanitizer ends a program with that has a race.
const RACE: i32 = 66;

/// A kernel that is watched for data races: between threads of a block without a barrier in between, between lanes of a
/// warp, which nothing but a barrier orders either, and between blocks.
#[derive(Debug)]
pub struct ThreadedKernel {
    label: String,
    written: Written,
    /// With the program and the files of a run.
    folder: tempfile::TempDir,
}

impl ThreadedKernel {
    /// Compiles a written kernel, with a label for errors.
    ///
    /// # Errors
    /// [`HostError`]: there is no compiler, it has no ThreadSanitizer, it refuses the text, or indices in it aren't checked.
    pub fn compile(label: String, written: Written) -> Result<Self, HostError> {
        if written.bounds == Bounds::Unchecked {
            return Err(HostError::Unchecked { kernel: label });
        }
        let folder = tempfile::tempdir().map_err(compile::io("a folder for a compiled kernel"))?;
        compile::program(&folder.path().join("kernel"), &label, &written)?;
        Ok(Self { label, written, folder })
    }

    /// Runs `grid` blocks over buffers, of at most 4,096 threads; each of `binds` is a binding's number and a place in
    /// `buffers`.
    ///
    /// # Errors
    /// [`HostError`]: a binding is missing, too small, or written and bound twice; a race; a barrier that not all threads
    /// reach; an index out of range.
    pub fn launch(
        &self,
        buffers: &mut [HostBuffer],
        binds: &[(u32, usize)],
        grid: [u32; 3],
    ) -> Result<(), HostError> {
        let (places, lengths) = bound(&self.label, &self.written, buffers, binds)?;
        let [program, before, after] =
            ["kernel", "before", "after"].map(|name| self.folder.path().join(name));
        // As `host::run` of threads.h reads them.
        let mut words: Vec<u32> = grid.to_vec();
        words.extend([places.len() as u32, buffers.len() as u32]);
        words.extend(places.iter().zip(lengths).flat_map(|(&place, length)| [place as u32, length]));
        words.extend(buffers.iter().map(|buffer| buffer.bytes() as u32));
        buffers.iter().for_each(|buffer| words.extend(buffer.words()));
        let wrote = std::fs::write(&before, bytemuck::cast_slice::<u32, u8>(&words));
        wrote.map_err(compile::io("a kernel's buffers"))?;
        let mut command = Command::new(&program);
        // The first race is enough, and the rest may well be due to it.
        command.env("TSAN_OPTIONS", format!("halt_on_error=1 exitcode={RACE}"));
        let output = command.arg(&before).arg(&after).output();
        let output = output.map_err(compile::io("a kernel under ThreadSanitizer"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => read(&after, buffers),
            Some(RACE) if said.contains("data race") => {
                let detail = detail(&said, &self.label, &self.written.source);
                Err(HostError::Race { kernel: self.label.clone(), detail })
            }
            _ => Err(HostError::Fault(format!("{} ({})", said.trim_end(), output.status))),
        }
    }
}

/// Runs whatever call on this kernel.
impl Executor for ThreadedKernel {
    fn execute(&mut self, call: &Call, run: Run, buffers: &mut [Vec<u32>]) -> Result<(), String> {
        over_words(buffers, |buffers| {
            run_call(call, run, self.written.share, buffers, |buffers, binds, grid| {
                self.launch(buffers, binds, grid)
            })
        })
    }
}

fn read(file: &Path, buffers: &mut [HostBuffer]) -> Result<(), HostError> {
    let bytes = std::fs::read(file).map_err(compile::io("a kernel's results"))?;
    let mut rest = bytes.as_slice();
    for buffer in buffers {
        let words = bytemuck::cast_slice_mut::<u32, u8>(buffer.words_mut());
        let (these, others) = rest.split_at_checked(words.len()).ok_or_else(|| {
            HostError::Fault(format!("left {} bytes of results, fewer than its buffers have", bytes.len()))
        })?;
        words.copy_from_slice(these);
        rest = others;
    }
    Ok(())
}

/// What a report says of both accesses, with the lines of the kernel's text that they are in: these name what is accessed.
fn detail(report: &str, label: &str, source: &str) -> String {
    let mut kept = Vec::new();
    for line in report.lines().map(str::trim) {
        if line.contains(" of size ") && line.contains(" by ") || line.starts_with("Thread T") {
            kept.push(line.split(" (tid").next().unwrap_or(line).to_owned());
        }
        // A frame: `#1 k0::f /a/path/label:12 (...)`.
        let place = line.starts_with('#').then(|| line.rsplit_once(&format!("{label}:"))).flatten();
        let number =
            place.and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        if let Some(text) = number.and_then(|number: usize| source.lines().nth(number.checked_sub(1)?)) {
            kept.push(format!("  {}", text.trim()));
        }
    }
    // A kernel's report always has both.
    if kept.len() < 4 { report.to_owned() } else { kept.join("\n") }
}
