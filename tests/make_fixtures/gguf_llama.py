"""A tiny Llama model as a GGUF file, in the layout that llama.cpp's converter gives it.

What differs from the Hugging Face folder:
- names (`blk.0.attn_q.weight` and so on); vectors stay F32 in an F16 file;
- the rows of q and k are permuted inside each head: Hugging Face rotates element i with element i + dim/2, GGUF's
  llama architecture rotates neighbours 2i and 2i + 1;
- Llama 3's rope scaling is a tensor `rope_freqs.weight` f32 [head_dim / 2] of divisors of the frequencies, no key;
- the tokenizer is in the metadata: `tokenizer.ggml.model` "gpt2" (byte-level BPE), `pre` "gpt-2" (its pattern).
"""

import json
import math
import pathlib

import gguf
import numpy as np
import torch

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def gguf_name(name: str) -> str:
    """model.layers.0.mlp.up_proj.weight -> blk.0.ffn_up.weight"""
    stem, _, suffix = name.rpartition(".")
    if stem.startswith("model.layers."):
        layer, _, part = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{layer}.{NAMES[part]}.{suffix}"
    return f"{NAMES[stem]}.{suffix}"


def interleave(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from (first half, second half) to pairs: row i -> 2i, row i + dim/2 -> 2i + 1."""
    dim = weight.shape[0] // heads
    order = torch.arange(dim).reshape(2, dim // 2).T.reshape(-1)  # 0, dim/2, 1, dim/2 + 1, ...
    return weight.reshape(heads, dim, -1)[:, order].reshape(weight.shape)


def rope_divisors(scaling: dict, theta: float, dim: int) -> np.ndarray:
    """Llama 3.1's scaling, as the number each frequency is divided by: 1 for wavelengths well inside the original
    context, `factor` for those beyond it, blended in between."""
    context = scaling["original_max_position_embeddings"]
    low, high, factor = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["factor"]
    divisors = []
    for i in range(0, dim, 2):
        turns = context / (2 * math.pi * theta ** (i / dim))  # rotations within the original context
        share = min(max((turns - low) / (high - low), 0.0), 1.0)  # of the unscaled frequency
        divisors.append(1.0 / (share + (1.0 - share) / factor))
    return np.array(divisors, dtype=np.float32)


def write(path: pathlib.Path, name: str, config: dict, weights: dict, kind: str, tokenizer) -> None:
    """Writes `weights` (Hugging Face names) to `path`; `kind` "f32" or "f16" is the type of the matrices."""
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    out = gguf.GGUFWriter(path, "llama")
    out.add_name(name)
    out.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if kind == "f16" else gguf.LlamaFileType.ALL_F32)
    out.add_block_count(config["num_hidden_layers"])
    out.add_context_length(config["max_position_embeddings"])
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_head_count(heads)
    out.add_head_count_kv(kv_heads)
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_rope_freq_base(config["rope_theta"])
    out.add_rope_dimension_count(dim)
    out.add_vocab_size(config["vocab_size"])
    if "head_dim" in config:
        out.add_key_length(dim)
        out.add_value_length(dim)
    add_tokenizer(out, tokenizer)
    for hf, tensor in weights.items():
        if ".q_proj." in hf:
            tensor = interleave(tensor, heads)
        if ".k_proj." in hf:
            tensor = interleave(tensor, kv_heads)
        data = tensor.float().numpy()
        if kind == "f16" and data.ndim == 2:
            data = data.astype(np.float16)
        out.add_tensor(gguf_name(hf), np.ascontiguousarray(data))
    scaling = config.get("rope_scaling") or {}
    if scaling.get("rope_type") == "llama3":
        out.add_tensor("rope_freqs.weight", rope_divisors(scaling, config["rope_theta"], dim))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()


def add_tokenizer(out: gguf.GGUFWriter, tokenizer) -> None:
    """The tokenizer.ggml.* keys of a byte-level BPE tokenizer with GPT-2's pattern."""
    model = json.loads(tokenizer.to_str())
    special = {t["id"] for t in model["added_tokens"] if t["special"]}
    tokens = [token for token, _ in sorted(model["model"]["vocab"].items(), key=lambda item: item[1])]
    types = [gguf.TokenType.CONTROL if i in special else gguf.TokenType.NORMAL for i in range(len(tokens))]
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(tokens)
    out.add_token_types(types)
    out.add_token_merges([" ".join(merge) for merge in model["model"]["merges"]])
    out.add_bos_token_id(tokens.index("<|begin|>"))
    out.add_eos_token_id(tokens.index("<|end|>"))
    out.add_add_bos_token(True)
