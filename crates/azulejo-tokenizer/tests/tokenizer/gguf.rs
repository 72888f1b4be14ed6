//! Vocabularies of GGUF files.

use azulejo_tokenizer::{Error, GgufVocabulary, Tokenizer, TokenizerConfig};
use proptest::prelude::*;
use serde_json::Value;

use crate::{ADDED, LITERAL, PLAIN, fixture, fixture_bytes, ids, texts};

pub(crate) fn vocabulary(json: &Value) -> GgufVocabulary {
    let list = |key: &str| json.get(key).cloned();
    let id = |key: &str| json.get(key).and_then(Value::as_u64).map(|id| id as i64);
    let flag = |key: &str| json.get(key).and_then(Value::as_bool);
    GgufVocabulary {
        model: json["model"].as_str().unwrap().to_owned(),
        tokens: serde_json::from_value(json["tokens"].clone()).unwrap(),
        scores: list("scores").map(|v| serde_json::from_value(v).unwrap()),
        token_types: list("token_types").map(|v| serde_json::from_value(v).unwrap()),
        merges: list("merges").map(|v| serde_json::from_value(v).unwrap()),
        bos_id: id("bos_id"),
        eos_id: id("eos_id"),
        unk_id: id("unk_id"),
        add_space_prefix: flag("add_space_prefix"),
        remove_extra_whitespaces: flag("remove_extra_whitespaces"),
        nfc: flag("nfc"),
        ..GgufVocabulary::default()
    }
}

fn small(model: &str) -> GgufVocabulary {
    let tokens = ["<unk>", "<s>", "</s>", "a", "b", "c", "ab", "bc", "abc"];
    GgufVocabulary {
        model: model.to_owned(),
        pre: Some("gpt-2".to_owned()),
        tokens: tokens.map(str::to_owned).to_vec(),
        scores: Some(vec![0.0, 0.0, 0.0, -6.0, -7.0, -8.0, -1.0, -2.0, -3.0]),
        token_types: Some(vec![2, 3, 3, 1, 1, 1, 1, 1, 1]),
        merges: (model == "gpt2").then(|| vec!["a b".to_owned(), "ab c".to_owned()]),
        add_space_prefix: Some(false),
        ..GgufVocabulary::default()
    }
}

#[test]
fn gguf_byte_level_equals_hugging_face_for_every_pre_tokenizer() {
    let json = fixture("gguf_byte_level.json");
    for (pre, expected) in json["expected"].as_object().unwrap() {
        let tokenizer =
            Tokenizer::from_gguf(GgufVocabulary { pre: Some(pre.clone()), ..vocabulary(&json) }).unwrap();
        for (text, expected) in texts().iter().zip(expected.as_array().unwrap()) {
            let plain = ids(&expected[0]);
            assert_eq!(tokenizer.encode(text, PLAIN).unwrap(), plain, "{pre}: {text:?}");
            let literal = expected.get(1).map_or(plain, ids);
            assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), literal, "{pre}, literal: {text:?}");
        }
    }
}

#[test]
fn gguf_byte_level_pre_tokenizers_differ_on_the_fixture() {
    // Otherwise the test above would show nothing of the expressions.
    let json = fixture("gguf_byte_level.json");
    let all = json["expected"].as_object().unwrap();
    for (a, b) in [("gpt-2", "default"), ("gpt-2", "smollm"), ("gpt-2", "dbrx"), ("dbrx", "stablelm2")] {
        assert_ne!(all[a], all[b], "{a} and {b}");
    }
    for (a, b) in
        [("dbrx", "llama-bpe"), ("qwen2", "stablelm2"), ("stablelm2", "qwen35"), ("tekken", "gpt-4o")]
    {
        assert_ne!(all[a], all[b], "{a} and {b}");
    }
}

