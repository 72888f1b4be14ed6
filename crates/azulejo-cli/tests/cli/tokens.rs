//! `tokenize`, `logits`, `perplexity`.

use azulejo_formats::gguf::Writer;
use azulejo_formats::{ModelFile, ModelKind};

use crate::support::{azulejo, expected, floats, golden, list, model, numbers, piped, scratch};

#[test]
fn tokenize_ids_are_those_of_transformers() {
    let want = expected("llama-gqa");
    for model in [model(), golden("llama-gqa/model-f32.gguf"), golden("llama-gqa/tokenizer.json")] {
        let done = azulejo(&["tokenize", "-m", &model, "-p", &want.prompt]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(done.out, format!("{}\n", list(&want.tokens).replace(',', " ")), "{model}");
        assert_eq!(done.err, "");
        let json = azulejo(&["tokenize", "-m", &model, "-p", &want.prompt, "--json"]).json();
        assert_eq!(numbers(&json["ids"]), want.tokens);
    }
}

#[test]
fn tokenize_goes_the_other_way() {
    let text = "O azulejo \n  é o chão<|turn|>";
    let run = |model: &str, more: &[&str]| azulejo(&[&["tokenize", "-m", model], more].concat());
    for model in [model(), golden("llama-gqa/model-f32.gguf")] {
        let ids = run(&model, &["-p", text, "--no-bos"]).out;
        assert_eq!(run(&model, &["--tokens", &ids]).out, format!("{text}\n"));
        let json = run(&model, &["--tokens", &ids.trim().replace(' ', ","), "--json"]).json();
        assert_eq!(json["text"], text);
        let wrong = run(&model, &["--tokens", "1,288"]);
        assert!(wrong.code == 2 && wrong.err.contains("288 tokens"), "{}", wrong.err);
        assert_eq!(run(&model, &["--tokens", "1", "-p", text]).code, 2);
    }
}

#[test]
fn tokenize_takes_a_file_as_it_is() {
    let text = "a\r\n\tb \n\n";
    let file = scratch("tokenize").join("text.txt");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let by_file = azulejo(&["tokenize", "-m", &model(), "-f", file]);
    assert_eq!(by_file.out, azulejo(&["tokenize", "-m", &model(), "-p", text]).out);
    assert_eq!(by_file.out, piped(&["tokenize", "-m", &model()], text).out);
    assert_eq!(by_file.out, piped(&["tokenize", "-m", &model(), "-f", "-"], text).out);
    // A byte-order mark isn't text, wherever the text comes from.
    let marked = format!("\u{feff}{text}");
    assert_eq!(by_file.out, piped(&["tokenize", "-m", &model(), "-f", "-"], &marked).out);
    assert_eq!(by_file.out, piped(&["tokenize", "-m", &model()], &marked).out);
    std::fs::write(file, &marked).unwrap();
    assert_eq!(by_file.out, azulejo(&["tokenize", "-m", &model(), "-f", file]).out);
    std::fs::write(file, text).unwrap();
    let shown = azulejo(&["tokenize", "-m", &model(), "-f", file, "--show"]);
    assert!(shown.out.contains("<|begin|>") && shown.out.contains("\\r"), "{}", shown.out);
    std::fs::write(file, b"a\xff").unwrap();
    let bad = azulejo(&["tokenize", "-m", &model(), "-f", file]);
    assert_eq!((bad.code, bad.out.as_str()), (1, ""));
    assert!(bad.err.contains("offset 1") && bad.err.contains("text.txt"), "{}", bad.err);
}

#[test]
fn tokenize_special_tokens_are_read_or_not() {
    let ids = |more: &[&str]| {
        let args = ["tokenize", "-m", &model(), "--json", "-p", "<|turn|>x"];
        numbers(&azulejo(&[&args[..], more].concat()).json()["ids"])
    };
    let (both, bare) = (ids(&[]), ids(&["--no-bos"]));
    assert_eq!(both[1..], bare[..]);
    assert_eq!((both[0], both[1]), (0, 2));
    assert!(ids(&["--no-bos", "--no-parse-special"]).len() > bare.len());
}

#[test]
fn tokenize_needs_the_vocabulary_only() {
    let whole = golden("llama-gqa/model-f32.gguf");
    let ModelKind::Gguf(metadata) = ModelFile::open(&whole).unwrap().kind else { panic!("no GGUF") };
    let path = scratch("vocabulary").join("vocab.gguf");
    Writer::new(std::fs::File::create(&path).unwrap(), &metadata, &[]).unwrap().finish().unwrap();
    let path = path.to_str().unwrap();
    let text = "O azulejo é o chão";
    let done = azulejo(&["tokenize", "-m", path, "-p", text]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out, azulejo(&["tokenize", "-m", &whole, "-p", text]).out);
    // It can be looked at, and can't be run.
    let json = azulejo(&["inspect", path, "--json"]).json();
    assert_eq!(
        (json["tokenizer"]["vocabulary"].as_u64(), json["tensors"].as_array().map(Vec::len)),
        (Some(288), Some(0))
    );
    assert!(json["config"]["error"]["message"].is_string());
    assert_eq!(azulejo(&["generate", "-m", path, "-p", "a", "--json"]).error_code(), "corrupt");
}

#[test]
fn logits_are_those_of_transformers() {
    let out = scratch("logits").join("out.safetensors");
    let out = out.to_str().unwrap();
    for name in ["llama-gqa", "llama-odd", "llama3-rope"] {
        let want = expected(name);
        let done =
            azulejo(&["logits", "-m", &golden(name), "--tokens", &list(&want.tokens), "-o", out, "-ub", "7"]);
        assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
        let (got, shape) = floats(&std::fs::read(out).unwrap(), "logits");
        assert_eq!(shape, [want.tokens.len(), got.len() / want.tokens.len()]);
        assert_eq!(got.len(), want.logits.len());
        let (mut error, mut power) = (0.0, 0.0);
        for (a, b) in got.iter().zip(&want.logits) {
            error += f64::from(a - b).powi(2);
            power += f64::from(*b).powi(2);
        }
        assert!((error / power).sqrt() < 1e-4, "{name}: {}", (error / power).sqrt());
        let again =
            azulejo(&["logits", "-m", &golden(name), "-p", &want.prompt, "-o", out, "-ub", "7", "--json"])
                .json();
        assert_eq!(numbers(&again["tokens"]), want.tokens);
        assert_eq!(floats(&std::fs::read(out).unwrap(), "logits").0, got);
    }
}

#[test]
fn logits_that_fail_leave_no_file() {
    let folder = scratch("logits-fail");
    let out = folder.join("out.safetensors");
    let failing = |tokens: &str, more: &[&str]| {
        let args = ["logits", "-m", &model(), "--tokens", tokens, "-o", out.to_str().unwrap(), "--json"];
        azulejo(&[&args[..], more].concat())
    };
    assert_eq!(failing("1,288", &[]).error_code(), "invalid_argument");
    assert_eq!(failing("1,2,3,4,5", &["-c", "4"]).error_code(), "context_full");
    assert_eq!(failing("1,x", &[]).code, 2);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    let nowhere = folder.join("none").join("out.safetensors");
    let done =
        azulejo(&["logits", "-m", &model(), "--tokens", "1", "-o", nowhere.to_str().unwrap(), "--json"]);
    assert_eq!(done.error_code(), "io");
}

/// Perplexity by its definition, from the logits that another command gives.
#[test]
fn perplexity_is_what_the_logits_say() {
    let folder = scratch("perplexity");
    let (text, out) = (folder.join("text.txt"), folder.join("out.safetensors"));
    let lines: String = (0..12).map(|i| format!("the azulejo number {i} is the blue one\n")).collect();
    std::fs::write(&text, lines).unwrap();
    let (text, out) = (text.to_str().unwrap(), out.to_str().unwrap());
    let context = 33;
    let ids = azulejo(&["tokenize", "-m", &model(), "-f", text, "--no-parse-special", "--json"]).json();
    let ids = numbers(&ids["ids"]);
    let (mut sum, mut count) = (0.0, 0);
    for chunk in ids.chunks_exact(context) {
        let mut chunk = chunk.to_vec();
        chunk[0] = 0;
        let done = azulejo(&["logits", "-m", &model(), "--tokens", &list(&chunk), "-o", out]);
        assert_eq!(done.code, 0, "{}", done.err);
        let (logits, shape) = floats(&std::fs::read(out).unwrap(), "logits");
        for at in context / 2..context - 1 {
            let row = &logits[at * shape[1]..(at + 1) * shape[1]];
            let total: f64 = row.iter().map(|l| f64::from(*l).exp()).sum();
            sum += total.ln() - f64::from(row[chunk[at + 1] as usize]);
            count += 1;
        }
    }
    let args = ["perplexity", "-m", &model(), "-f", text, "-c", "33", "-ctk", "f32", "-ctv", "f32"];
    let json = azulejo(&[&args[..], &["--json"]].concat()).json();
    let got = json["perplexity"].as_f64().unwrap();
    let want = (sum / f64::from(count)).exp();
    assert!((got / want - 1.0).abs() < 1e-5, "{got}, not {want}");
    assert_eq!(json["chunks"].as_u64().unwrap() as usize, ids.len() / context);
    assert_eq!(
        (json["scored"].as_i64(), json["tokens"].as_u64()),
        (Some(i64::from(count)), Some(ids.len() as u64))
    );
    let plain = azulejo(&args);
    assert!(plain.out.starts_with("[1]"), "{}", plain.out);
    let last = plain.out.lines().last().unwrap();
    assert!(last.starts_with(&format!("Final estimate: PPL = {got:.4} +/- ")), "{last}");
    let two = azulejo(&[&args[..], &["--chunks", "2", "--json"]].concat()).json();
    assert_eq!(two["chunks"], 2);
}

#[test]
fn perplexity_of_a_short_text_is_an_error_with_the_numbers() {
    let done = piped(&["perplexity", "-m", &model(), "-c", "64"], "a short text");
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(
        done.err.contains("128") && done.err.starts_with("error: ") && done.err.lines().count() == 1,
        "{}",
        done.err
    );
    let long = piped(&["perplexity", "-m", &model(), "-c", "129", "--json"], &"a b c ".repeat(200));
    assert_eq!(long.error_code(), "invalid_argument");
    assert!(long.err.contains("129") && long.err.contains("128"), "{}", long.err);
}

/// `eos_token_id` of config.json counts where generation_config.json has none.
#[test]
fn tokenize_ends_of_text_are_in_config_json_too() {
    let ends = |config: &str, generation: Option<&str>| {
        let folder = scratch(&format!("ends-{}-{}", config.len(), generation.map_or(0, str::len)));
        let copy = |name: &str| std::fs::copy(format!("{}/{name}", golden("llama-gqa")), folder.join(name));
        for name in ["tokenizer.json", "model.safetensors"] {
            copy(name).unwrap();
        }
        let json = std::fs::read_to_string(format!("{}/config.json", golden("llama-gqa"))).unwrap();
        let json = json.replace("\"eos_token_id\": 1", &format!("\"eos_token_id\": {config}"));
        std::fs::write(folder.join("config.json"), json).unwrap();
        if let Some(text) = generation {
            std::fs::write(folder.join("generation_config.json"), text).unwrap();
        }
        let of = |path: &std::path::Path| azulejo::tokenizer_from_path(path).unwrap().end_of_text().clone();
        assert_eq!(of(&folder), of(&folder.join("tokenizer.json")));
        of(&folder)
    };
    assert!(ends("17", None).contains(&17));
    assert!(ends("[18, 200]", Some("{}")).is_superset(&[18, 200].into()));
    assert!(ends("1777", Some("{\"eos_token_id\": []}")).iter().all(|id| *id < 288));
    let both = ends("19", Some("{\"eos_token_id\": 20}"));
    assert!(both.contains(&20) && !both.contains(&19));
}
