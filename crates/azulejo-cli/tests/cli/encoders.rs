//! `embed`, `fill-mask`.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use crate::support::{azulejo, floats, model, piped, scratch};

fn encoder(name: &str) -> String {
    format!("{}/../../tests/fixtures/encoders/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn length(row: &[f32]) -> f32 {
    row.iter().map(|v| v * v).sum::<f32>().sqrt()
}

#[test]
fn embed_writes_hidden_states_and_pooled_rows() {
    let (folder, model) = (scratch("embed"), encoder("xlm-roberta"));
    let file = folder.join("e.safetensors");
    let path = file.to_str().unwrap();
    let run = |more: &[&str]| {
        let done = azulejo(&[&["embed", "-m", &model, "-o", path], more].concat());
        assert_eq!((done.code, done.out.as_str()), (0, ""), "{}", done.err);
        floats(&std::fs::read(&file).unwrap(), "embeddings")
    };
    let (states, shape) = run(&["--tokens", "0,5,9,2", "--pooling", "none"]);
    assert_eq!(shape, [4, 32]);
    let (cls, shape) = run(&["--tokens", "0 5 9 2", "--pooling", "cls"]);
    assert_eq!(shape, [1, 32]);
    let first = &states[..32];
    for (cls, first_value) in cls.iter().zip(first) {
        assert!((cls * length(first) - first_value).abs() < 1e-5);
    }
    // Texts of several lengths: a row each, of length 1, the same as alone.
    let (rows, shape) = run(&["-p", "The sea.", "-p", "The tile on the wall tells the story."]);
    assert_eq!(shape, [2, 32]);
    assert!(rows.chunks(32).all(|row| (length(row) - 1.0).abs() < 1e-5));
    let (alone, _) = run(&["-p", "The sea."]);
    assert!(alone.iter().zip(&rows).all(|(a, b)| (a - b).abs() < 1e-5));
    // From a pipe, a line each, as JSON.
    let json = piped(&["embed", "-m", &model, "--json"], "The sea.\nThe tile\n").json();
    let lines = json["embeddings"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    let first: Vec<f32> = lines[0].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
    assert!(first.iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[test]
fn embed_refuses_what_makes_no_sense() {
    let model = encoder("xlm-roberta");
    let two = azulejo(&["embed", "-m", &model, "-p", "a", "-p", "b", "--pooling", "none"]);
    assert_eq!(two.code, 2, "{}", two.err);
    let long = "the sea ".repeat(60);
    let too_long = azulejo(&["embed", "-m", &model, "-p", &long]);
    assert_eq!(too_long.code, 1, "{}", too_long.err);
    assert!(too_long.err.contains("38"), "{}", too_long.err);
}

#[test]
fn fill_mask_lists_the_best_for_each_mask() {
    let model = encoder("xlm-roberta");
    let done = azulejo(&["fill-mask", "-m", &model, "-p", "The <mask> of the <mask>.", "-k", "3"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out.lines().count(), 6, "{}", done.out);
    let json =
        azulejo(&["fill-mask", "-m", &model, "-p", "The <mask> of the sea.", "-k", "60", "--json"]).json();
    let fills = json["masks"][0]["fills"].as_array().unwrap();
    let probabilities: Vec<f64> = fills.iter().map(|f| f["probability"].as_f64().unwrap()).collect();
    assert!(probabilities.is_sorted_by(|a, b| a >= b));
    // The vocabulary has 60 tokens.
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6);
}

/// A golden encoder's config and tokenizer, and its tensors after `change`, in a new folder.
fn changed(folder: &Path, of: &str, change: impl Fn(&mut Tensors)) -> String {
    std::fs::create_dir(folder).unwrap();
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(format!("{}/{file}", encoder(of)), folder.join(file)).unwrap();
    }
    let bytes = std::fs::read(format!("{}/model.safetensors", encoder(of))).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Tensors = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (shape, data))| {
        (name, safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data).unwrap())
    });
    std::fs::write(folder.join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    folder.to_str().unwrap().to_owned()
}

/// By name: the shape and the bytes of F32 values.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

/// transformers 5 keeps both biases of a head that isn't tied, and adds the matrix's own.
#[test]
fn fill_mask_adds_the_bias_of_the_matrix_where_the_file_has_another_too() {
    let scratch = scratch("two-biases");
    for (name, bias, own) in [
        ("xlm-roberta", "lm_head.bias", "lm_head.decoder.bias"),
        ("bert-mlm", "cls.predictions.bias", "cls.predictions.decoder.bias"),
    ] {
        let logits = |model: &str| {
            let file = scratch.join("logits.safetensors");
            let done = azulejo(&["logits", "-m", model, "--tokens", "0,7,9,2", "-o", file.to_str().unwrap()]);
            assert_eq!(done.code, 0, "{}", done.err);
            floats(&std::fs::read(file).unwrap(), "logits").0
        };
        let both = changed(&scratch.join(name), name, |tensors| {
            let (shape, data) = tensors[bias].clone();
            let zeros = vec![0; data.len()];
            tensors.insert(own.to_owned(), (shape.clone(), data));
            tensors.insert(bias.to_owned(), (shape, zeros));
        });
        assert_eq!(logits(&both), logits(&encoder(name)), "{name}");
    }
}

#[test]
fn encoders_that_lack_a_tensor_are_refused_by_its_name() {
    let scratch = scratch("lacking");
    for (i, lacking) in [
        "embeddings.token_type_embeddings.weight",
        "embeddings.position_embeddings.weight",
        "encoder.layer.0.attention.self.key.bias",
        "encoder.layer.0.output.dense.bias",
    ]
    .into_iter()
    .enumerate()
    {
        let model = changed(&scratch.join(i.to_string()), "xlm-roberta-base", |tensors| {
            assert!(tensors.remove(lacking).is_some(), "{lacking}");
        });
        let done = azulejo(&["embed", "-m", &model, "-p", "the sea"]);
        assert!(done.code == 1 && done.err.contains(lacking), "{lacking}: {}", done.err);
        assert!(done.err.contains(&model), "it says which model: {}", done.err);
    }
}

#[test]
fn fill_mask_needs_a_mask_and_an_encoder() {
    let none = azulejo(&["fill-mask", "-m", &encoder("xlm-roberta"), "-p", "The sea."]);
    assert_eq!(none.code, 2, "{}", none.err);
    assert!(none.err.contains("<mask>"), "{}", none.err);
    let decoder = azulejo(&["fill-mask", "-m", &model(), "-p", "The <mask>."]);
    assert_eq!(decoder.code, 1, "{}", decoder.err);
    let answer = azulejo(&["generate", "-m", &encoder("xlm-roberta"), "--raw", "-p", "The sea"]);
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert!(answer.err.contains("encoder"), "{}", answer.err);
}

/// Vectors of texts, as JSON gives them.
fn vectors(model: &str, more: &[&str]) -> Vec<Vec<f64>> {
    let texts = ["-p", "The sea tells the story.", "-p", "The TILE, on the wall!"];
    let done = azulejo(&[&["embed", "-m", model, "--device", "cpu", "--json"], &texts[..], more].concat());
    assert_eq!(done.code, 0, "{model}: {}", done.err);
    serde_json::from_value(done.json()["embeddings"].clone()).expect("a list of vectors")
}

fn cosines(a: &[Vec<f64>], b: &[Vec<f64>]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    a.iter().zip(b).map(|(a, b)| dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).collect()
}

#[test]
fn encoders_that_are_converted_give_the_same_vectors() {
    let scratch = scratch("encoders");
    for name in ["bert", "bert-mlm", "roberta", "xlm-roberta", "xlm-roberta-base"] {
        let to = scratch.join(format!("{name}.gguf"));
        let to = to.to_str().unwrap();
        let done = azulejo(&["convert", &encoder(name), "-o", to, "--outtype", "f32"]);
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        // No prompt, which a GGUF hasn't either.
        let (folder, file) = (vectors(&encoder(name), &["--prompt-name", ""]), vectors(to, &[]));
        assert!(cosines(&folder, &file).iter().all(|c| *c > 0.999_999), "{name}");
        assert!(file.iter().all(|row| (row.iter().map(|v| v * v).sum::<f64>() - 1.0).abs() < 1e-5), "{name}");
        let has_head = ["bert-mlm", "roberta", "xlm-roberta"].contains(&name);
        assert_eq!(done.err.contains("fills masks"), has_head, "{name}: {}", done.err);
        assert_eq!(done.err.contains("prompts (passage, query)"), name == "bert", "{name}: {}", done.err);
    }
    // Whether words are put in lower case is said by the configuration, and not by tokenizer.json.
    let cased = changed(&scratch.join("cased"), "bert", |_| {});
    let config = json!({ "tokenizer_class": "BertTokenizer", "do_lower_case": false, "cls_token": "[CLS]" });
    std::fs::write(scratch.join("cased/tokenizer_config.json"), config.to_string()).unwrap();
    let to = scratch.join("cased.gguf");
    let to = to.to_str().unwrap();
    assert_eq!(azulejo(&["convert", &cased, "-o", to, "--outtype", "f32"]).code, 0);
    let ids = |model: &str, text: &str| azulejo(&["tokenize", "-m", model, "-p", text, "--json"]).json();
    assert_eq!(ids(&cased, "THE sea"), ids(to, "THE sea"));
    assert_ne!(ids(&cased, "THE sea"), ids(&cased, "the sea"));
    // Without a head they can be looked at, too.
    let file = format!("{}/model-q8_0.gguf", encoder("bert"));
    let manifest = scratch.join("manifest.json");
    for args in [&["inspect", &file, "--plan"][..], &["manifest", &file, "-o", manifest.to_str().unwrap()]] {
        let done = azulejo(args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.err);
    }
    // Its vectors are those of llama.cpp's converter, in F32 and in Q8_0.
    let [f32, q8_0] = ["bert.gguf", "q8_0.gguf"].map(|name| scratch.join(name).to_str().unwrap().to_owned());
    let done = azulejo(&["quantize", &f32, &q8_0, "Q8_0"]);
    assert_eq!(done.code, 0, "{}", done.err);
    for (ours, theirs) in [(f32, "model-f32.gguf"), (q8_0, "model-q8_0.gguf")] {
        assert_eq!(vectors(&ours, &[]), vectors(&format!("{}/{theirs}", encoder("bert")), &[]), "{theirs}");
    }
}

#[test]
fn embed_puts_prompts_in_front_and_cuts_texts() {
    let bert = encoder("bert");
    let text = |text: &str, more: &[&str]| {
        let done =
            azulejo(&[&["embed", "-m", &bert, "--device", "cpu", "--json", "-p", text], more].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        (done.json()["embeddings"].clone(), done.json()["tokens"][0].as_array().unwrap().len(), done.err)
    };
    let (plain, tokens, err) = text("query: the sea", &[]);
    assert_eq!((text("the sea", &["--prompt-name", "query"]).0, err.as_str()), (plain, ""));
    assert!(tokens < 16);
    let (_, tokens, err) = text(&"the sea ".repeat(9), &[]);
    assert!(tokens == 16 && err.contains("1 of 1 texts are longer than the 16 tokens"), "{tokens}: {err}");
    let unknown = azulejo(&["embed", "-m", &bert, "-p", "a", "--prompt-name", "document"]);
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    assert!(unknown.err.contains("these are: passage, query"), "{}", unknown.err);
    // As it is, and not of length 1, with the prompt that stands there by default.
    let mlm = encoder("bert-mlm");
    assert!(vectors(&mlm, &[]).iter().all(|row| row.iter().map(|v| v * v).sum::<f64>() > 2.0));
    assert!(cosines(&vectors(&mlm, &[]), &vectors(&mlm, &["--prompt-name", "query"]))[0] > 0.999_999);
    assert!(cosines(&vectors(&mlm, &[]), &vectors(&mlm, &["--prompt-name", ""]))[0] < 0.999);
}

#[test]
fn embed_refuses_modules_and_poolings_that_arent_there_by_name() {
    let (scratch, from) = (scratch("modules"), encoder("bert"));
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        std::fs::copy(format!("{from}/{file}"), scratch.join(file)).unwrap();
    }
    std::fs::create_dir(scratch.join("1_Pooling")).unwrap();
    let model = scratch.to_str().unwrap();
    let error = |modules: &str, pooling: &str| {
        std::fs::write(scratch.join("modules.json"), modules).unwrap();
        std::fs::write(scratch.join("1_Pooling/config.json"), pooling).unwrap();
        let done = azulejo(&["embed", "-m", model, "--device", "cpu", "-p", "the sea"]);
        assert!(done.code <= 1, "{}", done.err);
        done.err
    };
    let modules = |last: &str, path: &str| {
        let module = |kind: &str, path: &str| format!(r#"{{ "type": "a.models.{kind}", "path": "{path}" }}"#);
        format!("[{}, {}, {}]", module("Transformer", ""), module("Pooling", path), module(last, "2"))
    };
    let (normal, mean) = (modules("Normalize", "1_Pooling"), r#"{ "pooling_mode": "mean" }"#);
    assert_eq!(error(&normal, mean), "");
    let prompts = scratch.join("config_sentence_transformers.json");
    std::fs::write(&prompts, r#"{ "prompts": {}, "truncate_to": 8 }"#).unwrap();
    assert!(error(&normal, mean).contains("'truncate_to' isn't understood here"));
    std::fs::write(&prompts, r#"{ "prompts": {}, "default_prompt_name": "query" }"#).unwrap();
    assert!(error(&normal, mean).contains("default_prompt_name"));
    std::fs::remove_file(&prompts).unwrap();
    for (modules, pooling, word) in [
        (modules("Dense", "1_Pooling"), mean, "Dense"),
        (modules("Normalize", "../1_Pooling"), mean, "../1_Pooling"),
        (modules("Normalize", "none"), mean, "no config.json"),
        ("{}".to_owned(), mean, "not a list"),
        ("[]".to_owned(), mean, "Transformer and Pooling"),
        (normal.clone(), r#"{ "pooling_mode_max_tokens": true }"#, "pooling_mode_max_tokens"),
        (normal.clone(), r#"{ "pooling_mode": ["mean", "cls"] }"#, "mean, cls"),
        (normal.clone(), r#"{ "pooling_mode": "mean", "temperature": 2 }"#, "temperature"),
    ] {
        let error = error(&modules, pooling);
        assert!(error.contains(word), "{word}: {error}");
    }
    for most in ["0", "-1", "\"16\"", "2.5"] {
        let transformer = format!(r#"{{ "max_seq_length": {most} }}"#);
        std::fs::write(scratch.join("sentence_bert_config.json"), transformer).unwrap();
        let error = error(&normal, mean);
        assert!(error.contains(&format!("'max_seq_length' is {most}")), "{error}");
    }
}
