//! `eval last-word`: how often a model says a text's last word, as LAMBADA (Paperno et al., 2016) and CALAME-PT (Lopes et
//! al., 2024) ask it: the first word of a greedy answer, without punctuation, is the one that was left out.
//!
//! It counts as TeenyTinyLlama's and Tucano's evaluation does, so that figures compare with theirs: at most ten tokens,
//! no examples in front, `.,?!` taken away, nothing else.

use std::path::Path;

use anyhow::{Result, ensure};
use azulejo::{EncodeOptions, Generate, KvType};
use serde_json::{Value, json};

use crate::args::LastWordArgs;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::output::{Output, Unit};
use crate::{interrupt, text};

/// A text and the word behind it.
#[derive(Debug, PartialEq)]
struct Example {
    text: String,
    word: String,
}

pub(crate) fn run(args: &LastWordArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let mut examples = examples(&args.file, &text::text_of(&args.file)?, &args.text_field, &args.word_field)?;
    examples.truncate(args.limit.map_or(usize::MAX, |limit| limit as usize));
    let options = load::options(&args.load, args.ctx_size, KvType::F16);
    let Loaded { model, .. } = load::load(&args.load, &options, output)?;
    let how = EncodeOptions { add_special: true, parse_special: false };
    let mut session = model.session()?;
    let total = examples.len() as u64;
    let mut right = 0u64;
    let bar = output.bar("texts", total, Unit::Runs);
    for (i, example) in examples.iter().enumerate() {
        interrupt::check()?;
        let prompt = model.tokenizer()?.encode(&example.text, how)?;
        let answer = session
            .generate(&prompt, &Generate::greedy(args.predict as usize), &mut |_| interrupt::flow())?;
        interrupt::check()?;
        let said = first_word(&answer.text);
        right += u64::from(said == example.word);
        if said != example.word {
            output.detail(&format!("{}: {said:?} instead of {:?}", i + 1, example.word));
        }
        bar.set(i as u64 + 1, total);
    }
    drop(bar);
    let accuracy = right as f64 / total as f64;
    if output.is_json() {
        output.json(&json!({ "accuracy": accuracy, "right": right, "examples": total }))?;
        return Ok(());
    }
    output.line(&format!("{right} of {total} last words: {:.2} %", 100.0 * accuracy))?;
    Ok(())
}

/// The first word of an answer, without punctuation.
fn first_word(answer: &str) -> String {
    answer.split_whitespace().next().unwrap_or_default().replace(['.', ',', '?', '!'], "")
}

/// The examples of a file: an object a line, or an array of them.
fn examples(path: &Path, content: &str, text_field: &str, word_field: &str) -> Result<Vec<Example>> {
    let wrong = |at: String, what: String| Usage(format!("{}, {at}: {what}", path.display()));
    let read = |at: String, object: &Value| {
        let field = |name: &str| match object.get(name).and_then(Value::as_str) {
            Some(text) => Ok(text.to_owned()),
            None => {
                let there = object.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>().join(", "));
                let there =
                    there.map_or_else(|| "this is no object".to_owned(), |keys| format!("there is {keys}"));
                Err(wrong(
                    at.clone(),
                    format!("no text '{name}' ({there}); name the fields by --text-field and --word-field"),
                ))
            }
        };
        Ok::<_, Usage>(Example { text: field(text_field)?, word: field(word_field)? })
    };
    let mut examples = Vec::new();
    if content.trim_start().starts_with('[') {
        let all: Vec<Value> =
            serde_json::from_str(content).map_err(|e| wrong("the array".to_owned(), e.to_string()))?;
        for (i, object) in all.iter().enumerate() {
            examples.push(read(format!("element {}", i + 1), object)?);
        }
    } else {
        for (i, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = format!("line {}", i + 1);
            let object = serde_json::from_str(line).map_err(|e| wrong(at.clone(), e.to_string()))?;
            examples.push(read(at, &object)?);
        }
    }
    ensure!(!examples.is_empty(), Usage(format!("{}: there are no examples in it", path.display())));
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_word_is_the_first_of_the_answer() {
        assert_eq!(first_word(" cidade. E depois"), "cidade");
        assert_eq!(first_word("\n\nvai, disse"), "vai");
        assert_eq!(first_word("  "), "");
        assert_eq!(first_word("\"sim\""), "\"sim\"");
    }

    #[test]
    fn last_word_examples_are_lines_or_an_array() {
        let read = |content: &str| examples(Path::new("x.jsonl"), content, "sentence", "last_word");
        let line = r#"{"id": 3, "sentence": "Era uma", "last_word": "vez"}"#;
        let want = vec![Example { text: "Era uma".to_owned(), word: "vez".to_owned() }];
        assert_eq!(read(&format!("{line}\n\n")).unwrap(), want);
        assert_eq!(read(&format!("[{line}]")).unwrap(), want);
        let error = read("{\"sentence\": \"Era uma\"}").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("last_word"), "{error}");
        assert!(read("\n").is_err() && read("[1]").is_err() && read("{").is_err());
    }
}
