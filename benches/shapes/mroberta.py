"""Writes a Hugging Face folder of mRoBERTa's shape with random weights in BF16 (0.57 GB), to try it without the model.

usage: python3 benches/shapes/mroberta.py FOLDER

It has no tokenizer: `azulejo embed -m FOLDER --tokens 0,17,99,2 -o out.safetensors`.
"""

import json
import os
import pathlib
import sys

LAYERS, HIDDEN, FFN, HEADS, VOCABULARY, POSITIONS = 12, 768, 3072, 12, 256_000, 514


def tensors():
    """Names and shapes."""
    yield "roberta.embeddings.word_embeddings.weight", [VOCABULARY, HIDDEN]
    yield "roberta.embeddings.position_embeddings.weight", [POSITIONS, HIDDEN]
    yield "roberta.embeddings.token_type_embeddings.weight", [1, HIDDEN]
    norms = ["roberta.embeddings.LayerNorm", "lm_head.layer_norm"]
    linears = [("lm_head.dense", HIDDEN, HIDDEN)]
    for layer in range(LAYERS):
        at = f"roberta.encoder.layer.{layer}"
        linears += [(f"{at}.attention.self.{name}", HIDDEN, HIDDEN) for name in ("query", "key", "value")]
        linears += [(f"{at}.attention.output.dense", HIDDEN, HIDDEN)]
        linears += [(f"{at}.intermediate.dense", FFN, HIDDEN), (f"{at}.output.dense", HIDDEN, FFN)]
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
    for name, rows, cols in linears:
        yield f"{name}.weight", [rows, cols]
        yield f"{name}.bias", [rows]
    for name in norms:
        yield f"{name}.weight", [HIDDEN]
        yield f"{name}.bias", [HIDDEN]
    yield "lm_head.bias", [VOCABULARY]


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    config = dict(
        architectures=["RobertaForMaskedLM"], model_type="roberta", vocab_size=VOCABULARY, hidden_size=HIDDEN,
        num_hidden_layers=LAYERS, num_attention_heads=HEADS, intermediate_size=FFN, hidden_act="gelu",
        max_position_embeddings=POSITIONS, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, tie_word_embeddings=True, torch_dtype="bfloat16",
    )
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    header, end = {}, 0
    for name, shape in tensors():
        size = 2
        for n in shape:
            size *= n
        header[name] = dict(dtype="BF16", shape=shape, data_offsets=[end, end + size])
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    # Either sign and an exponent of two: numbers of magnitude 0.008 to 0.03.
    high = bytes((0x3C, 0xBC)[i & 1] for i in range(256))
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        while end > 0:
            count = min(end, 1 << 24)
            words = bytearray(count)
            words[0::2] = os.urandom(count // 2)
            words[1::2] = os.urandom(count // 2).translate(high)
            file.write(words)
            end -= count


main()
