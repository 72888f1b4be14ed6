//! The project's own chores: `cargo xtask <chore>`.

mod licences;
mod packages;
mod shaders;
mod steps;
mod test;
mod tidy;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask <chore>

  test           everything that CI runs: tidy, format, lints, licences, tests, the browser's and other systems' builds
  tidy           layers, file lengths, module docs, unfinished places
  shaders DIR    writes every linked shader of every tier into DIR, for reading
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test::run(),
        ["tidy"] => tidy::run(),
        ["shaders", folder] => shaders::emit(folder.as_ref()),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => bail!("no such chore\n\n{HELP}"),
    }
}
