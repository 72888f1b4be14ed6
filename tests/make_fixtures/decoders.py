"""Writes the golden fixtures of decoders: tiny random models and what Hugging Face transformers makes of them.

usage: python tests/make_fixtures/decoders.py [NAME ...]      (all of them without a NAME; packages: requirements.txt)

Each model becomes `tests/fixtures/golden/NAME/`, a folder as the Hugging Face hub would have it (config.json,
generation_config.json, tokenizer.json, safetensors), plus
- `expected.safetensors`: `tokens` i32 [T] (the prompt, begin token included), `logits` f32 [T, vocab] (computed in
  f32 from the *stored* weights, whatever their type), `greedy` i32 [24] (the greedy continuation of `tokens`), and
  `greedy_gap` f32 [24] (at each of those steps, the logit of the winner minus that of the runner-up).
  Its metadata has `prompt`, the text behind `tokens`;
- for some, `model-f32.gguf` or `model-f16.gguf`: the same weights as llama.cpp lays them out (see gguf_llama.py);
- for others, `model-q8_0.gguf`, made by llama.cpp's own converter (LLAMA_CPP is its folder, see gguf_convert.py). All
  weights of such a model are numbers that Q8_0 can hold, so that the file has the very same ones.

The weights are drawn so that a comparison means something: logits with a spread of 1 or more, attention that
looks somewhere in particular, norm weights away from 1, small embeddings (so that the norm's eps matters). The seed
is the first one whose greedy continuation has no near-tie, no begin/end token, and some variety. The script prints,
for each model, how far the logits move when its special feature is left out: that must be far over any tolerance.
"""

import argparse
import copy
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

import gguf_convert
import gguf_llama
import tiny_tokenizer

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "golden"
GREEDY = 24  # tokens continued
MIN_GAP = 0.05  # least winner-to-runner-up distance in the greedy continuation

BASE = dict(
    vocab_size=288, hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=4, max_position_embeddings=128, rms_norm_eps=1e-5, rope_theta=10000.0,
    tie_word_embeddings=False, hidden_act="silu", attention_bias=False, mlp_bias=False,
)

# Rows of whole Q8_0 blocks, and a small vocabulary.
Q8 = dict(
    intermediate_size=32, num_key_value_heads=2, vocab_size=131, _tokenizer="ascii", _gguf="q8_0",
)

GEMMA = dict(
    model_type="gemma3_text", hidden_act=None, hidden_activation="gelu_pytorch_tanh", tie_word_embeddings=True,
    rms_norm_eps=1e-6, _architecture="Gemma3ForCausalLM",
)

