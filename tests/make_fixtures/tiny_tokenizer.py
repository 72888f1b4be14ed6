"""Tiny byte-level BPE tokenizers (GPT-2's pattern) for the golden models.

Two of them:
- `full`: 288 ids = 3 special tokens, the 256 bytes, 29 merges; any text can be written in it;
- `ascii`: 131 ids = 3 special tokens, 95 printable ASCII characters and the newline, 32 merges; an odd vocabulary
  size, and characters outside it simply have no token (so: ASCII text only).

Both put `<|begin|>` (id 0) in front of a text, as Llama tokenizers do.
"""

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

SPECIAL = ["<|begin|>", "<|end|>", "<|turn|>"]
BEGIN, END, TURN = range(3)

# Training text, of our own: it only has to make a few dozen plausible merges.
TEXT = [
    "O azulejo é uma peça de cerâmica de pouca espessura, em geral quadrada, em que uma das faces é vidrada.",
    "Los azulejos cubren las paredes de las casas; las baldosas, los suelos de la estación.",
    "A tile is a thin piece of baked clay. The tiles on the wall tell the story of the town and of the sea.",
    "The engine reads the tokens of the text, then it writes the next token, and the next, and the next.",
]

PROMPTS = {
    "full": "O azulejo é o chão; the tile & the año 1755!",
    "ascii": "The tile on the wall (no. 31) tells the story of the sea.",
}


def build(kind: str) -> Tokenizer:
    """The tokenizer called `kind`, trained anew; training has no random part."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "full":
        size, text, alphabet = 288, TEXT, pre_tokenizers.ByteLevel.alphabet()
    else:
        # In the byte-level alphabet a space is U+0120 and a newline U+010A; other printable ASCII stays as it is.
        size, text = 131, [t for t in TEXT if t.isascii()]
        alphabet = [chr(c) for c in range(0x21, 0x7F)] + ["\u0120", "\u010a"]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=SPECIAL, initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(text, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", BEGIN)]
    )
    assert tokenizer.get_vocab_size() == size
    return tokenizer
