//! `convert-lora` and `--lora`: an adapted model is the model whose weights were adapted before it was converted, and what
//! PEFT makes of it.
#![allow(clippy::unwrap_used, reason = "a test that fails says so by a panic")]

use std::collections::HashMap;
use std::path::Path;

use azulejo_formats::ModelFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::{Value, json};

use crate::folders::copied;
use crate::support::{azulejo, expected, floats, golden, list, scratch};

const RANK: usize = 2;
const ALPHA: f32 = 6.0;
/// Queries and keys have their rows in another order in a GGUF; the down matrix is as wide as the feed-forward.
const ADAPTED: [(&str, usize, usize); 3] = [
    ("layers.0.self_attn.q_proj", 32, 32),
    ("layers.1.self_attn.k_proj", 16, 32),
    ("layers.1.mlp.down_proj", 32, 56),
];

type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

fn save(path: &Path, tensors: &Tensors) {
    let bytes: HashMap<&String, Vec<u8>> = tensors
        .iter()
        .map(|(name, (_, v))| (name, v.iter().flat_map(|x| x.to_le_bytes()).collect()))
        .collect();
    let views = tensors.iter().map(|(name, (shape, _))| {
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), &bytes[name]).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

/// A matrix of numbers between -0.5 and 0.5 that look like chance.
fn matrix(rows: usize, cols: usize, seed: usize) -> Vec<f32> {
    (0..rows * cols).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 1009.0 - 0.5).collect()
}

