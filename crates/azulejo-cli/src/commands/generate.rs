//! `generate`: answers a prompt by the model's chat template, or goes on from it as it is.

use anyhow::Result;
use azulejo::{ChatOptions, EncodeOptions, KvType, Message, Model};

use crate::answer::answer;
use crate::args::GenerateArgs;
use crate::clock;
use crate::exit::Interrupted;
use crate::load::{self, Loaded};
use crate::output::Output;
use crate::text;

pub(crate) fn run(args: &GenerateArgs, output: &Output) -> Result<()> {
    let prompt = text::prompt(args.prompt.as_deref(), args.file.as_deref(), args.escape)?;
    let template = load::template(&args.format)?;
    let options = load::options(&args.load, args.sampling.ctx_size, KvType::F16);
    let Loaded { model, took } = load::load(&args.load, &options, output)?;
    load::check_template(&model, template.as_deref())?;
    let prompt = tokens(&model, args, &prompt, template.as_deref(), output)?;
    output.detail(&format!("prompt:  {} tokens", prompt.len()));
    let seed = load::seed(args.sampling.seed);
    let how = args.sampling.generate(seed);
    let mut session = model.session()?;
    let answered = answer(&mut session, &prompt, &how, output, &mut |piece| {
        if output.is_json() { Ok(()) } else { output.text(piece) }
    })?;
    if output.is_json() {
        output.json(&answered.to_json(seed, took, &session))?;
    } else {
        // What is piped on is the text as it is; on a terminal, what follows begins on a new line.
        output.end_line(&answered.text)?;
        answered.tell(Some(took), output);
        output.detail(&format!("ended by {:?}; seed {seed}", answered.end));
    }
    answered.warn(&session, output);
    if answered.is_cancelled() { Err(Interrupted.into()) } else { Ok(()) }
}

/// The prompt's tokens.
fn tokens(
    model: &Model,
    args: &GenerateArgs,
    prompt: &str,
    template: Option<&str>,
    output: &Output,
) -> Result<Vec<u32>> {
    let system = load::system_prompt(&args.format)?;
    let tokenizer = model.tokenizer()?;
    let has_template = template.is_some() || tokenizer.has_chat_template();
    if args.raw || !has_template {
        if system.is_some() {
            let why = if args.raw {
                "with --raw there is no conversation"
            } else {
                "the model has no chat template"
            };
            output.warning(&format!("the system prompt is left out: {why}"));
        }
        if !args.raw {
            output.notice("the model has no chat template: going on from the prompt as it is");
        }
        return Ok(model
            .tokenizer()?
            .encode(prompt, EncodeOptions { add_special: true, parse_special: true })?);
    }
    let mut messages = Vec::new();
    messages.extend(system.map(|text| Message::new("system", text)));
    messages.push(Message::new("user", prompt));
    let mut chat =
        ChatOptions::new().now(clock::now()).parse_special_in_content(args.format.parse_special_in_content);
    chat.template = template;
    Ok(model.chat_prompt_with(&messages, &chat)?)
}
