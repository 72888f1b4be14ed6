//! Agreement with Hugging Face transformers on tiny models.

use azulejo::{Model, ModelOptions};
use azulejo_tests::{Golden, goldens, keep, relative_error};

use crate::devices;

/// What of a reference's logits a back-end may be off, in f32: the references' own rounding is about 1e-6.
const TOLERANCE: f64 = 1e-4;
/// The same where weights are quantised, which the CPU multiplies by activations of 16 bits a block.
const QUANTISED_TOLERANCE: f64 = 5e-4;

fn check(golden: &Golden, device: &str, options: &ModelOptions) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in &golden.paths {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let name = format!("{} ({file}) on {device}", golden.name);
        let tolerance = if file.contains("q8_0") { QUANTISED_TOLERANCE } else { TOLERANCE };
        let all = ModelOptions { all_logits: true, ..options.clone() };
        let model = Model::open(path, &all).unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut session = model.session().expect("a session");
        let mut logits = Vec::new();
        session.logits(&golden.tokens, keep(&mut logits)).expect("logits");
        let error = relative_error(&logits, &golden.logits);
        println!("{name}: logits off by {error:.1e}");
        // A GGUF's weights are the folder's: those of the folder are numbers that the file's format can hold.
        if error.is_nan() || error > tolerance {
            wrong.push(format!("{name}: logits off by {error:.1e}, {tolerance:.0e} is allowed"));
        }
        let greedy = session.greedy_tokens(&golden.tokens, golden.greedy.len()).expect("tokens");
        if greedy != golden.greedy {
            wrong.push(format!("{name}: goes on with {greedy:?}, the reference with {:?}", golden.greedy));
        }
    }
    wrong
}

#[test]
fn golden_logits_and_tokens_agree_with_transformers() {
    let goldens = goldens();
    assert!(goldens.len() >= 20, "only {} golden models", goldens.len());
    let mut wrong = Vec::new();
    for (device, options) in devices::all() {
        for golden in &goldens {
            wrong.extend(check(golden, &device, &options));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn golden_unfused_plans_agree_too() {
    let (device, options) = devices::all().swap_remove(1);
    let options = ModelOptions { fuse: false, ..options };
    let wrong: Vec<String> = goldens().iter().flat_map(|g| check(g, &device, &options)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
