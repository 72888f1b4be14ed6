//! An encoder's tensors: GGUF's names, and those of BERT and RoBERTa in Hugging Face files.

/// Outside of the layers: GGUF's name, Hugging Face's.
const WHOLE: [(&str, &str); 4] = [
    ("token_embd", "embeddings.word_embeddings"),
    ("token_types", "embeddings.token_type_embeddings"),
    ("position_embd", "embeddings.position_embeddings"),
    ("token_embd_norm", "embeddings.LayerNorm"),
];

/// In a layer.
const OF_LAYER: [(&str, &str); 8] = [
    ("attn_q", "attention.self.query"),
    ("attn_k", "attention.self.key"),
    ("attn_v", "attention.self.value"),
    ("attn_output", "attention.output.dense"),
    ("attn_output_norm", "attention.output.LayerNorm"),
    ("ffn_up", "intermediate.dense"),
    ("ffn_down", "output.dense"),
    ("layer_output_norm", "output.LayerNorm"),
];

/// What stands in front of the names in a model with a head; those without have nothing there.
const PREFIXES: [&str; 2] = ["bert.", "roberta."];

/// What GGUF has no place for and embeddings have no use for: the heads, the pooler (BERT's for pairs of sentences) and
/// a table that counts positions.
const LEFT_OUT: [&str; 5] =
    ["lm_head.", "cls.predictions.", "cls.seq_relationship.", "pooler.", "embeddings.position_ids"];

/// How the tensors of a Hugging Face encoder are named.
#[derive(Clone, Copy, Debug)]
pub struct EncoderNames {
    prefix: &'static str,
    /// The parts of a norm: `gamma` and `beta` in weights that came from TensorFlow.
    norm: [&'static str; 2],
}

impl EncoderNames {
    /// Those of a file, of which `has` tells whether it has a tensor.
    pub fn of(has: impl Fn(&str) -> bool) -> Self {
        let has_prefix = |prefix: &&str| has(&format!("{prefix}embeddings.word_embeddings.weight"));
        let prefix = PREFIXES.into_iter().find(has_prefix).unwrap_or_default();
        let is_old = has(&format!("{prefix}embeddings.LayerNorm.gamma"));
        Self { prefix, norm: if is_old { ["gamma", "beta"] } else { ["weight", "bias"] } }
    }

    /// The name of a tensor in the file; `None` for what isn't GGUF's name of one.
    pub fn hugging_face(&self, gguf: &str) -> Option<String> {
        let (what, kind) = gguf.rsplit_once('.')?;
        let of = |names: &[(&str, &'static str)], what: &str| {
            names.iter().find(|(gguf, _)| *gguf == what).map(|(_, name)| *name)
        };
        let name = match of(&WHOLE, what) {
            Some(name) => format!("{}{name}", self.prefix),
            None => {
                let (layer, what) = what.strip_prefix("blk.")?.split_once('.')?;
                format!("{}encoder.layer.{layer}.{}", self.prefix, of(&OF_LAYER, what)?)
            }
        };
        Some(if what.ends_with("_norm") { self.norm(&name, kind) } else { format!("{name}.{kind}") })
    }

    /// The name of a part of a norm in the file: its `weight` or its `bias`.
    pub(crate) fn norm(&self, name: &str, kind: &str) -> String {
        let [weight, bias] = self.norm;
        format!("{name}.{}", if kind == "bias" { bias } else { weight })
    }

    /// GGUF's name of a tensor of the file; `None` for what isn't known.
    pub fn gguf(&self, name: &str) -> Option<String> {
        let (what, kind) = name.strip_prefix(self.prefix)?.rsplit_once('.')?;
        let kind = match self.norm {
            [weight, _] if kind == weight => "weight",
            [_, bias] if kind == bias => "bias",
            _ => kind,
        };
        let of = |names: &[(&'static str, &str)], what: &str| {
            names.iter().find(|(_, name)| *name == what).map(|(gguf, _)| *gguf)
        };
        if let Some(gguf) = of(&WHOLE, what) {
            return Some(format!("{gguf}.{kind}"));
        }
        let (layer, what) = what.strip_prefix("encoder.layer.")?.split_once('.')?;
        Some(format!("blk.{layer}.{}.{kind}", of(&OF_LAYER, what)?))
    }

    /// Whether a tensor of the file has no place in a GGUF.
    pub fn is_left_out(&self, name: &str) -> bool {
        let body = name.strip_prefix(self.prefix).unwrap_or(name);
        LEFT_OUT.iter().any(|start| body.starts_with(start))
    }
}

/// The head that fills masks: its names in Hugging Face files.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) dense: &'static str,
    pub(crate) norm: &'static str,
    /// The output matrix where it isn't the embeddings; where it has a bias, that counts and not the one below.
    pub(crate) decoder: &'static str,
    pub(crate) bias: &'static str,
}

impl Head {
    /// That of an architecture.
    pub(crate) fn of(architecture: &str) -> &'static Self {
        const BERT: Head = Head {
            dense: "cls.predictions.transform.dense",
            norm: "cls.predictions.transform.LayerNorm",
            decoder: "cls.predictions.decoder",
            bias: "cls.predictions.bias",
        };
        const ROBERTA: Head = Head {
            dense: "lm_head.dense",
            norm: "lm_head.layer_norm",
            decoder: "lm_head.decoder",
            bias: "lm_head.bias",
        };
        if architecture == "bert" { &BERT } else { &ROBERTA }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoder_names_go_both_ways() {
        for (there, gguf, name) in [
            ("", "blk.3.attn_q.bias", "encoder.layer.3.attention.self.query.bias"),
            ("", "token_embd_norm.weight", "embeddings.LayerNorm.weight"),
            ("bert.", "blk.0.layer_output_norm.bias", "bert.encoder.layer.0.output.LayerNorm.beta"),
            ("bert.", "blk.0.ffn_down.bias", "bert.encoder.layer.0.output.dense.bias"),
            ("roberta.", "position_embd.weight", "roberta.embeddings.position_embeddings.weight"),
        ] {
            let gamma = if there == "bert." { "gamma" } else { "weight" };
            let first = format!("{there}embeddings.word_embeddings.weight");
            let norm = format!("{there}embeddings.LayerNorm.{gamma}");
            let names = EncoderNames::of(|name| name == first || name == norm);
            assert_eq!(names.hugging_face(gguf).as_deref(), Some(name));
            assert_eq!(names.gguf(name).as_deref(), Some(gguf));
            assert_eq!(names.gguf(&format!("{there}classifier.weight")), None);
            assert!(names.is_left_out(&format!("{there}pooler.dense.bias")));
            assert!(names.is_left_out("cls.predictions.bias") && !names.is_left_out(name));
        }
    }
}
