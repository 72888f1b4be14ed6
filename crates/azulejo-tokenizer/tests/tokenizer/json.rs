//! `tokenizer.json`.

use azulejo_tokenizer::{ChatTemplate, Error, Message, RenderOptions, Tokenizer, TokenizerConfig};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{ADDED, LITERAL, PLAIN, fixture, fixture_bytes, ids, texts};

fn load(style: &str) -> Tokenizer {
    let json = fixture_bytes(&format!("{style}.tokenizer.json"));
    Tokenizer::from_json(&json, &TokenizerConfig::default()).unwrap()
}

/// Ids and decoded texts of all texts, against Hugging Face's.
fn check(style: &str) {
    let tokenizer = load(style);
    let expected = fixture(&format!("{style}.json"));
    for (text, case) in texts().iter().zip(expected["cases"].as_array().unwrap()) {
        let plain = ids(&case["plain"]);
        assert_eq!(tokenizer.encode(text, PLAIN).unwrap(), plain, "{style}: {text:?}");
        let added = ids(&case["added"]);
        assert_eq!(tokenizer.encode(text, ADDED).unwrap(), added, "{style}, added: {text:?}");
        let literal = ids(case.get("literal").unwrap_or(&case["plain"]));
        assert_eq!(tokenizer.encode(text, LITERAL).unwrap(), literal, "{style}, literal: {text:?}");
        if let Some(decoded) = case["decoded"].as_str() {
            assert_eq!(tokenizer.decode(&plain, false), decoded, "{style}, decoded: {text:?}");
            let skipped = case.get("skipped").and_then(Value::as_str).unwrap_or(decoded);
            assert_eq!(tokenizer.decode(&added, true), skipped, "{style}, skipped: {text:?}");
        }
    }
}

#[test]
fn json_llama2_style_equals_hugging_face() {
    check("llama2_style");
}

#[test]
fn json_metaspace_style_equals_hugging_face() {
    check("metaspace_style");
}

#[test]
fn json_qwen_style_equals_hugging_face() {
    check("qwen_style");
}

#[test]
fn json_unigram_style_equals_hugging_face() {
    check("unigram_style");
}

#[test]
fn json_byte_level_is_lossless_on_nfc_text() {
    let tokenizer = load("qwen_style");
    for (i, text) in texts().iter().enumerate() {
        // Texts 13, 14 and 35 are decomposed, and this tokenizer composes.
        if ![13, 14, 35].contains(&i) {
            assert_eq!(&tokenizer.decode(&tokenizer.encode(text, LITERAL).unwrap(), false), text);
        }
    }
}

#[test]
fn json_nfc_makes_decomposed_text_equal() {
    let tokenizer = load("qwen_style");
    let composed = tokenizer.encode("ação, ñandú", PLAIN).unwrap();
    assert_eq!(tokenizer.encode("ac\u{327}a\u{303}o, n\u{303}andu\u{301}", PLAIN).unwrap(), composed);
}

#[test]
fn json_config_decides_bos_and_eos() {
    let json = fixture_bytes("llama2_style.tokenizer.json");
    let ids_with = |config: Value| {
        let config = TokenizerConfig::from_json(config.to_string().as_bytes()).unwrap();
        Tokenizer::from_json(&json, &config).unwrap().encode("", ADDED).unwrap()
    };
    let both = json!({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}});
    let with = |extra: Value| {
        let mut config = both.clone();
        config.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        ids_with(config)
    };
    assert_eq!(ids_with(json!({})), [1]);
    assert_eq!(with(json!({"add_bos_token": false})), [0u32; 0]);
    assert_eq!(with(json!({"add_bos_token": false, "add_eos_token": true})), [2]);
    assert_eq!(with(json!({"add_bos_token": true, "add_eos_token": true})), [1, 2]);
    // Qwen's file adds nothing by itself; a Llama class does.
    let json = fixture_bytes("qwen_style.tokenizer.json");
    let config = json!({"bos_token": "<|im_start|>", "tokenizer_class": "LlamaTokenizerFast"}).to_string();
    let config = TokenizerConfig::from_json(config.as_bytes()).unwrap();
    let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
    assert_eq!(tokenizer.encode("", ADDED).unwrap(), [tokenizer.bos().unwrap()]);
}

