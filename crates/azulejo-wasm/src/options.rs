//! Options that come as JSON.

use azulejo::{DeviceChoice, Generate, KvType, ModelOptions, Output, Overflow, SamplerOptions};
use azulejo_formats::ModelFile;
use azulejo_shaders::Tier;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{Result, invalid, thrown};

/// Reads options; what is misspelt or of the wrong type is named.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| invalid(format!("the options: {e}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DeviceOptions {
    device: String,
    max_tier: Option<String>,
    binding_bytes: Option<u64>,
}

impl DeviceOptions {
    pub(crate) fn model_options(&self) -> Result<ModelOptions> {
        let device = match self.device.as_str() {
            "webgpu" => DeviceChoice::Wgpu(None),
            "cpu" => DeviceChoice::Cpu,
            other => return Err(invalid(format!("device: there is no '{other}'; choose webgpu or cpu"))),
        };
        let mut options = ModelOptions::new().device(device);
        options.checks.max_tier = self.max_tier.as_deref().map(tier).transpose()?;
        options.checks.binding_bytes = self.binding_bytes;
        Ok(options)
    }
}

/// A tier by its name.
pub(crate) fn tier(name: &str) -> Result<Tier> {
    Tier::ALL.into_iter().find(|tier| tier.name() == name).ok_or_else(|| {
        let names = Tier::ALL.map(Tier::name).join(", ");
        invalid(format!("tier: there is no '{name}'; choose one of {names}"))
    })
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct LoadOptions {
    context: Option<u32>,
    chunk: Option<u32>,
    kv_type: Option<String>,
}

impl LoadOptions {
    /// For a model of known shape that generates.
    pub(crate) fn model_options(&self) -> Result<ModelOptions> {
        self.with(ModelOptions::new())
    }

    /// For a file: what a page wants of an encoder is vectors, and as the native program gives them.
    pub(crate) fn of_file(&self, file: &ModelFile) -> Result<ModelOptions> {
        let config = azulejo_models::config(file).map_err(thrown)?;
        let usual = ModelOptions::new();
        self.with(if config.is_causal {
            usual
        } else {
            usual.output(Output::Hidden).kv_types(KvType::F32, KvType::F32)
        })
    }

    fn with(&self, mut options: ModelOptions) -> Result<ModelOptions> {
        options.context = self.context;
        options.chunk = self.chunk;
        if let Some(name) = &self.kv_type {
            let unknown = || invalid(format!("kvType: there is no '{name}'; choose f16, f32, q8_0 or q4_0"));
            let kind = KvType::of_name(name).ok_or_else(unknown)?;
            (options.k, options.v) = (kind, kind);
        }
        Ok(options)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct GenerateOptions {
    max_tokens: Option<usize>,
    temperature: Option<f32>,
    top_k: Option<u32>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    repeat_penalty: Option<f32>,
    repeat_last_n: Option<i32>,
    frequency_penalty: Option<f32>,
    presence_penalty: Option<f32>,
    seed: Option<u64>,
    stop: Vec<String>,
    logprobs: Option<usize>,
    ignore_end: bool,
    overflow: Option<String>,
    run_ahead: Option<u32>,
    resume: Vec<u32>,
}

impl GenerateOptions {
    pub(crate) fn generate(self) -> Result<Generate> {
        let usual = SamplerOptions::new();
        let sampler = SamplerOptions::new()
            .temperature(self.temperature.unwrap_or(usual.temperature))
            .top_k(self.top_k.unwrap_or(usual.top_k))
            .top_p(self.top_p.unwrap_or(usual.top_p))
            .min_p(self.min_p.unwrap_or(usual.min_p))
            .repeat_penalty(self.repeat_penalty.unwrap_or(usual.repeat_penalty))
            .repeat_last_n(self.repeat_last_n.unwrap_or(usual.repeat_last_n))
            .frequency_penalty(self.frequency_penalty.unwrap_or(usual.frequency_penalty))
            .presence_penalty(self.presence_penalty.unwrap_or(usual.presence_penalty));
        let overflow = match self.overflow.as_deref() {
            None | Some("end") => Overflow::End,
            Some("shift") => Overflow::Shift { keep: 0 },
            Some(other) => {
                return Err(invalid(format!("overflow: there is no '{other}'; choose end or shift")));
            }
        };
        let mut how = Generate::new()
            .sampler(sampler)
            .overflow(overflow)
            .ignore_end(self.ignore_end)
            .resume(self.resume);
        how.seed = self.seed.unwrap_or(how.seed);
        how.run_ahead = self.run_ahead.unwrap_or(how.run_ahead);
        (how.max_tokens, how.stop, how.logprobs) = (self.max_tokens, self.stop, self.logprobs);
        Ok(how)
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct TokenizeOptions {
    pub(crate) add_special: bool,
    pub(crate) parse_special: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ChatOptions {
    /// A chat template in place of the model's own: Jinja, or a built-in one's name.
    pub(crate) template: Option<String>,
    /// Further variables of the template.
    pub(crate) variables: serde_json::Map<String, serde_json::Value>,
    /// Reads control tokens' spellings in messages as those tokens.
    pub(crate) parse_special_in_content: bool,
    /// The page's date, for templates that ask for one: year, month (1 to 12), day, hour, minute, second.
    pub(crate) now: Option<(i32, u8, u8, u8, u8, u8)>,
}
