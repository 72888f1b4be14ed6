//! `eval needle`: whether a model finds one sentence in a long text: at several lengths of the text, and at several
//! depths of the sentence in it (Kamradt, 2023).
//!
//! The answer is greedy, and scored by the part of the needle's words that are in it.

use anyhow::{Result, ensure};
use azulejo::{EncodeOptions, Generate, KvType, Message, Model};
use serde_json::json;

use crate::args::NeedleArgs;
use crate::exit::Usage;
use crate::load::{self, Loaded};
use crate::making::heat_map;
use crate::output::{Output, Unit};
use crate::partial::Partial;
use crate::{interrupt, text};

/// One of the places.
#[derive(Debug)]
struct Place {
    length: u32,
    depth: u32,
    tokens: usize,
    score: f64,
    answer: String,
}

pub(crate) fn run(args: &NeedleArgs, output: &Output) -> Result<()> {
    load::check(&args.load, output)?;
    let (lengths, depths) = (&args.lengths.0, &args.depths.0);
    ensure!(
        depths.iter().all(|depth| *depth <= 100),
        Usage("--depths: percentages are from 0 to 100".to_owned())
    );
    ensure!(
        !lengths.is_empty() && !depths.is_empty(),
        Usage("--lengths and --depths: there is no number in them".to_owned())
    );
    let words = words(&args.expected);
    ensure!(!words.is_empty(), Usage("--expected: there are no words in it to look for".to_owned()));
    let given = args.haystack.as_deref().map(text::text_of).transpose()?;
    let hay = match &given {
        Some(text) => sentences(text),
        None => filler(),
    };
    ensure!(!hay.is_empty(), Usage("--haystack: the text has no sentences".to_owned()));
    let longest = lengths.iter().copied().max().unwrap_or(0).saturating_add(args.predict);
    let options = load::options(&args.load, Some(longest), KvType::F16);
    let Loaded { model, .. } = load::load(&args.load, &options, output)?;
    let counted = hay.iter().map(|sentence| Ok((sentence.as_str(), count(&model, sentence)?)));
    let counted = counted.collect::<Result<Vec<_>>>()?;
    let mut session = model.session()?;
    let mut places = Vec::new();
    let bar = output.bar("needles", (lengths.len() * depths.len()) as u64, Unit::Runs);
    for &length in lengths {
        for &depth in depths {
            interrupt::check()?;
            let prompt = prompt(&model, args, &counted, length, depth)?;
            let how = Generate::greedy(args.predict as usize);
            let answer = session.generate(&prompt, &how, &mut |_| interrupt::flow())?;
            interrupt::check()?;
            let score = score(&words, &answer.text);
            places.push(Place { length, depth, tokens: prompt.len(), score, answer: answer.text });
            bar.set(places.len() as u64, (lengths.len() * depths.len()) as u64);
        }
    }
    drop(bar);
    if let Some(path) = &args.image {
        let score = |x: usize, y: usize| places[x * depths.len() + y].score;
        let title = format!("{}: needle in a haystack", load::name(args.load.model.as_ref()));
        let mut out = Partial::create(path)?;
        out.write(heat_map::svg(&title, lengths, depths, score).as_bytes())?;
        out.finish()?;
    }
    report(args, &places, output)
}

/// A text's words, in lower case, without what stands around them.
fn words(text: &str) -> Vec<String> {
    let word = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    text.split_whitespace().map(word).filter(|word| !word.is_empty()).collect()
}

/// The part of the words that are in the answer.
fn score(expected: &[String], answer: &str) -> f64 {
    let found = words(answer);
    let hits = expected.iter().filter(|word| found.contains(word)).count();
    hits as f64 / expected.len() as f64
}

/// A text's sentences, each with what follows up to the next.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = |(at, c): (usize, char)| {
            let behind = at + c.len_utf8();
            let is_end =
                c == '\n' || (matches!(c, '.' | '!' | '?') && rest[behind..].starts_with([' ', '\n']));
            is_end.then_some(behind)
        };
        let end = rest.char_indices().find_map(ends).unwrap_or(rest.len());
        let (sentence, tail) = rest.split_at(end);
        if !sentence.trim().is_empty() {
            sentences.push(sentence.trim().to_owned());
        }
        rest = tail;
    }
    sentences
}

/// Sentences about nothing that anybody would ask for; no two are alike, so that none is learnt by heart.
fn filler() -> Vec<String> {
    const WHO: [&str; 11] = [
        "The library",
        "A neighbour",
        "The market",
        "The old bridge",
        "A gardener",
        "The morning train",
        "The harbour",
        "A teacher",
        "The bakery",
        "The small museum",
        "A fisherman",
    ];
    const DOES: [&str; 7] = [
        "is quiet in",
        "looks after",
        "tells stories of",
        "is not far from",
        "has always liked",
        "waits for",
        "remembers",
    ];
    const WHAT: [&str; 13] = [
        "the river in spring",
        "the square with the fountain",
        "the first days of autumn",
        "the road to the hills",
        "the smell of bread",
        "the long summer evenings",
        "the boats by the quay",
        "the trees along the avenue",
        "the sound of the bells",
        "the rain on the roofs",
        "the lights of the town",
        "the stone houses",
        "the songs of the valley",
    ];
    let sentence = |i: usize| {
        let (who, does, what) = (WHO[i % 11], DOES[i % 7], WHAT[i % 13]);
        format!("{who} {does} {what}.")
    };
    // 11, 7 and 13 have no common divisor, so that it takes 1001 sentences to come round.
    (0..1001).map(sentence).collect()
}