/// What transformers 4 and 5 make of such files, which differ in what they say.
#[test]
fn json_classes_of_encoders_take_their_options_from_the_config() {
    let words = json!({
        "version": "1.0", "added_tokens": [], "post_processor": null, "decoder": null,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null,
            "lowercase": true
        },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": { "[UNK]": 0, "Tê": 1, "tê": 2, "te": 3, "東": 4, "京": 5, "東京": 6 }
        }
    });
    let mut cased = words.clone();
    cased["normalizer"]["lowercase"] = json!(false);
    let ids = |file: &Value, model_type: &str, config: Value| {
        let config =
            TokenizerConfig::from_json(config.to_string().as_bytes()).unwrap().with_model_type(model_type);
        let tokenizer = Tokenizer::from_json(file.to_string().as_bytes(), &config).unwrap();
        tokenizer.encode("Tê 東京", PLAIN).unwrap()
    };
    for (config, wanted) in [
        (json!({}), vec![3, 4, 5]),
        (json!({ "do_lower_case": false }), vec![1, 4, 5]),
        (json!({ "strip_accents": false, "tokenize_chinese_chars": false }), vec![2, 6]),
    ] {
        for file in [&words, &cased] {
            for class in ["BertTokenizer", "BertTokenizerFast"] {
                let mut config = config.clone();
                config["tokenizer_class"] = json!(class);
                assert_eq!(ids(file, "xlm-roberta", config.clone()), wanted, "{config}");
            }
            assert_eq!(ids(file, "bert", config.clone()), wanted, "{config}");
        }
        // Other classes take the file as it is.
        let mut config = config.clone();
        config["tokenizer_class"] = json!("PreTrainedTokenizerFast");
        assert_eq!(ids(&words, "bert", config.clone()), [3, 4, 5], "{config}");
        assert_eq!(ids(&cased, "bert", config.clone()), [1, 4, 5], "{config}");
    }
    let bytes = json!({
        "version": "1.0", "added_tokens": [], "normalizer": null, "post_processor": null,
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "pre_tokenizer":
            { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "vocab": { "a": 0, "\u{120}": 1 }, "merges": [] }
    });
    for (config, wanted) in [
        (json!({ "tokenizer_class": "RobertaTokenizer" }), vec![0]),
        (json!({ "tokenizer_class": "RobertaTokenizerFast", "add_prefix_space": true }), vec![1, 0]),
        (json!({ "add_prefix_space": false }), vec![0]),
        (json!({ "tokenizer_class": "PreTrainedTokenizerFast", "add_prefix_space": false }), vec![1, 0]),
    ] {
        let read =
            TokenizerConfig::from_json(config.to_string().as_bytes()).unwrap().with_model_type("roberta");
        let tokenizer = Tokenizer::from_json(bytes.to_string().as_bytes(), &read).unwrap();
        assert_eq!(tokenizer.encode("a", PLAIN).unwrap(), wanted, "{config}");
    }
}

