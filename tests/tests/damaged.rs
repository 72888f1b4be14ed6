//! Damaged files: clear errors or right answers, never a panic.

use azulejo::{BlockFormat, Model};
use azulejo_formats::ModelFile;
use azulejo_tests::{Shape, random_llama};

use crate::devices;

const SHAPE: Shape = Shape { layers: 1, hidden: 64, ffn: 64, heads: 2, kv_heads: 1, vocabulary: 64 };

/// Opens, loads and asks for two tokens.
fn answer(bytes: Vec<u8>) -> Result<Vec<u32>, azulejo::Error> {
    let file = ModelFile::from_gguf_bytes(bytes)?;
    let model = Model::from_file(&file, &devices::all()[0].1, &mut |_, _| true)?;
    model.session()?.greedy_tokens(&[1, 2, 3], 2)
}

#[test]
fn damaged_files_give_errors_or_answers() {
    let whole = random_llama(SHAPE, |_| BlockFormat::Q8_0);
    let want = answer(whole.clone()).expect("the whole file answers");
    assert_eq!(want.len(), 2);
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let header = 2000;
    let (mut errors, mut answers) = (0, 0);
    for i in 0..200 {
        let mut bytes = whole.clone();
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
fn damaged_weights_that_are_no_numbers_are_an_error() {
    let mut bytes = random_llama(SHAPE, |_| BlockFormat::F32);
    let end = bytes.len();
    // The output matrix is the last tensor.
    bytes[end - 64 * 64 * 4..].chunks_exact_mut(4).for_each(|c| c.copy_from_slice(&f32::NAN.to_le_bytes()));
    let error = answer(bytes).expect_err("no logit is a number");
    assert!(error.to_string().contains("a number"), "{error}");
}