# name -> config changes; `_`-keys are ours: dtype of the file, tokenizer, shards, GGUF type, config with the feature
# left out (for the printed sensitivity), what stands before the names of its tensors. None takes a key of BASE away.
MODELS = {
    # The baseline: as many key heads as query heads, a separate output matrix.
    "llama-mha": {},
    # Two query heads for each key/value head.
    "llama-gqa": dict(num_key_value_heads=2, _gguf="f32"),
    # The output matrix is the embedding: the file has no lm_head.weight.
    "llama-tied": dict(tie_word_embeddings=True, hidden_size=40, num_key_value_heads=2),
    # A head dimension that is no power of two, rows of 160, F16 weights.
    "llama-head80": dict(
        hidden_size=160, num_attention_heads=2, num_key_value_heads=1, intermediate_size=40, num_hidden_layers=1,
        tie_word_embeddings=True, vocab_size=131, _tokenizer="ascii", _dtype=torch.float16, _gguf="f16",
    ),
    # Nothing divides by 32 (or by 8): hidden 60, head dimension 20, ffn 77, vocabulary 131; BF16 weights.
    "llama-odd": dict(
        hidden_size=60, num_attention_heads=3, num_key_value_heads=3, intermediate_size=77, vocab_size=131,
        _tokenizer="ascii", _dtype=torch.bfloat16,
    ),
    # Llama 3.1's frequency-dependent scaling. An original context of 32 puts the 8 frequencies of a head of 16 in all
    # of its three bands (kept, blended, divided), and the prompt is longer than that context.
    "llama3-rope": dict(
        num_attention_heads=2, num_key_value_heads=1, _gguf="f32", _drop=("rope_scaling",),
        rope_scaling=dict(
            rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
    ),
    # All positions divided by 4. In the older spelling ("type"), with the inv_freq tensors that old checkpoints carry
    # and that a loader must skip.
    "linear-rope": dict(
        rope_scaling=dict(type="linear", factor=4.0), _drop=("rope_scaling",), _inv_freq=True, num_key_value_heads=2,
        vocab_size=131, _tokenizer="ascii",
    ),
    # Biases, none of them zero, on q, k, v, o and on gate, up, down.
    "llama-bias": dict(
        attention_bias=True, mlp_bias=True, num_key_value_heads=2, vocab_size=131, _tokenizer="ascii",
        _drop=("attention_bias", "mlp_bias"),
    ),
    # Other rope base and norm eps; config in the newer spelling (`rope_parameters`); weights in two files.
    "llama-theta": dict(
        rope_theta=500000.0, rms_norm_eps=1e-6, _rope_parameters=True, _shards=2, _drop=("rope_theta", "rms_norm_eps")
    ),
    # YaRN: an original context of 16 puts the pairs of a head of 16 on both ends of the ramp and on it; cosines and sines
    # are scaled too.
    "llama-yarn": Q8 | dict(
        num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=1, _drop=("rope_scaling",),
        rope_scaling=dict(
            rope_type="yarn", factor=4.0, original_max_position_embeddings=64, beta_fast=8.0, beta_slow=1.0,
            rope_theta=10000.0,
        ),
    ),
    # The other spellings: a given attention factor, ends of the ramp that aren't rounded.
    "qwen2-yarn": dict(
        model_type="qwen2", num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=1, vocab_size=131,
        _tokenizer="ascii", _drop=("rope_scaling",),
        rope_scaling=dict(
            rope_type="yarn", factor=8.0, original_max_position_embeddings=32, attention_factor=1.3, truncate=False,
            rope_theta=10000.0,
        ),
    ),
    # A window, far shorter than the prompt. llama.cpp's converter leaves the window out, so there is no GGUF.
    "mistral-window": dict(
        model_type="mistral", sliding_window=9, num_key_value_heads=2, vocab_size=131, _tokenizer="ascii",
        _drop=("sliding_window",),
    ),
    # Biases on q, k, v alone.
    "qwen2": Q8 | dict(model_type="qwen2", rms_norm_eps=1e-6),
    # A window from the second layer on; tied; heads of 20.
    "qwen2-window": dict(
        model_type="qwen2", tie_word_embeddings=True, hidden_size=40, num_attention_heads=2, num_key_value_heads=1,
        vocab_size=131, _tokenizer="ascii", use_sliding_window=True, sliding_window=7, max_window_layers=1,
        _drop=("use_sliding_window",),
    ),
    # Each head of q and k is normalised; head_dim 12, where hidden/heads would be 8.
    "qwen3": dict(model_type="qwen3", head_dim=12, num_key_value_heads=2, vocab_size=131, _tokenizer="ascii"),
    # Tied, heads of 16.
    "qwen3-tied": Q8 | dict(model_type="qwen3", head_dim=16, tie_word_embeddings=True, rms_norm_eps=1e-6),
    # Norms without weights or biases.
    "olmo1": Q8 | dict(model_type="olmo", rms_norm_eps=None),
    # Queries, keys and values kept within a limit; tied; nothing divides by 8.
    "olmo1-clip": dict(
        model_type="olmo", rms_norm_eps=None, clip_qkv=0.8, tie_word_embeddings=True, hidden_size=60,
        num_attention_heads=3, num_key_value_heads=3, intermediate_size=77, num_hidden_layers=1, vocab_size=131,
        _tokenizer="ascii", _drop=("clip_qkv",),
    ),
    # Norms behind attention and MLP, q and k normalised over their whole width.
    "olmo2": Q8 | dict(model_type="olmo2"),
    # The same with a window on three layers of four; the fourth alone is stretched by YaRN.
    "olmo3": Q8 | dict(
        model_type="olmo3", num_hidden_layers=4, sliding_window=8, rope_theta=500000.0,
        rope_scaling=dict(
            rope_type="yarn", factor=8.0, original_max_position_embeddings=32, attention_factor=1.2079441541679836,
            beta_fast=32.0, beta_slow=1.0,
        ),
        _drop=("sliding_window", "rope_scaling"),
    ),
    # Norms on both sides, GELU in the gate, scaled embeddings, a window on five layers of six, whose rope has another base
    # than that of the sixth, which is stretched; in the keys of transformers 4. llama.cpp knows only this order of layers.
    "gemma3": Q8 | GEMMA | dict(
        num_attention_heads=2, num_key_value_heads=1, num_hidden_layers=6, head_dim=16, query_pre_attn_scalar=16,
        sliding_window=7, sliding_window_pattern=6, rope_theta=50000.0, rope_local_base_freq=1000.0,
        rope_scaling=dict(rope_type="linear", factor=4.0),
        _drop=("sliding_window", "rope_local_base_freq", "rope_scaling"),
    ),
    # The part of a model that reads images too, in the keys and names of transformers 5; scores divided by another number
    # than the head's size; nothing divides by 8.
    "gemma3-part": GEMMA | dict(
        hidden_size=60, num_attention_heads=3, num_key_value_heads=1, num_hidden_layers=3, head_dim=20,
        query_pre_attn_scalar=34, intermediate_size=77, vocab_size=131, _tokenizer="ascii", sliding_window=6,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], rope_theta=None,
        rope_parameters=dict(
            full_attention=dict(rope_type="linear", factor=8.0, rope_theta=20000.0),
            sliding_attention=dict(rope_type="default", rope_theta=500.0),
        ),
        _prefix="model.language_model.", _drop=("query_pre_attn_scalar", "layer_types", "rope_parameters"),
    ),
    # head_dim 12 given, where hidden/heads would be 8: q is 48 x 32, o is 32 x 48.
    "llama-headdim": dict(head_dim=12, num_key_value_heads=2, vocab_size=131, _tokenizer="ascii"),
}


