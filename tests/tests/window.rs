//! Sliding windows: from the file, from an option, across chunks.

use azulejo::{Model, ModelOptions};
use azulejo_formats::{ModelFile, ModelKind};
use azulejo_tests::{Golden, fixtures, goldens, keep, relative_error};

use crate::devices;

fn golden(name: &str) -> Golden {
    goldens().into_iter().find(|g| g.name == name).expect("it is in the tree")
}

fn logits(file: &ModelFile, options: &ModelOptions, tokens: &[u32]) -> Vec<f32> {
    let options = options.clone().all_logits(true);
    let model = Model::from_file(file, &options, &mut |_, _| true).expect("a model");
    let mut logits = Vec::new();
    model.session().expect("a session").logits(tokens, keep(&mut logits)).expect("logits");
    logits
}

#[test]
fn window_of_an_option_is_that_of_the_file() {
    let golden = golden("mistral-window");
    for (device, options) in devices::all() {
        let mut file = ModelFile::open(&golden.paths[0]).expect("a folder");
        let with = |window| options.clone().sliding_window(window);
        let without = logits(&file, &with(0), &golden.tokens);
        assert!(relative_error(&without, &golden.logits) > 0.1, "{device}: the window makes no difference");
        let ModelKind::HuggingFace(folder) = &mut file.kind else { panic!("it is a folder") };
        folder.config["sliding_window"].take();
        assert_eq!(logits(&file, &options, &golden.tokens), without, "{device}");
        let with = logits(&file, &with(9), &golden.tokens);
        assert!(relative_error(&with, &golden.logits) < 1e-4, "{device}");
    }
}

#[test]
fn window_of_a_gguf_key_is_that_of_the_option() {
    let path = fixtures().join("golden/llama-gqa/model-f32.gguf");
    let tokens = golden("llama-gqa").tokens;
    for (device, options) in devices::all() {
        let mut file = ModelFile::open(&path).expect("a file");
        let by_option = logits(&file, &options.clone().sliding_window(5), &tokens);
        let ModelKind::Gguf(metadata) = &mut file.kind else { panic!("it is a GGUF") };
        metadata.insert("llama.attention.sliding_window", 5u32);
        assert_eq!(logits(&file, &options, &tokens), by_option, "{device}");
        // Of two layers the second is the last of every two, which has none.
        let ModelKind::Gguf(metadata) = &mut file.kind else { panic!("it is a GGUF") };
        metadata.insert("llama.attention.sliding_window_pattern", 2u32);
        assert!(relative_error(&logits(&file, &options, &tokens), &by_option) > 1e-3, "{device}");
    }
}

#[test]
fn window_is_the_same_in_chunks_and_token_by_token() {
    for name in ["mistral-window", "olmo3", "gemma3"] {
        let golden = golden(name);
        let file = ModelFile::open(&golden.paths[0]).expect("a folder");
        // As long as the model's context.
        let tokens: Vec<u32> = golden.tokens.iter().copied().cycle().take(128).collect();
        for (device, options) in devices::all() {
            let with = |chunk| options.clone().chunk(chunk);
            let whole = logits(&file, &with(128), &tokens);
            for chunk in [1, 7, 64] {
                let error = relative_error(&logits(&file, &with(chunk), &tokens), &whole);
                assert!(error < 1e-5, "{name} on {device} in chunks of {chunk}: off by {error:.1e}");
            }
        }
    }
}
