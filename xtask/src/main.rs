//! The project's own chores: `cargo xtask <chore>`.

mod licences;
mod notices;
mod packages;
mod real;
mod sbom;
mod shaders;
mod steps;
mod test;
mod tidy;
mod web;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <chore>

  test           everything that CI runs: tidy, format, lints, licences, tests, the browser's and other systems' builds
  real           real models, fetched once: perplexity, greedy answers on all devices and in browsers, needles, context shift
  demo           builds the packages for browsers, and opens the town hall, whose chat searches its pages and answers
  demo --check   asks the bare chat in a browser without a window, and prints the answer
  demo EXAMPLE   the page of an example that has packages (web-vite, web-next, web-chat-frameworks, ...), on its own server
  web            builds the packages for browsers
  size           what a page loads before the model, in bytes
  sbom           what the engine, the program and the chat are made of, as CycloneDX, into target/sbom (after `web`)
  cubins         compiles all kernels ahead for NVIDIA's GPUs, into an archive that a build embeds; NVRTC is AZULEJO_NVRTC, or
                 the one that azulejo-cuda's tests have fetched. `cubins sm_90,...`: for these alone
  tidy           layers, file lengths, module docs, unfinished places
  shaders DIR    writes every linked shader of every tier into DIR, for reading
";

/// The archive, and the folder of what was compiled on the way.
const CUBINS: &str = "target/azulejo.cubins target/cubins";

/// An example of `azulejo-cuda` does it, so that the chores don't need the crate.
fn cubins(architectures: &str) -> Result<()> {
    steps::run(&format!(
        "cargo run --release --package azulejo-cuda --example cubins -- {CUBINS} {architectures}"
    ))
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test::run(),
        ["real"] => real::run(),
        ["demo"] => web::demo(false),
        ["demo", "--check"] => web::demo(true),
        ["demo", example] => web::example(example),
        ["web"] => web::build(),
        ["size"] => web::size(),
        ["sbom"] => sbom::write(),
        ["cubins"] => cubins(""),
        ["cubins", architectures] => cubins(architectures),
        ["tidy"] => tidy::run(),
        ["shaders", folder] => shaders::emit(folder.as_ref()),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("no such chore\n\n{HELP}"),
    }
}
