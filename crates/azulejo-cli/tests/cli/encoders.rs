//! `embed`, `fill-mask`.

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
