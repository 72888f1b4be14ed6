//! `convert`, `quantize`, `imatrix`, `split`, `merge`: the files that they make.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::path::Path;

use serde_json::Value;

use crate::support::{Done, azulejo, expected, golden, list, numbers, scratch};

/// The demonstration model, which was trained, and whose rows are whole blocks of every format.
const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/azulejo-demo.gguf");
const TEXT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/train/heldout.txt");

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The demonstration model with 16-bit floats.
fn f16(folder: &Path) -> String {
    let file = folder.join("f16.gguf");
    let done = azulejo(&["quantize", DEMO, text(&file), "F16", "--allow-requantize", "--json"]);
    assert_eq!(done.json()["formats"], serde_json::json!({ "F16": 29, "F32": 9 }));
    text(&file).to_owned()
}

fn compare(a: &str, b: &str, more: &[&str]) -> Value {
    azulejo(&[&["compare", a, b, "--json"], more].concat()).json()
}

/// All of a file's tensors: name, type, shape.
fn tensors(file: &str) -> Vec<(String, String, Value)> {
    let seen = azulejo(&["inspect", file, "--json"]).json();
    let of = |t: &Value, key: &str| t[key].as_str().unwrap().to_owned();
    let list = seen["tensors"].as_array().unwrap();
    list.iter().map(|t| (of(t, "name"), of(t, "type"), t["shape"].clone())).collect()
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn convert_gives_the_tokens_and_logits_of_the_folder() {
    let scratch = scratch("convert");
    // Grouped heads, Llama 3's rope, linear rope, tied, biases, shards, odd head sizes.
    for name in [
        "llama-gqa",
        "llama3-rope",
        "linear-rope",
        "llama-tied",
        "llama-bias",
        "llama-theta",
        "llama-headdim",
        // A window on all layers, on some; YaRN with what GGUF knows and what it doesn't; norms on other places.
        "mistral-window",
        "qwen2",
        "qwen2-window",
        "qwen2-yarn",
        "qwen3",
        "qwen3-tied",
        "olmo1",
        "olmo1-clip",
        "olmo2",
        "olmo3",
        // Norms that are less 1 in folders, two rope bases.
        "gemma3",
    ] {
        let file = scratch.join(format!("{name}.gguf"));
        let done = azulejo(&["convert", &golden(name), "-o", text(&file), "--outtype", "f32"]);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{name}");
        let expected = expected(name);
        let tokens = azulejo(&["tokenize", "-m", text(&file), "-p", &expected.prompt, "--json"]).json();
        assert_eq!(numbers(&tokens["ids"]), expected.tokens, "{name}");
        let out = scratch.join("logits.safetensors");
        let ids = list(&expected.tokens);
        let done = azulejo(&["logits", "-m", text(&file), "--tokens", &ids, "-o", text(&out)]);
        assert_eq!(done.code, 0, "{name}: {}", done.err);
        let (logits, _) = crate::support::floats(&std::fs::read(&out).unwrap(), "logits");
        let most = expected.logits.iter().fold(0f32, |most, l| most.max(l.abs()));
        for (found, wanted) in logits.iter().zip(&expected.logits) {
            assert!((found - wanted).abs() <= 1e-4 * most, "{name}: {found}, not {wanted}");
        }
        assert_eq!(logits.len(), expected.logits.len());
    }
}

#[test]
fn convert_writes_every_type_and_keeps_vectors() {
    let scratch = scratch("convert-types");
    for (outtype, matrices) in [("f16", "F16"), ("bf16", "BF16"), ("q8_0", "Q8_0"), ("F32", "F32")] {
        let file = scratch.join("m.gguf");
        let done = azulejo(&["convert", &golden("llama-gqa"), "-o", text(&file), "--outtype", outtype]);
        assert_eq!(done.code, 0, "{}", done.err);
        for (name, format, shape) in tensors(text(&file)) {
            let shape = shape.as_array().unwrap();
            let wanted = match shape.len() {
                1 => "F32",
                // Rows of 56 aren't whole blocks of 32.
                _ if matrices == "Q8_0" && shape[1] == 56 => "F16",
                _ => matrices,
            };
            assert_eq!(format, wanted, "{name} with {outtype}");
        }
    }
}

#[test]
fn convert_refuses_what_it_cannot_write_and_leaves_nothing() {
    let scratch = scratch("convert-bad");
    let out = scratch.join("m.gguf");
    let run = |from: &str| azulejo(&["convert", from, "-o", text(&out), "--json"]);
    assert_eq!(run(DEMO).code, 2);
    assert_eq!(run("/no/such/folder").error_code(), "io");
    let folder = scratch.join("hf");
    let copy = |change: &dyn Fn(String) -> String| {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir(&folder).unwrap();
        for file in std::fs::read_dir(golden("llama-gqa")).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        std::fs::write(folder.join("config.json"), change(config)).unwrap();
    };
    copy(&|config| config.replace("\"llama\"", "\"martian\""));
    let done = run(text(&folder));
    assert!(done.code == 1 && done.err.contains("martian"), "{}", done.err);
    copy(&|config| config.replace("\"hidden_size\": 32", "\"hidden_size\": 48"));
    assert_eq!(run(text(&folder)).code, 1);
    copy(&|config| config);
    std::fs::remove_file(folder.join("tokenizer.json")).unwrap();
    let done = run(text(&folder));
    assert!(done.code == 1 && done.err.contains("tokenizer.model"), "{}", done.err);
    assert_eq!(files_in(&scratch), ["hf"]);
}

#[test]
fn quantize_answers_nearly_alike_in_every_type() {
    let scratch = scratch("quantize");
    let f16 = f16(&scratch);
    // The least part of first choices that stay.
    for (quant, least) in [("Q8_0", 0.99), ("Q6_K", 0.98), ("Q5_K_M", 0.97), ("Q4_K_M", 0.95), ("Q4_0", 0.95)]
    {
        let file = scratch.join("q.gguf");
        let made = azulejo(&["quantize", &f16, text(&file), quant, "--json"]).json();
        assert_eq!(made["bytes"], std::fs::metadata(&file).unwrap().len());
        let more = ["-f", TEXT, "-c", "128", "--chunks", "6", "--parse-special"];
        let found = compare(&f16, text(&file), &more);
        let agreement = found["top1_agreement"].as_f64().unwrap();
        assert!(agreement >= least, "{quant}: {agreement}");
        let ratio = found["perplexity_ratio"].as_f64().unwrap();
        assert!((0.98..1.02).contains(&ratio), "{quant}: {ratio}");
    }
}

#[test]
fn quantize_mixes_are_those_of_llama_quantize() {
    let scratch = scratch("quantize-mix");
    let (f16, file) = (f16(&scratch), scratch.join("q.gguf"));
    // What llama-quantize makes of this file: bytes, and how many tensors have which format.
    for (quant, bytes, formats) in [
        ("Q4_0", 2_775_552, serde_json::json!({ "F32": 9, "Q4_0": 28, "Q6_K": 1 })),
        ("Q4_1", 2_972_160, serde_json::json!({ "F32": 9, "Q4_1": 28, "Q6_K": 1 })),
        ("Q5_0", 3_168_768, serde_json::json!({ "F32": 9, "Q5_0": 28, "Q6_K": 1 })),
        ("Q4_K_S", 2_791_936, serde_json::json!({ "F32": 9, "Q4_K": 24, "Q5_K": 4, "Q6_K": 1 })),
        ("Q4_K_M", 2_893_824, serde_json::json!({ "F32": 9, "Q4_K": 24, "Q6_K": 5 })),
        ("Q5_K_M", 3_229_696, serde_json::json!({ "F32": 9, "Q5_K": 24, "Q6_K": 5 })),
        ("Q6_K", 3_586_560, serde_json::json!({ "F32": 9, "Q6_K": 29 })),
        ("Q8_0", 4_602_368, serde_json::json!({ "F32": 9, "Q8_0": 29 })),
    ] {
        let made = azulejo(&["quantize", &f16, text(&file), quant, "--json"]).json();
        assert_eq!((&made["bytes"], &made["formats"]), (&bytes.into(), &formats), "{quant}");
    }
}

#[test]
fn quantize_refuses_and_leaves_nothing() {
    let scratch = scratch("quantize-bad");
    let (out, bad) = (scratch.join("out.gguf"), scratch.join("bad.gguf"));
    let run = |from: &str, quant: &str, more: &[&str]| -> Done {
        azulejo(&[&["quantize", from, text(&out), quant, "--json"], more].concat())
    };
    let done = run(DEMO, "Q4_K_M", &[]);
    assert!(done.error_code() == "error" && done.err.contains("--allow-requantize"), "{}", done.err);
    assert_eq!(run(DEMO, "Q9_X", &[]).code, 2);
    assert_eq!(run(&golden("llama-gqa"), "Q8_0", &[]).code, 2);
    std::fs::write(&bad, "not a model").unwrap();
    assert_eq!(run(text(&bad), "Q8_0", &[]).error_code(), "corrupt");
    let whole = std::fs::read(DEMO).unwrap();
    std::fs::write(&bad, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(run(text(&bad), "Q8_0", &["--allow-requantize"]).error_code(), "corrupt");
    assert_eq!(run(DEMO, "F16", &["--allow-requantize", "--imatrix", text(&bad)]).code, 1);
    assert_eq!(azulejo(&["quantize", text(&bad), text(&bad), "Q8_0"]).code, 1);
    std::fs::write(&bad, &whole).unwrap();
    assert_eq!(azulejo(&["quantize", text(&bad), text(&bad), "Q8_0"]).code, 2);
    assert_eq!(std::fs::read(&bad).unwrap(), whole);
    let nowhere = scratch.join("no/such/folder/out.gguf");
    let done = azulejo(&["quantize", DEMO, text(&nowhere), "F16", "--allow-requantize", "--json"]);
    assert_eq!(done.error_code(), "io");
    assert_eq!(files_in(&scratch), ["bad.gguf"]);
}

#[test]
fn imatrix_counts_tokens_and_lowers_the_divergence() {
    let scratch = scratch("imatrix");
    let (f16, matrix) = (f16(&scratch), scratch.join("i.gguf"));
    let run = ["imatrix", "-m", &f16, "-f", TEXT, "-c", "128", "--chunks", "9", "--parse-special"];
    let made = azulejo(&[&run[..], &["-o", text(&matrix), "--json"]].concat()).json();
    assert_eq!((&made["matrices"], &made["tokens"]), (&28.into(), &(9 * 128).into()));
    // Sums of the squares of the inputs of queries and keys are alike; those of the down matrix aren't.
    let file = azulejo_formats::ModelFile::open(&matrix).unwrap();
    let floats = |name: &str| {
        let info = file.tensor(name).unwrap();
        let mut bytes = vec![0; info.bytes as usize];
        file.read(info, 0..info.bytes, &mut bytes).unwrap();
        bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect::<Vec<f32>>()
    };
    let queries = floats("blk.2.attn_q.weight.in_sum2");
    assert_eq!(queries, floats("blk.2.attn_k.weight.in_sum2"));
    assert_eq!((queries.len(), floats("blk.2.ffn_down.weight.in_sum2").len()), (256, 768));
    assert_eq!(floats("blk.2.attn_q.weight.counts"), [1152.0]);
    assert!(queries.iter().all(|sum| *sum > 0.0));

    // On other text than the matrix was measured on, the weighted file is nearer to the original.
    let (plain, weighted) = (scratch.join("plain.gguf"), scratch.join("weighted.gguf"));
    azulejo(&["quantize", &f16, text(&plain), "Q4_K_M", "--json"]).json();
    let done =
        azulejo(&["quantize", &f16, text(&weighted), "Q4_K_M", "--imatrix", text(&matrix), "--json"]).json();
    assert_eq!(done["with_importance"], 28);
    let more = ["-f", TEXT, "-c", "256", "--chunks", "12", "--parse-special"];
    let mean = |file: &Path| compare(&f16, text(file), &more)["kl_divergence"]["mean"].as_f64().unwrap();
    let (plain, weighted) = (mean(&plain), mean(&weighted));
    assert!(weighted < plain, "{weighted}, {plain} without");

    // It is of this model: another one has other columns.
    let other = scratch.join("other.gguf");
    let done = azulejo(&[
        "quantize",
        &golden("llama-gqa/model-f32.gguf"),
        text(&other),
        "Q8_0",
        "--imatrix",
        text(&matrix),
    ]);
    assert!(done.code == 2 && done.err.contains("another model") && !other.exists(), "{}", done.err);
    assert_eq!(azulejo(&["quantize", &f16, text(&other), "Q8_0", "--imatrix", &f16]).code, 1);
}

#[test]
fn split_and_merge_give_the_file_back() {
    let scratch = scratch("split");
    let prefix = scratch.join("part");
    let done = azulejo(&["split", DEMO, "-o", text(&prefix), "--max-tensors", "15", "--json"]).json();
    assert_eq!(done["files"].as_array().unwrap().len(), 3);
    let names: Vec<String> = (1..=3).map(|n| format!("part-{n:05}-of-00003.gguf")).collect();
    assert_eq!(files_in(&scratch), names);
    // Any part stands for the model.
    let (first, last) = (scratch.join(&names[0]), scratch.join(&names[2]));
    assert_eq!(tensors(text(&last)), tensors(DEMO));
    let merged = scratch.join("merged.gguf");
    assert_eq!(azulejo(&["merge", text(&last), "-o", text(&merged)]).code, 0);
    // The original may have its tensors in another order than by name, and so has the copy.
    let again = scratch.join("again.gguf");
    assert_eq!(azulejo(&["merge", DEMO, "-o", text(&again)]).code, 0);
    assert_eq!(std::fs::read(&merged).unwrap(), std::fs::read(&again).unwrap());
    assert_eq!(tensors(text(&merged)), tensors(DEMO));
    // By size: each part's tensors are at most that.
    let by_size = scratch.join("size");
    let done = azulejo(&["split", DEMO, "-o", text(&by_size), "--max-size", "1200K", "--json"]).json();
    let files = done["files"].as_array().unwrap();
    assert!(files.len() > 2 && files[1..].iter().all(|f| f["bytes"].as_u64().unwrap() < 1_210_000), "{done}");
    // A part that is missing, and names that can't be.
    std::fs::remove_file(&first).unwrap();
    let done = azulejo(&["merge", text(&last), "-o", text(&merged)]);
    assert!(done.code == 1 && done.err.contains("part-00001-of-00003.gguf"), "{}", done.err);
    assert_eq!(azulejo(&["split", DEMO, "--max-size", "2X"]).code, 2);
    assert_eq!(azulejo(&["merge", text(&again), "-o", text(&again)]).code, 2);
}
