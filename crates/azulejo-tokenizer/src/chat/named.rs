//! Chat templates by their names: llama.cpp's, for those who have no Jinja at hand and for files without a template.
//!
//! They are what the models' own templates write for plain conversations. Where a model knows no system message, that
//! goes in front of the first question, as llama.cpp has it.

use super::{CHATML, ChatTemplate, TEENY_TINY_LLAMA};
use crate::error::{Error, Result};

/// Names and sources, in the order in which an error lists them.
const NAMED: &[(&str, &str)] = &[
    ("chatml", CHATML),
    ("llama2", LLAMA_2),
    ("llama3", LLAMA_3),
    ("gemma", GEMMA),
    ("mistral", MISTRAL),
    ("mistral-v1", MISTRAL_V1),
    ("mistral-v3", MISTRAL_V3),
    ("mistral-v3-tekken", MISTRAL_V3_TEKKEN),
    ("mistral-v7", MISTRAL_V7),
    ("zephyr", ZEPHYR),
    ("phi3", PHI_3),
    ("phi4", PHI_4),
    ("vicuna", VICUNA),
    ("vicuna-orca", VICUNA_ORCA),
    ("alpaca", ALPACA),
    ("command-r", COMMAND_R),
    ("deepseek3", DEEPSEEK_3),
    ("falcon3", FALCON_3),
    ("openchat", OPENCHAT),
    ("teenytinyllama", TEENY_TINY_LLAMA),
];

const LLAMA_2: &str = "{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ ' ' + message['content'].strip() + ' ' }}{{ eos_token }}\
{% else %}\
{% if loop.first or loop.previtem['role'] == 'assistant' %}{{ bos_token }}{{ '[INST] ' }}{% endif %}\
{% if message['role'] == 'system' %}{{ '<<SYS>>\n' + message['content'] + '\n<</SYS>>\n\n' }}\
{% else %}{{ message['content'].strip() + ' [/INST]' }}{% endif %}\
{% endif %}{% endfor %}";

const LLAMA_3: &str = "{{ bos_token }}{% for message in messages %}\
{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'].strip() + '<|eot_id|>' }}\
{% endfor %}\
{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

const GEMMA: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ '<start_of_turn>model\n' + message['content'].strip() + '<end_of_turn>\n' }}\
{% else %}\
{% if loop.first or loop.previtem['role'] != 'system' %}{{ '<start_of_turn>user\n' }}{% endif %}\
{% if message['role'] == 'system' %}{{ message['content'].strip() + '\n\n' }}\
{% else %}{{ message['content'].strip() + '<end_of_turn>\n' }}{% endif %}\
{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";

const MISTRAL: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] }}{{ eos_token }}\
{% else %}\
{% if loop.first or loop.previtem['role'] == 'assistant' %}{{ '[INST] ' }}{% endif %}\
{{ message['content'] + ('\n\n' if message['role'] == 'system' else ' [/INST]') }}\
{% endif %}{% endfor %}";

const MISTRAL_V1: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] }}{{ eos_token }}\
{% else %}\
{% if loop.first or loop.previtem['role'] == 'assistant' %}{{ ' [INST] ' }}{% endif %}\
{{ message['content'] + ('\n\n' if message['role'] == 'system' else ' [/INST]') }}\
{% endif %}{% endfor %}";

const MISTRAL_V3: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ ' ' + message['content'].strip() }}{{ eos_token }}\
{% else %}\
{% if loop.first or loop.previtem['role'] == 'assistant' %}{{ '[INST] ' }}{% endif %}\
{{ message['content'] + ('\n\n' if message['role'] == 'system' else '[/INST]') }}\
{% endif %}{% endfor %}";

const MISTRAL_V3_TEKKEN: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'assistant' %}{{ message['content'] }}{{ eos_token }}\
{% else %}\
{% if loop.first or loop.previtem['role'] == 'assistant' %}{{ '[INST]' }}{% endif %}\
{{ message['content'] + ('\n\n' if message['role'] == 'system' else '[/INST]') }}\
{% endif %}{% endfor %}";