#[test]
fn gguf_byte_level_is_lossless() {
    let json = fixture("gguf_byte_level.json");
    for pre in ["default", "gpt-2", "llama-bpe", "tekken", "gpt-4o", "minerva-7b"] {
        let tokenizer =
            Tokenizer::from_gguf(GgufVocabulary { pre: Some(pre.into()), ..vocabulary(&json) }).unwrap();
        for text in texts() {
            let ids = tokenizer.encode(&text, LITERAL).unwrap();
            assert_eq!(tokenizer.decode(&ids, false), text, "{pre}");
        }
    }
}

#[test]
fn gguf_scores_equal_sentencepiece() {
    let json = fixture("gguf_scores.json");
    let tokenizer = Tokenizer::from_gguf(vocabulary(&json)).unwrap();
    for (text, expected) in texts().iter().zip(json["expected"].as_array().unwrap()) {
        let expected_ids = ids(&expected[0]);
        assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), expected_ids, "{text:?}");
        assert_eq!(tokenizer.decode(&expected_ids, false), expected[1].as_str().unwrap(), "{text:?}");
    }
}

#[test]
fn gguf_tied_scores_and_unused_pieces_equal_sentencepiece() {
    let json = fixture("gguf_ties.json");
    let tokenizer = Tokenizer::from_gguf(vocabulary(&json)).unwrap();
    for (text, expected) in texts().iter().zip(json["expected"].as_array().unwrap()) {
        let expected_ids = ids(&expected[0]);
        assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), expected_ids, "{text:?}");
        assert_eq!(tokenizer.decode(&expected_ids, false), expected[1].as_str().unwrap(), "{text:?}");
    }
}

/// A vocabulary as Gemma's, spelt as SentencePiece does, and as llama.cpp's converter does: the pieces of a user with plain
/// spaces.
fn as_gemma(json: &Value) -> [Tokenizer; 2] {
    let own = vocabulary(json);
    let mut by_converter = own.clone();
    for (token, kind) in by_converter.tokens.iter_mut().zip(own.token_types.iter().flatten()) {
        if *kind == 4 {
            *token = token.replace('\u{2581}', " ");
        }
    }
    [own, by_converter].map(|vocabulary| Tokenizer::from_gguf(vocabulary).unwrap())
}

#[test]
fn gguf_runs_of_spaces_and_line_breaks_equal_sentencepiece() {
    let json = fixture("gguf_gemma.json");
    let texts: Vec<String> = serde_json::from_value(json["texts"].clone()).unwrap();
    for tokenizer in as_gemma(&json) {
        for (text, expected) in texts.iter().zip(json["expected"].as_array().unwrap()) {
            let expected_ids = ids(&expected[0]);
            assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), expected_ids, "{text:?}");
            assert_eq!(tokenizer.decode(&expected_ids, false), expected[1].as_str().unwrap(), "{text:?}");
        }
    }
}

#[test]
fn gguf_any_ids_decode_as_sentencepiece_does() {
    let json = fixture("gguf_gemma.json");
    let once = |text: String| {
        let mut text: Vec<char> = text.chars().collect();
        text.dedup_by(|a, b| *a == '\u{fffd}' && *b == '\u{fffd}');
        String::from_iter(text)
    };
    let sequences = json["sequences"].as_array().unwrap();
    assert!(sequences.iter().any(|sequence| sequence[1].as_str().unwrap().contains('\u{fffd}')));
    for tokenizer in as_gemma(&json) {
        for sequence in sequences {
            let ids = ids(&sequence[0]);
            assert_eq!(once(tokenizer.decode(&ids, false)), sequence[1].as_str().unwrap(), "{ids:?}");
        }
    }
}

