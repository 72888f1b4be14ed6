//! `chat`: a conversation, line by line, from a terminal or a pipe.

use std::io::{self, BufRead, IsTerminal};

use anyhow::Result;
use azulejo::{ChatOptions, KvType, Message, Session};

use crate::answer::{Answered, answer};
use crate::args::ChatArgs;
use crate::clock;
use crate::interrupt;
use crate::load::{self, Loaded};
use crate::output::Output;

const HELP: &str = "\
/clear          forget the conversation
/system [TEXT]  set the system prompt (none without a text) and forget the conversation
/help           this list
/exit           end the chat, as Ctrl-D does
A line that ends in \\ goes on in the next; \"\"\" begins and ends a text of several lines.
Ctrl-C stops an answer.";

pub(crate) fn run(args: &ChatArgs, output: &Output) -> Result<()> {
    let options = load::options(&args.load, args.sampling.ctx_size, KvType::F16);
    let template = load::template(&args.format)?;
    let system = load::system_prompt(&args.format)?;
    let Loaded { model, .. } = load::load(&args.load, &options, output)?;
    load::check_template(&model, template.as_deref())?;
    if template.is_none() && !model.tokenizer()?.has_chat_template() {
        let text =
            "the model has no chat template, so it can't talk: give one by --chat-template, or use generate";
        return Err(azulejo::Error::invalid(text).into());
    }
    let mut chat = Chat {
        session: model.session()?,
        messages: Vec::new(),
        template,
        seed: load::seed(args.sampling.seed),
        args,
        output,
    };
    chat.begin(system);
    let terminal = io::stdin().is_terminal();
    if terminal {
        output.notice("/help lists the commands; /exit or Ctrl-D ends the chat");
    }
    let prompt = if terminal { output.paint("1;32", "> ") } else { String::new() };
    let mut lines = io::stdin().lock();
    loop {
        eprint!("{prompt}");
        interrupt::set_idle(true);
        let said = read(&mut lines)?;
        interrupt::set_idle(false);
        interrupt::reset();
        let Some(said) = said else { break };
        let said = said.trim();
        let (word, rest) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
        match word {
            "" => {}
            "/exit" | "/quit" | "/bye" => break,
            "/help" | "/?" => output.notice(HELP),
            "/clear" | "/reset" => {
                let system = chat.system().map(str::to_owned);
                chat.begin(system);
                output.notice("the conversation is forgotten");
            }
            "/system" => {
                let rest = rest.trim();
                chat.begin((!rest.is_empty()).then(|| rest.to_owned()));
                output.notice(if rest.is_empty() { "no system prompt" } else { "a new system prompt" });
            }
            _ if word.starts_with('/') && !word[1..].contains('/') => {
                output.warning(&format!("there is no command {word}; /help lists them"));
            }
            _ => chat.turn(said)?,
        }
    }
    if terminal {
        eprintln!();
    }
    Ok(())
}

/// A message: a line, or several by `\` at the end or between `"""`. None at the end of the input.
fn read(lines: &mut impl BufRead) -> Result<Option<String>> {
    let mut message = String::new();
    let mut quoted = false;
    let mut any = false;
    loop {
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(any.then_some(message));
        }
        let line = String::from_utf8_lossy(&line);
        let mut line = line.trim_end_matches(['\r', '\n']);
        if !any && line.trim_start().starts_with("\"\"\"") {
            quoted = true;
            line = &line.trim_start()[3..];
        }
        any = true;
        if quoted {
            match line.split_once("\"\"\"") {
                Some((last, _)) => {
                    message.push_str(last);
                    return Ok(Some(message));
                }
                None => message.push_str(line),
            }
        } else if let Some(begin) = line.strip_suffix('\\') {
            message.push_str(begin);
        } else {
            message.push_str(line);
            return Ok(Some(message));
        }
        message.push('\n');
    }
}

struct Chat<'a> {
    session: Session,
    messages: Vec<Message>,
    template: Option<String>,
    seed: u64,
    args: &'a ChatArgs,
    output: &'a Output,
}

