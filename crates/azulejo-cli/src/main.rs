//! The `azulejo` program: `generate`, `chat`, `tokenize`, `logits`, `embed`, `fill-mask`, `perplexity`, `bench`, `validate`, `inspect`, `index`, `devices`.
//!
//! What every command keeps to: results go to stdout and nothing else does; notices, bars, statistics and errors go to
//! stderr; bars show only on a terminal; a flag beats its environment variable; exit codes are those of [`exit`].

mod answer;
mod args;
mod argv;
mod clock;
mod commands;
mod exit;
mod indexing;
mod interrupt;
mod load;
mod making;
mod memory;
mod numbers;
mod output;
mod partial;
mod pieces;
mod surroundings;
mod tensor_file;
mod tested;
mod text;

use std::process::ExitCode;

use args::{Cli, Command, EvalCommand};
use output::Output;

fn main() -> ExitCode {
    surroundings::quieten();
    let cli = match Cli::from_arguments(argv::expand(std::env::args_os().collect())) {
        Ok(cli) => cli,
        Err(error) => {
            // Clap prints help to stdout and mistakes to stderr; a closed pipe is nobody's mistake.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK });
        }
    };
    let output = Output::new(&cli.common);
    if let Err(error) = interrupt::install() {
        output.notice(&format!("Ctrl-C can't be caught ({error}); it ends the program at once"));
    }
    let done = match cli.command {
        Command::Generate(args) => commands::generate::run(&args, &output),
        Command::Chat(args) => commands::chat::run(&args, &output),
        Command::Tokenize(args) => commands::tokenize::run(&args, &output),
        Command::Logits(args) => commands::logits::run(&args, &output),
        Command::Embed(args) => commands::embed::run(&args, &output),
        Command::FillMask(args) => commands::fill_mask::run(&args, &output),
        Command::Perplexity(args) => commands::perplexity::run(&args, &output),
        Command::Bench(args) => commands::bench::run(&args, &output),
        Command::Inspect(args) => commands::inspect::run(&args, &output),
        Command::Index(args) => commands::index::run(&args, &output),
        Command::Manifest(args) => commands::manifest::run(&args, &output),
        Command::Compare(args) => commands::compare::run(&args, &output),
        Command::Imatrix(args) => commands::imatrix::run(&args, &output),
        Command::Split(args) => commands::split::split(&args, &output),
        Command::Merge(args) => commands::split::merge(&args, &output),
        Command::Eval(EvalCommand::Needle(args)) => commands::needle::run(&args, &output),
        Command::Eval(EvalCommand::LastWord(args)) => commands::last_word::run(&args, &output),
        Command::Convert(args) => commands::convert::run(&args, &output),
        Command::ConvertLora(args) => commands::convert_lora::run(&args, &output),
        Command::Quantize(args) => commands::quantize::run(&args, &output),
        Command::Validate(args) => commands::validate::run(&args, &output),
        Command::Devices => commands::devices::run(&output),
    };
    ExitCode::from(exit::code(done, &output))
}
