"""Writes what SentencePiece makes of a text with a real vocabulary, which `cargo xtask real` compares with.

usage: python tests/make_fixtures/vocabularies.py GEMMA.gguf      (packages: requirements.txt, protobuf)

A GGUF file has all of SentencePiece's model: the pieces, their scores and types are put back into one. Written is
`tests/fixtures/vocabularies/gemma3.txt`: the ids of `text.txt` beside it, control tokens' spellings read as text. The
vocabulary itself has terms of its own and isn't part of the project.
"""

import pathlib
import sys

import sentencepiece
from gguf import GGUFReader
from sentencepiece import sentencepiece_model_pb2 as spm_proto

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "vocabularies"
UNKNOWN, USER_DEFINED = 2, 4


def model_of(gguf: str) -> sentencepiece.SentencePieceProcessor:
    fields = GGUFReader(gguf).fields
    read = lambda key: fields[f"tokenizer.ggml.{key}"].contents()
    assert read("model") == "llama"
    proto = spm_proto.ModelProto()
    unknown = read("unknown_token_id")
    for id, (text, score, kind) in enumerate(zip(read("tokens"), read("scores"), read("token_type"))):
        # llama.cpp's converter writes spaces into the pieces of a user, and calls <unk> a control token.
        text = text.replace(" ", "▁") if kind == USER_DEFINED else text
        proto.pieces.add(piece=text, score=score, type=UNKNOWN if id == unknown else kind)
    trainer, normalizer = proto.trainer_spec, proto.normalizer_spec
    trainer.model_type = spm_proto.TrainerSpec.BPE
    trainer.byte_fallback = True
    trainer.unk_id = unknown
    trainer.bos_id, trainer.eos_id = read("bos_token_id"), read("eos_token_id")
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = read("add_space_prefix")
    normalizer.remove_extra_whitespaces = False
    model = sentencepiece.SentencePieceProcessor()
    model.LoadFromSerializedProto(proto.SerializeToString())
    return model


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    model = model_of(sys.argv[1])
    text = (FIXTURES / "text.txt").read_bytes().decode()
    ids = model.encode(text)
    assert model.decode(ids) == text
    (FIXTURES / "gemma3.txt").write_text(" ".join(map(str, ids)) + "\n")
    print(f"{len(text)} characters, {len(ids)} ids")


if __name__ == "__main__":
    main()
