//! The streaming decoder.

use std::sync::LazyLock;

use azulejo_tokenizer::{GgufVocabulary, Tokenizer, TokenizerConfig};
use proptest::prelude::*;

use crate::gguf::vocabulary;
use crate::{LITERAL, fixture, fixture_bytes, texts};

fn json(style: &str) -> Tokenizer {
    let json = fixture_bytes(&format!("{style}.tokenizer.json"));
    Tokenizer::from_json(&json, &TokenizerConfig::default()).unwrap()
}

static ALL: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| {
    let byte_level = vocabulary(&fixture("gguf_byte_level.json"));
    vec![
        json("llama2_style"),
        json("metaspace_style"),
        json("qwen_style"),
        json("unigram_style"),
        Tokenizer::from_gguf(GgufVocabulary { pre: Some("gpt-2".into()), ..byte_level }).unwrap(),
        Tokenizer::from_gguf(vocabulary(&fixture("gguf_scores.json"))).unwrap(),
        Tokenizer::from_gguf(vocabulary(&fixture("gguf_ties.json"))).unwrap(),
        // A decoder that needs the whole text.
        Tokenizer::from_json(WORD_PIECE.as_bytes(), &TokenizerConfig::default()).unwrap(),
    ]
});

const WORD_PIECE: &str = r###"{"version": "1.0", "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "ol": 1, "##á": 2, ".": 3}}}"###;

/// Pushes all ids; what comes out must be whole characters all along, and the same as decoding at once.
fn check(tokenizer: &Tokenizer, ids: &[u32], skip_special: bool) -> String {
    let mut decoder = tokenizer.stream_decoder(skip_special);
    let mut out = String::new();
    for &id in ids {
        if let Some(text) = decoder.push(id) {
            assert!(!text.is_empty());
            out.push_str(&text);
        }
    }
    out.extend(decoder.finish());
    assert_eq!(out, tokenizer.decode(ids, skip_special));
    out
}

#[test]
fn stream_of_every_text_equals_decoding_at_once() {
    for (i, tokenizer) in ALL.iter().enumerate() {
        for text in texts() {
            let ids = tokenizer.encode(&text, LITERAL).unwrap();
            let out = check(tokenizer, &ids, false);
            // The lossless ones.
            if [0, 4, 5].contains(&i) {
                // SentencePiece takes its own mark for a space.
                let expected = if i == 4 { text } else { text.replace('▁', " ") };
                assert_eq!(out, expected, "tokenizer {i}");
            }
        }
    }
}

#[test]
fn stream_holds_back_half_a_character() {
    let tokenizer = &ALL[0];
    let bytes = |text: &str| -> Vec<u32> {
        text.bytes().map(|b| tokenizer.token_id(&format!("<0x{b:02X}>")).unwrap()).collect()
    };
    let mut decoder = tokenizer.stream_decoder(true);
    let ids = bytes("é🙂");
    let pushed: Vec<Option<String>> = ids.iter().map(|&id| decoder.push(id)).collect();
    assert_eq!(pushed, [None, Some("é".into()), None, None, None, Some("🙂".into())]);
    assert_eq!(decoder.finish(), None);

    // Broken off in the middle, and then by another character.
    assert_eq!(decoder.push(ids[2]), None);
    assert_eq!(decoder.finish(), Some("\u{fffd}".into()));
    assert_eq!(decoder.push(ids[2]), None);
    let letter = tokenizer.token_id("a").unwrap();
    assert_eq!(decoder.push(letter), Some("\u{fffd}a".into()));
}

#[test]
fn stream_that_continues_keeps_the_first_space() {
    let tokenizer = &ALL[5];
    let ids = tokenizer.encode("casa", LITERAL).unwrap();
    let collect = |mut decoder: azulejo_tokenizer::StreamDecoder| -> String {
        let mut out: String = ids.iter().filter_map(|&id| decoder.push(id)).collect();
        out.extend(decoder.finish());
        out
    };
    assert_eq!(collect(tokenizer.stream_decoder(true)), "casa");
    assert_eq!(collect(tokenizer.stream_decoder(true).continuing()), " casa");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stream_of_any_ids_equals_decoding_at_once(
        which in 0usize..8,
        ids in prop::collection::vec(prop_oneof![4 => 0u32..300, 3 => 0u32..800, 1 => any::<u32>()], 0..40),
        skip_special in any::<bool>(),
    ) {
        check(&ALL[which], &ids, skip_special);
    }

    #[test]
    fn stream_of_any_text_is_lossless_where_the_vocabulary_is(text in "\\PC{0,40}|[ \n\té🙂a]{0,20}") {
        for tokenizer in [&ALL[0], &ALL[4], &ALL[5]] {
            let ids = tokenizer.encode(&text, LITERAL).unwrap();
            prop_assert_eq!(check(tokenizer, &ids, false).replace('▁', " "), text.replace('▁', " "));
        }
    }
}