/// Gemma's `</s>` is an HTML tag, which a model that writes HTML doesn't end at.
#[test]
fn gguf_html_tag_ends_no_text_where_another_token_does() {
    let json = fixture("gguf_gemma.json");
    for tokenizer in as_gemma(&json) {
        let tag = tokenizer.token_id("</s>").unwrap();
        assert!(!tokenizer.is_special(tag));
        assert_eq!(tokenizer.end_of_text().iter().copied().collect::<Vec<_>>(), [1]);
        assert_eq!(tokenizer.decode(&tokenizer.encode("a</s>", LITERAL).unwrap(), true), "a</s>");
    }
    // Where it's the only one that could, it does.
    let mut v = vocabulary(&json);
    let tag = v.tokens.iter().position(|token| token == "</s>").unwrap();
    v.eos_id = Some(tag as i64);
    let tokenizer = Tokenizer::from_gguf(v).unwrap();
    assert!(tokenizer.is_special(tag as u32) && tokenizer.end_of_text().contains(&(tag as u32)));
}

#[test]
fn gguf_without_byte_tokens_equals_sentencepiece() {
    let json = fixture("gguf_unknown.json");
    let tokenizer = Tokenizer::from_gguf(vocabulary(&json)).unwrap();
    for (text, expected) in texts().iter().zip(json["expected"].as_array().unwrap()) {
        assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), ids(&expected[0]), "{text:?}");
    }
}

#[test]
fn gguf_merges_equal_the_tokenizer_json() {
    let json =
        Tokenizer::from_json(&fixture_bytes("llama2_style.tokenizer.json"), &TokenizerConfig::default())
            .unwrap();
    let gguf = Tokenizer::from_gguf(vocabulary(&fixture("gguf_merges.json"))).unwrap();
    for text in texts() {
        for options in [PLAIN, LITERAL, ADDED] {
            assert_eq!(
                gguf.encode(&text, options).unwrap(),
                json.encode(&text, options).unwrap(),
                "{text:?}"
            );
        }
        let ids = gguf.encode(&text, ADDED).unwrap();
        for skip_special in [false, true] {
            assert_eq!(gguf.decode(&ids, skip_special), json.decode(&ids, skip_special), "{text:?}");
        }
    }
    assert_eq!((gguf.bos(), gguf.eos(), gguf.unknown()), (Some(1), Some(2), Some(0)));
    assert_eq!(gguf.end_of_text().iter().copied().collect::<Vec<_>>(), [2]);
}

#[test]
fn gguf_constant_scores_without_merges_are_an_error() {
    let mut v = vocabulary(&fixture("gguf_merges.json"));
    v.merges = None;
    let err = Tokenizer::from_gguf(v.clone()).unwrap_err();
    assert!(matches!(err, Error::NoMergeOrder { score: -1000.0, .. }), "{err}");
    assert!(err.to_string().contains("tokenizer.json"), "{err}");

    // This vocabulary was numbered by its trainer, so that ids have the order of the merges.
    v.rank_by_id = true;
    let by_id = Tokenizer::from_gguf(v).unwrap();
    let by_merges = Tokenizer::from_gguf(vocabulary(&fixture("gguf_merges.json"))).unwrap();
    let text = "A Câmara Municipal informa que o serviço está disponível.";
    assert_eq!(by_id.encode(text, ADDED).unwrap(), by_merges.encode(text, ADDED).unwrap());
}

#[test]
fn gguf_special_tokens_are_text_unless_parsed() {
    let tokenizer = Tokenizer::from_gguf(vocabulary(&fixture("gguf_merges.json"))).unwrap();
    let parsed = tokenizer.encode("<s>a</s>", PLAIN).unwrap();
    assert_eq!((parsed[0], *parsed.last().unwrap()), (1, 2));
    let literal = tokenizer.encode("<s>a</s>", LITERAL).unwrap();
    assert!(!literal.contains(&1) && !literal.contains(&2));
    assert_eq!(tokenizer.decode(&literal, true), "<s>a</s>");
}

