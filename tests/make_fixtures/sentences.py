"""Writes what sentence-transformers makes of 50 sentences with a real model, for `cargo xtask real`.

usage: python tests/make_fixtures/sentences.py FOLDER NAME      (packages: requirements.txt)

FOLDER is the model's; `tests/fixtures/sentences/NAME.safetensors` gets `embeddings`, i16 [50, hidden]: each number times
32767. The sentences are the lines of sentences.txt there; the last is longer than the model takes.
"""

import pathlib
import sys

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "sentences"


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    model = SentenceTransformer(sys.argv[1], device="cpu")
    lines = (FOLDER / "sentences.txt").read_text(encoding="utf-8").splitlines()
    vectors = torch.from_numpy(model.encode(lines, normalize_embeddings=True))
    file = FOLDER / f"{sys.argv[2]}.safetensors"
    save_file({"embeddings": (vectors * 32767).round().to(torch.int16)}, file)
    file.chmod(0o644)  # safetensors makes it private
    print(f"{file}: {list(vectors.shape)}")


if __name__ == "__main__":
    main()
