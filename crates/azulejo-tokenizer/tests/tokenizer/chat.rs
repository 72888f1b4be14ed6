//! Chat templates, against those rendered by transformers.

use azulejo_tokenizer::{
    CHATML, ChatTemplate, Error, GgufVocabulary, Message, Now, RenderOptions, TEENY_TINY_LLAMA, Tokenizer,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fixture;
use crate::gguf::vocabulary;

fn options(json: &Value) -> RenderOptions {
    let mut extra = json.as_object().unwrap().clone();
    RenderOptions {
        add_generation_prompt: extra.remove("add_generation_prompt").is_some_and(|v| v.as_bool().unwrap()),
        bos_token: Some("<|begin_of_text|>".to_owned()),
        eos_token: Some("</s>".to_owned()),
        tools: extra.remove("tools"),
        documents: extra.remove("documents"),
        extra,
        now: Some(Now { year: 2026, month: 11, day: 3, hour: 9, minute: 5, second: 7 }),
    }
}

#[test]
fn chat_templates_equal_transformers() {
    let fixture = fixture("chat.json");
    let mut failures = Vec::new();
    for case in fixture["cases"].as_array().unwrap() {
        let name = case["template"].as_str().unwrap();
        let template = ChatTemplate::new(fixture["templates"][name].as_str().unwrap()).unwrap();
        let messages: Vec<Value> = case["messages"].as_array().unwrap().clone();
        let rendered = template.render(&messages, &options(&case["options"]));
        match (rendered, case["expected"].as_str(), case["raises"].as_str()) {
            (Ok(text), Some(expected), _) if text == expected => {}
            (Err(Error::TemplateRaised { line, message }), _, Some(raises))
                if message == raises && line > 0 => {}
            (rendered, expected, raises) => {
                failures.push(format!("{name}\n  ours:   {rendered:?}\n  theirs: {expected:?} {raises:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn chat() -> Vec<Message> {
    vec![Message::new("user", "Olá"), Message::new("assistant", "Bom dia"), Message::new("user", "E?")]
}

#[test]
fn chat_built_in_formats_render() {
    let options = RenderOptions {
        add_generation_prompt: true,
        bos_token: Some("<s>".to_owned()),
        eos_token: Some("</s>".to_owned()),
        ..RenderOptions::default()
    };
    assert_eq!(
        ChatTemplate::new(CHATML).unwrap().render(&chat(), &options).unwrap(),
        "<|im_start|>user\nOlá<|im_end|>\n<|im_start|>assistant\nBom dia<|im_end|>\n<|im_start|>user\nE?<|im_end|>\n\
         <|im_start|>assistant\n"
    );
    let teeny = ChatTemplate::new(TEENY_TINY_LLAMA).unwrap();
    assert_eq!(
        teeny.render(&chat(), &options).unwrap(),
        "<s><instruction>Olá</instruction>Bom dia</s><instruction>E?</instruction>"
    );
    let err = teeny.render(&[Message::new("system", "x")], &options).unwrap_err();
    assert!(err.to_string().contains("\"system\""), "{err}");
}

#[test]
fn chat_template_is_the_files_own_then_by_vocabulary() {
    let with = |tokens: &[&str], template: Option<&str>| {
        let mut v = vocabulary(&fixture("gguf_ties.json"));
        v.tokens.extend(tokens.iter().map(|&t| t.to_owned()));
        v.scores.as_mut().unwrap().resize(v.tokens.len(), 0.0);
        v.token_types.as_mut().unwrap().resize(v.tokens.len(), 3);
        Tokenizer::from_gguf(GgufVocabulary {
            chat_templates: template.map(|source| ("default", source)).into_iter().collect(),
            ..v
        })
        .unwrap()
    };
    assert_eq!(with(&["<|im_start|>"], Some("own")).chat_template(None).unwrap().source(), "own");
    assert_eq!(with(&["<|im_start|>"], None).chat_template(None).unwrap().source(), CHATML);
    assert_eq!(with(&["<instruction>"], None).chat_template(None).unwrap().source(), TEENY_TINY_LLAMA);
    assert!(matches!(with(&[], None).chat_template(None), Err(Error::NoChatTemplate)));
    let err = with(&["<|im_start|>"], None).chat_template(Some("rag")).unwrap_err();
    assert!(err.to_string().contains("\"rag\""), "{err}");
}

/// Each form that transformers reads; what it refuses is refused, and not taken for another.
#[test]
fn chat_templates_of_a_folder_have_names() {
    let bytes = crate::fixture_bytes("qwen_style.tokenizer.json");
    let of = |template: Value| {
        let config = json!({"chat_template": template}).to_string();
        let config = azulejo_tokenizer::TokenizerConfig::from_json(config.as_bytes()).unwrap();
        Tokenizer::from_json(&bytes, &config).unwrap()
    };
    let source = |tokenizer: &Tokenizer, given: Option<&str>| {
        tokenizer.chat_template(given).map(|template| template.source().to_owned())
    };
    for named in [
        json!([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]),
        json!({"tool_use": "t", "default": "d"}),
    ] {
        let tokenizer = of(named);
        assert_eq!(source(&tokenizer, None).unwrap(), "d");
        assert_eq!(source(&tokenizer, Some("tool_use")).unwrap(), "t");
        assert_eq!(source(&tokenizer, Some("chatml")).unwrap(), CHATML);
        assert_eq!(source(&tokenizer, Some("{{ x }}")).unwrap(), "{{ x }}");
        let error = source(&tokenizer, Some("rag")).unwrap_err().to_string();
        assert!(error.contains("default, tool_use, chatml"), "{error}");
    }
    let no_default = of(json!([{"name": "tool_use", "template": "t"}]));
    let error = source(&no_default, None).unwrap_err();
    assert!(matches!(&error, Error::NoDefaultChatTemplate { known } if known == "tool_use"), "{error}");
    assert!(no_default.has_chat_template());
    for wrong in [json!(5), json!(["t"]), json!([{"template": "t"}]), json!({"default": 1}), json!(true)] {
        let tokenizer = of(wrong.clone());
        let error = source(&tokenizer, None).unwrap_err();
        assert!(matches!(error, Error::Json { .. }), "{wrong}: {error}");
        assert!(tokenizer.has_chat_template() && tokenizer.warnings().len() == 1, "{wrong}");
    }
    assert_eq!(source(&of(Value::Null), None).unwrap(), CHATML);
}

#[test]
fn chat_template_errors_name_the_line() {
    let err = ChatTemplate::new("ok\n{% if %}").unwrap_err();
    assert!(matches!(err, Error::Template { line: 2, .. }), "{err}");
    let template = ChatTemplate::new("\n\n{{ messages[0].nothing.at_all }}").unwrap();
    let err = template.render(&chat(), &RenderOptions::default()).unwrap_err();
    assert!(matches!(err, Error::Template { line: 3, .. }), "{err}");
    let template =
        ChatTemplate::new("{% macro m() %}\n{{ raise_exception('no') }}{% endmacro %}\n{{ m() }}").unwrap();
    let err = template.render(&chat(), &RenderOptions::default()).unwrap_err();
    assert!(matches!(&err, Error::TemplateRaised { message, .. } if message == "no"), "{err}");
}

#[test]
fn chat_hostile_loop_ends() {
    let loops = "{% for a in range(99999) %}".repeat(4) + "x" + &"{% endfor %}".repeat(4);
    let recursion = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned();
    for source in [loops, recursion] {
        let err = ChatTemplate::new(&source).unwrap().render(&chat(), &RenderOptions::default()).unwrap_err();
        assert!(matches!(err, Error::Template { .. }), "{err}");
    }
}

#[test]
fn chat_long_conversation_has_fuel_enough() {
    let template = ChatTemplate::new(fixture("chat.json")["templates"]["qwen"].as_str().unwrap()).unwrap();
    let messages: Vec<Message> =
        (0..2001).map(|i| Message::new(["user", "assistant"][i % 2], "palavras ".repeat(20))).collect();
    let text = template.render(&messages, &RenderOptions::default()).unwrap();
    assert_eq!(text.matches("<|im_end|>").count(), 2001);
}

#[test]
fn chat_without_a_clock_has_no_strftime_now() {
    let template =
        ChatTemplate::new("{{ strftime_now is defined }} {{ strftime_now is defined and 1 }}").unwrap();
    let none = template.render(&chat(), &RenderOptions::default()).unwrap();
    assert_eq!(none, "False False");
    let some = template.render(&chat(), &options(&json!({}))).unwrap();
    assert_eq!(some, "True 1");
}

#[test]
fn chat_endless_expressions_are_errors() {
    for source in [
        "{{ ".to_owned() + &"not ".repeat(100_000) + "x }}",
        "{{ ".to_owned() + &"(".repeat(100_000),
        "{{ 1".to_owned() + &"+1".repeat(100_000) + " }}",
        "{{ x".to_owned() + &".a".repeat(100_000) + " }}",
        "{{ ".to_owned() + &"f(1, -".repeat(100_000),
        "{% if x %}".repeat(100_000),
        "{% if 0 %}".to_owned() + &"{% elif 0 %}".repeat(100_000) + "{% endif %}",
    ] {
        let err = ChatTemplate::new(&source).unwrap_err();
        assert!(matches!(err, Error::Template { line: 1, .. }), "{err}");
    }
}

#[test]
fn chat_types_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<ChatTemplate>();
    shared::<Tokenizer>();
    shared::<azulejo_tokenizer::StreamDecoder>();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// A real template with a stretch of it repeated, cut out or put elsewhere: an error or a text, never a panic.
    #[test]
    fn chat_broken_templates_do_not_panic(
        name in prop::sample::select(vec!["llama3", "qwen", "mistral", "python", "loops", "schema", "generation"]),
        from in any::<prop::sample::Index>(),
        len in 0usize..60,
        to in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let json = fixture("chat.json");
        let mut chars: Vec<char> = json["templates"][name].as_str().unwrap().chars().collect();
        let start = from.index(chars.len());
        let end = (start + len).min(chars.len());
        let piece: Vec<char> = chars[start..end].to_vec();
        if cut {
            chars.drain(start..end);
        }
        let to = to.index(chars.len());
        chars.splice(to..to, piece);
        let source: String = chars.into_iter().collect();
        if let Ok(template) = ChatTemplate::new(&source) {
            let _ = template.render(&chat(), &options(&json!({"tools": json["cases"][3]["options"]["tools"]})));
        }
    }
}
