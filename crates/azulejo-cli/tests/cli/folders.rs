//! Folders as other people save them: without a head, with one matrix of a tied pair, with more ends than GGUF names.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::path::{Path, PathBuf};

use azulejo_formats::{ModelFile, ModelKind};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::support::{azulejo, expected, golden, scratch};

/// A golden model with other names of tensors (none leaves one out), and other keys in its config.json.
pub(crate) fn copied(to: PathBuf, of: &str, rename: impl Fn(&str) -> Option<String>, keys: &Value) -> String {
    std::fs::create_dir(&to).unwrap();
    for file in std::fs::read_dir(golden(of)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let weights = to.join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = file.tensors().into_iter().filter_map(|(name, view)| Some((rename(&name)?, view)));
    std::fs::write(&weights, safetensors::serialize(tensors, None).unwrap()).unwrap();
    edit(&to.join("config.json"), keys);
    to.to_str().unwrap().to_owned()
}

/// Sets keys of a JSON file, or takes away those that are null.
fn edit(path: &Path, keys: &Value) {
    let mut json: Value =
        std::fs::read(path).map_or_else(|_| json!({}), |bytes| serde_json::from_slice(&bytes).unwrap());
    for (key, value) in keys.as_object().unwrap() {
        match value {
            Value::Null => _ = json.as_object_mut().unwrap().remove(key),
            value => json[key] = value.clone(),
        }
    }
    std::fs::write(path, json.to_string()).unwrap();
}

fn bare(name: &str) -> Option<String> {
    Some(name.strip_prefix("model.").unwrap_or(name).to_owned())
}

fn headless(name: &str) -> Option<String> {
    bare(name).filter(|name| name != "lm_head.weight")
}

fn embedding(model: &str) -> Value {
    let done = azulejo(&["embed", "-m", model, "--tokens", "5,6,7", "--json"]);
    done.json()["embeddings"].clone()
}

/// The greedy tokens behind the golden prompt.
fn greedy(model: &str, of: &str) -> Value {
    let prompt = expected(of).prompt;
    let args = ["-n", "8", "--temp", "0", "--ignore-eos", "--json"];
    azulejo(&[&["generate", "-m", model, "--raw", "-p", &prompt], &args[..]].concat()).json()["tokens"]
        .clone()
}

#[test]
fn folders_whose_names_lack_the_prefix_are_what_they_are_with_it() {
    let scratch = scratch("bare");
    for name in ["llama-gqa", "qwen3-tied", "olmo2", "gemma3"] {
        let whole = golden(name);
        let model = copied(scratch.join(name), name, bare, &json!({}));
        assert_eq!(embedding(&model), embedding(&whole), "{name}");
        assert_eq!(greedy(&model, name), greedy(&whole, name), "{name}");
        let seen = azulejo(&["inspect", &model, "--json"]).json();
        assert_eq!(seen["config"]["error"], Value::Null, "{name}");
        let (a, b) = (scratch.join("a.gguf"), scratch.join("b.gguf"));
        for (from, to) in [(&model, &a), (&whole, &b)] {
            let args = ["convert", from, "-o", to.to_str().unwrap(), "--name", "m"];
            let done = azulejo(&args);
            assert_eq!((done.code, done.err.as_str()), (0, ""), "{name}");
        }
        assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap(), "{name}");
    }
}

#[test]
fn folders_that_read_images_too_are_converted_without_that() {
    let scratch = scratch("part");
    let name = "gemma3-part";
    // No key says what scores are divided by, if it isn't the head's size.
    let file = scratch.join("m.gguf");
    let done = azulejo(&["convert", &golden(name), "-o", file.to_str().unwrap()]);
    assert!(done.code == 1 && done.err.contains("query_pre_attn_scalar"), "{}", done.err);
    assert!(!file.exists());
    let config = std::fs::read(Path::new(&golden(name)).join("config.json")).unwrap();
    let mut text = serde_json::from_slice::<Value>(&config).unwrap()["text_config"].clone();
    text["query_pre_attn_scalar"] = 20.into();
    let keys = json!({ "text_config": text });
    // The names of transformers 4, and of 5.
    let older = |name: &str| {
        let body = name.strip_prefix("model.").unwrap();
        let text = body.strip_prefix("language_model.").map(|rest| format!("language_model.model.{rest}"));
        Some(text.unwrap_or(body.to_owned()))
    };
    let older = copied(scratch.join("older"), name, older, &keys);
    let newer = copied(scratch.join("newer"), name, |name| Some(name.to_owned()), &keys);
    let mut files = Vec::new();
    for folder in [&older, &newer] {
        let done = azulejo(&["convert", folder, "-o", file.to_str().unwrap(), "--name", "m"]);
        assert!(
            done.code == 0 && done.err.contains("1 tensors that read images are left out"),
            "{}",
            done.err
        );
        assert_eq!(greedy(file.to_str().unwrap(), name), greedy(folder, name), "{folder}");
        files.push(std::fs::read(&file).unwrap());
        std::fs::remove_file(&file).unwrap();
    }
    assert_eq!(files[0], files[1]);
}