#[test]
fn json_end_of_text_is_a_set() {
    let json = fixture_bytes("qwen_style.tokenizer.json");
    let config = TokenizerConfig::default().with_generation_config(br#"{"eos_token_id": [3, 640]}"#).unwrap();
    let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
    let named = ["<|endoftext|>", "<|im_end|>"].map(|name| tokenizer.token_id(name).unwrap());
    let mut expected: Vec<u32> = [3, 640].into_iter().chain(named).collect();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(tokenizer.end_of_text().iter().copied().collect::<Vec<_>>(), expected);
    let one = TokenizerConfig::default().with_generation_config(br#"{"eos_token_id": 7}"#).unwrap();
    assert_eq!(one.end_of_text.into_iter().collect::<Vec<_>>(), [7]);
    for ids in ["-1", "[-1, 3]", "4294967296", "[4294967295, 3]"] {
        let config = format!("{{\"eos_token_id\": {ids}}}");
        let config = TokenizerConfig::default().with_generation_config(config.as_bytes()).unwrap();
        let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
        assert_eq!(tokenizer.warnings().len(), 1, "{ids}: {:?}", tokenizer.warnings());
        assert_eq!(tokenizer.end_of_text().contains(&3), ids.contains('3') && ids.contains('['), "{ids}");
    }
}

/// Gemma's is an HTML tag.
#[test]
fn json_html_tag_ends_no_text_where_another_token_does() {
    let json = fixture_bytes("qwen_style.tokenizer.json");
    for (eos, special, ends) in
        [("<|im_end|>", false, false), ("<|im_end|>", true, true), ("</s>", false, true)]
    {
        let mut decoder = serde_json::Map::new();
        let id = load("qwen_style").vocab_size() as u32;
        decoder.insert(id.to_string(), json!({"content": "</s>", "special": special}));
        let config = json!({"added_tokens_decoder": decoder, "eos_token": eos}).to_string();
        let config = TokenizerConfig::from_json(config.as_bytes()).unwrap();
        let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
        assert_eq!(tokenizer.token_id("</s>"), Some(id));
        assert_eq!(tokenizer.end_of_text().contains(&id), ends, "{eos} {special}");
    }
}

#[test]
fn json_config_adds_tokens_that_the_file_lacks() {
    let json = fixture_bytes("qwen_style.tokenizer.json");
    let count = load("qwen_style").vocab_size() as u32;
    let token = |content: &str, special: bool| json!({"content": content, "special": special});
    let mut decoder = serde_json::Map::new();
    decoder.insert(count.to_string(), token("<|turn_a|>", true));
    decoder.insert((count + 1).to_string(), token("<|turn_b|>", true));
    decoder.insert((count + 9).to_string(), token("<|far|>", true));
    let config = json!({"added_tokens_decoder": decoder, "eos_token": "<|turn_b|>"}).to_string();
    let config = TokenizerConfig::from_json(config.as_bytes()).unwrap();
    let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
    let ids = tokenizer.encode("<|turn_a|>oi<|turn_b|>", PLAIN).unwrap();
    assert_eq!((ids.first(), ids.last()), (Some(&count), Some(&(count + 1))));
    assert!(tokenizer.is_special(count) && tokenizer.end_of_text().contains(&(count + 1)));
    // Ids of new tokens follow one another, whatever a file says.
    assert_eq!(tokenizer.token_id("<|far|>"), Some(count + 2));
    assert_eq!(tokenizer.warnings().len(), 1, "{:?}", tokenizer.warnings());
}

/// As transformers 5.24 does it.
#[test]
fn json_config_has_tokens_otherwise_than_the_file() {
    let json = fixture_bytes("qwen_style.tokenizer.json");
    let end = load("qwen_style").token_id("<|im_end|>").unwrap();
    let of = |config: TokenizerConfig| Tokenizer::from_json(&json, &config).unwrap();
    let plain = json!({"added_tokens_decoder": {end.to_string(): {"content": "<|im_end|>", "rstrip": true}}});
    let plain = of(TokenizerConfig::from_json(plain.to_string().as_bytes()).unwrap());
    assert!(!plain.is_special(end));
    assert_eq!(plain.encode("a<|im_end|>  b", PLAIN).unwrap(), plain.encode("a<|im_end|>b", PLAIN).unwrap());
    // A name makes it special again.
    let named = json!({
        "added_tokens_decoder": {end.to_string(): {"content": "<|im_end|>"}}, "eos_token": "<|im_end|>",
    });
    assert!(of(TokenizerConfig::from_json(named.to_string().as_bytes()).unwrap()).is_special(end));
    // An older file's other token for an id doesn't count.
    let older = format!("{{\"<|other|>\": {end}}}");
    let older = of(TokenizerConfig::default().with_added_tokens(older.as_bytes()).unwrap());
    assert_eq!((older.token_id("<|other|>"), older.is_special(end)), (None, true));
    assert_eq!(older.warnings().len(), 1, "{:?}", older.warnings());
}

#[test]
fn json_special_tokens_map_counts_in_older_folders() {
    let json = fixture_bytes("llama2_style.tokenizer.json");
    let map = br#"{"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}}"#;
    let config = TokenizerConfig::default().with_special_tokens_map(map).unwrap();
    let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
    assert_eq!(tokenizer.eos(), tokenizer.token_id("</s>"));
    assert_eq!(tokenizer.bos(), tokenizer.token_id("<s>"));
    let newer =
        br#"{"added_tokens_decoder": {"2": {"content": "</s>", "special": true}}, "eos_token": "<s>"}"#;
    let config = TokenizerConfig::from_json(newer).unwrap().with_special_tokens_map(map).unwrap();
    assert_eq!(config.eos_token.as_deref(), Some("<s>"));
}

#[test]
fn json_config_reads_named_templates() {
    let config = json!({"chat_template": [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]});
    let mut config = TokenizerConfig::from_json(config.to_string().as_bytes()).unwrap();
    assert_eq!(config.chat_templates.get("default"), Some("a"));
    assert_eq!(config.chat_templates.get("tool_use"), Some("b"));
    config.chat_templates.insert("default", "c");
    assert_eq!(config.chat_templates.get("default"), Some("c"));
}

#[test]
fn json_tokens_have_texts_and_bytes() {
    let tokenizer = load("qwen_style");
    let id = tokenizer.encode(" M", PLAIN).unwrap()[0];
    assert_eq!(tokenizer.token_bytes(id).unwrap()[0], b' ');
    assert_eq!(tokenizer.token_id(tokenizer.token_text(id).unwrap()), Some(id));
    assert!(tokenizer.is_special(tokenizer.token_id("<|im_end|>").unwrap()));
    assert!(!tokenizer.is_special(id));
    assert_eq!(tokenizer.token_bytes(tokenizer.vocab_size() as u32), None);
    assert_eq!(tokenizer.decode(&[u32::MAX, id], false), tokenizer.decode(&[id], false));
}

#[test]
fn json_bytes_that_are_not_utf8_name_the_offset() {
    let tokenizer = load("qwen_style");
    assert!(matches!(
        tokenizer.encode_bytes(b"ol\xc3\xa1 \xff\xfe", PLAIN),
        Err(Error::NotUtf8 { offset: 5 })
    ));
    assert_eq!(
        tokenizer.encode_bytes("olá".as_bytes(), PLAIN).unwrap(),
        tokenizer.encode("olá", PLAIN).unwrap()
    );
}

#[test]
fn json_merge_without_its_subword_prefix_is_an_error() {
    let vocabulary = json!({"a": 0, "##b": 1, "é": 2, "ab": 3});
    for merges in [json!(["a é"]), json!([["a", "é"]])] {
        let json = json!({"version": "1.0", "model": {
            "type": "BPE", "vocab": vocabulary, "merges": merges, "continuing_subword_prefix": "##"}});
        let err = Tokenizer::from_json(json.to_string().as_bytes(), &TokenizerConfig::default()).unwrap_err();
        assert!(err.to_string().contains("subword prefix"), "{err}");
    }
}

#[test]
fn json_enormous_id_is_an_error() {
    let json = json!({"version": "1.0", "model": {"type": "BPE", "vocab": {"a": 0, "b": 4294967294u32}, "merges": []}});
    let err = Tokenizer::from_json(json.to_string().as_bytes(), &TokenizerConfig::default()).unwrap_err();
    assert!(err.to_string().contains("limit"), "{err}");
}

#[test]
fn json_truncated_at_any_place_is_an_error() {
    let json = fixture_bytes("unigram_style.tokenizer.json");
    for len in (0..json.len() - 2).step_by(97) {
        assert!(Tokenizer::from_json(&json[..len], &TokenizerConfig::default()).is_err(), "{len} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// One node of the file replaced by something else: an error or a tokenizer, never a panic.
    #[test]
    fn json_with_any_node_replaced_does_not_panic(
        style in prop::sample::select(vec!["llama2_style", "unigram_style", "qwen_style", "metaspace_style"]),
        path in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        value in prop::sample::select(vec![
            json!(null), json!(-1), json!(1e300), json!(""), json!("\u{e9}"), json!([]), json!({}), json!(true),
            json!([[["a"]]]), json!({"type": "Sequence"}), json!({"type": "ByteLevel"}), json!({"String": ""}),
            json!({"Regex": "(a*)*b"}), json!({"Regex": "("}),
        ]),
    ) {
        let mut json = fixture(&format!("{style}.tokenizer.json"));
        let mut node = &mut json;
        for step in path {
            let count = node.as_object().map_or_else(|| node.as_array().map_or(0, Vec::len), serde_json::Map::len);
            if count == 0 {
                break;
            }
            let at = step.index(count);
            node = match node {
                Value::Object(map) => map.values_mut().nth(at).unwrap(),
                Value::Array(list) => &mut list[at],
                _ => break,
            };
        }
        *node = value;
        if let Ok(tokenizer) = Tokenizer::from_json(json.to_string().as_bytes(), &TokenizerConfig::default()) {
            for text in ["", "Olá  <s> mundo\n1234 é", "▁a\u{0}"] {
                if let Ok(ids) = tokenizer.encode(text, ADDED) {
                    tokenizer.decode(&ids, true);
                }
            }
        }
    }
}

/// A post-processor's BOS and EOS, and the flags for them, are for plain texts: a template writes its own.
#[test]
fn json_nothing_is_added_to_a_conversation() {
    let json = fixture_bytes("llama2_style.tokenizer.json");
    let config =
        json!({"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true});
    let config = TokenizerConfig::from_json(config.to_string().as_bytes()).unwrap();
    let tokenizer = Tokenizer::from_json(&json, &config).unwrap();
    let (bos, eos) = (tokenizer.bos().unwrap(), tokenizer.eos().unwrap());
    let plain = tokenizer.encode("oi", ADDED).unwrap();
    assert_eq!((plain.first(), plain.last()), (Some(&bos), Some(&eos)));
    let template = ChatTemplate::new("{{ messages[0].content }}").unwrap();
    let message = [Message::new("user", "oi")];
    let prompt = tokenizer.encode_chat(&template, &message, &RenderOptions::default(), false).unwrap();
    assert_eq!(prompt, tokenizer.encode("oi", PLAIN).unwrap());
}

/// As transformers 5.24 does it: named ones in its own order, then the others, each the next id.
#[test]
fn json_special_tokens_that_the_vocabulary_lacks_are_added() {
    let bytes = crate::fixture_bytes("qwen_style.tokenizer.json");
    let of = |config: TokenizerConfig| Tokenizer::from_json(&bytes, &config).unwrap();
    let next = of(TokenizerConfig::default()).vocab_size() as u32;
    let json = br#"{"eos_token": {"content": "<gone>"}, "bos_token": "<none>", "additional_special_tokens": ["<a>", "<none>"]}"#;
    let in_config = of(TokenizerConfig::from_json(json).unwrap());
    let in_map = of(TokenizerConfig::default().with_special_tokens_map(json).unwrap());
    for tokenizer in [in_config, in_map] {
        assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(next), Some(next + 1)));
        assert_eq!(tokenizer.token_id("<a>"), Some(next + 2));
        let ids = tokenizer.encode("<a>x<gone>", crate::PLAIN).unwrap();
        assert_eq!((ids[0], ids[ids.len() - 1]), (next + 2, next + 1));
        assert!(tokenizer.is_special(next + 2) && tokenizer.end_of_text().contains(&(next + 1)));
    }
    // Older folders number them.
    let map = format!("{{\"<b>\": {}, \"<a>\": {next}}}", next + 1);
    let older = TokenizerConfig::default().with_special_tokens_map(br#"{"eos_token": "<b>"}"#).unwrap();
    let older = of(older.with_added_tokens(map.as_bytes()).unwrap());
    assert_eq!((older.token_id("<a>"), older.eos()), (Some(next), Some(next + 1)));
    assert!(older.is_special(next + 1) && !older.is_special(next));
    assert!(TokenizerConfig::default().with_added_tokens(b"[]").is_err());
}
