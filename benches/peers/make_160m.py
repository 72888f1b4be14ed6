"""Writes a model of the 160M shape with random weights, and a text, for comparing speed and numbers with other engines.

usage: python benches/peers/make_160m.py DIR [--corpus FOLDER]      (packages: tests/make_fixtures/requirements.txt
                                                                     and sentencepiece 0.2.3)
DIR, which belongs outside the repository (about 330 MB), gets
- hf/      a Hugging Face folder: Llama, 12 layers of 768 / 3072, 12 heads, vocabulary 32,000, untied, context 2048,
           F16; with tokenizer.json (BPE by merges, byte fallback) and the same tokenizer as tokenizer.model
           (SentencePiece), since llama.cpp's converter gives right scores only from the latter;
- text.txt about 60 KB of text in several languages, for perplexities and tokenizer comparisons;
- prompt.txt a short beginning of the same kind.

The shape is what a speed depends on; the weights are noise, drawn so that the numbers still mean something: logits
with a standard deviation of about 2.5, residual branches that add little each (so that rounding isn't amplified from
layer to layer), and a greedy continuation that doesn't fall into a loop at once. `--corpus` adds the lines of the
.txt files in FOLDER to what the tokenizer learns and to the text. Everything is seeded.
"""

import argparse
import io
import json
import pathlib
import random

import sentencepiece
import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

VOCAB, HIDDEN, FFN, LAYERS, HEADS, CONTEXT = 32000, 768, 3072, 12, 12, 2048

# Sentences of our own: accents, digits, scripts outside the training words (they go through byte fallback).
PASSAGES = [
    "A câmara municipal abre às 9h30 e fecha às 17h00; ao sábado não há atendimento.",
    "La biblioteca del barrio está cerca del río, ¿verdad? Allí prestan 4.500 libros al año.",
    "L'ajuntament obre de dilluns a divendres: el col·legi i l'ambulatori són a la mateixa plaça.",
    "A praza do concello ten unha fonte vella; os nenos xogan alí despois da escola.",
    "Udaletxeko bulegoa goizez irekitzen da, eta arratsaldez telefonoz erantzuten dute.",
    "The town hall's new web page answers questions in seven languages (and counts none of them).",
    "Os preços subiram 3,2 % em 2023 - de 1 250 € para 1 290 €.",
    "Emoji and others: 🙂🚲, 日本語, Ελληνικά, русский, العربية, \t tab, \"quotes\", <tag attr='1'>, a_b, C++, e=mc².",
]


def words(rng: random.Random, count: int) -> list[str]:
    """`count` different made-up words of one to five syllables, some with accents."""
    onsets = "b c d f g h j l m n p qu r s t v x z br cr dr fr gr pr tr bl cl fl pl ch lh nh ll rr st sp".split()
    vowels = "a e i o u a e i o a e o á é í ó ú ã õ â ê ô ai ei oi au eu ou ão ia io".split()
    codas = ["", "", "", "", "", "s", "r", "l", "n", "m", "z", "d", "t"]
    out: dict[str, None] = {}
    while len(out) < count:
        length = rng.choice([1, 2, 2, 3, 3, 3, 4, 4, 5])
        word = "".join(rng.choice(onsets) + rng.choice(vowels) for _ in range(length)) + rng.choice(codas)
        if rng.random() < 0.15:
            word = word[1:] or word  # begins by a vowel, mostly
        out[word] = None
    return list(out)


def sentences(rng: random.Random, lexicon: list[str], count: int) -> list[str]:
    """Sentences of words drawn with Zipf-like frequencies."""
    weights = [1.0 / (rank + 3) for rank in range(len(lexicon))]
    out = []
    for _ in range(count):
        line = rng.choices(lexicon, weights, k=rng.randint(5, 18))
        if rng.random() < 0.2:
            line.insert(rng.randrange(len(line)), str(rng.randrange(3000)))
        if rng.random() < 0.4:
            line[rng.randrange(len(line) - 1)] += ","
        text = " ".join(line)
        out.append(text[0].upper() + text[1:] + rng.choice("....?!"))
    return out


