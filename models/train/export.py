"""Writes what other programs read: a Hugging Face folder (work/hf, F32) and GGUF files (F32, Q8_0 and the shipped Q4_0)."""
import argparse
import json
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors.torch import save_file

from model import Config, Llama
from train import END, STOP

WORK = Path(__file__).parent / "work"
SHIPPED = Path(__file__).parent.parent / "azulejo-demo.gguf"
LIMIT_BYTES = 5_000_000
NAME = "Azulejo demo"
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
Q = gguf.GGMLQuantizationType


def load(checkpoint=WORK / "checkpoint.pt"):
    """The trained model (weights not rounded) and the checkpoint's own record."""
    saved = torch.load(checkpoint, weights_only=False)
    model = Llama(Config(**saved["config"]))
    model.load_state_dict(saved["model"])
    return model.eval(), saved


def write_hf(model, folder):
    c = model.c
    folder.mkdir(exist_ok=True)
    tensors = {f"model.{name}": p.detach().clone().contiguous() for name, p in model.named_parameters()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": c.vocab, "hidden_size": c.hidden,
        "intermediate_size": c.ffn, "num_hidden_layers": c.layers, "num_attention_heads": c.heads,
        "num_key_value_heads": c.kv_heads, "head_dim": c.head_dim, "hidden_act": "silu", "max_position_embeddings": c.context,
        "rms_norm_eps": c.eps, "rope_theta": c.rope_theta, "tie_word_embeddings": True, "attention_bias": False,
        "mlp_bias": False, "bos_token_id": END, "eos_token_id": STOP, "dtype": "float32",
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|endoftext|>", "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>", "add_bos_token": False, "clean_up_tokenization_spaces": False,
        "model_max_length": c.context, "chat_template": CHAT_TEMPLATE,
    }
    generation = {"bos_token_id": END, "eos_token_id": [STOP, END], "pad_token_id": END, "do_sample": False}
    for name, value in [("config", config), ("tokenizer_config", tokenizer_config), ("generation_config", generation)]:
        (folder / f"{name}.json").write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text((WORK / "tokenizer.json").read_text(encoding="utf-8"), encoding="utf-8")


def interleave(weight, heads):
    """Rows of a q or k projection from Hugging Face's half-split rope order to GGUF's, where a pair's two rows are neighbours."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def gguf_tensors(model):
    """(GGUF name, array) in file order, in F32."""
    c, names = model.c, {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }
    state = {name: p.detach().numpy() for name, p in model.named_parameters()}
    yield "token_embd.weight", state["embed_tokens.weight"]
    for layer in range(c.layers):
        for ours, theirs in names.items():
            weight = state[f"layers.{layer}.{ours}.weight"]
            if theirs in ("attn_q", "attn_k"):
                weight = interleave(weight, c.heads if theirs == "attn_q" else c.kv_heads)
            yield f"blk.{layer}.{theirs}.weight", weight
    yield "output_norm.weight", state["norm.weight"]


def type_of(name, array, kind):
    """Norms stay F32; the embedding, which is the output matrix too, is never below Q8_0."""
    if array.ndim == 1 or kind == Q.F32:
        return Q.F32
    return Q.Q8_0 if name == "token_embd.weight" else kind


def write_gguf(model, path, kind, file_type):
    c = model.c
    tokenizer = json.loads((WORK / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    special = {t["content"] for t in tokenizer["added_tokens"]}
    assert [i for _, i in vocabulary] == list(range(c.vocab)), "the ids have a gap"
    w = gguf.GGUFWriter(path, "llama")
    w.add_type(gguf.GGUFType.MODEL)
    w.add_name(NAME)
    w.add_description("A demonstration that answers simple questions about public services in seven languages. Not advice.")
    w.add_license("apache-2.0")
    w.add_languages(["pt", "es", "ca", "gl", "eu", "en"])
    w.add_size_label(f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}M")
    w.add_file_type(file_type)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_block_count(c.layers)
    w.add_context_length(c.context)
    w.add_embedding_length(c.hidden)
    w.add_feed_forward_length(c.ffn)
    w.add_head_count(c.heads)
    w.add_head_count_kv(c.kv_heads)
    w.add_key_length(c.head_dim)
    w.add_value_length(c.head_dim)
    w.add_rope_dimension_count(c.head_dim)
    w.add_rope_freq_base(c.rope_theta)
    w.add_layer_norm_rms_eps(c.eps)
    w.add_vocab_size(c.vocab)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("llama-bpe")
    w.add_token_list([token for token, _ in vocabulary])
    w.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token, _ in vocabulary])
    merges = tokenizer["model"]["merges"]
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    w.add_bos_token_id(END)
    w.add_eos_token_id(STOP)
    w.add_eot_token_id(STOP)
    w.add_pad_token_id(END)
    w.add_add_bos_token(False)
    w.add_add_eos_token(False)
    w.add_chat_template(CHAT_TEMPLATE)
    for name, array in gguf_tensors(model):
        chosen = type_of(name, array, kind)
        array = np.ascontiguousarray(array, np.float32)
        if chosen == Q.F32:
            w.add_tensor(name, array)
        else:
            w.add_tensor(name, gguf.quants.quantize(array, chosen), raw_dtype=chosen)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ship", action="store_true", help="also write ../azulejo-demo.gguf")
    options = parser.parse_args()
    model, saved = load()
    print(f"step {saved['step']}, seed {saved['options']['seed']}, {saved['secs'] / 60:.0f} minutes")
    write_hf(model, WORK / "hf")
    kinds = {"f32": (Q.F32, gguf.LlamaFileType.ALL_F32), "q8_0": (Q.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
             "q4_0": (Q.Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0)}
    for label, (kind, file_type) in kinds.items():
        path = WORK / f"azulejo-demo-{label}.gguf"
        write_gguf(model, path, kind, file_type)
        print(f"{path.name}: {path.stat().st_size:,} bytes")
    if options.ship:
        data = (WORK / "azulejo-demo-q4_0.gguf").read_bytes()
        if len(data) > LIMIT_BYTES:
            raise SystemExit(f"{len(data)} bytes: over the limit of {LIMIT_BYTES}")
        SHIPPED.write_bytes(data)


if __name__ == "__main__":
    main()
