//! A decoder's tensors: GGUF's names, and those in Hugging Face files.

use crate::decoder::Place;

/// Outside of the layers: GGUF's name, Hugging Face's.
const WHOLE: [(&str, &str); 2] = [("token_embd", "embed_tokens"), ("output_norm", "norm")];

/// The head's, which stands beside the rest.
const HEAD: (&str, &str) = ("output", "lm_head");

/// In a layer, but for its norms.
const OF_LAYER: [(&str, &str); 9] = [
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("attn_output", "self_attn.o_proj"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// A layer's norms. Llama calls the one before the MLP what others call the one behind the attention.
fn norms(place: Place) -> &'static [(&'static str, &'static str)] {
    match place {
        Place::Before => &[("attn_norm", "input_layernorm"), ("ffn_norm", "post_attention_layernorm")],
        Place::Behind => &[
            ("post_attention_norm", "post_attention_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
        Place::Both => &[
            ("attn_norm", "input_layernorm"),
            ("post_attention_norm", "post_attention_layernorm"),
            ("ffn_norm", "pre_feedforward_layernorm"),
            ("post_ffw_norm", "post_feedforward_layernorm"),
        ],
    }
}

/// What the names in a Hugging Face folder begin with, and those of its head: a model's; that of one saved from a base
/// model, without a head; that of the part that writes in a model that reads images too, as transformers 4 wrote it and
/// as 5 does, and without a head.
const PREFIXES: [(&str, &str); 5] = [
    ("model.", ""),
    ("", ""),
    ("language_model.model.", "language_model."),
    ("model.language_model.", ""),
    ("language_model.", ""),
];

/// How the tensors of a Hugging Face decoder are named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecoderNames {
    place: Place,
    prefix: (&'static str, &'static str),
}

impl DecoderNames {
    /// Those of a file, whose tensors `names` are, of a family whose norms stand in that place.
    pub(crate) fn of<'n>(place: Place, names: impl Iterator<Item = &'n String> + Clone) -> Self {
        let is_it = |(body, _): &(&str, &str)| {
            let begin = format!("{body}layers.");
            names.clone().any(|name| name.starts_with(&begin))
        };
        Self { place, prefix: PREFIXES.into_iter().find(is_it).unwrap_or(PREFIXES[0]) }
    }

    /// The name of a tensor in the file; `None` for what isn't GGUF's name of one.
    pub(crate) fn hugging_face(&self, gguf: &str) -> Option<String> {
        let (what, kind) = gguf.rsplit_once('.')?;
        let (body, head) = self.prefix;
        let of = |table: &[(&str, &'static str)], what: &str| {
            table.iter().find(|(gguf, _)| *gguf == what).map(|(_, name)| *name)
        };
        if what == HEAD.0 {
            return Some(format!("{head}{}.{kind}", HEAD.1));
        }
        if let Some(name) = of(&WHOLE, what) {
            return Some(format!("{body}{name}.{kind}"));
        }
        let (layer, what) = what.strip_prefix("blk.")?.split_once('.')?;
        let name = of(&OF_LAYER, what).or_else(|| of(norms(self.place), what))?;
        Some(format!("{body}layers.{layer}.{name}.{kind}"))
    }
}

/// GGUF's name of a tensor of any file of a family whose norms stand in that place; `None` for what it hasn't.
pub(crate) fn gguf(place: Place, name: &str) -> Option<String> {
    PREFIXES.iter().find_map(|(body, head)| {
        let of = |table: &[(&'static str, &str)], what: &str| {
            table.iter().find(|(_, name)| *name == what).map(|(gguf, _)| *gguf)
        };
        let (what, kind) = name.rsplit_once('.')?;
        if what.strip_prefix(head) == Some(HEAD.1) {
            return Some(format!("{}.{kind}", HEAD.0));
        }
        let what = what.strip_prefix(body)?;
        if let Some(gguf) = of(&WHOLE, what) {
            return Some(format!("{gguf}.{kind}"));
        }
        let (layer, what) = what.strip_prefix("layers.")?.split_once('.')?;
        let gguf = of(&OF_LAYER, what).or_else(|| of(norms(place), what))?;
        Some(format!("blk.{layer}.{gguf}.{kind}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoder_names_go_both_ways() {
        let behind = "model.layers.1.post_attention_layernorm.weight";
        for (place, prefix, name, wanted) in [
            (Place::Before, "model.", "lm_head.weight", "output.weight"),
            (Place::Before, "model.", "model.layers.3.self_attn.q_proj.bias", "blk.3.attn_q.bias"),
            (Place::Before, "", "layers.3.self_attn.q_proj.bias", "blk.3.attn_q.bias"),
            (Place::Before, "", "embed_tokens.weight", "token_embd.weight"),
            (Place::Before, "model.", behind, "blk.1.ffn_norm.weight"),
            (Place::Behind, "model.", behind, "blk.1.post_attention_norm.weight"),
            (Place::Both, "model.", behind, "blk.1.post_attention_norm.weight"),
            (
                Place::Both,
                "language_model.model.",
                "language_model.model.layers.1.pre_feedforward_layernorm.weight",
                "blk.1.ffn_norm.weight",
            ),
            (Place::Both, "language_model.model.", "language_model.lm_head.weight", "output.weight"),
            (Place::Both, "model.language_model.", "model.language_model.norm.weight", "output_norm.weight"),
            (Place::Both, "model.language_model.", "lm_head.weight", "output.weight"),
            (Place::Both, "language_model.", "language_model.norm.weight", "output_norm.weight"),
        ] {
            assert_eq!(gguf(place, name).as_deref(), Some(wanted), "{name}");
            let names = DecoderNames::of(place, [format!("{prefix}layers.0.self_attn.q_proj.weight")].iter());
            assert_eq!(names.hugging_face(wanted).as_deref(), Some(name));
            assert_eq!(names.hugging_face("blk.0.attn_z.weight"), None);
        }
        assert_eq!(gguf(Place::Before, "model.layers.1.pre_feedforward_layernorm.weight"), None);
        assert_eq!(gguf(Place::Behind, "model.layers.1.input_layernorm.weight"), None);
        assert_eq!(gguf(Place::Both, "model.vision.weight"), None);
    }
}