#[test]
fn gguf_unknown_names_are_errors_that_list_the_known() {
    let err = Tokenizer::from_gguf(GgufVocabulary { pre: Some("nope".into()), ..small("gpt2") }).unwrap_err();
    assert!(matches!(&err, Error::UnknownPreTokenizer { name, .. } if name == "nope"));
    assert!(err.to_string().contains("qwen2"), "{err}");
    for model in ["plamo2", "rwkv", ""] {
        let err = Tokenizer::from_gguf(small(model)).unwrap_err();
        assert!(err.to_string().contains("tokenizer.json"), "{err}");
    }
}

#[test]
fn gguf_contradictions_name_their_key() {
    let cases: [(GgufVocabulary, &str); 6] = [
        (GgufVocabulary { tokens: vec![], ..small("llama") }, "tokenizer.ggml.tokens"),
        (GgufVocabulary { scores: Some(vec![0.0; 3]), ..small("llama") }, "tokenizer.ggml.scores"),
        (GgufVocabulary { scores: None, ..small("llama") }, "tokenizer.ggml.scores"),
        (GgufVocabulary { scores: Some(vec![f32::NAN; 9]), ..small("llama") }, "tokenizer.ggml.scores"),
        (GgufVocabulary { token_types: Some(vec![1; 10]), ..small("llama") }, "tokenizer.ggml.token_type"),
        (GgufVocabulary { merges: Some(vec!["a c".into()]), ..small("gpt2") }, "tokenizer.ggml.merges"),
    ];
    for (vocabulary, key) in cases {
        let err = Tokenizer::from_gguf(vocabulary).unwrap_err();
        assert!(err.to_string().contains(key), "{key}: {err}");
    }
}

#[test]
fn gguf_ids_that_name_no_token_are_ignored_with_a_warning() {
    for id in [-1, 9, 4_294_967_295, i64::MAX] {
        let v = GgufVocabulary { pad_id: Some(id), eot_id: Some(id), bos_id: Some(id), ..small("llama") };
        let tokenizer = Tokenizer::from_gguf(v).unwrap();
        assert_eq!((tokenizer.padding(), tokenizer.bos()), (None, Some(1)), "{id}");
        assert_eq!(tokenizer.end_of_text().iter().copied().collect::<Vec<_>>(), [2], "{id}");
        let warnings = tokenizer.warnings().join("\n");
        assert!(warnings.contains(&format!("padding_token_id is {id}")), "{warnings}");
        assert_eq!(tokenizer.warnings().len(), 3, "{warnings}");
    }
    assert!(Tokenizer::from_gguf(small("llama")).unwrap().warnings().is_empty());
    // Nor is one put around a text that isn't there.
    for id in [None, Some(-1)] {
        let (bos_id, eos_id, add) = (id, id, Some(true));
        let v = GgufVocabulary { bos_id, eos_id, add_bos: add, add_eos: add, ..small("gpt2") };
        let tokenizer = Tokenizer::from_gguf(v).unwrap();
        assert_eq!(tokenizer.encode("", ADDED).unwrap(), [0u32; 0]);
        let warnings = tokenizer.warnings().join("\n");
        assert!(warnings.contains("add_bos_token") && warnings.contains("add_eos_token"), "{warnings}");
    }
}

/// Qwen's `</s>` is a word that merges make, an HTML tag.
#[test]
fn gguf_word_spelt_like_a_control_token_stays_a_word() {
    let mut v = small("gpt2");
    let more = ["<", "/", "s", ">", "</", "</s", "</s>", "<|im_end|>"];
    v.tokens[2] = "x".to_owned();
    v.tokens.extend(more.map(str::to_owned));
    v.scores = None;
    v.token_types = Some([vec![2, 3, 1], vec![1; 14]].concat());
    v.merges = Some(["a b", "ab c", "< /", "</ s", "</s >"].map(str::to_owned).to_vec());
    let tokenizer = Tokenizer::from_gguf(v.clone()).unwrap();
    for options in [PLAIN, LITERAL] {
        // GPT-2's expression cuts it in three.
        assert_eq!(tokenizer.encode("</s>a", options).unwrap(), [13, 11, 12, 3]);
    }
    assert!(!tokenizer.is_special(15) && !tokenizer.end_of_text().contains(&15));
    // No merge makes this one: a converter's mistake.
    assert!(tokenizer.is_special(16) && tokenizer.end_of_text().contains(&16));
    // Where the file itself says that it's a control token, the merge is left out and the file opens.
    v.token_types.as_mut().unwrap()[15] = 3;
    let tokenizer = Tokenizer::from_gguf(v).unwrap();
    assert_eq!(tokenizer.encode("</s>", PLAIN).unwrap(), [15]);
    assert_eq!(tokenizer.encode("</s>", LITERAL).unwrap(), [13, 11, 12]);
}

