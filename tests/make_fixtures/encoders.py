"""Writes the golden fixtures of encoders: tiny random models and what Hugging Face transformers makes of them.

usage: python tests/make_fixtures/encoders.py [NAME ...]      (all of them without a NAME; packages: requirements.txt)

Each model becomes `tests/fixtures/encoders/NAME/`: config.json, tokenizer.json, model.safetensors, and
`expected.safetensors`: for a first and a second text (of another length) `tokens0`, `tokens1` i32 [T], `hidden0`,
`hidden1` f32 [T, hidden], and, where the model has a head, `logits0`, `logits1` f32 [T, vocab].

The tokenizer of RoBERTa's is a Unigram one with XLM-RoBERTa's special tokens (`<s>` `<pad>` `</s>` `<unk>` `<mask>`),
byte-less: the texts are in its alphabet; that of BERT's is WordPiece.

Folders with `modules.json` are those of sentence-transformers: `expected.safetensors` has for each of SENTENCES its
vector by that library, `sentence0` and so on f32 [hidden], and in its metadata the texts and the names of prompts.

`bert` has GGUF files of the same weights by llama.cpp's converter (LLAMA_CPP: see gguf_convert.py); those that are Q8_0
there are numbers that Q8_0 can hold.
"""

import argparse
import json
import pathlib
import shutil

import gguf
import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM
from transformers.utils import logging

import gguf_convert
import tiny_tokenizer

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "encoders"
TEXTS = ["The tile on the <mask> tells the story.", "The sea <mask> the town."]
# Texts and the names of their prompts; the second is longer than the model takes.
SENTENCES = [
    ("The sea tells the story.", None),
    ("The tile on the wall tells the story of the town, and of the sea, and of the next tile.", None),
    ("Thé ENGINE writes, then it reads!", "query"),
    ("The next token.", "passage"),
]

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
    # BERT, of sentence-transformers: the mean, of length 1, at most 16 tokens, prompts.
    "bert": dict(
        model_type="bert", intermediate_size=96, num_attention_heads=2, type_vocab_size=2, layer_norm_eps=1e-12,
        pad_token_id=0, _head=False, _q8_0=True,
        _sentence=dict(
            pooling=dict(pooling_mode_mean_tokens=True, pooling_mode_cls_token=False), normalise=True,
            config=dict(prompts=dict(query="query: ", passage="the passage: ")),
        ),
    ),
    # With a head and its prefix, cased; nothing divides by 8; the first token's, as it is, and a prompt that stands there
    # unless another is named.
    "bert-mlm": dict(
        model_type="bert", hidden_size=30, num_attention_heads=3, intermediate_size=77, num_hidden_layers=1,
        layer_norm_eps=1e-12, pad_token_id=0, _head=True, _cased=True,
        _sentence=dict(
            pooling=dict(pooling_mode="cls", include_prompt=True), normalise=False,
            config=dict(prompts=dict(query="ask: ", passage=""), default_prompt_name="query"),
        ),
    ),
    # Without a head, and without the prefix that a model with one has in its names.
    "xlm-roberta-base": dict(model_type="xlm-roberta", num_hidden_layers=1, layer_norm_eps=1e-3, _head=False),
}


def word_piece(is_cased: bool) -> Tokenizer:
    built = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    built.normalizer = normalizers.BertNormalizer(lowercase=not is_cased)
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    built.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=109, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False,
    )
    built.train_from_iterator([t for t in tiny_tokenizer.TEXT if t.isascii()], trainer)
    built.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return built


BERT_TOKENS = dict(
    tokenizer_class="BertTokenizer", cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", pad_token="[PAD]",
    mask_token="[MASK]",
)


def write_sentence(folder: pathlib.Path, sentence: dict) -> None:
    """The files of sentence-transformers."""
    kinds = ["Transformer", "Pooling", *(["Normalize"] if sentence["normalise"] else [])]
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        dict(idx=i, name=str(i), path=paths[i], type=f"sentence_transformers.models.{kind}")
        for i, kind in enumerate(kinds)
    ]

    def write(name: str, value: object) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value, indent=1) + "\n")

    write("modules.json", modules)
    write("1_Pooling/config.json", sentence["pooling"] | dict(word_embedding_dimension=32))
    write("config_sentence_transformers.json", sentence["config"])
    write("sentence_bert_config.json", dict(max_seq_length=16, do_lower_case=False))