def split(changes: dict) -> tuple[dict, dict]:
    """A MODELS entry as (the whole config, our own `_` keys without the underscore)."""
    base = BASE
    if changes.get("model_type", "llama") != "llama":
        base = {k: v for k, v in BASE.items() if k not in ("attention_bias", "mlp_bias")}
    config = dict(model_type="llama") | base | {k: v for k, v in changes.items() if not k.startswith("_")}
    return {k: v for k, v in config.items() if v is not None}, {k[1:]: v for k, v in changes.items() if k.startswith("_")}


def config_json(name: str, config: dict, own: dict) -> dict:
    """The text of config.json: written by hand, so that older and newer spellings are both there."""
    architecture = own.get("architecture", f"{config['model_type'].title()}ForCausalLM")
    out = dict(architectures=[architecture]) | copy.deepcopy(config)
    if own.get("rope_parameters"):
        out["rope_parameters"] = dict(rope_theta=out.pop("rope_theta"), rope_type="default")
    dtype = str(own.get("dtype", torch.float32)).removeprefix("torch.")
    out |= {"dtype" if own.get("rope_parameters") else "torch_dtype": dtype}
    out |= dict(
        bos_token_id=tiny_tokenizer.BEGIN, eos_token_id=tiny_tokenizer.END, initializer_range=0.02, use_cache=True,
    )
    if config["model_type"] == "llama":
        out["pretraining_tp"] = 1
    if own.get("prefix"):
        # Of a model that does more than write.
        vision = dict(model_type="siglip_vision_model", hidden_size=8, num_attention_heads=2)
        out = dict(
            architectures=["Gemma3ForConditionalGeneration"], model_type="gemma3", text_config=out, vision_config=vision,
        )
    return dict(sorted(out.items()))


def configuration(config: dict):
    """As transformers reads it; it may change the dictionaries in it."""
    return AutoConfig.for_model(**copy.deepcopy(config))


