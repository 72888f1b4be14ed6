//! Chat templates: messages to one text, by the model's own Jinja template.
//!
//! Templates are written for Python's Jinja2 as `transformers` sets it up, so that this imitates it: block tags take
//! their line (`trim_blocks`, `lstrip_blocks`), `tojson` and `strftime_now` are those of `transformers`, values print,
//! compare and add up as Python's do, and strings, lists and dictionaries have Python's methods. `{% generation %}`
//! blocks, which mark a model's own words for training, are scopes and no more.
//!
//! The engine is `minijinja`, for what it does as Jinja2 does: scopes, loops, macros, and a bound on steps. A template
//! reaches it rewritten (`token`, `rewrite`): wherever the two differ, as in operators and slices, stands a call of
//! what's here (`ops`, `filters`, `python`, `text`, `lazy`).

mod date;
mod filters;
mod json;
mod lazy;
mod named;
mod ops;
mod own;
mod python;
mod rewrite;
mod text;
mod token;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, ErrorKind, State, Value};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
pub use date::Now;
pub use own::ChatTemplates;

/// The format of most instruction-tuned models (Qwen, Salamandra, EuroLLM), for files without a template.
pub const CHATML: &str = "{% for message in messages %}\
{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}\
{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/// TeenyTinyLlama's format, for files without a template. It knows no system message.
pub const TEENY_TINY_LLAMA: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'user' %}{{ '<instruction>' + message['content'] + '</instruction>' }}\
{% elif message['role'] == 'assistant' %}{{ message['content'] }}{{ eos_token }}\
{% else %}{{ raise_exception('this model knows only user and assistant messages, not \"' + message['role'] + '\"') }}\
{% endif %}{% endfor %}";

const NAME: &str = "chat_template";
/// Instructions a template may run, whatever it's given. The largest real ones use some 10,000.
const FUEL: u64 = 1_000_000;
/// And for each message on top.
const FUEL_A_MESSAGE: u64 = 20_000;

/// One turn of a chat. Templates that want more than these two fields (tool calls, lists of parts) take any
/// serialisable type instead: see [`ChatTemplate::render`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user`, `assistant`, `tool`.
    pub role: String,
    /// The words.
    pub content: String,
}

impl Message {
    /// A message of `role`.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// What a template is given besides the messages.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// End with the opening of the model's turn.
    pub add_generation_prompt: bool,
    /// Spelling of BOS; undefined in the template when absent.
    pub bos_token: Option<String>,
    /// Spelling of EOS.
    pub eos_token: Option<String>,
    /// Descriptions of the tools a model may call; `none` in the template when absent.
    pub tools: Option<serde_json::Value>,
    /// Documents to answer from; `none` when absent.
    pub documents: Option<serde_json::Value>,
    /// Further variables (`enable_thinking`, `date_string`).
    pub extra: serde_json::Map<String, serde_json::Value>,
    /// The time that `strftime_now` tells, as this crate owns no clock; when absent, the function is undefined, and
    /// templates fall back on a fixed date.
    pub now: Option<Now>,
}

/// A compiled template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
}

impl ChatTemplate {
    /// Compiles a template.
    ///
    /// # Errors
    /// [`Error::Template`] with the line, if it's malformed.
    pub fn new(source: &str) -> Result<Self> {
        let mut environment = Environment::new();
        // White space is trimmed, and the last line's end dropped, before the engine sees the template.
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(error)?);
        python::install(&mut environment);
        ops::install(&mut environment);
        filters::install(&mut environment);
        environment.add_function("raise_exception", python::builtin("raise_exception", raise_exception));
        let lines = source.replace("\r\n", "\n").replace('\r', "\n");
        environment.add_template_owned(NAME, rewrite::rewrite(&lines)?).map_err(error)?;
        Ok(Self { environment, source: source.to_owned() })
    }

    /// The template as it was given.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders messages: [`Message`]s, or anything that serialises to the objects the template expects (such as
    /// `serde_json::Value`).
    ///
    /// Encode the result with `add_special` off (the template writes BOS) and `parse_special` on. A template runs a
    /// bounded number of steps, on a bounded number of items, and makes a bounded amount of text.
    ///
    /// # Errors
    /// [`Error::TemplateRaised`] if the template refuses the messages, [`Error::Template`] if it fails.
    pub fn render<M: Serialize>(&self, messages: &[M], options: &RenderOptions) -> Result<String> {
        let mut variables: Vec<(&str, Value)> = vec![
            ("messages", to_value(messages)),
            ("add_generation_prompt", Value::from(options.add_generation_prompt)),
            ("tools", to_value(&options.tools)),
            ("documents", to_value(&options.documents)),
        ];
        for (name, token) in [("bos_token", &options.bos_token), ("eos_token", &options.eos_token)] {
            if let Some(token) = token {
                variables.push((name, Value::from(token.as_str())));
            }
        }
        if let Some(now) = options.now {
            let strftime_now = move |format: &str| now.strftime(format);
            variables.push(("strftime_now", Value::from_function(strftime_now)));
        }
        for (name, value) in &options.extra {
            variables.push((name, to_value(value)));
        }
        let context = Value::from_pairs(variables);
        lazy::begin(messages.len());
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(FUEL + FUEL_A_MESSAGE * messages.len() as u64));
        environment.get_template(NAME).and_then(|template| template.render(context)).map_err(error)
    }
}

fn to_value<T: Serialize + ?Sized>(value: &T) -> Value {
    Value::from(Serde(value))
}

/// Marks an error as the template's own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Raised(String);

fn raise_exception(_: &mut State, _: &str, args: &[Value]) -> Result<Value, minijinja::Error> {
    let [message] = python::bind(args, ["message"])?;
    let message = python::to_str(python::required(message.as_ref())?);
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message.clone()).with_source(Raised(message)))
}

fn error(err: minijinja::Error) -> Error {
    let line = err.line().unwrap_or(0);
    // Inside of a macro, the error is wrapped once a call.
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&err);
    while let Some(current) = cause {
        if let Some(Raised(message)) = current.downcast_ref::<Raised>() {
            return Error::TemplateRaised { line, message: message.clone() };
        }
        cause = current.source();
    }
    let mut reason = err.kind().to_string();
    if let Some(detail) = err.detail() {
        reason = format!("{reason}: {detail}");
    }
    if err.kind() == ErrorKind::OutOfFuel {
        reason = "it runs for too long (an endless or a hostile loop)".to_owned();
    }
    Error::Template { line, reason }
}
