"""A GGUF file of a Hugging Face folder by llama.cpp's own converter, whose source is in the folder LLAMA_CPP.

The converter knows a tokenizer by a hash over what it makes of a text, and ours is in no list: it is told that it is
GPT-2's, which it is but for the vocabulary; and it takes tokenizer.json as it is, without the tokens that transformers
adds to that of some model types.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PATCHED = """
import runpy, sys
sys.path[:0] = [{llama!r}, {llama!r} + "/gguf-py"]
import transformers
import conversion.base as base
plain = transformers.PreTrainedTokenizerFast.from_pretrained
transformers.AutoTokenizer.from_pretrained = lambda folder, **kwargs: plain(folder)
base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
runpy.run_path({llama!r} + "/convert_hf_to_gguf.py", run_name="__main__")
"""


GPT2 = dict(
    tokenizer_class="PreTrainedTokenizerFast", bos_token="<|begin|>", eos_token="<|end|>", add_bos_token=True
)


def convert(folder: pathlib.Path, out: pathlib.Path, kind: str, tokenizer: dict = GPT2) -> None:
    """Writes `out`; `kind` is the converter's --outtype, `tokenizer` what tokenizer_config.json says."""
    llama = os.environ.get("LLAMA_CPP")
    if not llama:
        sys.exit(f"{out.name}: LLAMA_CPP must be the folder of llama.cpp's source")
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        (pathlib.Path(copy) / "tokenizer_config.json").write_text(json.dumps(tokenizer))
        code = PATCHED.format(llama=llama)
        done = subprocess.run(
            [sys.executable, "-c", code, copy, "--outfile", str(out), "--outtype", kind],
            capture_output=True, text=True,
        )
    if done.returncode or not out.exists():
        sys.exit(f"{out.name}: the converter failed:\n{done.stdout}\n{done.stderr}")
