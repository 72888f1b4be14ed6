"""Writes the golden fixtures of encoders: tiny random models and what Hugging Face transformers makes of them.

usage: python tests/make_fixtures/encoders.py [NAME ...]      (all of them without a NAME; packages: requirements.txt)

Each model becomes `tests/fixtures/encoders/NAME/`: config.json, tokenizer.json, model.safetensors, and
`expected.safetensors`: for a first and a second text (of another length) `tokens0`, `tokens1` i32 [T], `hidden0`,
`hidden1` f32 [T, hidden], and, where the model has a head, `logits0`, `logits1` f32 [T, vocab].

The tokenizer is a Unigram one with XLM-RoBERTa's special tokens (`<s>` `<pad>` `</s>` `<unk>` `<mask>`), byte-less: the
texts are in its alphabet.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM
from transformers.utils import logging

import tiny_tokenizer

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "encoders"
TEXTS = ["The tile on the <mask> tells the story.", "The sea <mask> the town."]

BASE = dict(
    vocab_size=109, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=40, type_vocab_size=1, hidden_act="gelu", layer_norm_eps=1e-5, pad_token_id=1,
    bos_token_id=0, eos_token_id=2, tie_word_embeddings=True,
)

# name -> config changes; `_head`: whether the file has the head that fills masks.
MODELS = {
    "xlm-roberta": dict(model_type="xlm-roberta", _head=True),
    # Nothing divides by 8; two types of tokens, of which only the first is used.
    "roberta": dict(
        model_type="roberta", hidden_size=30, num_attention_heads=3, intermediate_size=77, type_vocab_size=2,
        num_hidden_layers=1, _head=True,
    ),
    # Without a head, and without the prefix that a model with one has in its names.
    "xlm-roberta-base": dict(model_type="xlm-roberta", num_hidden_layers=1, layer_norm_eps=1e-3, _head=False),
}


def tokenizer() -> Tokenizer:
    built = Tokenizer(models.Unigram())
    built.pre_tokenizer = pre_tokenizers.Metaspace()
    built.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=108, special_tokens=special, unk_token="<unk>", show_progress=False,
        initial_alphabet=sorted({c for text in tiny_tokenizer.TEXT for c in text if c.isascii() and c != " "}),
    )
    built.train_from_iterator([t for t in tiny_tokenizer.TEXT if t.isascii()], trainer)
    built.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    built.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return built


def draw(state: dict, seed: int) -> dict:
    """Random values for the tensors of `state`, by name and fan-in."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("orm.weight"):
            out[name] = 1.0 + 0.3 * noise
        elif name.endswith("bias"):
            out[name] = 0.3 * noise
        elif "embeddings" in name:
            out[name] = 0.4 * noise
        else:
            gain = 1.6 if ".query." in name or ".key." in name else 1.0
            out[name] = noise * gain / tensor.shape[1] ** 0.5
    return out


@torch.no_grad()
def make(name: str) -> None:
    changes = MODELS[name]
    built = tokenizer()
    config = BASE | {k: v for k, v in changes.items() if not k.startswith("_")}
    config["vocab_size"] = built.get_vocab_size()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    has_head = changes["_head"]
    kind = "".join(word.title() for word in config["model_type"].split("-")).replace("Xlm", "XLM")
    architectures = [f"{kind}{'ForMaskedLM' if has_head else 'Model'}"]
    text = json.dumps(dict(sorted((config | dict(architectures=architectures)).items())), indent=1)
    (folder / "config.json").write_text(text + "\n")
    built.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(dict(mask_token="<mask>")) + "\n")

    maker = AutoModelForMaskedLM if has_head else AutoModel
    model = maker.from_config(AutoConfig.for_model(**config))
    # What save_pretrained writes: no tied weights twice, no pooler that nothing here uses.
    weights = {k: v for k, v in model.state_dict().items() if "decoder" not in k and "pooler" not in k}
    save_file(draw(weights, 7), folder / "model.safetensors", {"format": "pt"})
    model = maker.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expected = {}
    line = f"{name:18}"
    for i, text in enumerate(TEXTS):
        tokens = built.encode(text).ids
        assert 3 not in tokens, built.encode(text).tokens
        out = model(torch.tensor([tokens]), output_hidden_states=True)
        hidden = out.hidden_states[-1][0]
        expected |= {f"tokens{i}": torch.tensor(tokens, dtype=torch.int32), f"hidden{i}": hidden.clone()}
        if has_head:
            expected[f"logits{i}"] = out.logits[0].clone()
            line += f"  std {out.logits.std():.2f}"
        line += f"  T {len(tokens)}"
    save_file(expected, folder / "expected.safetensors", {f"text{i}": text for i, text in enumerate(TEXTS)})
    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors makes them private
    print(f"{line}  {sum(f.stat().st_size for f in folder.iterdir()) / 1000:.0f} kB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="writes tests/fixtures/encoders (see the file's head)")
    parser.add_argument("names", nargs="*", choices=[*MODELS, []], help="models to write; default: all")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in parser.parse_args().names or MODELS:
        make(name)


if __name__ == "__main__":
    main()