def sentences(folder: pathlib.Path, expected: dict, texts: dict) -> None:
    """What sentence-transformers makes of SENTENCES."""
    model = SentenceTransformer(str(folder), device="cpu")
    for i, (text, prompt) in enumerate(SENTENCES):
        expected[f"sentence{i}"] = torch.tensor(model.encode([text], prompt_name=prompt)[0]).clone()
        texts |= {f"sentence{i}": text} | ({f"prompt{i}": prompt} if prompt else {})


def round_q8_0(weights: dict) -> dict:
    """The same, with matrices that Q8_0 can hold."""
    kept = "position_embeddings", "token_type_embeddings"
    kind = gguf.GGMLQuantizationType.Q8_0

    def of(name: str, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.dim() < 2 or any(part in name for part in kept):
            return tensor
        return torch.from_numpy(gguf.dequantize(gguf.quantize(tensor.numpy(), kind), kind))

    return {name: of(name, tensor) for name, tensor in weights.items()}


def unigram() -> Tokenizer:
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
    is_bert = changes["model_type"] == "bert"
    is_cased = changes.get("_cased", False)
    built = word_piece(is_cased) if is_bert else unigram()
    mask, unknown = ("[MASK]", 1) if is_bert else ("<mask>", 3)
    config = BASE | {k: v for k, v in changes.items() if not k.startswith("_")}
    config["vocab_size"] = built.get_vocab_size()
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder)
    folder.mkdir()
    has_head = changes["_head"]
    kind = "".join(word.title() for word in config["model_type"].split("-")).replace("Xlm", "XLM")
    architectures = [f"{kind}{'ForMaskedLM' if has_head else 'Model'}"]
    text = json.dumps(dict(sorted((config | dict(architectures=architectures)).items())), indent=1)
    (folder / "config.json").write_text(text + "\n")
    built.save(str(folder / "tokenizer.json"), pretty=False)
    # transformers makes the tokenizer of BERT anew, by what this file says.
    tokens = BERT_TOKENS | dict(do_lower_case=not is_cased) if is_bert else dict(mask_token=mask)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokens) + "\n")

    maker = AutoModelForMaskedLM if has_head else AutoModel
    model = maker.from_config(AutoConfig.for_model(**config))
    # What save_pretrained writes: no tied weights twice, no pooler that nothing here uses.
    weights = {k: v for k, v in model.state_dict().items() if "decoder" not in k and "pooler" not in k}
    drawn = draw(weights, 7)
    if changes.get("_q8_0"):
        drawn = round_q8_0(drawn)
    save_file(drawn, folder / "model.safetensors", {"format": "pt"})
    model = maker.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expected, texts = {}, {}
    line = f"{name:18}"
    for i, text in enumerate(TEXTS):
        text = text.replace("<mask>", mask)
        texts[f"text{i}"] = text
        tokens = built.encode(text).ids
        assert unknown not in tokens, built.encode(text).tokens
        out = model(torch.tensor([tokens]), output_hidden_states=True)
        hidden = out.hidden_states[-1][0]
        expected |= {f"tokens{i}": torch.tensor(tokens, dtype=torch.int32), f"hidden{i}": hidden.clone()}
        if has_head:
            expected[f"logits{i}"] = out.logits[0].clone()
            line += f"  std {out.logits.std():.2f}"
        line += f"  T {len(tokens)}"
    if "_sentence" in changes:
        write_sentence(folder, changes["_sentence"])
        sentences(folder, expected, texts)
    save_file(expected, folder / "expected.safetensors", texts)
    if changes.get("_q8_0"):
        for kind in ("f32", "q8_0"):
            gguf_convert.convert(folder, folder / f"model-{kind}.gguf", kind, BERT_TOKENS)
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        file.chmod(0o644)  # safetensors makes them private
    print(f"{line}  {sum(f.stat().st_size for f in files) / 1000:.0f} kB", flush=True)


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
