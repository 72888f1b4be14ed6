//! Damaged files: clear errors or right answers, never a panic.

use azulejo::{BlockFormat, EmbedOptions, Model, Output};
use azulejo_formats::ModelFile;
use azulejo_tests::{Shape, fixtures, keep, random_llama};

use crate::devices;

const SHAPE: Shape = Shape { layers: 1, hidden: 64, ffn: 64, heads: 2, kv_heads: 1, vocabulary: 64 };

/// Opens, loads and asks for two tokens.
fn answer(bytes: Vec<u8>) -> Result<Vec<u32>, azulejo::Error> {
    let file = ModelFile::from_gguf_bytes(bytes)?;
    let model = Model::from_file(&file, &devices::all()[0].1, &mut |_, _| true)?;
    model.session()?.greedy_tokens(&[1, 2, 3], 2)
}

/// Damages a file in 200 ways, most of them in its header, and counts the errors and the answers.
fn damage<T>(whole: &[u8], header: usize, answer: impl Fn(Vec<u8>) -> Result<T, azulejo::Error>) {
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut errors, mut answers) = (0, 0);
    for i in 0..200 {
        let mut bytes = whole.to_vec();
        match i % 4 {
            0 => bytes.truncate(random(whole.len())),
            1 => bytes[random(header)] ^= 1 << random(8),
            2 => {
                let at = random(header);
                bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            }
            _ => {
                let at = random(whole.len() - 16);
                (0..16).for_each(|k| bytes[at + k] = random(256) as u8);
            }
        }
        match answer(bytes) {
            Ok(_) => answers += 1,
            Err(error) => {
                errors += 1;
                assert!(error.to_string().len() > 20, "an error that says little: {error}");
            }
        }
    }
    println!("200 damaged files: {errors} errors, {answers} answers");
    assert!(errors >= 80 && answers >= 10, "{errors} errors, {answers} answers: the damage misses its aim");
}

#[test]
fn damaged_files_give_errors_or_answers() {
    let whole = random_llama(SHAPE, |_| BlockFormat::Q8_0);
    assert_eq!(answer(whole.clone()).expect("the whole file answers").len(), 2);
    damage(&whole, 2000, answer);
}

#[test]
fn damaged_encoders_give_errors_or_vectors() {
    let whole = std::fs::read(fixtures().join("encoders/bert/model-q8_0.gguf")).expect("it is in the tree");
    let vector = |bytes: Vec<u8>| -> Result<Vec<f32>, azulejo::Error> {
        let file = ModelFile::from_gguf_bytes(bytes)?;
        let how = EmbedOptions::of(&file)?;
        let options = devices::all()[0].1.clone().output(Output::Hidden);
        let model = Model::from_file(&file, &options, &mut |_, _| true)?;
        let (tokens, _) = how.encode(model.tokenizer()?, "The sea tells the story.", None)?;
        let mut vector = Vec::new();
        model.session()?.embed(&[tokens], &how, keep(&mut vector))?;
        Ok(vector)
    };
    assert_eq!(vector(whole.clone()).expect("the whole file answers").len(), 32);
    damage(&whole, 5000, vector);
}

#[test]
fn damaged_weights_that_are_no_numbers_are_an_error() {
    let mut bytes = random_llama(SHAPE, |_| BlockFormat::F32);
    let end = bytes.len();
    // The output matrix is the last tensor.
    bytes[end - 64 * 64 * 4..].chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&f32::NAN.to_le_bytes()));
    let error = answer(bytes).expect_err("no logit is a number");
    assert!(error.to_string().contains("a number"), "{error}");
}