#[test]
fn gguf_bos_follows_the_file_then_the_model() {
    let ids = |v: GgufVocabulary| Tokenizer::from_gguf(v).unwrap().encode("ab", ADDED).unwrap();
    assert_eq!(ids(small("llama")), [1, 6]);
    assert_eq!(ids(GgufVocabulary { add_bos: Some(false), add_eos: Some(true), ..small("llama") }), [6, 2]);
    let gpt2 = || GgufVocabulary { bos_id: Some(1), eos_id: Some(2), ..small("gpt2") };
    assert_eq!(ids(gpt2()), [6]);
    assert_eq!(ids(GgufVocabulary { pre: Some("llama-bpe".into()), ..gpt2() }), [1, 6]);
    assert_eq!(ids(GgufVocabulary { add_bos: Some(true), ..gpt2() }), [1, 6]);
}

#[test]
fn gguf_end_of_text_collects_all_endings() {
    let mut v = small("llama");
    v.tokens.extend(["<|im_end|>".to_owned(), "<x>".to_owned(), "<|eot_id|>".to_owned()]);
    v.scores = Some((0..12).map(|i| -(i as f32)).collect());
    // A converter's mistake: <|im_end|> marked as a word.
    v.token_types = Some(vec![2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 3, 3]);
    v.eom_id = Some(10);
    let tokenizer = Tokenizer::from_gguf(v).unwrap();
    assert_eq!(tokenizer.end_of_text().iter().copied().collect::<Vec<_>>(), [2, 9, 10, 11]);
    assert!(tokenizer.is_special(9));
}

#[test]
fn gguf_nfc_is_told_by_family() {
    let decomposed = "e\u{301}";
    let mut v = small("llama");
    v.tokens[3] = "é".to_owned();
    assert_eq!(Tokenizer::from_gguf(v.clone()).unwrap().encode(decomposed, LITERAL).unwrap(), [0]);
    for name in ["salamandra-2b-instruct", "ALIA-40b"] {
        v.model_name = Some(name.to_owned());
        assert_eq!(
            Tokenizer::from_gguf(v.clone()).unwrap().encode(decomposed, LITERAL).unwrap(),
            [3],
            "{name}"
        );
    }
    v.nfc = Some(false);
    assert_eq!(Tokenizer::from_gguf(v).unwrap().encode(decomposed, LITERAL).unwrap(), [0]);
}

