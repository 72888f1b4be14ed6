//! Mistakes: one line that says what, where, and what to do; and the exit code.

use std::path::Path;

use crate::support::{azulejo, golden, model, piped, scratch};

#[test]
fn errors_are_one_line_on_stderr() {
    let done = azulejo(&["generate", "-m", "/no/such/file.gguf", "-p", "a"]);
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert!(done.err.starts_with("error: ") && done.err.lines().count() == 1, "{}", done.err);
    assert!(done.err.contains("/no/such/file.gguf"), "{}", done.err);
    assert_eq!(done.err.matches("/no/such/file.gguf").count(), 1, "{}", done.err);
    assert_eq!(azulejo(&["inspect", "/no/such/file.gguf", "--json"]).error_code(), "io");
}

#[test]
fn errors_of_files_that_are_no_models() {
    let folder = scratch("errors");
    let path = folder.join("model.gguf");
    let file = path.to_str().unwrap();
    std::fs::write(&path, "<!DOCTYPE html><html>404</html>").unwrap();
    assert_eq!(azulejo(&["generate", "-m", file, "-p", "a", "--json"]).error_code(), "corrupt");
    let whole = std::fs::read(golden("llama-gqa/model-f32.gguf")).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let done = azulejo(&["generate", "-m", file, "-p", "a", "--json"]);
    assert_eq!(done.error_code(), "corrupt");
    assert!(done.err.contains("model.gguf"), "{}", done.err);
    let empty = folder.join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(azulejo(&["inspect", empty.to_str().unwrap(), "--json"]).error_code(), "io");
}

#[test]
fn errors_of_architectures_that_are_not_there() {
    let folder = scratch("architecture");
    for file in std::fs::read_dir(golden("llama-gqa")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    std::fs::write(folder.join("config.json"), config.replace("\"llama\"", "\"martian\"")).unwrap();
    let folder = folder.to_str().unwrap();
    let done = azulejo(&["generate", "-m", folder, "-p", "a", "--json"]);
    assert_eq!(done.error_code(), "unsupported");
    assert!(done.err.contains("martian") && done.err.contains("llama"), "{}", done.err);
    // It can still be looked at.
    let seen = azulejo(&["inspect", folder]);
    assert_eq!(seen.code, 0);
    assert!(seen.err.contains("martian") && seen.out.contains("21 tensors"), "{}", seen.err);
}

#[test]
fn errors_of_sampling_name_the_flag_or_its_variable() {
    let model = model();
    let flags = [
        ("--temp", &["nan", "inf", "-inf", "1e60"][..]),
        ("--top-p", &["nan", "1.5", "-0.5"]),
        ("--min-p", &["nan", "1.5", "-0.5"]),
        ("--repeat-penalty", &["nan", "inf", "0", "-1"]),
        ("--frequency-penalty", &["nan", "-inf"]),
        ("--presence-penalty", &["nan", "inf"]),
        ("--repeat-last-n", &["-2"]),
    ];
    for (flag, values) in flags {
        for value in values {
            let flag_value = format!("{flag}={value}");
            let done = azulejo(&["generate", "-m", &model, "-p", "a", "-n", "1", &flag_value]);
            assert_eq!(done.code, 2, "{flag} {value}: {}", done.err);
            assert!(done.err.contains(flag) && done.err.contains(value), "{flag} {value}: {}", done.err);
        }
    }
    for (flag, value) in [("--temp", "-1"), ("--top-k", "-1"), ("--repeat-last-n", "-1")] {
        let done = azulejo(&["generate", "-m", &model, "-p", "a", "-n", "1", flag, value]);
        assert_eq!(done.code, 0, "{flag} {value}: {}", done.err);
    }
}

#[test]
fn errors_of_the_command_line_exit_with_2() {
    let model = model();
    for args in [
        &["generate", "-m", &model, "-p", "a", "--frobnicate"][..],
        &["generate", "-m", &model, "-p", "a", "--device", "tpu"],
        &["generate", "-m", &model, "-p", "a", "-ctk", "q5_0"],
        &["generate", "-m", &model, "-p", "a", "-t", "0"],
        &["generate", "-m", &model, "-hf", "user/repo", "-p", "a"],
        &["generate", "-m", &model],
        &["frobnicate"],
        &[],
    ] {
        let done = azulejo(args);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{args:?}: {}", done.err);
        assert!(!done.err.is_empty(), "{args:?}");
    }
    assert_eq!(piped(&["generate", "-m", &model], "\n").code, 2);
}

#[test]
fn errors_of_caches_that_a_model_cannot_have() {
    let done = azulejo(&["generate", "-m", &model(), "-p", "a", "-ctk", "q8_0", "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
    assert!(done.err.contains("q8_0") && done.err.contains("multiple of 32"), "{}", done.err);
}

#[test]
fn errors_of_contexts_say_the_numbers() {
    let long = "a b c d e f g h ".repeat(4);
    let done = azulejo(&["generate", "-m", &model(), "--raw", "-p", &long, "-c", "16", "--json"]);
    assert_eq!(done.error_code(), "context_full");
    assert!(done.err.contains("16"), "{}", done.err);
    let done = azulejo(&["generate", "-m", &model(), "-p", "a", "-c", "4096", "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
    assert!(done.err.contains("4096") && done.err.contains("128"), "{}", done.err);
}

#[test]
fn errors_of_chats_without_a_template() {
    let done = piped(&["chat", "-m", &model(), "--json"], "hello\n");
    assert_eq!(done.error_code(), "invalid_argument");
    assert!(done.err.contains("--chat-template"), "{}", done.err);
    let broken = piped(&["chat", "-m", &model(), "--chat-template", "{% if %}", "--json"], "hello\n");
    assert_eq!(broken.error_code(), "invalid_argument");
    let file = Path::new("/no/such/template.jinja").to_str().unwrap();
    let missing = piped(&["chat", "-m", &model(), "--chat-template-file", file, "--json"], "hello\n");
    assert_eq!(missing.error_code(), "io");
}

#[test]
fn errors_help_is_a_result() {
    for args in [&["--help"][..], &["generate", "--help"], &["bench", "-h"], &["--version"]] {
        let done = azulejo(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}");
        assert!(!done.out.is_empty());
    }
    assert!(azulejo(&["--help"]).out.contains("130"));
}
