//! Written kernels to libraries, and to programs, by the C++ compiler of the system.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::library::{ENTRY, Library};
use super::{HostError, HostKernel};
use crate::writer::{PRELUDE, Written};

const SHIM: &str = include_str!("shim.h");
const FIBRES: &str = include_str!("fibres.h");
const THREADS: &str = include_str!("threads.h");
const TENSOR: &str = include_str!("tensor.h");

/// The usual names of a C++ compiler.
const USUAL: [&str; 3] = ["g++", "c++", "clang++"];

/// Lines of what a compiler says that are shown.
const SHOWN: usize = 20;

/// Kernels of one library: enough of them for the compiler to read shim and prelude seldom.
const KERNELS: usize = 24;

/// Little optimisation compiles fastest, and runs fast enough. Sums and products stay apart, so that a result is the
/// same on every host; the types of a word's uses don't matter, as on a GPU.
const FLAGS: [&str; 6] =
    ["-std=c++17", "-O1", "-ffp-contract=off", "-fno-math-errno", "-fno-strict-aliasing", "-w"];

const LIBRARY: [&str; 3] = ["-fPIC", "-shared", "-fvisibility=hidden"];
/// With lines for what ThreadSanitizer finds.
const PROGRAM: [&str; 3] = ["-g1", "-pthread", "-fsanitize=thread"];

/// Compiles kernels with their labels, several libraries at once.
pub(super) fn compile(kernels: Vec<(String, Written)>) -> Result<Vec<HostKernel>, HostError> {
    let compiler = compiler()?;
    let folder = tempfile::tempdir().map_err(io("a folder for compiled kernels"))?;
    let size = kernels.len().div_ceil(rayon::current_num_threads()).clamp(1, KERNELS);
    let chunks: Vec<_> = kernels.chunks(size).enumerate().collect();
    // Once they are loaded, their files are needed no longer.
    let libraries: Vec<Arc<Library>> = chunks
        .into_par_iter()
        .map(|(number, kernels)| library(&compiler, folder.path(), number, kernels).map(Arc::new))
        .collect::<Result<_, _>>()?;
    let places = (0..size as u32).cycle();
    let compiled = kernels.into_iter().zip(places).enumerate();
    Ok(compiled
        .map(|(i, ((label, written), place))| {
            let library = Arc::clone(&libraries[i / size]);
            HostKernel { label, written, library, place }
        })
        .collect())
}

/// The compiler that `CXX` names, else the first of the usual ones that starts.
fn compiler() -> Result<String, HostError> {
    let named = std::env::var("CXX").ok().filter(|name| !name.is_empty());
    let candidates = named.map_or_else(|| USUAL.map(str::to_owned).to_vec(), |name| vec![name]);
    let starts =
        |name: &&String| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success());
    let found = candidates.iter().find(starts).cloned();
    found.ok_or_else(|| HostError::NoCompiler { tried: candidates.join(", ") })
}

fn library(
    compiler: &str,
    folder: &Path,
    number: usize,
    kernels: &[(String, Written)],
) -> Result<Library, HostError> {
    let object = folder.join(format!("{number}.so"));
    let entry = format!(
        "extern \"C\" __attribute__((visibility(\"default\"))) int {ENTRY}(unsigned kernel, void* const* pointers, \
         const unsigned* lengths, const unsigned* grid, char* error, size_t error_bytes) {{\n  \
         return host::launch(table[kernel], pointers, lengths, grid, error, error_bytes);\n}}\n"
    );
    build(compiler, &text(FIBRES, kernels, &entry), &LIBRARY, &object)?;
    Library::open(&object)
}

/// Compiles a kernel to a program that runs it once, under ThreadSanitizer.
pub(super) fn program(path: &Path, label: &str, written: &Written) -> Result<(), HostError> {
    let entry = "int main(int, char** files) { return host::run(table[0], files[1], files[2]); }\n";
    let compiler = compiler()?;
    let kernels = [(label.to_owned(), written.clone())];
    build(&compiler, &text(THREADS, &kernels, entry), &PROGRAM, path).map_err(|error| match error {
        HostError::Compile { compiler, detail }
            if ["libtsan", "-ltsan", "rt.tsan"].iter().any(|name| detail.contains(name)) =>
        {
            HostError::NoThreadSanitizer { compiler, detail }
        }
        other => other,
    })
}

/// Compiles a text, which is kept beside what becomes of it.
fn build(compiler: &str, text: &str, flags: &[&str], object: &Path) -> Result<(), HostError> {
    let source = object.with_extension("cc");
    std::fs::write(&source, text).map_err(io("the text of compiled kernels"))?;
    let mut command = Command::new(compiler);
    let output = command.args(FLAGS).args(flags).arg("-o").arg(object).arg(&source).arg("-lm").output();
    let output = output.map_err(io(compiler))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let detail = said.lines().take(SHOWN).collect::<Vec<_>>().join("\n");
    Err(HostError::Compile { compiler: compiler.to_owned(), detail })
}

/// One text of many kernels, each in a namespace of its own, behind what their threads are, with a table of them and the
/// `entry` to it.
fn text(executor: &str, kernels: &[(String, Written)], entry: &str) -> String {
    let mut text = format!("{SHIM}\n{executor}\n{PRELUDE}\n{TENSOR}\n");
    let mut table = String::new();
    for (i, (label, written)) in kernels.iter().enumerate() {
        let mut arguments = Vec::new();
        for (j, parameter) in written.parameters.iter().enumerate() {
            arguments.push(format!("host::Pointer{{pointers[{j}]}}"));
            if parameter.is_array {
                arguments.push(format!("lengths[{j}]"));
            }
        }
        // Errors of the compiler, and of barriers, name the kernel and the line in its text.
        let _ = write!(
            text,
            "namespace k{i} {{\n#line 1 {label:?}\n{}\nstatic void body(void* const* pointers, const unsigned* lengths) \
             {{ {}({}); }}\n}}\n",
            written.source,
            written.name,
            arguments.join(", ")
        );
        let _ = writeln!(table, "  {{{label:?}, k{i}::body, {}}},", written.threads);
    }
    let _ = write!(text, "static const host::Kernel table[] = {{\n{table}}};\n{entry}");
    text
}

pub(super) fn io(what: &str) -> impl Fn(std::io::Error) -> HostError {
    move |source| HostError::Io { what: what.to_owned(), source }
}
