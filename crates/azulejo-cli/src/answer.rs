//! An answer as it comes, and its statistics.

use std::io;
use std::time::{Duration, Instant};

use anyhow::Result;
use azulejo::{Event, Generate, Session, StopReason};
use serde_json::{Value, json};

use crate::interrupt;
use crate::numbers::rate;
use crate::output::{Output, Unit, millis};

/// The word in JSON for how an answer ended.
fn name(end: &StopReason) -> &'static str {
    match end {
        StopReason::EndOfText(_) => "end_of_text",
        StopReason::StopString(_) => "stop_string",
        StopReason::MaxTokens => "max_tokens",
        StopReason::ContextFull => "context_full",
        StopReason::Cancelled => "cancelled",
    }
}

/// What came of a prompt.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    pub(crate) text: String,
    pub(crate) tokens: Vec<u32>,
    pub(crate) end: StopReason,
    pub(crate) prompt_tokens: usize,
    pub(crate) cached_tokens: usize,
    /// Tokens of the prompt that were evaluated.
    evaluated: usize,
    /// Until the first token was there.
    prompt_time: Duration,
    /// From the first token to the last.
    eval_time: Duration,
}

impl Answered {
    /// True if Ctrl-C ended it.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.end == StopReason::Cancelled
    }

    /// Says so if the answer ends where it does for want of room.
    pub(crate) fn warn(&self, session: &Session, output: &Output) {
        if self.end == StopReason::ContextFull {
            output.warning(&format!(
                "the answer ends here: the context's {} positions are full; -c gives more, and --context-shift goes on without the older half",
                session.context()
            ));
        }
    }

    /// Steps behind the first token.
    fn steps(&self) -> usize {
        self.tokens.len().saturating_sub(1)
    }

    /// The result, as JSON.
    pub(crate) fn to_json(&self, seed: u64, load: Duration, session: &Session) -> Value {
        let device = session.model().device();
        json!({
            "text": self.text,
            "tokens": self.tokens,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "stop_reason": name(&self.end),
            "seed": seed,
            "timings": {
                "load_ms": millis(load),
                "prompt_n": self.evaluated,
                "prompt_ms": millis(self.prompt_time),
                "prompt_per_second": rate(self.evaluated, self.prompt_time.as_secs_f64()),
                "predicted_n": self.steps(),
                "predicted_ms": millis(self.eval_time),
                "predicted_per_second": rate(self.steps(), self.eval_time.as_secs_f64()),
                "total_ms": millis(self.prompt_time + self.eval_time),
            },
            "device": { "backend": device.backend, "name": device.name, "tier": device.tier },
        })
    }

    /// The statistics, on stderr.
    pub(crate) fn tell(&self, load: Option<Duration>, output: &Output) {
        if let Some(load) = load {
            output.notice(&format!("       load: {:>10.2} ms", millis(load)));
        }
        let line = |what: &str, n: usize, time: Duration, more: &str| {
            let secs = time.as_secs_f64();
            let rate = if n > 0 { format!(" ({:.2} tokens/s)", rate(n, secs)) } else { String::new() };
            output.notice(&format!("{what:>11}: {:>10.2} ms / {n:>5} tokens{rate}{more}", millis(time)));
        };
        let cached = match self.cached_tokens {
            0 => String::new(),
            n => format!(", and {n} from the cache"),
        };
        line("prompt eval", self.evaluated, self.prompt_time, &cached);
        line("eval", self.steps(), self.eval_time, "");
        line("total", self.evaluated + self.steps(), self.prompt_time + self.eval_time, "");
    }
}

/// Answers a prompt; `print` gets the text as it becomes certain. Ctrl-C ends it, and what was said stays.
pub(crate) fn answer(
    session: &mut Session,
    prompt: &[u32],
    how: &Generate,
    output: &Output,
    print: &mut dyn FnMut(&str) -> io::Result<()>,
) -> Result<Answered> {
    let start = Instant::now();
    let mut answered = Answered {
        text: String::new(),
        tokens: Vec::new(),
        end: StopReason::Cancelled,
        prompt_tokens: prompt.len(),
        cached_tokens: 0,
        evaluated: 0,
        prompt_time: Duration::ZERO,
        eval_time: Duration::ZERO,
    };
    let mut first_event = true;
    let mut first_token = None;
    let mut failed = None;
    let mut bar = Some(output.bar("prompt", prompt.len() as u64, Unit::Tokens));
    let done = session.generate(prompt, how, &mut |event| {
        let text = match event {
            Event::Prompt { done, total } => {
                if std::mem::take(&mut first_event) {
                    answered.cached_tokens = done;
                }
                answered.evaluated = done - answered.cached_tokens;
                answered.prompt_time = start.elapsed();
                if let Some(bar) = &bar {
                    bar.set(done as u64, total as u64);
                }
                ""
            }
            Event::Token { token, text, .. } => {
                bar = None;
                let now = Instant::now();
                let first = *first_token.get_or_insert(now);
                answered.prompt_time = first - start;
                answered.eval_time = now - first;
                answered.tokens.push(token);
                text
            }
            Event::Rest(text) => text,
        };
        if !text.is_empty() {
            answered.text.push_str(text);
            if let Err(error) = print(text) {
                failed = Some(error);
                return std::ops::ControlFlow::Break(());
            }
        }
        interrupt::flow()
    });
    drop(bar);
    if let Some(error) = failed {
        return Err(error.into());
    }
    match done {
        Ok(answer) => answered.end = answer.stop,
        Err(error) if error.is_cancelled() && interrupt::pressed() => {}
        Err(error) => return Err(error.into()),
    }
    Ok(answered)
}
