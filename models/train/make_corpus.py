"""Expands the corpus files into training dialogues and the held-out text (heldout.txt), from one seed.

Two sets of dialogues: work/train-1.jsonl draws all phrasings alike; work/train-2.jsonl, for the second half of training,
draws the phrasings that belong to one topic only more often, since they come up too rarely otherwise, and is tidier.

Held out are phrasings, not subjects: some (topic, question) pairs never appear in training, and heldout.txt asks just those.
Also trains the tokenizer (work/tokenizer.json): byte-level BPE with the Llama 3 pre-tokeniser."""
import argparse
import json
import random
import unicodedata
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import corpus

WORK = Path(__file__).parent / "work"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SMALL_TALK = {"hello": 3.0, "thanks": 3.0, "who": 2.0, "person": 2.0, "outside": 5.0, "emergency": 5.0, "skills": 1.5}


def chatml(messages):
    return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in messages)


def strip_accents(text):
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def typo(rng, text):
    """One slip of the finger: a letter dropped, doubled or swapped with its neighbour."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    i = rng.choice(places)
    kind = rng.randrange(3)
    if kind == 0:
        return text[:i] + text[i + 1:]
    if kind == 1:
        return text[:i] + text[i] + text[i:]
    return text[:i] + text[i + 1] + text[i] + text[i + 2:]


class Sampler:
    def __init__(self, language, seed):
        self.language, self.second = language, False
        self.own = {name: set(topic["own"]) for name, topic in language.topics.items()}
        rng = random.Random(f"{seed}-{language.tag}-split")
        self.train, self.held = {}, {}  # (topic, facet) -> questions
        for name, topic in language.topics.items():
            for facet, questions in topic["questions"].items():
                held = [q for q in questions if rng.random() < 0.09]
                if len(questions) - len(held) < 3:
                    held = held[:1]
                self.train[name, facet] = [q for q in questions if q not in held]
                if held:
                    self.held[name, facet] = held
        for name, info in language.infos.items():
            questions = info["questions"]
            held = rng.sample(questions, 1 if rng.random() < 0.5 and len(questions) > 4 and name != "hello" else 0)
            self.train[name, None] = [q for q in questions if q not in held]
            if held:
                self.held[name, None] = held
        self.info_names = list(language.infos)
        self.info_weights = [SMALL_TALK.get(n, 1.0) for n in self.info_names]

    def answer(self, name, facet):
        return self.language.infos[name]["answer"] if facet is None else self.language.topics[name]["answers"][facet]

    def question(self, rng, name, facet):
        """A question that training may see; in the second set half of those that ask how are the topic's own."""
        questions = self.train[name, facet]
        own = [q for q in questions if q in self.own.get(name, ())] if facet == "how" and self.second else []
        return rng.choice(own if own and rng.random() < 0.6 else questions)

    def dress(self, rng, text, greet=True):
        """A question as people type it: greeted, without accents or marks, with a slip."""
        if greet and rng.random() < 0.12:
            hello = rng.choice(self.language.hello)
            text = f"{hello} {text[0].lower() + text[1:] if hello.endswith(',') and text[1:2].islower() else text}"
        if greet and rng.random() < 0.08:
            please = rng.choice(self.language.please)
            text = f"{text} {please}"
        if rng.random() < 0.5:
            text = text.replace("¿", "").replace("¡", "")
        if rng.random() < 0.25:
            text = text.rstrip("?.! ")
        if rng.random() < 0.2:
            text = text.lower()
        elif rng.random() < 0.015:
            text = text.upper()
        if rng.random() < 0.12:
            text = strip_accents(text)
        if rng.random() < (0.06 if self.second else 0.14) and len(text) > 8:
            text = typo(rng, text)
        return text

    def pick(self, rng):
        """(name, facet) of a question that stands alone."""
        if rng.random() < 0.22:
            return rng.choices(self.info_names, self.info_weights)[0], None
        name = rng.choice(list(self.language.topics))
        facets = list(self.language.topics[name]["answers"])
        weights = [(4.5 if self.second else 3.0) if f == "how" else 1.3 for f in facets]
        return name, rng.choices(facets, weights)[0]

    def dialogue(self, rng, first=None, others=()):
        """Messages of one dialogue; `first`, a (name, facet, question), begins a held-out one. Now and then the
        person goes on in another language: then one of `others` takes over, and so does the answer's language."""
        language = self.language
        messages = [("system", rng.choice(language.system))] if rng.random() < 0.3 else []
        turns = rng.choices([1, 2, 3, 4, 6], [62, 20, 11, 5, 2] if self.second else [50, 25, 14, 7, 4])[0]
        topic, seen = None, set()
        for turn in range(turns):
            kind = rng.random()
            if turn > 0 and others and rng.random() < 0.04:
                self = rng.choice(others)
                language, topic, kind = self.language, None, 0.99
            if turn == 0 and first:
                name, facet, question = first
            elif turn == 0 and kind < 0.012:
                facet = rng.choice(list(language.followups))
                messages += [("user", self.dress(rng, rng.choice(language.followups[facet]), greet=False)), ("assistant", language.which)]
                continue
            elif turn > 0 and topic and kind < 0.55:
                left = [f for f in language.topics[topic]["answers"] if f != "how" and f not in seen]
                if not left:
                    break
                facet = rng.choice(left)
                seen.add(facet)
                question = self.dress(rng, rng.choice(language.followups[facet]), greet=False)
                messages += [("user", question), ("assistant", self.answer(topic, facet))]
                continue
            elif turn > 0 and kind < 0.68:
                name, facet, question = "thanks", None, None
            else:
                (name, facet), question = self.pick(rng), None
            if question is None:
                question = self.dress(rng, self.question(rng, name, facet), greet=facet is not None)
            messages += [("user", question), ("assistant", self.answer(name, facet))]
            if facet is not None:
                topic, seen = name, {facet}
            elif name != "thanks":
                topic = None
        return messages


