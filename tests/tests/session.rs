//! A session keeps what it has: resumed is as uninterrupted, cancelled leaves it usable, a full context says so.

use std::ops::ControlFlow;

use azulejo::{BlockFormat, Event, Generate, Model, ModelOptions, Overflow};
use azulejo_formats::ModelFile;
use azulejo_tests::{Shape, random_llama, random_llama_file};

use crate::devices;

const SHAPE: Shape = Shape { layers: 2, hidden: 64, ffn: 96, heads: 4, kv_heads: 2, vocabulary: 131 };

fn models(options: impl Fn(ModelOptions) -> ModelOptions) -> Vec<(String, Model)> {
    let file = random_llama_file(SHAPE, |_| BlockFormat::F16);
    devices::all()
        .into_iter()
        .take(2)
        .map(|(name, o)| (name, Model::from_file(&file, &options(o), &mut |_, _| true).expect("a model")))
        .collect()
}

#[test]
fn session_resumed_is_as_uninterrupted() {
    for (name, model) in models(|o| o) {
        let prompt: Vec<u32> = (3..40).collect();
        let whole = model.session().expect("a session").greedy_tokens(&prompt, 30).expect("tokens");
        let mut session = model.session().expect("a session");
        let first = session.greedy_tokens(&prompt, 11).expect("tokens");
        assert_eq!(first, whole[..11], "{name}");
        let longer: Vec<u32> = prompt.iter().chain(&first).copied().collect();
        let cached = session.cached_tokens();
        assert!(cached >= prompt.len() + 10, "{name}: only {cached} tokens kept");
        assert_eq!(session.greedy_tokens(&longer, 19).expect("tokens"), whole[11..], "{name}");
        // Another beginning: what differs is evaluated anew.
        let other: Vec<u32> = prompt[..20].iter().copied().chain([90, 91, 92]).collect();
        let fresh = model.session().expect("a session").greedy_tokens(&other, 12).expect("tokens");
        assert_eq!(session.greedy_tokens(&other, 12).expect("tokens"), fresh, "{name}");
    }
}

#[test]
fn session_chunks_make_no_difference() {
    let prompt: Vec<u32> = (0..100).map(|i| (i * 7 + 3) % 131).collect();
    let mut all = Vec::new();
    for chunk in [1, 3, 33, 64, 512] {
        for (name, model) in models(|o| o.chunk(chunk)) {
            let tokens = model.session().expect("a session").greedy_tokens(&prompt, 8).expect("tokens");
            all.push((format!("{name} in chunks of {chunk}"), tokens));
        }
    }
    for (name, tokens) in &all {
        assert_eq!(*tokens, all[0].1, "{name} against {}", all[0].0);
    }
}

#[test]
fn session_full_context_ends_an_answer_and_refuses_a_prompt_with_the_numbers() {
    for (name, model) in models(|o| o.context(24)) {
        let mut session = model.session().expect("a session");
        let error =
            session.greedy_tokens(&(0..25).collect::<Vec<u32>>(), 1).expect_err("25 tokens don't fit in 24");
        assert!(
            error.is_context_full() && error.to_string().contains("25") && error.to_string().contains("24"),
            "{name}: {error}"
        );
        // 20 tokens and the 5 that 24 positions leave room for: the fifth needs no position of its own.
        let prompt: Vec<u32> = (0..20).collect();
        assert_eq!(session.greedy_tokens(&prompt, 5).expect("five fit").len(), 5, "{name}");
        let five = session.greedy_tokens(&prompt, 6).expect("six don't, and five are an answer");
        assert_eq!(five.len(), 5, "{name}");
        let full: Vec<u32> = (0..24).collect();
        assert_eq!(
            session.greedy_tokens(&full, 6).expect("a token behind a full context").len(),
            1,
            "{name}"
        );
        // The session is as good as before.
        assert_eq!(session.greedy_tokens(&prompt, 6).expect("five fit"), five, "{name}");
    }
}