const MISTRAL_V7: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'system' %}{{ '[SYSTEM_PROMPT] ' + message['content'] + '[/SYSTEM_PROMPT]' }}\
{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'] }}{{ eos_token }}\
{% else %}{{ '[INST] ' + message['content'] + '[/INST]' }}{% endif %}{% endfor %}";

const ZEPHYR: &str = "{% for message in messages %}\
{{ '<|' + message['role'] + '|>\n' + message['content'] }}{{ eos_token }}{{ '\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

const PHI_3: &str = "{% for message in messages %}\
{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

const PHI_4: &str = "{% for message in messages %}\
{{ '<|im_start|>' + message['role'] + '<|im_sep|>' + message['content'] + '<|im_end|>' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}";

const VICUNA: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}\
{% elif message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] }}{{ eos_token }}{{ '\n' }}\
{% else %}{{ 'USER: ' + message['content'] + '\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

const VICUNA_ORCA: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'system' %}{{ 'SYSTEM: ' + message['content'] + '\n' }}\
{% elif message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] }}{{ eos_token }}{{ '\n' }}\
{% else %}{{ 'USER: ' + message['content'] + '\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}";

const ALPACA: &str = "{{ bos_token }}\
{% if not messages or messages[0]['role'] != 'system' %}\
{{ 'Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n' }}\
{% endif %}\
{% for message in messages %}\
{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}\
{% elif message['role'] == 'assistant' %}{{ '### Response:\n' + message['content'] }}{{ eos_token }}{{ '\n\n' }}\
{% else %}{{ '### Instruction:\n' + message['content'] + '\n\n' }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '### Response:\n' }}{% endif %}";

const COMMAND_R: &str = "{{ bos_token }}{% for message in messages %}\
{% set role = 'CHATBOT' if message['role'] == 'assistant' else message['role'].upper() %}\
{{ '<|START_OF_TURN_TOKEN|><|' + role + '_TOKEN|>' + message['content'].strip() + '<|END_OF_TURN_TOKEN|>' }}\
{% endfor %}\
{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}";

const DEEPSEEK_3: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}\
{% elif message['role'] == 'assistant' %}{{ '<｜Assistant｜>' + message['content'] }}{{ eos_token }}\
{% else %}{{ '<｜User｜>' + message['content'] }}{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

const FALCON_3: &str = "{% for message in messages %}\
{{ '<|' + message['role'] + '|>\n' + message['content'] + '\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";

const OPENCHAT: &str = "{{ bos_token }}{% for message in messages %}\
{% if message['role'] == 'system' %}{{ message['content'] + '<|end_of_turn|>' }}\
{% else %}\
{{ 'GPT4 Correct ' + message['role'].title() + ': ' + message['content'] + '<|end_of_turn|>' }}\
{% endif %}{% endfor %}\
{% if add_generation_prompt %}{{ 'GPT4 Correct Assistant:' }}{% endif %}";

impl ChatTemplate {
    /// The template that a person gave: a built-in one's name (`chatml`), or Jinja. A text without `{{` and `{%` would
    /// say the same to every message, so that it's a name.
    ///
    /// # Errors
    /// [`Error::UnknownChatTemplate`] with the names that there are; those of [`new`](Self::new).
    pub fn given(name_or_source: &str) -> Result<Self> {
        if ["{{", "{%"].iter().any(|tag| name_or_source.contains(tag)) {
            return Self::new(name_or_source);
        }
        let name = name_or_source.trim();
        match NAMED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, source)) => Self::new(source),
            None => {
                let known = Self::names().collect::<Vec<_>>().join(", ");
                Err(Error::UnknownChatTemplate { name: name.to_owned(), known })
            }
        }
    }

    /// The names of the built-in templates.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, RenderOptions};

    fn rendered(name: &str, roles: &[&str]) -> String {
        let messages: Vec<Message> = roles
            .iter()
            .map(|&role| {
                Message::new(
                    role,
                    match role {
                        "system" => "Be kind.",
                        "user" => "Hi",
                        _ => "Yes?",
                    },
                )
            })
            .collect();
        let options = RenderOptions {
            add_generation_prompt: true,
            bos_token: Some("<s>".into()),
            eos_token: Some("</s>".into()),
            ..RenderOptions::default()
        };
        ChatTemplate::given(name).expect("a known name").render(&messages, &options).expect("a conversation")
    }

    #[test]
    fn named_templates_write_what_their_models_know() {
        let turns = ["system", "user", "assistant", "user"];
        let want = [
            (
                "chatml",
                "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
            ),
            ("llama2", "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Yes? </s><s>[INST] Hi [/INST]"),
            (
                "llama3",
                "<s><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
            ),
            (
                "gemma",
                "<s><start_of_turn>user\nBe kind.\n\nHi<end_of_turn>\n<start_of_turn>model\nYes?<end_of_turn>\n<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
            ),
            ("mistral", "<s>[INST] Be kind.\n\nHi [/INST] Yes?</s>[INST] Hi [/INST]"),
            ("mistral-v1", "<s> [INST] Be kind.\n\nHi [/INST] Yes?</s> [INST] Hi [/INST]"),
            ("mistral-v3", "<s>[INST] Be kind.\n\nHi[/INST] Yes?</s>[INST] Hi[/INST]"),
            ("mistral-v3-tekken", "<s>[INST]Be kind.\n\nHi[/INST]Yes?</s>[INST]Hi[/INST]"),
            (
                "mistral-v7",
                "<s>[SYSTEM_PROMPT] Be kind.[/SYSTEM_PROMPT][INST] Hi[/INST] Yes?</s>[INST] Hi[/INST]",
            ),
            (
                "zephyr",
                "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nYes?</s>\n<|user|>\nHi</s>\n<|assistant|>\n",
            ),
            (
                "phi3",
                "<|system|>\nBe kind.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nYes?<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n",
            ),
            (
                "phi4",
                "<|im_start|>system<|im_sep|>Be kind.<|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>Yes?<|im_end|><|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>",
            ),
            ("vicuna", "<s>Be kind.\n\nUSER: Hi\nASSISTANT: Yes?</s>\nUSER: Hi\nASSISTANT:"),
            ("vicuna-orca", "<s>SYSTEM: Be kind.\nUSER: Hi\nASSISTANT: Yes?</s>\nUSER: Hi\nASSISTANT:"),
            (
                "alpaca",
                "<s>Be kind.\n\n### Instruction:\nHi\n\n### Response:\nYes?</s>\n\n### Instruction:\nHi\n\n### Response:\n",
            ),
            (
                "command-r",
                "<s><|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Be kind.<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>Yes?<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Hi<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",
            ),
            ("deepseek3", "<s>Be kind.\n\n<｜User｜>Hi<｜Assistant｜>Yes?</s><｜User｜>Hi<｜Assistant｜>"),
            (
                "falcon3",
                "<|system|>\nBe kind.\n<|user|>\nHi\n<|assistant|>\nYes?\n<|user|>\nHi\n<|assistant|>\n",
            ),
            (
                "openchat",
                "<s>Be kind.<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant: Yes?<|end_of_turn|>GPT4 Correct User: Hi<|end_of_turn|>GPT4 Correct Assistant:",
            ),
        ];
        for (name, want) in want {
            assert_eq!(rendered(name, &turns), want, "{name}");
        }
        let ttl = "<s><instruction>Hi</instruction>Yes?</s><instruction>Hi</instruction>";
        assert_eq!(rendered("teenytinyllama", &turns[1..]), ttl);
        let known: Vec<&str> = want.iter().map(|(name, _)| *name).chain(["teenytinyllama"]).collect();
        assert_eq!(ChatTemplate::names().collect::<Vec<_>>(), known);
    }

    #[test]
    fn named_templates_do_without_a_system_message_and_without_bos_and_eos() {
        assert_eq!(
            rendered("gemma", &["user"]),
            "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n"
        );
        assert!(rendered("alpaca", &["user"]).starts_with("<s>Below is an instruction"));
        for name in ChatTemplate::names() {
            let template = ChatTemplate::given(name).expect("a known name");
            let messages = [Message::new("user", "Hi"), Message::new("assistant", "Yes?")];
            let text = template.render(&messages, &RenderOptions::default()).expect(name);
            assert!(text.contains("Hi") && text.contains("Yes?"), "{name}: {text}");
        }
    }

    #[test]
    fn named_templates_are_told_from_jinja_by_its_tags() {
        let source = |text: &str| ChatTemplate::given(text).expect("a template").source().to_owned();
        assert_eq!(source("chatml"), CHATML);
        assert_eq!(source(" ChatML\n"), CHATML);
        assert_eq!(source("chatml {{ messages }}"), "chatml {{ messages }}");
        for text in ["chatmk", "", "{# chatml #}", "Be kind."] {
            let error = ChatTemplate::given(text).expect_err("there is none").to_string();
            assert!(error.contains("chatml, llama2") && error.contains("teenytinyllama"), "{error}");
            assert!(error.contains(&format!("\"{}\"", text.trim())), "{error}");
        }
        assert!(matches!(ChatTemplate::given("{% if"), Err(Error::Template { .. })));
    }
}