/// Readers of Gemma's files take another base for layers with a window where the file says none.
#[test]
fn convert_keeps_a_base_that_layers_with_a_window_share() {
    let scratch = scratch("one-base");
    let keys = json!({ "rope_theta": 50_000.0, "rope_local_base_freq": 50_000.0, "rope_scaling": null });
    let folder = copied(scratch.join("m"), "gemma3", |name| Some(name.to_owned()), &keys);
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    azulejo(&["convert", &folder, "-o", file, "--outtype", "f32", "--json"]).json();
    let ModelKind::Gguf(metadata) = ModelFile::open(file).unwrap().kind else { panic!("no GGUF") };
    assert_eq!(metadata.find_f32("gemma3.rope.freq_base_swa").unwrap(), Some(50_000.0));
    assert_eq!(greedy(file, "gemma3"), greedy(&folder, "gemma3"));
}

#[test]
fn folders_that_ask_for_what_no_decoder_does_are_refused() {
    let scratch = scratch("refused");
    for (key, value) in [
        ("attn_logit_softcapping", json!(50.0)),
        ("final_logit_softcapping", json!(30.0)),
        ("use_bidirectional_attention", json!(true)),
        ("hidden_activation", json!("relu")),
        ("query_pre_attn_scalar", json!(-1)),
        ("sliding_window_pattern", json!(0)),
    ] {
        let mut keys = json!({ key: value });
        if key == "sliding_window_pattern" {
            keys["layer_types"] = Value::Null;
        }
        let model = copied(scratch.join(key), "gemma3", |name| Some(name.to_owned()), &keys);
        let done = azulejo(&["generate", "-m", &model, "--raw", "-p", "abc", "-n", "1"]);
        assert!(done.code == 1 && done.err.contains(key), "{key}: {}", done.err);
    }
}

