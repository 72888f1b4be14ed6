//! A tokenizer.json, or lines of tokens as a GGUF vocabulary; then texts through it and back.
#![no_main]

use azulejo_tokenizer::{EncodeOptions, GgufVocabulary, Tokenizer, TokenizerConfig};
use libfuzzer_sys::fuzz_target;

/// Lines: the first byte says the kind, each other line is a token, whose first byte makes type and score.
fn vocabulary(data: &[u8]) -> Option<GgufVocabulary> {
    let (kind, lines) = data.split_first()?;
    let mut vocabulary = GgufVocabulary {
        model: if kind & 1 == 0 { "llama" } else { "gpt2" }.to_owned(),
        pre: (kind & 2 != 0).then(|| "llama-bpe".to_owned()),
        bos_id: (kind & 4 != 0).then_some(1),
        ..GgufVocabulary::default()
    };
    let (mut types, mut scores, mut merges) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines.split(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line).into_owned();
        if text.contains(' ') {
            merges.push(text);
            continue;
        }
        let first = line.first().copied().unwrap_or(0);
        types.push(i32::from(first % 7));
        scores.push(-f32::from(first));
        vocabulary.tokens.push(text);
    }
    vocabulary.token_types = (kind & 8 != 0).then_some(types);
    vocabulary.scores = (kind & 16 != 0).then_some(scores);
    vocabulary.merges = (kind & 32 != 0).then_some(merges);
    Some(vocabulary)
}

fuzz_target!(|data: &[u8]| {
    let tokenizer = if data.first() == Some(&b'{') {
        Tokenizer::from_json(data, &TokenizerConfig::default())
    } else {
        let Some(vocabulary) = vocabulary(data) else { return };
        Tokenizer::from_gguf(vocabulary)
    };
    let Ok(tokenizer) = tokenizer else { return };
    let texts = [
        "",
        " ",
        "Olá, mundo!  açúcar\n\n\t<s></s> 123 🙂",
        "e\u{301}\u{0}\u{fffd}",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for text in texts {
        for parse_special in [false, true] {
            let options = EncodeOptions { add_special: true, parse_special };
            let Ok(ids) = tokenizer.encode(text, options) else { continue };
            let _ = tokenizer.decode(&ids, parse_special);
            let mut stream = tokenizer.stream_decoder(false);
            for id in ids {
                let _ = stream.push(id);
            }
            let _ = stream.finish();
        }
    }
    let _ = tokenizer.decode(&[0, 1, 2, 3, u32::MAX], false);
});
