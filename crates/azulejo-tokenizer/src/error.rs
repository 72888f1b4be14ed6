//! The one error type of this crate.

/// What went wrong while reading a vocabulary, encoding a text or rendering a chat template.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A JSON file is not what its name promises.
    #[error("{file} cannot be read: {reason}")]
    Json {
        /// The file's usual name, such as `tokenizer.json`.
        file: &'static str,
        /// What the parser said, with its line and column where known.
        reason: String,
    },
    /// A GGUF vocabulary contradicts itself or lacks something.
    #[error("the vocabulary in the GGUF is unusable: {key}: {reason}")]
    Vocabulary {
        /// The GGUF key at fault.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The kind of tokenizer is not built in.
    #[error(
        "tokenizer.ggml.model = \"{model}\" is not supported (known: llama, gpt2, bert, t5); use the model's tokenizer.json instead"
    )]
    UnsupportedModel {
        /// The name in the file.
        model: String,
    },
    /// The pre-tokenizer's name is not in our table; guessing would change the ids silently.
    #[error(
        "tokenizer.ggml.pre = \"{name}\" is unknown; use the model's tokenizer.json instead, or one of: {known}"
    )]
    UnknownPreTokenizer {
        /// The name in the file.
        name: String,
        /// The names in our table.
        known: String,
    },
    /// A SentencePiece vocabulary without merges whose scores are all alike (a conversion of a
    /// Hugging Face "fast" tokenizer writes -1000 everywhere), so that the order of merges is lost.
    #[error(
        "tokenizer.ggml.scores: all {count} scores are {score}, and there is no tokenizer.ggml.merges: the order of \
         merges is lost; use the model's tokenizer.json, or set `rank_by_id` if ids are known to follow the merges"
    )]
    NoMergeOrder {
        /// How many scores were looked at.
        count: usize,
        /// Their one value.
        score: f32,
    },
    /// The input is not UTF-8.
    #[error("the text is not UTF-8: the first bad byte is at offset {offset}")]
    NotUtf8 {
        /// Offset in bytes.
        offset: usize,
    },
    /// The vocabulary has no token for a character, no byte tokens and no unknown token.
    #[error("the vocabulary has no token for {character:?} and neither byte tokens nor an unknown token")]
    NoToken {
        /// The character.
        character: char,
    },
    /// The tokenizer's pipeline failed on this text.
    #[error("the tokenizer failed: {reason}")]
    Pipeline {
        /// What it said.
        reason: String,
    },
    /// A chat was asked of a model without a template, and nothing built in fits its vocabulary.
    #[error(
        "the model has no chat template, and its vocabulary has neither <|im_start|> nor <instruction>; \
         give one (a Jinja template, or a name such as chatml), or use plain completion"
    )]
    NoChatTemplate,
    /// All of the model's chat templates have names, so that one has to be chosen.
    #[error("the model has no usual chat template, but named ones: choose one by its name ({known})")]
    NoDefaultChatTemplate {
        /// Their names.
        known: String,
    },
    /// No chat template has this name, neither the model's nor a built-in one.
    #[error(
        "there is no chat template named \"{name}\"; there are {known}; or give one in Jinja, with its {{{{ and {{%"
    )]
    UnknownChatTemplate {
        /// What was asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// The chat template is malformed or failed.
    #[error("chat template, line {line}: {reason}")]
    Template {
        /// Line of the template, from 1; 0 where it is not known.
        line: usize,
        /// What the template engine said.
        reason: String,
    },
    /// The template itself refused the messages (`raise_exception`).
    #[error("the chat template refuses these messages (line {line}): {message}")]
    TemplateRaised {
        /// Line of the template, from 1; 0 where it is not known.
        line: usize,
        /// The template's own message.
        message: String,
    },
}

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Wraps an error of the `tokenizers` crate, whose errors are boxed and opaque.
pub(crate) fn pipeline(err: impl std::fmt::Display) -> Error {
    Error::Pipeline { reason: err.to_string() }
}
