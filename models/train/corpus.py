"""Reads the corpus files: topics with their questions and answers in each language (the format is in README.md)."""
import re
from pathlib import Path

HERE = Path(__file__).parent / "corpus"
LANGUAGES = ["pt-PT", "pt-BR", "es", "ca", "gl", "eu", "en"]
FACETS = ["how", "docs", "where", "cost", "time"]


def split(text):
    return [part.strip() for part in text.split(" | ")]


def read_topics():
    """topic -> (place, cost, time), the classes that each language words for itself."""
    rows = {}
    for line in (HERE / "topics.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            name, *classes = line.split()
            rows[name] = tuple(classes)
    return rows


def read_sections(path):
    """The file's head (key -> text) and its sections (name -> key -> text)."""
    head, sections = {}, {}
    current = head
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            current = sections.setdefault(line.strip("[] "), {})
            continue
        key, colon, value = line.partition(": ")
        if not colon or key in current:
            raise ValueError(f"{path.name}:{number}: no `key: value`, or a key for the second time")
        current[key] = value.strip()
    return head, sections


class Language:
    """One language: `topics` (things to do, with facets), `infos` (one question, one answer) and the phrases around them."""

    def __init__(self, tag):
        self.tag = tag
        self.head, sections = read_sections(HERE / f"{tag}.txt")
        self.system, self.hello, self.please = (split(self.head[k]) for k in ("system", "hello", "please"))
        self.templates = {f: split(self.head[f"q_{f}"]) for f in FACETS}
        self.followups = {f: split(self.head[f"f_{f}"]) for f in FACETS if f != "how"}
        self.which = self.head["a_which"]
        self.swaps = [tuple(s.split(" > ")) for s in split(self.head["swap"])] if "swap" in self.head else []
        classes = read_topics()
        self.topics, self.infos = {}, {}
        for name, section in sections.items():
            if "a" in section:
                self.infos[name] = {"questions": split(section["q"]), "answer": section["a"]}
            else:
                self.topics[name] = self._topic(name, section, *classes[name])
        missing = set(classes) - set(self.topics)
        if missing:
            raise ValueError(f"{tag}: topics without a section: {sorted(missing)}")

    def _topic(self, name, section, place, cost, time):
        act = section["act"]
        told = act  # the same act as the answer says it: my -> your
        for mine, yours in self.swaps:
            told = re.sub(rf"(?<!\w){re.escape(mine)}(?!\w)", yours, told)
        answers = {"how": section["how"], "docs": section["docs"]}
        shared = {
            "where": self.head["a_where"].replace("{place}", self.head[f"place_{place}"]),
            "cost": self.head[f"cost_{cost}"],
            "time": self.head.get(f"time_{time}"),
        }
        for facet, text in shared.items():
            text = section.get(facet, text)
            if text:
                text = text.replace("{act}", told)
                answers[facet] = text[0].upper() + text[1:]
        words = {"act": act, "kw": section["kw"]}
        if "want" in section:  # Basque: the participle, «Nola berritu dezaket NANa», «NANa berritzea»
            *rest, verb = section["want"].split()
            words |= {"want": section["want"], "nom": act.removesuffix("ko") + "a",
                      "can": " ".join([verb, section.get("aux", "dezaket"), *rest])}
        questions = {}
        for facet, templates in self.templates.items():
            if facet in answers:
                filled = [t.format(**words) for t in templates]
                questions[facet] = [t[0].upper() + t[1:] if t[-1] in ".?!" else t for t in filled]
        questions["how"] = questions["how"] + split(section["q"])
        return {"answers": answers, "questions": questions, "own": split(section["q"])}


def read_all():
    return {tag: Language(tag) for tag in LANGUAGES}