def write(path, dialogues):
    with open(path, "w", encoding="utf-8") as out:
        for messages in dialogues:
            out.write(json.dumps(messages, ensure_ascii=False) + "\n")


def train_tokenizer(texts, vocab):
    tokenizer = Tokenizer(models.BPE(ignore_merges=True, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab, special_tokens=SPECIAL, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--dialogues", type=int, default=14000, help="a language")
    parser.add_argument("--heldout", type=int, default=22, help="held-out dialogues a language")
    parser.add_argument("--vocab", type=int, default=4096)
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    samplers = [Sampler(language, options.seed) for language in corpus.read_all().values()]

    lines, plain = [], []
    for sampler in samplers:
        rng = random.Random(f"{options.seed}-{sampler.language.tag}-train")
        for _ in range(options.dialogues):
            lines.append(sampler.dialogue(rng, others=samplers))
        for (name, facet), questions in sampler.train.items():
            plain.append(sampler.answer(name, facet))
            plain.extend(questions)
    random.Random(options.seed).shuffle(lines)
    write(WORK / "train-1.jsonl", lines)

    held = []
    for sampler in samplers:
        rng = random.Random(f"{options.seed}-{sampler.language.tag}-held")
        for name, facet in rng.sample(sorted(sampler.held, key=str), options.heldout):
            question = sampler.dress(rng, rng.choice(sampler.held[name, facet]), greet=facet is not None)
            held.append(chatml(sampler.dialogue(rng, (name, facet, question))))
    random.Random(options.seed + 1).shuffle(held)
    (Path(__file__).parent / "heldout.txt").write_text("<|endoftext|>".join(held), encoding="utf-8")

    more = []
    for sampler in samplers:
        sampler.second = True
    for sampler in samplers:
        rng = random.Random(f"{options.seed}-{sampler.language.tag}-second")
        more += [sampler.dialogue(rng, others=samplers) for _ in range(options.dialogues)]
    random.Random(options.seed).shuffle(more)
    write(WORK / "train-2.jsonl", more)

    # Words of the corpus first; typed variants teach the small pieces that typos and capitals need.
    sample = [text for messages in lines[:12000] for _, text in messages]
    tokenizer = train_tokenizer(plain * 3 + sample, options.vocab)
    tokenizer.save(str(WORK / "tokenizer.json"))
    count = sum(len(tokenizer.encode(chatml(m)).ids) for m in lines[:2000]) / 2000
    print(f"{len(lines)} dialogues of {count:.0f} tokens, {len(lines) * count / 1e6:.1f} M tokens; held out {len(held)}; vocabulary {tokenizer.get_vocab_size()}")


if __name__ == "__main__":
    main()