impl Chat<'_> {
    fn begin(&mut self, system: Option<String>) {
        self.messages.clear();
        self.messages.extend(system.map(|text| Message::new("system", text)));
    }

    fn system(&self) -> Option<&str> {
        self.messages.first().filter(|m| m.role == "system").map(|m| m.content.as_str())
    }

    /// Answers a message. An error is told here if the conversation can go on without that message.
    fn turn(&mut self, said: &str) -> Result<()> {
        self.messages.push(Message::new("user", said));
        match self.answer() {
            Ok(answered) => {
                self.messages.push(Message::new("assistant", answered.text));
                Ok(())
            }
            Err(error) => {
                let known = error.downcast_ref::<azulejo::Error>();
                let goes_on = known.is_some_and(|e| {
                    e.is_context_full() || e.is_cancelled() || e.code() == azulejo::Code::InvalidArgument
                });
                if !goes_on || !io::stdin().is_terminal() {
                    return Err(error);
                }
                self.messages.pop();
                self.output.error(known.map_or("error", |e| e.code().as_str()), &format!("{error:#}"));
                if known.is_some_and(azulejo::Error::is_context_full) {
                    self.output.notice("/clear forgets the conversation; -c gives more room; --context-shift forgets by itself");
                }
                Ok(())
            }
        }
    }

    fn answer(&mut self) -> Result<Answered> {
        let model = self.session.model().clone();
        let prompt = self.prompt(&model)?;
        let how = self.args.sampling.generate(self.seed);
        // Another seed for the next answer, or the same question would get the same draws.
        self.seed = self.seed.wrapping_add(1);
        let output = self.output;
        let answered = answer(&mut self.session, &prompt, &how, output, &mut |piece| {
            if output.is_json() { Ok(()) } else { output.text(piece) }
        })?;
        if output.is_json() {
            output.json(&answered.to_json(how.seed, std::time::Duration::ZERO, &self.session))?;
        } else {
            output.line("")?;
            if answered.is_cancelled() {
                output.notice("(stopped)");
            }
            if output.is_verbose() {
                answered.tell(None, output);
            }
        }
        answered.warn(&self.session, output);
        interrupt::reset();
        Ok(answered)
    }

    /// The conversation's tokens. With `--context-shift`, the oldest turns go where it doesn't fit.
    fn prompt(&mut self, model: &azulejo::Model) -> Result<Vec<u32>> {
        loop {
            let mut chat = ChatOptions::new()
                .now(clock::now())
                .parse_special_in_content(self.args.format.parse_special_in_content);
            chat.template = self.template.as_deref();
            let prompt = model.chat_prompt_with(&self.messages, &chat)?;
            let first = usize::from(self.system().is_some());
            let turns = (self.messages.len() - first) / 2;
            let fits = prompt.len() < self.session.context() as usize;
            if fits || !self.args.sampling.context_shift || turns == 0 {
                return Ok(prompt);
            }
            self.messages.drain(first..first + 2);
            self.output.notice("the context is full: the oldest question and answer are forgotten");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let mut lines = text.as_bytes();
        std::iter::from_fn(|| read(&mut lines).unwrap()).collect()
    }

    #[test]
    fn chat_lines_are_messages() {
        assert_eq!(all("one\n\ntwo\r\nthree"), ["one", "", "two", "three"]);
    }

    #[test]
    fn chat_backslash_and_quotes_join_lines() {
        assert_eq!(all("a\\\nb\\\nc\nd\n"), ["a\nb\nc", "d"]);
        assert_eq!(all("\"\"\"a\n\nb\"\"\"\nc\n"), ["a\n\nb", "c"]);
        assert_eq!(all("\"\"\"in one line\"\"\"\n\"\"\"\nx\n\"\"\"\n"), ["in one line", "\nx\n"]);
        assert_eq!(all("\"\"\"never closed\n"), ["never closed\n"]);
    }
}