def train_tokenizer(lines: list[str], folder: pathlib.Path) -> None:
    """tokenizer.model by SentencePiece, and tokenizer.json that does the same by merges."""
    blob = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=blob, model_type="bpe", vocab_size=VOCAB, byte_fallback=True,
        character_coverage=0.9999, normalization_rule_name="identity", remove_extra_whitespaces=False,
        split_digits=True, allow_whitespace_only_pieces=True, num_threads=2, minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(blob.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=blob.getvalue())
    assert pieces.vocab_size() == VOCAB
    vocab = {pieces.id_to_piece(i): i for i in range(VOCAB)}
    # SentencePiece merges the neighbours whose joint piece has the best score, whichever two parts it came from: so
    # each split of a piece into two pieces is a merge, in the order of the whole's score (ids are in that order).
    merges = []
    for piece, id in sorted(vocab.items(), key=lambda item: (-pieces.get_score(item[1]), item[1])):
        if id < 3 or pieces.is_byte(id):
            continue
        splits = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        found = [(a, b) for a, b in splits if a in vocab and b in vocab]
        merges += sorted(found, key=lambda pair: (vocab[pair[0]], vocab[pair[1]]))
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = dict(
        tokenizer_class="LlamaTokenizer", bos_token="<s>", eos_token="</s>", unk_token="<unk>", add_bos_token=True,
        add_eos_token=False, model_max_length=CONTEXT, legacy=True, clean_up_tokenization_spaces=False,
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1) + "\n")
    differing = [t for t in lines[:2000] + PASSAGES if tokenizer.encode(t).ids != [1, *pieces.encode(t)]]
    print(f"tokenizer: {len(merges)} merges; tokenizer.json differs from tokenizer.model on {len(differing)} lines")
    for line in differing[:3]:
        print("  ", line)


def write_weights(folder: pathlib.Path, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def noise(rows: int, columns: int, gain: float) -> torch.Tensor:
        return (torch.randn(rows, columns, generator=generator) * (gain / columns**0.5)).half()

    def norm() -> torch.Tensor:
        return (1.0 + 0.2 * torch.randn(HIDDEN, generator=generator)).half()

    weights = {"model.embed_tokens.weight": torch.randn(VOCAB, HIDDEN, generator=generator).half()}
    for layer in range(LAYERS):
        block = f"model.layers.{layer}."
        weights[block + "input_layernorm.weight"] = norm()
        for part, gain in dict(q_proj=1.0, k_proj=1.0, v_proj=1.0, o_proj=0.5).items():
            weights[f"{block}self_attn.{part}.weight"] = noise(HIDDEN, HIDDEN, gain)
        weights[block + "post_attention_layernorm.weight"] = norm()
        weights[block + "mlp.gate_proj.weight"] = noise(FFN, HIDDEN, 1.0)
        weights[block + "mlp.up_proj.weight"] = noise(FFN, HIDDEN, 1.0)
        weights[block + "mlp.down_proj.weight"] = noise(HIDDEN, FFN, 0.5)
    weights["model.norm.weight"] = norm()
    weights["lm_head.weight"] = noise(VOCAB, HIDDEN, 2.5)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=VOCAB, hidden_size=HIDDEN,
        intermediate_size=FFN, num_hidden_layers=LAYERS, num_attention_heads=HEADS, num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT, rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=False,
        hidden_act="silu", attention_bias=False, mlp_bias=False, bos_token_id=1, eos_token_id=2, torch_dtype="float16",
    )
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    (folder / "generation_config.json").write_text(json.dumps(dict(bos_token_id=1, eos_token_id=2), indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="a random model of the 160M shape (see the file's head)")
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("--corpus", type=pathlib.Path, help="folder of .txt files to learn from too")
    parser.add_argument("--seed", type=int, default=160)
    args = parser.parse_args()
    folder = args.dir / "hf"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(args.seed)
    own = PASSAGES * 3
    for file in sorted(args.corpus.glob("*.txt")) if args.corpus else []:
        own += [line for line in file.read_text(encoding="utf-8").splitlines() if len(line) > 20]
    lexicon = words(rng, 60000)
    train_tokenizer(own + sentences(rng, lexicon, 60000) + lexicon, folder)
    text, size = [], 0
    for line in sentences(rng, lexicon, 2000):
        piece = rng.choice(own)[:400] if rng.random() < 0.4 else line
        size += len(piece.encode()) + 1
        if size > 60000:
            break
        text.append(piece)
    (args.dir / "text.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    (args.dir / "prompt.txt").write_text(PASSAGES[0] + " " + PASSAGES[5], encoding="utf-8")
    write_weights(folder, args.seed)


if __name__ == "__main__":
    main()