def on_q8_grid(weight: torch.Tensor) -> torch.Tensor:
    """The nearest numbers that Q8_0 can hold: in each 32 of a row an f16 times -127 to 127, the greatest of them
    included, so that quantising gives them back."""
    blocks = weight.reshape(-1, 32)
    scale = (blocks.abs().amax(1, keepdim=True) / 127).half().float()
    return ((blocks / scale).round().clamp(-127, 127) * scale).reshape(weight.shape)


def centre(name: str, is_gemma: bool) -> float:
    """Around which number the weights of a norm are drawn. Gemma keeps them less 1; those behind attention and MLP say how
    much a layer adds to an embedding that has been scaled, and that would be said again and again if it were little."""
    if not is_gemma:
        return 1.0
    return 6.0 if "post_" in name else 0.0


def draw(state: dict, seed: int, tied: bool, is_gemma: bool) -> dict:
    """Random values for the tensors of `state`, by name and fan-in."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("norm.weight"):
            out[name] = centre(name, is_gemma) + 0.3 * noise
        elif name.endswith(".bias"):
            out[name] = 0.4 * noise
        elif name == "model.embed_tokens.weight":
            # Where it is the output matrix too it sets the logits' spread; else small, as in trained models.
            out[name] = noise * (2.5 / tensor.shape[1] ** 0.5 if tied else 0.02)
        else:
            gain = 2.5 if name == "lm_head.weight" else 1.6 if ".q_proj." in name or ".k_proj." in name else 1.0
            # A tied model says its input again and again, unless the layers add much more than the embedding has.
            gain *= 3.0 if tied and (".o_proj." in name or ".down_proj." in name) else 1.0
            out[name] = noise * gain / tensor.shape[1] ** 0.5
    return out


@torch.no_grad()
def logits_of(model, tokens: list[int]) -> torch.Tensor:
    """f32 [T, vocab], one pass without a cache."""
    return model(torch.tensor([tokens]), use_cache=False).logits[0].float()


def continue_greedily(model, tokens: list[int]) -> tuple[list[int], list[float]]:
    """The next GREEDY tokens and the gap between the two highest logits at each."""
    tokens, gaps = list(tokens), []
    for _ in range(GREEDY):
        top = logits_of(model, tokens)[-1].topk(2)
        gaps.append(float(top.values[0] - top.values[1]))
        tokens.append(int(top.indices[0]))
    return tokens[-GREEDY:], gaps


def good(greedy: list[int], gaps: list[float]) -> bool:
    special = {tiny_tokenizer.BEGIN, tiny_tokenizer.END, tiny_tokenizer.TURN}
    return min(gaps) >= MIN_GAP and len(set(greedy)) >= 10 and not special & set(greedy)


def load(folder: pathlib.Path, config: dict | None = None, weights: dict | None = None):
    """The folder as transformers reads it, computed in f32; `config` replaces the one in the folder, and `weights` are
    those of the part of a model that is meant, whose folder holds more."""
    if weights is not None:
        model = AutoModelForCausalLM.from_config(configuration(config), attn_implementation="eager").eval()
        lacking, unknown = model.load_state_dict(weights, strict=False)
        assert not unknown and set(lacking) <= {"lm_head.weight"}
        model.tie_weights()
        return model
    extra = {} if config is None else dict(config=configuration(config))
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True, **extra
    ).eval()


def write_weights(folder: pathlib.Path, weights: dict, config: dict, own: dict) -> None:
    """model.safetensors, or shards and their index."""
    meta = {"format": "pt"}
    weights = {k: v.to(own.get("dtype", torch.float32)).contiguous() for k, v in weights.items()}
    if prefix := own.get("prefix"):
        weights = {prefix + k.removeprefix("model."): v for k, v in weights.items()}
        weights["model.vision_tower.vision_model.encoder.layers.0.layer_norm1.weight"] = torch.ones(8)
    if own.get("inv_freq"):
        dim = config["hidden_size"] // config["num_attention_heads"]
        for layer in range(config["num_hidden_layers"]):
            weights[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = config["rope_theta"] ** -(
                torch.arange(0, dim, 2) / dim
            )
    shards = own.get("shards", 1)
    if shards == 1:
        save_file(weights, folder / "model.safetensors", meta)
        return
    names = sorted(weights)
    places = {n: f"model-{1 + i * shards // len(names):05}-of-{shards:05}.safetensors" for i, n in enumerate(names)}
    for file in sorted(set(places.values())):
        save_file({n: weights[n] for n in names if places[n] == file}, folder / file, meta)
    total = sum(w.numel() * w.element_size() for w in weights.values())
    index = dict(metadata=dict(total_size=total), weight_map=places)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1) + "\n")


def make(name: str) -> None:
    config, own = split(MODELS[name])
    folder = GOLDEN / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / "config.json").write_text(json.dumps(config_json(name, config, own), indent=1) + "\n")
    generation = dict(bos_token_id=tiny_tokenizer.BEGIN, eos_token_id=[tiny_tokenizer.END, tiny_tokenizer.TURN])
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")
    kind = own.get("tokenizer", "full")
    tokenizer = tiny_tokenizer.build(kind)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    prompt = tiny_tokenizer.PROMPTS[kind]
    tokens = tokenizer.encode(prompt).ids
    assert tokenizer.decode(tokens) == prompt

    tied = config["tie_word_embeddings"]
    shapes = AutoModelForCausalLM.from_config(configuration(config)).state_dict()
    shapes = {k: v for k, v in shapes.items() if not (tied and k == "lm_head.weight")}
    for seed in range(1000):
        weights = draw(shapes, seed, tied, config["model_type"] == "gemma3_text")
        if own.get("gguf") == "q8_0":
            weights = {k: on_q8_grid(w) if w.ndim == 2 else w for k, w in weights.items()}
        write_weights(folder, weights, config, own)
        part = weights if own.get("prefix") else None
        model = load(folder, config if part else None, part)
        greedy, gaps = continue_greedily(model, tokens)
        if good(greedy, gaps):
            break
    else:
        sys.exit(f"{name}: no seed gives a clear greedy continuation")
    logits = logits_of(model, tokens)
    expected = dict(
        tokens=torch.tensor(tokens, dtype=torch.int32), logits=logits,
        greedy=torch.tensor(greedy, dtype=torch.int32), greedy_gap=torch.tensor(gaps),
    )
    save_file(expected, folder / "expected.safetensors", {"prompt": prompt})
    if own.get("gguf") == "q8_0":
        gguf_convert.convert(folder, folder / "model-q8_0.gguf", "q8_0")
    elif own.get("gguf"):
        weights = {k: v for k, v in model.state_dict().items() if k in shapes}
        gguf_llama.write(folder / f"model-{own['gguf']}.gguf", name, config, weights, own["gguf"], tokenizer)

    for file in folder.iterdir():
        file.chmod(0o644)  # safetensors makes them private

    # What the prompt's logits depend on. f64 shows how much of the reference is rounding.
    f64 = logits_of(model.double(), tokens)
    line = f"{name:14} seed {seed:4}  T {len(tokens)}  std {logits.std():.2f}  least gap {min(gaps):.3f}"
    line += f"  f32 to f64 {distance(logits, f64):.1e}"
    for key in own.get("drop", ()):
        plain = {k: v for k, v in config.items() if k != key} | {k: v for k, v in BASE.items() if k == key}
        if key == "sliding_window":
            plain[key] = 4096
        line += f"  without {key} {distance(logits, logits_of(load(folder, plain, part), tokens)):.1e}"
    size = sum(f.stat().st_size for f in folder.iterdir())
    print(f"{line}  {size / 1000:.0f} kB", flush=True)


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """|a - b| / |b|, as vectors."""
    return float((a - b).norm() / b.norm())


def main() -> None:
    parser = argparse.ArgumentParser(description="writes tests/fixtures/golden (see the file's head)")
    parser.add_argument("names", nargs="*", choices=[*MODELS, []], help="models to write; default: all")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    for name in parser.parse_args().names or MODELS:
        make(name)


if __name__ == "__main__":
    main()
