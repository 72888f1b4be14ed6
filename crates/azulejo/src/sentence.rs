//! What a model's files say of embeddings: those of sentence-transformers in a folder, a key in a GGUF.

use azulejo_formats::hf::{HfFiles, SentenceFiles, SentenceModule};
use azulejo_formats::{ModelFile, ModelKind};
use serde_json::Value;

use crate::{Code, EmbedOptions, Error, Pooling};

/// What `pooling_mode_*` of older folders is called, and what it is.
const POOLINGS: [(&str, &str, Pooling); 3] = [
    ("mean", "pooling_mode_mean_tokens", Pooling::Mean),
    ("cls", "pooling_mode_cls_token", Pooling::Cls),
    ("lasttoken", "pooling_mode_lasttoken", Pooling::Last),
];

impl EmbedOptions {
    /// What a model's files say, of which a header is enough: in a folder `modules.json` and what it names,
    /// `config_sentence_transformers.json` and `sentence_bert_config.json`; in a GGUF the pooling (`*.pooling_type`).
    /// What they don't say is as [`EmbedOptions::new`] has it. As in sentence-transformers, a folder with modules
    /// normalises where they say so, and cuts texts to the model's length.
    ///
    /// # Errors
    /// - [`Code::Unsupported`]: another module than `Transformer`, `Pooling` and `Normalize`, or another pooling than
    ///   one of mean, CLS and last token;
    /// - [`Code::Corrupt`]: files that aren't what they should be.
    pub fn of(file: &ModelFile) -> Result<Self, Error> {
        match &file.kind {
            ModelKind::Gguf(metadata) => {
                let architecture = metadata.find_str("general.architecture").ok().flatten();
                let key = format!("{}.pooling_type", architecture.unwrap_or_default());
                let said = metadata.find_u32(&key).map_err(|error| Error::new(Code::Corrupt, error))?;
                // llama.cpp's numbers.
                let pooling = match said {
                    None | Some(1) => Pooling::Mean,
                    Some(0) => Pooling::None,
                    Some(2) => Pooling::Cls,
                    Some(3) => Pooling::Last,
                    Some(other) => {
                        return Err(unsupported(format!(
                            "'{key}' is {other}, which is not supported; 0 (none), 1 (mean), 2 (CLS) and 3 (last) are"
                        )));
                    }
                };
                Ok(Self::new().pooling(pooling))
            }
            ModelKind::HuggingFace(files) => match &files.sentence {
                Some(sentence) => of_sentence(file, files, sentence),
                None => Ok(Self::new()),
            },
        }
    }
}

fn of_sentence(file: &ModelFile, files: &HfFiles, sentence: &SentenceFiles) -> Result<EmbedOptions, Error> {
    let mut options = EmbedOptions { normalise: false, ..EmbedOptions::new() };
    let mut kinds = sentence.modules.iter().map(|module| module.kind.as_str());
    if kinds.next() != Some("Transformer") || kinds.next() != Some("Pooling") {
        return Err(unsupported(
            "modules.json: its first two modules must be Transformer and Pooling".to_owned(),
        ));
    }
    options.pooling = pooling(&sentence.modules[1])?;
    for module in &sentence.modules[2..] {
        match module.kind.as_str() {
            "Normalize" => options.normalise = true,
            other => {
                return Err(unsupported(format!(
                    "modules.json: the module {other} is not supported behind Pooling; Normalize is"
                )));
            }
        }
    }
    let of_config = |key: &str| sentence.config.as_ref().map_or(&Value::Null, |config| &config[key]);
    let prompts = of_config("prompts");
    if let Some(prompts) = prompts.as_object() {
        for (name, prompt) in prompts {
            match prompt.as_str() {
                Some(prompt) => _ = options.prompts.insert(name.clone(), prompt.to_owned()),
                None if prompt.is_null() => {}
                None => return Err(corrupt(CONFIG, &format!("the prompt '{name}' is no text"))),
            }
        }
    } else if !prompts.is_null() {
        return Err(corrupt(CONFIG, "'prompts' is no object"));
    }
    options.default_prompt = match of_config("default_prompt_name") {
        Value::Null => None,
        Value::String(name) if options.prompts.contains_key(name) => Some(name.clone()),
        other => {
            return Err(corrupt(
                CONFIG,
                &format!("'default_prompt_name' is {other}, and 'prompts' has no such prompt"),
            ));
        }
    };
    let has_prompt = options.prompts.values().any(|prompt| !prompt.is_empty());
    if has_prompt && sentence.modules[1].config.as_ref().is_some_and(|c| c["include_prompt"] == false) {
        let text = "the configuration of Pooling: 'include_prompt' is false, which is not supported; true is";
        return Err(unsupported(text.to_owned()));
    }
    let of_transformer = |key: &str| sentence.transformer.as_ref().map_or(&Value::Null, |c| &c[key]);
    options.lowercase = of_transformer("do_lower_case") == true;
    let of_tokenizer = files.tokenizer_config.as_ref().map_or(&Value::Null, |c| &c["model_max_length"]);
    let said = match of_transformer("max_seq_length") {
        Value::Null => of_tokenizer.as_u64(),
        said => match said.as_u64() {
            Some(most) if most > 0 => Some(most),
            _ => {
                let problem = format!("'max_seq_length' is {said}; it must be a whole number above 0");
                return Err(corrupt("sentence_bert_config.json", &problem));
            }
        },
    };
    let most = u64::from(azulejo_models::config(file)?.context_length);
    options.most_tokens = u32::try_from(said.map_or(most, |said| said.min(most))).ok();
    Ok(options)
}

