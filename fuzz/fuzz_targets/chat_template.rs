//! A Jinja template, rendered with a short conversation.
#![no_main]

use azulejo_tokenizer::{ChatTemplate, Message, RenderOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let Ok(template) = ChatTemplate::new(source) else { return };
    let messages =
        [Message::new("system", "Sê breve."), Message::new("user", "Olá"), Message::new("assistant", "")];
    for add_generation_prompt in [false, true] {
        let options =
            RenderOptions { add_generation_prompt, bos_token: Some("<s>".into()), ..Default::default() };
        let _ = template.render(&messages, &options);
    }
});
