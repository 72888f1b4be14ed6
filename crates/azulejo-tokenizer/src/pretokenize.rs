//! The pre-tokenizers that a GGUF names in `tokenizer.ggml.pre`.
//!
//! The expressions are those of the models' own `tokenizer.json`. A name stands for more than an expression: whether
//! a whole word that is in the vocabulary is taken before any merge, whether a text begins with BOS when the file
//! doesn't say, and whether the model's tokenizer normalises to NFC, which a GGUF has no key for.

use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::error::{Error, Result, pipeline};

/// GPT-2's.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Llama 3's (and GPT-4's): digits in threes, any case in the contractions.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2's: Llama 3's with single digits.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 3.5's: combining marks belong to words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral's Tekken: words split where lower case turns to upper.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// GPT-4o's (and Llama 4's).
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// One digit at a time, before GPT-2's.
const DIGIT: &str = r"\p{N}";
/// Falcon's punctuation: with the backtick.
const FALCON_PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|`]+";
/// DeepSeek's steps. Its LLM's letters are listed one by one in its own file: those that have a case.
const LINE_BREAK: &str = r"[\r\n]";
const DEEPSEEK_LLM_LETTERS: &str = r"\s?[\p{Lu}\p{Ll}\p{Lt}]+";
const DEEPSEEK_LLM_PUNCTUATION: &str = r"\s?[!-/:-~！-／：-～‘-‟　-。]+";
const SPACES_AT_END: &str = r"\s+$";
const DEEPSEEK_CJK: &str = r"[一-龥ࠀ-一가-퟿]+";
const DEEPSEEK_CODER_LETTERS: &str = r"\s?\p{L}+";
const DEEPSEEK_CODER_PUNCTUATION: &str = r"\s?\p{P}+";
const DIGITS_IN_THREES: &str = r"\p{N}{1,3}";
const DEEPSEEK_V3_CJK: &str = "[一-龥\u{3040}-ゟ゠-ヿ]+";
const DEEPSEEK_V3: &str = r#"[!"\#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#;
/// Bloom's: words by what stands between sentences' parts, whatever the script.
const BLOOM: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";
/// Seed-Coder's.
const SEED_CODER: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The steps before and after GPT-2's in files that say `default` (Falcon's).
const DEFAULT_PUNCTUATION: &str = r"[\p{P}\$\+<=>\^~\|]+";
const DEFAULT_NUMBERS: &str = r"\p{N}+";
const DEFAULT_THREES: &str = "[0-9][0-9][0-9]";

/// What a name in `tokenizer.ggml.pre` stands for.
pub(crate) struct PreTokenizer {
    names: &'static [&'static str],
    /// Applied one after another, each within the pieces of the one before.
    expressions: &'static [&'static str],
    /// A piece that is a token is taken whole, without merges.
    pub(crate) whole_words: bool,
    /// BOS in front when `tokenizer.ggml.add_bos_token` is absent.
    pub(crate) add_bos: bool,
    /// The model's own tokenizer normalises to NFC.
    pub(crate) nfc: bool,
}

const PLAIN: PreTokenizer =
    PreTokenizer { names: &[], expressions: &[GPT2], whole_words: false, add_bos: false, nfc: false };

static KNOWN: &[PreTokenizer] = &[
    PreTokenizer {
        names: &["default"],
        expressions: &[DEFAULT_PUNCTUATION, GPT2, DEFAULT_NUMBERS, DEFAULT_THREES],
        ..PLAIN
    },
    PreTokenizer { names: &["gpt-2", "phi-2", "gigachat", "mpt", "jais", "trillion", "exaone4"], ..PLAIN },
    PreTokenizer { names: &["roberta-bpe", "jina-v2-es", "jina-v2-de", "jina-v2-code"], ..PLAIN },
    // OLMo 1 has GPT-NeoX's tokenizer, ModernBERT a descendant of it.
    PreTokenizer { names: &["olmo", "modern-bert"], nfc: true, ..PLAIN },
    PreTokenizer {
        names: &[
            "smollm",
            "minerva-7b",
            "starcoder",
            "refact",
            "codeshell",
            "exaone",
            "command-r",
            "mellum2",
        ],
        expressions: &[DIGIT, GPT2],
        ..PLAIN
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
        expressions: &[LLAMA3],
        whole_words: true,
        add_bos: true,
        ..PLAIN
    },
    // DBRX's is GPT-4's; OLMo 2 and 3 are converted under its name.
    PreTokenizer { names: &["dbrx", "smaug-bpe", "chatglm-bpe", "glm4"], expressions: &[LLAMA3], ..PLAIN },
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "megrez", "grok-2"],
        expressions: &[QWEN2],
        nfc: true,
        ..PLAIN
    },
    // Its combining marks are kept: it normalises nothing.
    PreTokenizer { names: &["qwen35"], expressions: &[QWEN35], ..PLAIN },
    PreTokenizer { names: &["stablelm2", "hunyuan"], expressions: &[QWEN2], ..PLAIN },
    PreTokenizer { names: &["tekken"], expressions: &[TEKKEN], whole_words: true, add_bos: true, ..PLAIN },
    PreTokenizer { names: &["gpt-4o", "llama4", "kanana2", "minimax-m2"], expressions: &[GPT4O], ..PLAIN },
    PreTokenizer { names: &["falcon"], expressions: &[FALCON_PUNCTUATION, GPT2, DEFAULT_THREES], ..PLAIN },
    PreTokenizer {
        names: &["deepseek-llm"],
        expressions: &[
            LINE_BREAK,
            DEEPSEEK_LLM_LETTERS,
            DEEPSEEK_LLM_PUNCTUATION,
            SPACES_AT_END,
            DEEPSEEK_CJK,
            DEFAULT_NUMBERS,
        ],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-coder"],
        expressions: &[LINE_BREAK, DEEPSEEK_CODER_LETTERS, DEEPSEEK_CODER_PUNCTUATION, DEEPSEEK_CJK, DIGIT],
        ..PLAIN
    },
    PreTokenizer {
        names: &["deepseek-v3", "hunyuan-dense", "joyai-llm"],
        expressions: &[DIGITS_IN_THREES, DEEPSEEK_V3_CJK, DEEPSEEK_V3],
        ..PLAIN
    },
    PreTokenizer { names: &["bloom", "poro-chat", "gpt3-finnish"], expressions: &[BLOOM], ..PLAIN },
    PreTokenizer { names: &["viking"], expressions: &[BLOOM, DIGIT], ..PLAIN },
    PreTokenizer { names: &["seed-coder"], expressions: &[SEED_CODER], ..PLAIN },
];

/// Looks a name up; an absent one is `default`, as in old files.
///
/// # Errors
/// [`Error::UnknownPreTokenizer`], with all known names.
pub(crate) fn find(name: Option<&str>) -> Result<&'static PreTokenizer> {
    let name = match name {
        None | Some("") => "default",
        Some(name) => name,
    };
    KNOWN.iter().find(|p| p.names.contains(&name)).ok_or_else(|| {
        let known: Vec<&str> = KNOWN.iter().flat_map(|p| p.names.iter().copied()).collect();
        Error::UnknownPreTokenizer { name: name.to_owned(), known: known.join(", ") }
    })
}

/// The name in `tokenizer.ggml.pre` of what a `tokenizer.json` does before its merges: the one whose expressions,
/// normalisation and treatment of whole words are the same. `None` if there is no such name.
pub fn pre_tokenizer_name(tokenizer_json: &serde_json::Value) -> Option<&'static str> {
    let expressions = expressions(&tokenizer_json["pre_tokenizer"])?;
    let steps = |json: &'_ serde_json::Value, list: &str| {
        json[list].as_array().cloned().unwrap_or_else(|| vec![json.clone()])
    };
    let nfc = steps(&tokenizer_json["normalizer"], "normalizers").iter().any(|step| step["type"] == "NFC");
    let whole_words = tokenizer_json["model"]["ignore_merges"] == true;
    let fits = |known: &&PreTokenizer| {
        known.expressions == expressions && known.nfc == nfc && known.whole_words == whole_words
    };
    KNOWN.iter().find(fits).and_then(|known| known.names.first().copied())
}

/// The expressions of a `pre_tokenizer`, in order; `None` if there are steps that aren't expressions.
fn expressions(json: &serde_json::Value) -> Option<Vec<&str>> {
    match json["type"].as_str()? {
        "Sequence" => {
            let steps = json["pretokenizers"].as_array()?.iter().map(expressions);
            Some(steps.collect::<Option<Vec<_>>>()?.concat())
        }
        "Split" if json["behavior"] == "Isolated" && json["invert"] != true => {
            Some(vec![json["pattern"]["Regex"].as_str()?])
        }
        "Digits" if json["individual_digits"] == true => Some(vec![DIGIT]),
        "ByteLevel" if json["use_regex"] == false => Some(vec![]),
        "ByteLevel" => Some(vec![GPT2]),
        _ => None,
    }
}

impl PreTokenizer {
    /// The pipeline step: the expressions, then bytes to GPT-2's alphabet.
    pub(crate) fn build(&self) -> Result<PreTokenizerWrapper> {
        let mut steps = Vec::with_capacity(self.expressions.len() + 1);
        for &expression in self.expressions {
            let pattern = SplitPattern::Regex(expression.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(pipeline)?;
            steps.push(PreTokenizerWrapper::Split(split));
        }
        steps.push(PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, false, false)));
        Ok(PreTokenizerWrapper::Sequence(Sequence::new(steps)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pre_tokenizer_expressions_compile() {
        for known in KNOWN {
            known.build().unwrap();
        }
    }

    #[test]
    fn pre_tokenizer_names_are_found_by_what_they_do() {
        let split = |expression: &str| serde_json::json!({ "type": "Split", "pattern": { "Regex": expression }, "behavior": "Isolated" });
        let bytes = serde_json::json!({ "type": "ByteLevel", "use_regex": false });
        let with = |step: serde_json::Value, normalizer: &str, whole: bool| {
            let json = serde_json::json!({
                "pre_tokenizer": { "type": "Sequence", "pretokenizers": [step, bytes] },
                "normalizer": { "type": normalizer },
                "model": { "ignore_merges": whole },
            });
            pre_tokenizer_name(&json)
        };
        assert_eq!(with(split(LLAMA3), "", true), Some("llama-bpe"));
        assert_eq!(with(split(LLAMA3), "", false), Some("dbrx"));
        assert_eq!(with(split(QWEN2), "NFC", false), Some("qwen2"));
        assert_eq!(with(split("x+"), "", false), None);
        assert_eq!(with(serde_json::json!({ "type": "Metaspace" }), "", false), None);
        let plain = serde_json::json!({ "pre_tokenizer": { "type": "ByteLevel" } });
        assert_eq!(pre_tokenizer_name(&plain), Some("gpt-2"));
    }

    #[test]
    fn pre_tokenizer_unknown_name_lists_the_known() {
        let Err(err) = find(Some("martian")) else { panic!("found") };
        let message = err.to_string();
        assert!(message.contains("\"martian\"") && message.contains("llama-bpe"), "{message}");
    }
}