#[test]
fn gguf_very_long_text_takes_moderate_time() {
    let tokenizer = Tokenizer::from_gguf(vocabulary(&fixture("gguf_scores.json"))).unwrap();
    // Quadratic merging of one word of a million characters would take minutes.
    let text = "a".repeat(1_000_003);
    let ids = tokenizer.encode(&text, LITERAL).unwrap();
    assert_eq!(tokenizer.decode(&ids, false), text);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gguf_any_vocabulary_does_not_panic(
        model in prop::sample::select(vec!["llama", "gpt2"]),
        tokens in prop::collection::vec("[ab▁Ġ <>0xA/sé]{0,4}", 1..12),
        types in prop::option::of(prop::collection::vec(-1i32..8, 12)),
        scores in prop::option::of(prop::collection::vec(any::<f32>(), 12)),
        merges in prop::option::of(prop::collection::vec("[ab▁ é]{0,5}", 0..4)),
        ids in prop::array::uniform4(prop::option::of(-2i64..14)),
        flags in prop::array::uniform4(prop::option::of(any::<bool>())),
        text in "[ab▁ é<s>/\u{301}]{0,12}",
    ) {
        let count = tokens.len();
        let vocabulary = GgufVocabulary {
            model: model.to_owned(),
            tokens,
            token_types: types.map(|t| t[..count].to_vec()),
            scores: scores.map(|s| s[..count].to_vec()),
            merges,
            bos_id: ids[0],
            eos_id: ids[1],
            unk_id: ids[2],
            eot_id: ids[3],
            add_bos: flags[0],
            add_space_prefix: flags[1],
            remove_extra_whitespaces: flags[2],
            nfc: flags[3],
            rank_by_id: flags[0] == flags[1],
            ..GgufVocabulary::default()
        };
        if let Ok(tokenizer) = Tokenizer::from_gguf(vocabulary) {
            for options in [ADDED, LITERAL] {
                if let Ok(ids) = tokenizer.encode(&text, options) {
                    tokenizer.decode(&ids, true);
                }
            }
        }
    }
}

/// A vocabulary of words and parts of words, as tokenizer.json has it and as GGUF does.
fn word_pieces(lowercase: bool, strip_accents: Option<bool>) -> (Tokenizer, Tokenizer) {
    let parts = "[PAD] [UNK] [CLS] [SEP] [MASK] the sea ##s ol ##a ola olá à um ##l ! , . - ' 日 本 1 ##2 Ol É é e i i\u{307}";
    let tokens: Vec<&str> = parts.split(' ').collect();
    let vocab: serde_json::Map<String, Value> =
        (0..).zip(&tokens).map(|(id, token): (u64, _)| ((*token).to_owned(), id.into())).collect();
    let special = |id: usize| {
        serde_json::json!({
            "id": id, "content": tokens[id], "special": true, "single_word": false, "lstrip": false,
            "rstrip": false, "normalized": false,
        })
    };
    let piece = |id: &str| serde_json::json!({ "SpecialToken": { "id": id, "type_id": 0 } });
    let around = |id: &str, at: u32| serde_json::json!({ "id": id, "ids": [at], "tokens": [id] });
    let text = serde_json::json!({ "Sequence": { "id": "A", "type_id": 0 } });
    let json = serde_json::json!({
        "added_tokens": (0..5).map(special).collect::<Vec<_>>(),
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": strip_accents, "lowercase": lowercase,
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": {
            "type": "TemplateProcessing", "single": [piece("[CLS]"), text, piece("[SEP]")], "pair": [],
            "special_tokens": { "[CLS]": around("[CLS]", 2), "[SEP]": around("[SEP]", 3) },
        },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": false },
        "model": {
            "type": "WordPiece", "vocab": vocab, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
        },
    });
    let marked = |(id, token): (usize, &&str)| match token.strip_prefix("##") {
        _ if id < 5 => (*token).to_owned(),
        Some(part) => part.to_owned(),
        None => format!("\u{2581}{token}"),
    };
    let gguf = GgufVocabulary {
        model: "bert".to_owned(),
        tokens: tokens.iter().enumerate().map(marked).collect(),
        token_types: Some((0..tokens.len()).map(|id| if id < 5 { 3 } else { 1 }).collect()),
        lowercase: Some(lowercase),
        strip_accents,
        ..GgufVocabulary::default()
    };
    let json = serde_json::to_vec(&json).unwrap();
    let folder = Tokenizer::from_json(&json, &TokenizerConfig::default()).unwrap();
    (folder, Tokenizer::from_gguf(gguf).unwrap())
}