const CONFIG: &str = "config_sentence_transformers.json";

/// The pooling of a module.
fn pooling(module: &SentenceModule) -> Result<Pooling, Error> {
    let config = module.config.as_ref().and_then(Value::as_object);
    let config = config.ok_or_else(|| corrupt("modules.json", "the folder of Pooling has no config.json"))?;
    let wrong = |key: &str, value: &Value, what: &str| {
        corrupt("the configuration of Pooling", &format!("'{key}' is {value}; it must be {what}"))
    };
    let modes = match config.get("pooling_mode") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(modes)) => modes.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    let mut wanted = Vec::new();
    for mode in modes {
        wanted.push(mode.as_str().ok_or_else(|| wrong("pooling_mode", mode, "a text"))?);
    }
    for (key, is) in config.iter().filter(|(key, _)| key.starts_with("pooling_mode_")) {
        let is = is.as_bool().ok_or_else(|| wrong(key, is, "true or false"))?;
        if is && modes.is_empty() {
            wanted.push(key);
        }
    }
    let known = ["word_embedding_dimension", "embedding_dimension", "include_prompt", "pooling_mode"];
    let is_known = |key: &str| known.contains(&key) || key.starts_with("pooling_mode_");
    if let Some(key) = config.keys().find(|key| !is_known(key)) {
        return Err(unsupported(format!("the configuration of Pooling: '{key}' isn't understood")));
    }
    match wanted.as_slice() {
        [] => Ok(Pooling::Mean),
        [one] => match POOLINGS.iter().find(|(name, key, _)| one == name || one == key) {
            Some((.., pooling)) => Ok(*pooling),
            None => Err(unsupported(format!(
                "the configuration of Pooling: '{one}' is not supported; mean, cls and lasttoken are"
            ))),
        },
        several => Err(unsupported(format!(
            "the configuration of Pooling: several at once ({}) are not supported; one is",
            several.join(", ")
        ))),
    }
}

fn unsupported(text: String) -> Error {
    Error::new(Code::Unsupported, text)
}

fn corrupt(file: &str, problem: &str) -> Error {
    Error::new(Code::Corrupt, format!("{file}: {problem}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use azulejo_formats::gguf::{Metadata, Writer};
    use serde_json::json;

    use super::*;

    #[test]
    fn embed_pooling_of_a_gguf_is_its_key() {
        let of = |kind: Option<u32>| {
            let mut metadata = Metadata::default();
            metadata.insert("general.architecture", "bert");
            if let Some(kind) = kind {
                metadata.insert("bert.pooling_type", kind);
            }
            let header = Writer::new(Vec::new(), &metadata, &[]).unwrap().finish().unwrap();
            EmbedOptions::of(&ModelFile::from_gguf_bytes(header).unwrap())
                .map(|how| (how.pooling, how.normalise))
        };
        assert_eq!(of(None).unwrap(), (Pooling::Mean, true));
        let known = [Pooling::None, Pooling::Mean, Pooling::Cls, Pooling::Last];
        for (kind, pooling) in (0..).zip(known) {
            assert_eq!(of(Some(kind)).unwrap(), (pooling, true));
        }
        let rank = of(Some(4)).unwrap_err();
        assert!(rank.code() == Code::Unsupported && rank.to_string().contains("bert.pooling_type"), "{rank}");
    }

    #[test]
    fn embed_pooling_of_a_module_has_an_older_and_a_newer_key() {
        let of =
            |config: Value| pooling(&SentenceModule { kind: "Pooling".to_owned(), config: Some(config) });
        for (name, key, wanted) in POOLINGS {
            assert_eq!(of(json!({ "pooling_mode": name })).unwrap(), wanted);
            assert_eq!(of(json!({ "pooling_mode": [name] })).unwrap(), wanted);
            let older = json!({ "word_embedding_dimension": 8, key: true, "pooling_mode_max_tokens": false });
            assert_eq!(of(older).unwrap(), wanted);
            // The newer counts where there are both.
            let both = json!({ "pooling_mode": name, "pooling_mode_max_tokens": true });
            assert_eq!(of(both).unwrap(), wanted);
        }
        for (wrong, word) in [
            (json!({ "pooling_mode": "weightedmean" }), "weightedmean"),
            (json!({ "pooling_mode": 3 }), "'pooling_mode' is 3"),
            (json!({ "pooling_mode": ["mean", 3] }), "'pooling_mode' is 3"),
            (json!({ "pooling_mode_cls_token": "true" }), "'pooling_mode_cls_token' is \"true\""),
        ] {
            let error = of(wrong).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
