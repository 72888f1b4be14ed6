//! Compiles all kernels ahead into an archive that a build embeds: `cargo xtask cubins`.
//!
//! usage: cubins OUT KEPT [sm_80,sm_90,...]
//!   OUT   the archive
//!   KEPT  a folder for machine code on the way, so that what was compiled once isn't again

use std::path::{Path, PathBuf};
use std::time::Instant;

use azulejo_cuda::{Archive, Nvrtc, all_variants, compile_ahead};

/// A100; RTX 30; RTX 40, L4 and L40; H100 and H200; B200; RTX 50. One of the same generation that isn't here runs the
/// machine code of one before it.
const ARCHITECTURES: &str = "sm_80,sm_86,sm_89,sm_90,sm_100,sm_120";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, kept, rest @ ..] = arguments.as_slice() else {
        return Err("usage: cubins OUT KEPT [sm_80,sm_90,...]".into());
    };
    let architectures: Vec<&str> =
        rest.first().map_or(ARCHITECTURES, String::as_str).split(',').map(str::trim).collect();
    let compiler = Nvrtc::open(library()?)?;
    let (major, minor) = compiler.version()?;
    let kernels = all_variants();
    println!(
        "NVRTC {major}.{minor}: {} kernels for {}, on {} cores; they load on drivers of CUDA {major} and newer",
        kernels.len(),
        architectures.join(", "),
        rayon::current_num_threads(),
    );
    let begin = Instant::now();
    let progress = |done: usize, all: usize| {
        // A line for each twentieth.
        if done * 20 / all != (done - 1) * 20 / all {
            println!("{done} of {all} after {} s", begin.elapsed().as_secs());
        }
    };
    let bytes = compile_ahead(&compiler, &kernels, &architectures, Path::new(kept), &progress)?;
    let archive = Archive::parse(&bytes)?;
    for (arch, count) in archive.architectures() {
        println!("sm_{arch}: {count} kernels");
    }
    std::fs::write(out, &bytes)?;
    let raw = archive.uncompressed_bytes();
    println!(
        "{out}: {} bytes, {raw} uncompressed without what is there twice; {} s",
        bytes.len(),
        begin.elapsed().as_secs()
    );
    let out = std::fs::canonicalize(out)?;
    println!("a build that carries it: AZULEJO_CUBINS={} cargo build --release", out.display());
    Ok(())
}

/// The compiler that `AZULEJO_NVRTC` names, else the one that this crate's tests have fetched.
fn library() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("AZULEJO_NVRTC") {
        return Ok(named.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let fetched = target.join("tmp/cuda-tools/nvidia/cu13/lib/libnvrtc.so.13");
    if fetched.exists() {
        return Ok(fetched);
    }
    Err(format!(
        "NVRTC isn't there: name its library by AZULEJO_NVRTC, or fetch it into {} by `cargo test -p azulejo-cuda nvrtc`",
        fetched.display()
    ))
}