#[test]
fn session_full_context_keeps_the_text_and_says_why_it_ends() {
    let greedy = azulejo::SamplerOptions::greedy();
    let sampled = greedy.clone().temperature(1.0);
    for (name, device) in devices::all().into_iter().take(2) {
        let options = ModelOptions::new().device(device.device).context(24);
        let model = Model::embedded(&options).expect("the embedded model");
        let prompt: Vec<u32> = model
            .tokenizer()
            .expect("a tokenizer")
            .encode("Where do I pay the water bill?", azulejo::EncodeOptions::default())
            .expect("tokens");
        let most = 24 + 1 - prompt.len();
        let mut session = model.session().expect("a session");
        for sampler in [&greedy, &sampled] {
            for (max_tokens, tokens, stop) in [
                (None, most, azulejo::StopReason::ContextFull),
                (Some(most + 1), most, azulejo::StopReason::ContextFull),
                (Some(most), most, azulejo::StopReason::MaxTokens),
                (Some(3), 3, azulejo::StopReason::MaxTokens),
            ] {
                let mut how = Generate::new().sampler(sampler.clone()).ignore_end(true);
                how.max_tokens = max_tokens;
                let mut told = String::new();
                let mut go = |how: &Generate| {
                    told.clear();
                    session.generate(&prompt, how, &mut |event| {
                        match event {
                            Event::Token { text, .. } | Event::Rest(text) => told.push_str(text),
                            Event::Prompt { .. } => {}
                        }
                        ControlFlow::Continue(())
                    })
                };
                let answer = go(&how).expect("an answer");
                assert_eq!((answer.tokens.len(), &answer.stop), (tokens, &stop), "{name}: {max_tokens:?}");
                // On another device behind its last token, it is the same answer and nothing is told again.
                let again = go(&how.resume(answer.tokens.clone())).expect("an answer");
                assert_eq!((again.text, again.stop), (answer.text.clone(), stop), "{name}: {max_tokens:?}");
                assert!(told.is_empty() || answer.text.ends_with(&told), "{name}: {told}");
                assert!(!answer.text.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn session_goes_on_behind_an_answer_that_was_no_number() {
    let mut bytes = random_llama(SHAPE, |_| BlockFormat::F32);
    let file = ModelFile::from_gguf_bytes(bytes.clone()).expect("a file");
    // The embedding of token 5: a prompt without it is as good as ever.
    let row_bytes = SHAPE.hidden as usize * 4;
    let row = file.tensors["token_embd.weight"].offset as usize + 5 * row_bytes;
    bytes[row..][..row_bytes].copy_from_slice(&f32::NAN.to_le_bytes().repeat(SHAPE.hidden as usize));
    let file = ModelFile::from_gguf_bytes(bytes).expect("a file");
    for (name, options) in devices::all().into_iter().take(2) {
        let model = Model::from_file(&file, &options, &mut |_, _| true).expect("a model");
        let want = model.session().expect("a session").greedy_tokens(&[1, 2, 3], 6).expect("numbers");
        let mut session = model.session().expect("a session");
        for _ in 0..2 {
            let error = session.greedy_tokens(&[4, 5, 6], 6).expect_err("no logit is a number");
            assert!(error.to_string().contains("a number"), "{name}: {error}");
            assert_eq!(session.greedy_tokens(&[1, 2, 3], 6).expect("numbers"), want, "{name}");
        }
    }
}

#[test]
fn session_cancelled_and_shifted_answers() {
    for (name, device) in devices::all().into_iter().take(2) {
        let options = ModelOptions::new().device(device.device).context(256);
        let model = Model::embedded(&options).expect("the embedded model");
        let mut session = model.session().expect("a session");
        let prompt = model
            .chat_prompt(&[azulejo::Message::new("user", "Where do I pay the water bill?")])
            .expect("a prompt");
        let mut seen = 0;
        let answer = session
            .generate(&prompt, &Generate::greedy(40), &mut |event| {
                seen += usize::from(matches!(event, Event::Token { .. }));
                if seen == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .expect("a cancelled answer is an answer");
        assert_eq!((answer.tokens.len(), answer.stop), (3, azulejo::StopReason::Cancelled), "{name}");
        let whole = model
            .session()
            .expect("a session")
            .generate(&prompt, &Generate::greedy(20), &mut |_| ControlFlow::Continue(()))
            .expect("an answer");
        let again = session
            .generate(&prompt, &Generate::greedy(20), &mut |_| ControlFlow::Continue(()))
            .expect("an answer");
        assert_eq!(whole.tokens, again.tokens, "{name}: after a cancelled answer");
        assert!(again.cached_tokens >= prompt.len() - 1, "{name}: the prompt was evaluated again");
        let long = Generate::greedy(400).ignore_end(true).overflow(Overflow::Shift { keep: 4 });
        let shifted =
            session.generate(&prompt, &long, &mut |_| ControlFlow::Continue(())).expect("a shifted answer");
        assert_eq!(shifted.tokens.len(), 400, "{name}");
    }
}

#[test]
fn session_stop_strings_end_an_answer() {
    let model = Model::embedded(&devices::all()[0].1).expect("the embedded model");
    let prompt = model
        .chat_prompt(&[azulejo::Message::new("user", "Where do I pay the water bill?")])
        .expect("a prompt");
    let mut session = model.session().expect("a session");
    let mut go = |how: &Generate| {
        session.generate(&prompt, how, &mut |_| ControlFlow::Continue(())).expect("an answer")
    };
    let whole = go(&Generate::greedy(24)).text;
    let middle: String = whole.chars().skip(whole.chars().count() / 2).take(4).collect();
    let stopped = go(&Generate::greedy(24).stop(&middle));
    assert_eq!(stopped.text, whole[..whole.find(&middle).expect("it is there")]);
    assert_eq!(stopped.stop, azulejo::StopReason::StopString(middle));
    // The end of a turn, by its spelling: what ends the text anyway, and where it doesn't.
    let natural = go(&Generate::greedy(60));
    assert!(matches!(natural.stop, azulejo::StopReason::EndOfText(_)), "{natural:?}");
    let end = "<|im_end|>".to_owned();
    let how = Generate::greedy(60).stop(&end).ignore_end(true);
    let stopped = go(&how);
    assert_eq!((stopped.text, stopped.tokens), (natural.text, natural.tokens));
    assert_eq!(stopped.stop, azulejo::StopReason::StopString(end));
}

#[test]
fn session_sampler_parameters_that_make_no_sense_are_an_error_by_name() {
    let model = Model::embedded(&devices::all()[0].1).expect("the embedded model");
    let prompt = model.tokenizer().expect("a tokenizer").encode("a", Default::default()).expect("tokens");
    let usual = azulejo::SamplerOptions::new;
    for (name, sampler) in [
        ("temperature", usual().temperature(f32::NAN)),
        ("top_p", usual().top_p(f32::NAN)),
        ("repeat_penalty", usual().repeat_penalty(0.0)),
    ] {
        let mut session = model.session().expect("a session");
        let how = Generate::new().sampler(sampler).max_tokens(2);
        let error = session
            .generate(&prompt, &how, &mut |_| ControlFlow::Continue(()))
            .expect_err("the parameter makes no sense");
        assert_eq!(error.code(), azulejo::Code::InvalidArgument, "{error}");
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(session.cached_tokens(), 0, "{name}: the prompt was evaluated first");
    }
}

#[test]
fn session_seed_replays_a_sampled_answer() {
    let model = Model::embedded(&devices::all()[0].1).expect("the embedded model");
    let prompt = model.chat_prompt(&[azulejo::Message::new("user", "hello")]).expect("a prompt");
    let go = |seed| {
        let sampler = azulejo::SamplerOptions::new().temperature(1.5).top_k(0).top_p(1.0).min_p(0.0);
        let how = Generate::new().seed(seed).sampler(sampler).max_tokens(30).ignore_end(true);
        model
            .session()
            .expect("a session")
            .generate(&prompt, &how, &mut |_| ControlFlow::Continue(()))
            .expect("an answer")
            .tokens
    };
    assert_eq!(go(7), go(7));
    assert_ne!(go(7), go(8));
}