/// Tokens of a sentence between others.
fn count(model: &Model, sentence: &str) -> Result<usize> {
    let options = EncodeOptions { add_special: false, parse_special: false };
    Ok(model.tokenizer()?.encode(&format!(" {sentence}"), options)?.len())
}

/// A prompt of about so many tokens, at most, with the needle at that depth (in percent).
fn prompt(
    model: &Model,
    args: &NeedleArgs,
    hay: &[(&str, usize)],
    length: u32,
    depth: u32,
) -> Result<Vec<u32>> {
    let length = length as usize;
    let around = encode(model, args, &[])?.len();
    let mut budget = length.saturating_sub(around);
    loop {
        let mut left = budget;
        let mut chosen = Vec::new();
        for (sentence, tokens) in hay.iter().cycle() {
            if *tokens > left || *tokens == 0 {
                break;
            }
            left -= tokens;
            chosen.push(*sentence);
        }
        if chosen.is_empty() {
            let text = format!(
                "--lengths: {length} tokens have no room for the question ({around} tokens) and a text"
            );
            return Err(Usage(text).into());
        }
        chosen.insert(chosen.len() * depth as usize / 100, &args.needle);
        let tokens = encode(model, args, &chosen)?;
        // Sentences side by side may have other tokens than each alone.
        match tokens.len().checked_sub(length) {
            None | Some(0) => return Ok(tokens),
            Some(over) => budget = budget.saturating_sub(over),
        }
    }
}

/// The prompt: a text and the question about it, as the model's conversations go, or plain.
fn encode(model: &Model, args: &NeedleArgs, text: &[&str]) -> Result<Vec<u32>> {
    let text = text.join(" ");
    let (instruction, question) = (&args.instruction, &args.question);
    if args.raw || model.tokenizer()?.chat_template(None).is_err() {
        let prompt = format!("{instruction}\n\n{text}\n\n{question}\n");
        let options = EncodeOptions { add_special: true, parse_special: false };
        return Ok(model.tokenizer()?.encode(&prompt, options)?);
    }
    let message = format!("{instruction}\n\n{text}\n\n{question}");
    Ok(model.chat_prompt(&[Message::new("user", &message)])?)
}

fn report(args: &NeedleArgs, places: &[Place], output: &Output) -> Result<()> {
    let mean = places.iter().map(|place| place.score).sum::<f64>() / places.len().max(1) as f64;
    if output.is_json() {
        let place = |place: &Place| {
            json!({
                "length": place.length,
                "depth": place.depth,
                "tokens": place.tokens,
                "score": place.score,
                "answer": place.answer,
            })
        };
        output.json(&json!({
            "needle": args.needle,
            "question": args.question,
            "expected": args.expected,
            "score": mean,
            "places": places.iter().map(place).collect::<Vec<_>>(),
            "image": args.image.as_ref().map(|path| path.display().to_string()),
        }))?;
        return Ok(());
    }
    let columns: String = args.depths.0.iter().map(|depth| format!("{:>8}", format!("{depth} %"))).collect();
    output.line(&format!("{:>10}{columns}", "tokens"))?;
    for row in places.chunks(args.depths.0.len().max(1)) {
        let cells: String = row.iter().map(|place| format!("{:>8.2}", place.score)).collect();
        output.line(&format!("{:>10}{cells}", row.first().map_or(0, |place| place.length)))?;
    }
    output.line(&format!("found {:.1} % of the words", 100.0 * mean))?;
    for place in places.iter().filter(|place| place.score < 1.0) {
        output.detail(&format!("{} tokens, {} %: {:?}", place.length, place.depth, place.answer));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needle_words_are_found_whatever_stands_around_them() {
        let expected = words("48213, Santarém!");
        assert_eq!(expected, ["48213", "santarém"]);
        assert_eq!(score(&expected, "It is 48213."), 0.5);
        assert_eq!(score(&expected, "(48213) in SANTARÉM"), 1.0);
        assert_eq!(score(&expected, "148213"), 0.0);
    }

    #[test]
    fn needle_texts_are_cut_into_sentences() {
        assert_eq!(sentences("A b. C d! 3.5 e?\nF\n\n"), ["A b.", "C d!", "3.5 e?", "F"]);
        assert!(sentences(" \n ").is_empty());
        let filler = filler();
        let different: std::collections::HashSet<_> = filler.iter().collect();
        assert_eq!(different.len(), filler.len());
    }
}
