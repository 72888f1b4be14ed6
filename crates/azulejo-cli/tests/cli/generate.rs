//! `generate` and `chat`.

use crate::support::{azulejo, expected, finish, golden, model, numbers, piped, program};

/// A template in a line, as the golden models have none.
const TEMPLATE: &str = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:";

#[test]
fn generate_greedy_tokens_are_those_of_transformers() {
    for name in ["llama-gqa", "llama-gqa/model-f32.gguf"] {
        let want = expected("llama-gqa");
        let n = want.greedy.len().to_string();
        let model = golden(name);
        let got = azulejo(&[
            "generate",
            "-m",
            &model,
            "--raw",
            "-p",
            &want.prompt,
            "-n",
            &n,
            "--temp",
            "0",
            "--ignore-eos",
            "-ctk",
            "f32",
            "-ctv",
            "f32",
            "--json",
        ])
        .json();
        assert_eq!(numbers(&got["tokens"]), want.greedy, "{name}");
        assert_eq!(got["prompt_tokens"], want.tokens.len());
        assert_eq!(
            (got["cached_tokens"].as_u64(), got["stop_reason"].as_str()),
            (Some(0), Some("max_tokens"))
        );
        assert_eq!(got["device"]["backend"], "cpu");
        assert!(got["timings"]["prompt_ms"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn generate_prints_the_text_and_nothing_else_on_stdout() {
    let args = ["generate", "-m", &model(), "-p", "the tile", "-n", "9", "--temp", "0", "--ignore-eos"];
    let plain = azulejo(&args);
    let json = azulejo(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(plain.code, 0, "{}", plain.err);
    assert_eq!(plain.out, json["text"].as_str().unwrap());
    assert!(plain.err.contains("prompt eval:") && plain.err.contains("total:"), "{}", plain.err);
    assert!(plain.err.contains("no chat template"), "{}", plain.err);
    assert!(!plain.err.contains('\x1b'), "colours in a pipe: {:?}", plain.err);
    let quiet = azulejo(&[&args[..], &["-q"]].concat());
    assert_eq!((quiet.out, quiet.err.as_str()), (plain.out, ""));
}

#[test]
fn generate_ends_at_as_many_tokens_as_asked_for() {
    for n in [0, 1, 7] {
        let n_text = n.to_string();
        let done =
            azulejo(&["generate", "-m", &model(), "-p", "a", "-n", &n_text, "--ignore-eos", "--json"]).json();
        assert_eq!(numbers(&done["tokens"]).len(), n);
        assert_eq!(done["stop_reason"], "max_tokens");
    }
}

#[test]
fn generate_is_the_same_for_the_same_seed() {
    let run = |seed: &str| {
        let args =
            ["generate", "-m", &model(), "-p", "a", "-n", "24", "--temp", "1.5", "-s", seed, "--top-p", "1"];
        numbers(&azulejo(&[&args[..], &["--ignore-eos", "--json"]].concat()).json()["tokens"])
    };
    assert_eq!(run("7"), run("7"));
    assert_ne!(run("7"), run("8"));
}

#[test]
fn generate_stops_in_front_of_a_stop_text() {
    let args = ["generate", "-m", &model(), "-p", "a", "-n", "24", "--temp", "0", "--ignore-eos", "--json"];
    let all = azulejo(&args).json()["text"].as_str().unwrap().to_owned();
    let (at, stop) = all.char_indices().find(|(i, c)| *i > 2 && c.is_ascii_graphic()).unwrap();
    let first = all.find(stop).unwrap();
    assert!(first <= at);
    let got = azulejo(&[&args[..], &["-r", &stop.to_string(), "--stop", "never to come"]].concat()).json();
    assert_eq!(
        (got["text"].as_str(), got["stop_reason"].as_str()),
        (Some(&all[..first]), Some("stop_string"))
    );
}

#[test]
fn generate_takes_the_prompt_from_a_pipe_or_a_file() {
    let rest = ["-m", &model(), "-n", "5", "--temp", "0", "--json"];
    let by_flag = azulejo(&[&["generate", "-p", "hello"], &rest[..]].concat()).json();
    let by_pipe = piped(&[&["generate"], &rest[..]].concat(), "hello\n").json();
    assert_eq!(by_flag["tokens"], by_pipe["tokens"]);
    let file = crate::support::scratch("prompt").join("prompt.txt");
    std::fs::write(&file, "hello\r\n").unwrap();
    let by_file = azulejo(&[&["generate", "-f", file.to_str().unwrap()], &rest[..]].concat()).json();
    assert_eq!(by_flag["tokens"], by_file["tokens"]);
    let escaped = azulejo(&[&["generate", "-e", "-p", r"\x68ello"], &rest[..]].concat()).json();
    assert_eq!(by_flag["tokens"], escaped["tokens"]);
}

#[test]
fn generate_applies_a_template_unless_raw() {
    let args = ["generate", "-m", &model(), "-p", "hi", "-n", "1", "--chat-template", TEMPLATE, "--json"];
    let prompt_tokens = |more: &[&str]| {
        let done = azulejo(&[&args[..], more].concat()).json();
        done["prompt_tokens"].as_u64().unwrap() as usize
    };
    let ids = |text: &str, more: &[&str]| {
        let done = azulejo(&[&["tokenize", "-m", &model(), "--json", "-p", text], more].concat()).json();
        numbers(&done["ids"]).len()
    };
    // A folder's template writes BOS itself, if it wants one.
    assert_eq!(prompt_tokens(&[]), ids("user: hi\nassistant:", &["--no-bos"]));
    let system = ids("system: be brief\nuser: hi\nassistant:", &["--no-bos"]);
    assert_eq!(prompt_tokens(&["-sys", "be brief"]), system);
    assert_eq!(prompt_tokens(&["-no-cnv"]), ids("hi", &[]));
}

#[test]
fn generate_takes_a_template_by_its_name() {
    let model = model();
    let args = ["generate", "-m", &model, "-p", "hi", "-n", "1", "--temp", "0", "--json", "--chat-template"];
    let run = |template: &str| azulejo(&[&args[..], &[template]].concat());
    let chatml = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}{{ '<|im_start|>assistant\n' }}";
    let (named, given) = (run("chatml").json(), run(chatml).json());
    assert_eq!((&named["prompt_tokens"], &named["tokens"]), (&given["prompt_tokens"], &given["tokens"]));
    for done in [run("chatmk"), azulejo(&["chat", "-m", &model, "--json", "--chat-template", "chatmk"])] {
        assert_eq!(done.error_code(), "invalid_argument");
        for word in ["--chat-template", "chatmk", "chatml", "llama3", "teenytinyllama"] {
            assert!(done.err.contains(word), "{word}: {}", done.err);
        }
    }
}

#[test]
fn generate_reads_flags_from_the_environment_and_the_flag_wins() {
    let mut command = program(&["generate", "-p", "a", "--ignore-eos", "--json"]);
    command.env("AZULEJO_MODEL", model()).env("AZULEJO_PREDICT", "3");
    assert_eq!(numbers(&finish(command).json()["tokens"]).len(), 3);
    let mut command = program(&["generate", "-p", "a", "--ignore-eos", "-n", "5"]);
    command.env("AZULEJO_MODEL", model()).env("AZULEJO_PREDICT", "3").env("AZULEJO_JSON", "1");
    assert_eq!(numbers(&finish(command).json()["tokens"]).len(), 5);
}

#[test]
fn generate_full_context_ends_an_answer_and_keeps_it() {
    let model = model();
    let args = ["generate", "-m", &model, "-p", "hello", "-c", "16", "--ignore-eos", "--json", "-s", "1"];
    let run = |more: &[&str]| azulejo(&[&args[..], more].concat());
    for more in [&["--temp", "0"][..], &["--temp", "0", "-n", "40"], &["--temp", "1", "-n", "40"]] {
        let done = run(more);
        let json = done.json();
        assert_eq!(json["stop_reason"], "context_full");
        assert!(done.err.contains("16"), "{}", done.err);
        // The last token needs no position.
        let prompt_tokens = json["prompt_tokens"].as_u64().unwrap() as usize;
        assert_eq!(numbers(&json["tokens"]).len(), 16 + 1 - prompt_tokens);
        assert!(!json["text"].as_str().unwrap().is_empty());
        assert!(json["timings"]["predicted_ms"].as_f64().unwrap() > 0.0);
    }
    let shifted = run(&["-n", "40", "--context-shift"]).json();
    assert_eq!(
        (numbers(&shifted["tokens"]).len(), shifted["stop_reason"].as_str()),
        (40, Some("max_tokens"))
    );
    // A prompt that doesn't fit is an error as ever.
    let long = "hello ".repeat(16);
    let done = azulejo(&["generate", "-m", &model, "-p", &long, "-c", "16", "--json"]);
    assert_eq!(done.error_code(), "context_full");
}

#[test]
fn generate_takes_what_llama_users_type() {
    let args = [
        "generate",
        "-m",
        &model(),
        "-p",
        "a",
        "-n",
        "2",
        "-ngl",
        "99",
        "-fa",
        "on",
        "-ub",
        "64",
        "-b",
        "64",
    ];
    let done = azulejo(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("-ngl") && done.err.contains("-fa"), "{}", done.err);
}

#[test]
fn generate_survives_a_reader_that_leaves() {
    let mut child =
        program(&["generate", "-m", &model(), "-p", "a", "--ignore-eos", "-n", "5000", "--context-shift"])
            .spawn()
            .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(!err.contains("panic") && !err.contains("error"), "{err}");
}

#[cfg(unix)]
#[test]
fn generate_interrupted_keeps_what_was_said() {
    use std::io::Read;
    let mut child = program(&[
        "generate",
        "-m",
        &model(),
        "-p",
        "a",
        "--ignore-eos",
        "-n",
        "100000000",
        "--context-shift",
    ])
    .spawn()
    .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap();
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(err.contains("interrupted") && err.contains("eval:"), "{err}");
}

#[test]
fn chat_keeps_the_conversation_and_only_evaluates_what_is_new() {
    let model = model();
    let args = ["chat", "-m", &model, "--chat-template", TEMPLATE, "-n", "4", "--temp", "0", "--json"];
    let done = piped(&args, "hello\nand you?\n/clear\nhello\n/exit\nnever read\n");
    assert_eq!(done.code, 0, "{}", done.err);
    let answers: Vec<serde_json::Value> =
        done.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), 3, "{}", done.out);
    let count = |i: usize, key: &str| answers[i][key].as_u64().unwrap();
    assert!(count(1, "prompt_tokens") > count(0, "prompt_tokens"));
    assert!(count(1, "cached_tokens") >= count(0, "prompt_tokens") - 1, "{}", done.out);
    assert_eq!(answers[0]["tokens"], answers[2]["tokens"]);
    assert_eq!(answers[0]["prompt_tokens"], answers[2]["prompt_tokens"]);
}

#[test]
fn chat_prints_answers_only_on_stdout() {
    let model = model();
    let args = ["chat", "-m", &model, "--chat-template", TEMPLATE, "-n", "4", "--temp", "0"];
    let done = piped(&args, "/help\n/nonsense\n\nhello\n");
    assert_eq!(done.code, 0, "{}", done.err);
    let json = piped(&[&args[..], &["--json"]].concat(), "hello\n").json();
    assert_eq!(done.out, format!("{}\n", json["text"].as_str().unwrap()));
    assert!(done.err.contains("/system") && done.err.contains("/nonsense"), "{}", done.err);
}

#[test]
fn chat_reads_texts_of_several_lines_and_system_prompts() {
    let model = model();
    let args = ["chat", "-m", &model, "--chat-template", TEMPLATE, "-n", "1", "--temp", "0", "--json"];
    let tokens = |input: &str| {
        let done = piped(&args, input);
        assert_eq!(done.code, 0, "{}", done.err);
        let last = done.out.lines().last().unwrap().to_owned();
        serde_json::from_str::<serde_json::Value>(&last).unwrap()["prompt_tokens"].as_u64().unwrap()
    };
    let ids = |text: &str| {
        let done = azulejo(&["tokenize", "-m", &model, "--json", "--no-bos", "-p", text]);
        numbers(&done.json()["ids"]).len() as u64
    };
    assert_eq!(tokens("a\\\nb\n"), ids("user: a\nb\nassistant:"));
    assert_eq!(tokens("\"\"\"a\n\nb\"\"\"\n"), ids("user: a\n\nb\nassistant:"));
    assert_eq!(tokens("x\n/system be brief\na\n"), ids("system: be brief\nuser: a\nassistant:"));
}

#[test]
fn chat_overflow_says_the_numbers() {
    let model = model();
    let args = [
        "chat",
        "-m",
        &model,
        "--chat-template",
        TEMPLATE,
        "-n",
        "4",
        "-c",
        "48",
        "--temp",
        "0",
        "--ignore-eos",
    ];
    let lines = "one two three\n".repeat(6);
    let done = piped(&args, &lines);
    assert_eq!(done.code, 1, "{}", done.err);
    assert!(done.err.contains("48") && done.err.contains("context"), "{}", done.err);
    let shifted = piped(&[&args[..], &["--context-shift", "--json"]].concat(), &lines);
    assert_eq!((shifted.code, shifted.out.lines().count()), (0, 6), "{}", shifted.err);
}

#[cfg(feature = "embedded")]
#[test]
fn generate_without_a_model_uses_the_one_in_the_program_and_says_so() {
    let args = ["generate", "-p", "How do I renew my identity card?", "-n", "12", "--temp", "0"];
    let done = azulejo(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("demonstration"), "{}", done.err);
    assert!(!done.out.trim().is_empty());
    assert_eq!(done.out, azulejo(&args).out);
}
