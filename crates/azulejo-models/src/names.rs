//! GGUF's names of a decoder's tensors in Hugging Face's words.

/// The Hugging Face name of a tensor.
pub(crate) fn hugging_face(gguf: &str) -> Option<String> {
    let whole = match gguf {
        "token_embd.weight" => "model.embed_tokens.weight",
        "output_norm.weight" => "model.norm.weight",
        "output.weight" => "lm_head.weight",
        _ => {
            let (layer, rest) = gguf.strip_prefix("blk.")?.split_once('.')?;
            let (name, kind) = rest.rsplit_once('.')?;
            let name = match name {
                "attn_norm" => "input_layernorm",
                "attn_q" => "self_attn.q_proj",
                "attn_k" => "self_attn.k_proj",
                "attn_v" => "self_attn.v_proj",
                "attn_q_norm" => "self_attn.q_norm",
                "attn_k_norm" => "self_attn.k_norm",
                "attn_output" => "self_attn.o_proj",
                // Llama calls the norm before the MLP what OLMo 2 calls the one behind the attention.
                "ffn_norm" | "post_attention_norm" => "post_attention_layernorm",
                "ffn_gate" => "mlp.gate_proj",
                "ffn_up" => "mlp.up_proj",
                "ffn_down" => "mlp.down_proj",
                "post_ffw_norm" => "post_feedforward_layernorm",
                _ => return None,
            };
            return Some(format!("model.layers.{layer}.{name}.{kind}"));
        }
    };
    Some(whole.to_owned())
}