#[test]
fn folders_without_a_head_give_embeddings_and_say_that_they_give_no_more() {
    let scratch = scratch("headless");
    let keys = json!({ "architectures": ["LlamaModel"], "tie_word_embeddings": false });
    let model = copied(scratch.join("m"), "llama-gqa", headless, &keys);
    assert_eq!(embedding(&model), embedding(&golden("llama-gqa")));
    let done = azulejo(&["generate", "-m", &model, "--raw", "-p", "abc", "-n", "2", "--json"]);
    assert!(done.code == 1 && done.err.contains("lm_head.weight"), "{}", done.err);
    let seen = azulejo(&["inspect", &model]);
    assert!(seen.code == 0 && seen.err.contains("gives embeddings"), "{}", seen.err);
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    let done = azulejo(&["convert", &model, "-o", file, "--outtype", "f32"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(done.err.contains("has no head"), "{}", done.err);
    // The rows of queries and keys are in another order there, so sums are rounded otherwise.
    let values =
        |of: Value| of[0].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>();
    for (found, wanted) in values(embedding(file)).into_iter().zip(values(embedding(&model))) {
        assert!((found - wanted).abs() < 1e-6, "{found}, not {wanted}");
    }
}

#[test]
fn tied_models_are_read_whichever_of_the_two_matrices_they_hold() {
    let scratch = scratch("tied");
    let name = "llama-tied";
    let whole = golden(name);
    let head_only = |tensor: &str| {
        let head = "lm_head.weight";
        Some(if tensor == "model.embed_tokens.weight" { head.to_owned() } else { tensor.to_owned() })
    };
    let model = copied(scratch.join("m"), name, head_only, &json!({ "tie_word_embeddings": true }));
    assert_eq!(greedy(&model, name), greedy(&whole, name));
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    let done = azulejo(&["convert", &model, "-o", file, "--outtype", "f32"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert_eq!(greedy(file, name), greedy(&whole, name));
    let seen = azulejo(&["inspect", file, "--json"]).json();
    let names: Vec<&str> =
        seen["tensors"].as_array().unwrap().iter().filter_map(|t| t["name"].as_str()).collect();
    assert!(names.contains(&"token_embd.weight") && !names.contains(&"output.weight"), "{names:?}");
    // Not tied, it lacks its embeddings.
    edit(&scratch.join("m/config.json"), &json!({ "tie_word_embeddings": false }));
    let done = azulejo(&["generate", "-m", &model, "--raw", "-p", "abc", "-n", "2", "--json"]);
    assert!(done.code == 1 && done.err.contains("model.embed_tokens.weight"), "{}", done.err);
}

/// llama.cpp refuses a file with tensors that its layers don't take.
#[test]
fn convert_leaves_out_layers_that_the_config_does_not_count() {
    let scratch = scratch("fewer-layers");
    let name = "llama-gqa";
    let keys = json!({ "num_hidden_layers": 1 });
    let model = copied(scratch.join("m"), name, |name| Some(name.to_owned()), &keys);
    let file = scratch.join("m.gguf");
    let done = azulejo(&["convert", &model, "-o", file.to_str().unwrap(), "--outtype", "f32"]);
    assert!(done.code == 0 && done.err.contains("9 tensors are left out"), "{}", done.err);
    let names = ModelFile::open(&file).unwrap().tensors.into_keys();
    let layers: Vec<String> = names.filter(|name| name.starts_with("blk.")).collect();
    assert!(layers.len() == 9 && layers.iter().all(|name| name.starts_with("blk.0.")), "{layers:?}");
    assert_eq!(greedy(file.to_str().unwrap(), name), greedy(&model, name));
}

#[test]
fn convert_keeps_all_ends_of_a_text_or_says_which_it_cannot() {
    let scratch = scratch("ends");
    let ends = |model: &str| {
        let seen = azulejo(&["inspect", model, "--json"]).json();
        seen["tokenizer"]["end_of_text"].clone()
    };
    for (wanted, warnings) in [(vec![7], 0), (vec![7, 9], 0), (vec![7, 9, 11], 0), (vec![7, 9, 11, 13], 1)] {
        let folder = scratch.join(format!("m{}", wanted.len()));
        let model = copied(
            folder.clone(),
            "llama-gqa",
            |name| Some(name.to_owned()),
            &json!({ "eos_token_id": wanted }),
        );
        let _ = std::fs::remove_file(folder.join("generation_config.json"));
        edit(&folder.join("tokenizer_config.json"), &json!({ "eos_token": null }));
        let file = scratch.join("m.gguf");
        let done = azulejo(&["convert", &model, "-o", file.to_str().unwrap()]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(done.err.matches("ends a text too").count(), warnings, "{}", done.err);
        if warnings == 0 {
            assert_eq!(ends(file.to_str().unwrap()), ends(&model), "{wanted:?}");
        }
    }
}

#[test]
fn keys_that_have_no_effect_are_named() {
    let scratch = scratch("unread");
    let keys =
        json!({ "attention_multiplier": 0.5, "rope_parameters": null, "rope_scaling": { "factor": 4.0 } });
    let model = copied(scratch.join("m"), "llama-gqa", |name| Some(name.to_owned()), &keys);
    for args in [
        &["generate", "-m", &model, "--raw", "-p", "abc", "-n", "1"][..],
        &["inspect", &model],
        &["convert", &model, "-o", scratch.join("m.gguf").to_str().unwrap()],
    ] {
        let done = azulejo(args);
        assert_eq!(done.code, 0, "{}", done.err);
        for key in ["attention_multiplier", "rope_scaling.factor"] {
            assert!(done.err.contains(key), "{}: {}", args[0], done.err);
        }
    }
    for (keys, named) in [
        (json!({ "rope_scaling": "linear" }), "rope_scaling"),
        (json!({ "rope_scaling": { "type": 3, "factor": 2.0 } }), "'type'"),
        (json!({ "partial_rotary_factor": 0.5 }), "partial_rotary_factor"),
    ] {
        let folder = scratch.join(named.trim_matches('\''));
        let mut all = keys.clone();
        all["rope_parameters"] = Value::Null;
        let model = copied(folder, "llama-gqa", |name| Some(name.to_owned()), &all);
        let done = azulejo(&["generate", "-m", &model, "--raw", "-p", "abc", "-n", "1", "--json"]);
        assert!(done.code == 1 && done.err.contains(named), "{keys}: {}", done.err);
    }
}

#[test]
fn heads_that_differ_from_the_embeddings_count_whatever_the_config_says() {
    let scratch = scratch("untied");
    // Heads of its own, and a config that denies it.
    let name = "llama-gqa";
    let keys = json!({ "tie_word_embeddings": true });
    let model = copied(scratch.join("m"), name, |name| Some(name.to_owned()), &keys);
    assert_eq!(greedy(&model, name), greedy(&golden(name), name));
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    assert_eq!(azulejo(&["convert", &model, "-o", file, "--outtype", "f32"]).code, 0);
    assert_eq!(greedy(file, name), greedy(&golden(name), name));
}

#[test]
fn convert_keeps_what_older_folders_say_of_their_tokens() {
    let scratch = scratch("older");
    let folder = scratch.join("m");
    let model = copied(
        folder.clone(),
        "llama-gqa",
        |name| Some(name.to_owned()),
        &json!({ "bos_token_id": null, "eos_token_id": null }),
    );
    let _ = std::fs::remove_file(folder.join("generation_config.json"));
    let tokenizer: Value =
        serde_json::from_slice(&std::fs::read(folder.join("tokenizer.json")).unwrap()).unwrap();
    let vocab = tokenizer["model"]["vocab"].as_object().unwrap();
    let text = |id: u64| vocab.iter().find(|(_, v)| v.as_u64() == Some(id)).unwrap().0.clone();
    edit(
        &folder.join("special_tokens_map.json"),
        &json!({ "bos_token": text(3), "eos_token": { "content": text(4) } }),
    );
    let of = |model: &str| {
        let seen = azulejo(&["inspect", model, "--json"]).json();
        (seen["tokenizer"]["bos"].clone(), seen["tokenizer"]["eos"].clone())
    };
    assert_eq!(of(&model), (json!(3), json!(4)));
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    assert_eq!(azulejo(&["convert", &model, "-o", file]).code, 0);
    assert_eq!(of(file), (json!(3), json!(4)));
}

#[test]
fn templates_that_cannot_be_read_are_errors_and_not_absent() {
    let scratch = scratch("template");
    let folder = scratch.join("m");
    let model = copied(folder.clone(), "llama-gqa", |name| Some(name.to_owned()), &json!({}));
    std::fs::write(
        folder.join("chat_template.jinja"),
        "{{ bos_token }}\n{% for m in messages %}{{ m.content }",
    )
    .unwrap();
    for command in ["generate", "chat"] {
        let done = azulejo(
            &[command, "-m", &model, "-p", "abc", "-n", "1"][..if command == "chat" { 3 } else { 7 }],
        );
        // A chat meets it with its first line, and none comes here.
        assert!(!done.err.contains("no chat template"), "{command}: {}", done.err);
    }
    let done = azulejo(&["generate", "-m", &model, "-p", "abc", "-n", "1", "--json"]);
    assert_eq!(done.error_code(), "invalid_argument");
}

/// What is called by a name stays so in the GGUF, and the one without is the usual one.
#[test]
fn templates_that_have_names_are_chosen_by_them_and_kept_by_convert() {
    let scratch = scratch("templates");
    let folder = scratch.join("m");
    let model = copied(folder.clone(), "llama-gqa", |name| Some(name.to_owned()), &json!({}));
    std::fs::create_dir(folder.join("additional_chat_templates")).unwrap();
    std::fs::write(folder.join("chat_template.jinja"), "a{{ messages[-1].content }}").unwrap();
    std::fs::write(folder.join("additional_chat_templates/loud.jinja"), "aaaa{{ messages[-1].content }}")
        .unwrap();
    let file = scratch.join("m.gguf");
    let file = file.to_str().unwrap();
    assert_eq!(azulejo(&["convert", &model, "-o", file]).code, 0);
    for model in [model.as_str(), file] {
        let about = azulejo(&["inspect", "-m", model, "--json"]).json();
        assert_eq!(about["tokenizer"]["chat_templates"].as_object().unwrap().len(), 2, "{about}");
        let prompt_tokens = |more: &[&str]| {
            let args = ["generate", "-m", model, "-p", "b", "-n", "1", "--json"];
            azulejo(&[&args[..], more].concat()).json()["prompt_tokens"].as_u64().unwrap()
        };
        assert!(prompt_tokens(&["--chat-template", "loud"]) > prompt_tokens(&[]), "{model}");
        let done = azulejo(&["generate", "-m", model, "-p", "b", "--chat-template", "quiet", "--json"]);
        assert_eq!(done.error_code(), "invalid_argument");
        assert!(done.err.contains("loud") && done.err.contains("chatml"), "{}", done.err);
    }
}

#[test]
fn convert_writes_no_tensor_that_readers_of_the_architecture_do_not_know() {
    let scratch = scratch("unread");
    let rope = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64});
    let cases = [
        (
            "llama-bias",
            json!({"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"]}),
            "bias that readers of a GGUF of qwen2",
        ),
        ("gemma3", json!({"rope_scaling": rope}), "Llama 3's, which readers of a GGUF of gemma3"),
    ];
    for (name, keys, wanted) in cases {
        let folder = copied(scratch.join(name), name, |name| Some(name.to_owned()), &keys);
        let out = scratch.join(format!("{name}.gguf"));
        let done = azulejo(&["convert", &folder, "-o", out.to_str().unwrap()]);
        assert_eq!(done.code, 1, "{}", done.err);
        assert!(done.err.contains(wanted), "{}", done.err);
        assert!(!out.exists());
    }
}
