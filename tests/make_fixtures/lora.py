"""Writes LoRA adapters of golden models and what PEFT makes of them.

usage: LLAMA_CPP=... python tests/make_fixtures/lora.py      (packages: requirements.txt)

Each adapter becomes `tests/fixtures/lora/NAME/`, NAME being the golden model's, a folder as PEFT saves it, plus
`expected.safetensors`: `logits` f32 [T, vocab] of the golden model's `tokens` with the adapter, computed in f32. For the
text model there is `adapter-f32.gguf`, too, of the matrices of its layers, made by llama.cpp's own converter (LLAMA_CPP is
its folder).

All matrices of the layers are adapted. Besides, in the text model, the head, whose weights are the embeddings': the
adapter changes the logits alone. In the one that reads images, the part that does, which has no say here; and since
adapters are merged into GGUF files, which can't say its `query_pre_attn_scalar`, that is the head's size.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.utils import logging

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
MATRICES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def text_model(folder: pathlib.Path):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def image_model(folder: pathlib.Path):
    """The whole model, with a small part that reads images, which the folder hasn't."""
    config = AutoConfig.from_pretrained(folder)
    config.text_config.query_pre_attn_scalar = config.text_config.head_dim
    vision = config.vision_config
    vision.num_hidden_layers, vision.intermediate_size, vision.image_size, vision.patch_size = 1, 8, 16, 4
    config.mm_tokens_per_image = 4
    model = AutoModelForImageTextToText.from_config(config, attn_implementation="eager").eval()
    lacking, unknown = model.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
    lacking = [name for name in lacking if "vision" not in name and "multi_modal" not in name]
    assert set(unknown) <= {"model.vision_tower.vision_model.encoder.layers.0.layer_norm1.weight"}, unknown
    assert set(lacking) <= {"lm_head.weight"}, lacking
    model.tie_weights()
    return model


def make(name: str, load, more: list[str], seed: int) -> None:
    golden, folder = FIXTURES / "golden" / name, FIXTURES / "lora" / name
    shutil.rmtree(folder, ignore_errors=True)
    with safe_open(golden / "expected.safetensors", "pt") as file:
        tokens = file.get_tensor("tokens")
    base = load(golden)
    with torch.no_grad():
        plain = base(tokens[None].long()).logits[0]
    config = LoraConfig(r=2, lora_alpha=3, target_modules=MATRICES + more, task_type="CAUSAL_LM")
    model = get_peft_model(base, config).eval()
    generator = torch.Generator().manual_seed(seed)
    for key, weight in model.named_parameters():
        # PEFT begins with zeros in B, which would show nothing.
        if "lora_" in key:
            weight.data = torch.randn(weight.shape, generator=generator) * 0.3 / weight.shape[1] ** 0.5
    with torch.no_grad():
        logits = model(tokens[None].long()).logits[0]
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    said = json.loads((folder / "adapter_config.json").read_text())
    said |= {"base_model_name_or_path": name, "target_modules": sorted(said["target_modules"])}
    (folder / "adapter_config.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
    save_file({"logits": logits.contiguous()}, folder / "expected.safetensors")
    for file in folder.iterdir():
        file.chmod(0o644)
    names = list(load_file(folder / "adapter_model.safetensors"))
    print(f"{name}: {len(names)} tensors such as {names[0]}; logits moved by {(logits - plain).norm() / plain.norm():.2f}")


def by_llama_cpp(name: str) -> None:
    """The adapter of the layers alone: llama.cpp has no place for one of a head that is the embeddings."""
    llama = os.environ.get("LLAMA_CPP")
    if not llama:
        sys.exit("LLAMA_CPP must be the folder of llama.cpp's source")
    folder = FIXTURES / "lora" / name
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / name
        copy.mkdir()
        shutil.copy(folder / "adapter_config.json", copy)
        tensors = load_file(folder / "adapter_model.safetensors")
        save_file({k: v for k, v in tensors.items() if "lm_head" not in k}, copy / "adapter_model.safetensors")
        out = folder / "adapter-f32.gguf"
        subprocess.run(
            [sys.executable, llama + "/convert_lora_to_gguf.py", str(copy), "--base", str(FIXTURES / "golden" / name),
             "--outfile", str(out), "--outtype", "f32"],
            check=True,
        )


if __name__ == "__main__":
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    make("gemma3", text_model, ["lm_head"], 1)
    by_llama_cpp("gemma3")
    make("gemma3-part", image_model, ["out_proj"], 2)