#[test]
fn gguf_word_pieces_equal_hugging_face() {
    let mut more = texts();
    more.extend(
        ["Olá, SEAS!  the-sea [MASK] 日本 12 É İ um\u{301}l\u{200b}a", "[CLS] [UNK] the"].map(str::to_owned),
    );
    more.push("a".repeat(101));
    for (lowercase, strip_accents) in
        [(true, None), (false, None), (true, Some(false)), (false, Some(true)), (false, Some(false))]
    {
        let (folder, gguf) = word_pieces(lowercase, strip_accents);
        for text in &more {
            for options in [PLAIN, LITERAL, ADDED] {
                let want = folder.encode(text, options).unwrap();
                assert_eq!(
                    gguf.encode(text, options).unwrap(),
                    want,
                    "{lowercase} {strip_accents:?}: {text:?}"
                );
            }
        }
        assert_eq!(gguf.encode("", ADDED).unwrap(), [2, 3]);
        assert_eq!(gguf.decode(&[2, 5, 6, 7, 16, 3], true), "the seas ,");
    }
    // What is written in capitals and with accents tells them apart.
    let ids = |lowercase, strip| word_pieces(lowercase, strip).1.encode("Olá", PLAIN).unwrap();
    assert_eq!(ids(true, None), [10]);
    assert_eq!(ids(true, Some(false)), [11]);
    assert_eq!(ids(false, None), [1]);
    assert_eq!(ids(false, Some(true)), [24, 9]);
}

#[test]
fn gguf_texts_are_cut_before_what_ends_them() {
    let (_, tokenizer) = word_pieces(true, None);
    for (most, want, is_cut) in [
        (9, &[2, 5, 6, 5, 3][..], false),
        (5, &[2, 5, 6, 5, 3], false),
        (4, &[2, 5, 6, 3], true),
        (1, &[3], true),
        (0, &[], true),
    ] {
        let mut ids = tokenizer.encode("the sea the", ADDED).unwrap();
        assert_eq!((tokenizer.cut(&mut ids, most), ids.as_slice()), (is_cut, want), "{most}");
    }
}

#[test]
fn gguf_unigram_takes_the_best_sum_of_scores() {
    let tokens =
        ["<s>", "<pad>", "</s>", "<unk>", "\u{2581}", "\u{2581}the", "the", "s", "sea", "se", "a", "<mask>"];
    let v = GgufVocabulary {
        model: "t5".to_owned(),
        tokens: tokens.map(str::to_owned).to_vec(),
        scores: Some(vec![0.0, 0.0, 0.0, 0.0, -2.0, -3.0, -4.0, -5.0, -9.0, -4.5, -4.0, 0.0]),
        token_types: Some(vec![3, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1, 3]),
        bos_id: Some(0),
        eos_id: Some(2),
        add_bos: Some(true),
        remove_extra_whitespaces: Some(true),
        ..GgufVocabulary::default()
    };
    let tokenizer = Tokenizer::from_gguf(v.clone()).unwrap();
    // "se" and "a" are better than "sea"; unknown characters in a row are one token.
    assert_eq!(tokenizer.encode("the  sea", ADDED).unwrap(), [0, 5, 4, 9, 10, 2]);
    assert_eq!(tokenizer.encode(" the<mask>日本a", PLAIN).unwrap(), [5, 11, 4, 3, 10]);
    assert!(!tokenizer.encode("the<mask></s>", LITERAL).unwrap().contains(&11));
    assert_eq!(tokenizer.decode(&[0, 5, 4, 9, 10, 2], true), "the sea");
    let broken = |v: GgufVocabulary| Tokenizer::from_gguf(v).unwrap_err().to_string();
    assert!(broken(GgufVocabulary { scores: None, ..v.clone() }).contains("scores"));
    let charsmap = Some(vec![9, 0, 0, 0, 1]);
    assert!(
        broken(GgufVocabulary { precompiled_charsmap: charsmap, ..v.clone() })
            .contains("precompiled_charsmap")
    );
    let types = Some(vec![1; tokens.len()]);
    assert!(broken(GgufVocabulary { token_types: types, ..v }).contains("unknown_token_id"));
}