/// The adapter of the golden model, as PEFT saves it.
fn adapter(folder: &Path) -> Tensors {
    let mut tensors = Tensors::new();
    for (seed, (name, rows, cols)) in ADAPTED.into_iter().enumerate() {
        let name = |half: &str| format!("base_model.model.model.{name}.lora_{half}.weight");
        tensors.insert(name("A"), (vec![RANK, cols], matrix(RANK, cols, seed)));
        tensors.insert(name("B"), (vec![rows, RANK], matrix(rows, RANK, seed + 50)));
    }
    std::fs::create_dir_all(folder).unwrap();
    save(&folder.join("adapter_model.safetensors"), &tensors);
    let config = json!({ "peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA });
    std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
    tensors
}

/// The golden model with that much of the adapter in its weights, as a folder.
fn merged(folder: &Path, adapter: &Tensors, scale: f32) {
    std::fs::create_dir_all(folder).unwrap();
    for file in ["config.json", "tokenizer.json", "generation_config.json"] {
        std::fs::copy(golden(&format!("llama-gqa/{file}")), folder.join(file)).unwrap();
    }
    let bytes = std::fs::read(golden("llama-gqa/model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors = Tensors::new();
    for name in file.names() {
        let (values, shape) = floats(&bytes, name);
        tensors.insert(name.to_string(), (shape, values));
    }
    for (name, rows, cols) in ADAPTED {
        let half = |half: &str| &adapter[&format!("base_model.model.model.{name}.lora_{half}.weight")].1;
        let (a, b) = (half("A"), half("B"));
        let weights = &mut tensors.get_mut(&format!("model.{name}.weight")).unwrap().1;
        for row in 0..rows {
            for col in 0..cols {
                let product: f32 = (0..RANK).map(|r| b[row * RANK + r] * a[r * cols + col]).sum();
                weights[row * cols + col] += scale * ALPHA / RANK as f32 * product;
            }
        }
    }
    save(&folder.join("model.safetensors"), &tensors);
}

fn logits(model: &str, scratch: &Path, more: &[&str]) -> Vec<f32> {
    let out = scratch.join("logits.safetensors");
    let run = ["logits", "-m", model, "--tokens", "5 17 99 230 41 8", "-o", out.to_str().unwrap()];
    let done = azulejo(&[&run[..], more].concat());
    assert_eq!(done.code, 0, "{}", done.err);
    floats(&std::fs::read(&out).unwrap(), "logits").0
}

fn farthest(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0f32, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn lora_merged_at_load_is_lora_merged_before() {
    let scratch = scratch("lora");
    let (folder, lora) = (scratch.join("adapter"), scratch.join("lora.gguf"));
    let adapter = adapter(&folder);
    let base = golden("llama-gqa/model-f32.gguf");
    let (folder, lora) = (folder.to_str().unwrap(), lora.to_str().unwrap());
    // The base may be the folder or the GGUF.
    for of in [&base, &golden("llama-gqa")] {
        let done = azulejo(&["convert-lora", folder, "--base", of, "-o", lora, "--json"]).json();
        assert_eq!(done["matrices"], 3);
    }
    let plain = logits(&base, &scratch, &[]);
    for (choice, scale) in [(lora.to_owned(), 1.0), (format!("{lora}:-0.5"), -0.5)] {
        let before = scratch.join("merged");
        merged(&before, &adapter, scale);
        let wanted = logits(before.to_str().unwrap(), &scratch, &[]);
        let found = logits(&base, &scratch, &["--lora", &choice]);
        let peak = wanted.iter().fold(0f32, |most, l| most.max(l.abs()));
        assert!(farthest(&found, &wanted) < 1e-4 * peak, "{scale}: {}", farthest(&found, &wanted));
        assert!(farthest(&found, &plain) > 1e-2 * peak, "the adapter must change something");
    }
    // Twice a half is one.
    let half = format!("{lora}:0.5");
    let twice = logits(&base, &scratch, &["--lora", &half, "--lora", &half]);
    assert!(farthest(&twice, &logits(&base, &scratch, &["--lora", lora])) < 1e-4);
    // A quantised model's adapted matrices are F16; the merged model is quantised whole.
    let small = scratch.join("small.gguf");
    let small = small.to_str().unwrap();
    let done = azulejo(&["quantize", &base, small, "Q8_0", "--lora", lora, "--json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    let once = logits(&base, &scratch, &["--lora", lora]);
    let peak = once.iter().fold(0f32, |most, l| most.max(l.abs()));
    assert!(farthest(&logits(small, &scratch, &[]), &once) < 0.05 * peak);
    azulejo(&["quantize", &base, small, "Q8_0", "--json"]).json();
    assert!(farthest(&logits(small, &scratch, &["--lora", lora]), &once) < 0.05 * peak);
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let of = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
    of(&mut a.iter().zip(b).map(|(a, b)| a - b)) / of(&mut b.iter().copied())
}

/// Gemma's norms are changed on their way into a file, its head is its embeddings, and the names of the model that reads
/// images too begin otherwise: none of this concerns an adapter's matrices, or it would.
#[test]
fn lora_of_gemma_gives_the_logits_of_peft() {
    for name in ["gemma3", "gemma3-part"] {
        let scratch = scratch(&format!("lora-{name}"));
        let [base, lora, out] = ["base.gguf", "lora.gguf", "logits.safetensors"].map(|file| {
            let path = scratch.join(file);
            path.to_str().unwrap().to_owned()
        });
        let adapter = format!("{}/../lora/{name}", golden(""));
        let wanted = std::fs::read(format!("{adapter}/expected.safetensors")).unwrap();
        let wanted = floats(&wanted, "logits").0;
        let config = std::fs::read(golden(&format!("{name}/config.json"))).unwrap();
        let mut keys: Value = serde_json::from_slice(&config).unwrap();
        if name == "gemma3-part" {
            // No key of a GGUF says what scores are divided by, if it isn't the head's size.
            keys["text_config"]["query_pre_attn_scalar"] = 20.into();
        }
        let folder = copied(scratch.join("folder"), name, |name| Some(name.to_owned()), &keys);
        azulejo(&["convert", &folder, "-o", &base, "--outtype", "f32", "--json"]).json();
        let tokens = list(&expected(name).tokens);
        let logits = |model: &str, more: &[&str]| {
            let run = ["logits", "-m", model, "--tokens", &tokens, "-o", &out];
            let done = azulejo(&[&run[..], more].concat());
            assert_eq!(done.code, 0, "{}", done.err);
            floats(&std::fs::read(&out).unwrap(), "logits").0
        };
        assert!(apart(&logits(&base, &[]), &wanted) > 0.1, "the adapter must change something");
        for of in [&base, &folder] {
            let done = azulejo(&["convert-lora", &adapter, "--base", of, "-o", &lora]);
            assert_eq!(done.code, 0, "{}", done.err);
            assert_eq!(done.err.contains("10 tensors are left out"), name == "gemma3-part", "{}", done.err);
            let found = apart(&logits(&base, &["--lora", &lora]), &wanted);
            assert!(found < 1e-4, "{name}: {found}");
        }
        if name == "gemma3" {
            // Adapted matrices become F16, of numbers that Q8_0 can hold.
            let quantised = golden("gemma3/model-q8_0.gguf");
            let found = apart(&logits(&quantised, &["--lora", &lora]), &wanted);
            assert!(found < 2e-3, "{found}");
            // llama.cpp's converter has the same matrices.
            let of_peer = ModelFile::open(format!("{adapter}/adapter-f32.gguf")).unwrap();
            let own = ModelFile::open(&lora).unwrap();
            assert_eq!((of_peer.tensors.len(), own.tensors.len()), (84, 86));
            let bytes = |file: &ModelFile, name: &str| {
                let info = file.tensor(name).unwrap();
                let mut bytes = vec![0; info.bytes as usize];
                file.read(info, 0..info.bytes, &mut bytes).unwrap();
                (info.shape.clone(), info.format, bytes)
            };
            for name in of_peer.tensors.keys() {
                assert!(bytes(&of_peer, name) == bytes(&own, name), "{name}");
            }
        }
    }
}

#[test]
fn lora_refuses_what_does_not_fit() {
    let scratch = scratch("lora-bad");
    let (folder, lora) = (scratch.join("adapter"), scratch.join("lora.gguf"));
    adapter(&folder);
    let (path, lora) = (folder.to_str().unwrap(), lora.to_str().unwrap());
    let base = golden("llama-gqa/model-f32.gguf");
    let convert = || azulejo(&["convert-lora", path, "--base", &base, "-o", lora, "--json"]);
    convert().json();
    // Of another model, and what is no adapter at all.
    let other = golden("llama-head80/model-f16.gguf");
    let run = |model: &str, lora: &str| {
        azulejo(&["logits", "-m", model, "--tokens", "1", "-o", "x", "--lora", lora])
    };
    let done = run(&other, lora);
    assert!(done.code == 1 && done.err.contains("another model"), "{}", done.err);
    assert_eq!(run(&base, &base).code, 1);
    assert_eq!(run(&base, "/no/such.gguf").code, 1);
    assert_eq!(run(&golden("llama-gqa"), lora).code, 1);
    assert_eq!(run(&base, &format!("{lora}:inf")).code, 2);
    // What PEFT can do and a GGUF can't say.
    std::fs::remove_file(lora).unwrap();
    for config in [
        json!({ "peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_dora": true }),
        json!({ "peft_type": "IA3" }),
        json!({ "r": 2 }),
    ] {
        std::fs::write(folder.join("adapter_config.json"), config.to_string()).unwrap();
        assert_eq!(convert().code, 1, "{config}");
    }
    std::fs::write(folder.join("adapter_config.json"), "{").unwrap();
    assert_eq!(convert().code, 1);
    let mut tensors = adapter(&folder);
    for name in ["base_model.model.model.embed_tokens.lora_embedding_A", "base_model.model.model.norm.weight"]
    {
        let stray = tensors.insert(name.to_owned(), (vec![RANK, 32], matrix(RANK, 32, 0)));
        assert!(stray.is_none());
        save(&folder.join("adapter_model.safetensors"), &tensors);
        let done = convert();
        let reason = if name.contains("embed") { "embedding tables" } else { "model.norm.weight" };
        assert!(done.code == 1 && done.err.contains(reason), "{}", done.err);
        tensors.remove(name);
    }
    assert!(!Path::new(lora).exists());
}
