"""Learn which texts tell of present danger to life, and which complain of the conduct of an office.

    sentinel simulate --days 20 --seed 977 --tickets-per-day 1000 --out out/calm
    python -m embeddings.train.ngrams danger --data ../shared/data --simulated out/calm
    python -m embeddings.train.ngrams conduct --data ../shared/data --simulated out/calm

Writes embeddings/models/danger.npz or conduct.npz. The sentences are in `danger.tsv` and `conduct.tsv`, written for
this: label (1 it does, 0 not), kind, text; and in `danger.tsv` with the label - what people say around it, whatever
they call about. Each is learned as it stands and spliced into the talk of other tickets, real messages (not those of
2019) and simulated ones, which are learned as harmless, too; so neither a register nor a way to complain tells
anything. Left out of the talk is what is known to be of the kind: simulated danger; tickets of the topics and with the
words of conduct, for which the sentences of danger, or none, are ordinary tickets. As real messages have more of
conduct than words find, they count little there. Where the few characters that tell most count by themselves
(`telling`), only a model knows which they are: it is learned on whole texts first, and then again with what it found.
To teach a model what your operators hear, add lines and run it again. `benchmarks/danger.py` and `conduct.py` say how
good they are.
"""

import argparse
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from alerts.domains import DomainReader
from embeddings.ngrams import CONDUCT, DANGER, KIND_BITS, PART, SLOT_BITS, TELLING, most_telling, slots_of
from embeddings.terms import codes_of
from embeddings.text import normalise
from embeddings.tickets import F32, F64, I32
from embeddings.train.corpus import hotline_texts
from sentinel.settings import load_settings

HERE = Path(__file__).parent
SENTENCES = HERE / "danger.tsv"
SEED = 5
SPLICED, EMBELLISHED = 3, 2
"""How often each sentence is put into another ticket's talk, and between what people say around it."""
SPLICED_WEIGHT = 0.3
LEAST_TEXTS = 6
ROUNDS = 2
"""How often it is learned again."""
OF_OFFICES = "党风政风/"
CLAUSE = re.compile(r"(?<=[,。!?;])")


class Lesson(NamedTuple):
    """What one of the models is learned with."""

    sentences: Path
    out: Path
    strength: float
    """of the weights against what holds them small"""
    shift: float
    """added to the log-odds: so much more is told of it here than in life that theirs would mean little; with it a
    chance of two thirds (danger) or a half (conduct) is what few harmless texts reach, see the benchmark"""
    telling: float
    """what those characters of a text that tell most count for by themselves, 0 to 1: much where a call for help stands
    among other talk, nothing where it takes a story to complain"""
    around: int
    """clauses of another ticket that are left at most before a sentence put into it; after it one more"""
    harmless: int
    """how many tickets are learned as such, of real messages and of all others, which are short"""
    messages_weight: float
    short_weight: float
    """what a harmless ticket counts"""


LESSONS = {
    "danger": Lesson(SENTENCES, DANGER, 1.0, 0.55, 0.7, 4, 9_000, 1.0, 1.0),
    "conduct": Lesson(HERE / "conduct.tsv", CONDUCT, 1.0, 1.2, 0.0, 2, 18_000, 0.1, 0.5),
}


class Sentence(NamedTuple):
    """One line of `danger.tsv` or `conduct.tsv`."""

    label: str
    kind: str
    text: str


class Simulated(NamedTuple):
    """A ticket of a simulation."""

    danger: bool
    title: str
    text: str
    topic: str


class Talk(NamedTuple):
    """What sentences are spliced into."""

    openings: list[str]
    around: list[str]
    tickets: list[str]


def sentences(path: Path) -> list[Sentence]:
    """Read such lines; raises ValueError where a line is not what it should be."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        parts = line.split("\t")
        if len(parts) != 3 or parts[0] not in ("1", "0", "-"):
            raise ValueError(f"{path}, line {number}: want label (1, 0 or -), kind and text, tabs between")
        rows.append(Sentence(*parts))
    return rows


def simulated(folder: Path) -> Iterator[Simulated]:
    """Read every ticket of a simulation."""
    urgent: set[str] = set()
    with (folder / "incidents.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            incident = json.loads(line)
            if incident["kind"] == "urgent":
                urgent.update(incident["ticket_ids"])
    with (folder / "tickets.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            ticket = json.loads(line)
            if ticket.get("event", "created") == "created":
                told = (ticket.get(name) or "" for name in ("title", "text", "topic"))
                yield Simulated(ticket["ticket_id"] in urgent, *told)


def embellish(text: str, talk: Talk, rng: random.Random) -> str:
    """Put a sentence between what people say around it."""
    parts = [part for part in re.split(r"(?<=[。!?;])", text) if part]
    for _ in range(rng.choice((1, 1, 2, 3))):
        said = rng.choice(talk.around) + rng.choice(",。, ").strip()
        at = rng.choice((0, len(parts), rng.randrange(len(parts) + 1)))
        parts.insert(at, said if at == 0 or parts[at - 1][-1] in "。!?;," else rng.choice(",。") + said)
    return (rng.choice(talk.openings) if rng.random() < 0.5 else "") + "".join(parts)


def splice(text: str, talk: Talk, around: int, rng: random.Random) -> str:
    """Put a sentence into another ticket, in place of one of its clauses."""
    clauses = [clause for clause in CLAUSE.split(normalise(rng.choice(talk.tickets))) if clause]
    if len(clauses) < 2:
        return embellish(text, talk, rng)
    at = rng.randrange(1, len(clauses))
    before = "".join(clauses[max(0, at - rng.randrange(around + 1)) : at])
    after = "".join(clauses[at + 1 : at + 1 + rng.randrange(around + 2)])
    joined = before + ("" if not before or before[-1] in ",。!?;" else ",") + text
    return joined + ("" if not after or joined[-1] in ",。!?;" else rng.choice(",。")) + after


def matrix(texts: Sequence[str], bits: int) -> csr_matrix:
    """Which slots each text has, its first `PART` characters; shape (texts, 2**bits)."""
    slots: list[I32] = [slots_of(codes_of(normalise(text))[:PART]) >> (SLOT_BITS - bits) for text in texts]
    ends = np.cumsum([0, *map(len, slots)])
    found = csr_matrix((np.ones(ends[-1]), np.concatenate(slots), ends), shape=(len(texts), 1 << bits))
    found.sum_duplicates()
    found.data[:] = 1.0
    return found


def tell(model: LogisticRegression, rarity: F64) -> F64:
    """Return the table of a model: of each slot its weight times its rarity, and the square of that."""
    found: F64 = np.stack((model.coef_[0] * rarity, rarity * rarity), axis=1)
    return found


def most_telling_parts(texts: Sequence[str], table: F32) -> list[str]:
    """Return those characters of each text that tell most of it."""
    parts = [normalise(text)[:PART] for text in texts]
    begins = [most_telling(codes_of(part), table) for part in parts]
    return [part[begin : begin + TELLING] for part, begin in zip(parts, begins, strict=True)]


def scaled(counts: csr_matrix, rarity: F64) -> csr_matrix:
    """Weigh counts by rarity, each text over the fourth root of its sum of squares: long ones may say a little more."""
    squares = counts @ (rarity * rarity)
    found: csr_matrix = counts.multiply(rarity[None, :]).multiply((squares**-0.25)[:, None]).tocsr()
    return found


def harmless(lesson: Lesson, data: Path, folder: Path, rng: random.Random) -> tuple[list[str], list[float]]:
    """Return parts of tickets of either source, which tell of nothing as far as is known, and their weights."""
    messages, calm = hotline_texts(data), (ticket for ticket in simulated(folder) if not ticket.danger)
    if lesson.out == CONDUCT:
        known = DomainReader(load_settings(None).domains)
        messages = (text for text in messages if not known.conduct("", text, ""))
        calm = (ticket for ticket in calm if not known.conduct(*ticket[1:]) and not ticket.topic.startswith(OF_OFFICES))
    told: Iterable[str] = ("。".join(part for part in ticket[1:3] if part) for ticket in calm)
    if lesson.out == CONDUCT:
        told = [*told, *(row.text for row in sentences(SENTENCES) if row.label != "-")]
    texts: list[str] = []
    weights: list[float] = []
    for source, weight in ((messages, lesson.messages_weight), (told, lesson.short_weight)):
        found = [normalise(text) for text in source]
        for text in rng.sample(found, min(lesson.harmless, len(found))):
            texts += [text[at : at + PART] for at in range(0, max(1, len(text) - 20), PART)]
        weights += [weight] * (len(texts) - len(weights))
    return texts, weights


def main() -> None:
    """Learn and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", choices=LESSONS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--simulated", type=Path, required=True)
    options = parser.parse_args()
    lesson = LESSONS[options.model]
    rng = random.Random(SEED)
    texts, weights = harmless(lesson, options.data, options.simulated, rng)
    around = [row._replace(text=normalise(row.text)) for row in sentences(SENTENCES)]
    talk = Talk(
        [row.text for row in around if row.kind == "开头"],
        [row.text for row in around if row.kind == "套话"],
        list(texts),
    )
    rows = [row._replace(text=normalise(row.text)) for row in sentences(lesson.sentences) if row.label != "-"]
    labels = [0] * len(texts)
    for row in rows:
        made = [splice(row.text, talk, lesson.around, rng) for _ in range(SPLICED)]
        made += [embellish(row.text, talk, rng) for _ in range(EMBELLISHED)]
        texts += [row.text, *made]
        labels += [int(row.label)] * (1 + len(made))
        weights += [1.0, *[SPLICED_WEIGHT] * len(made)]
    counts = matrix(texts, SLOT_BITS)
    frequency = np.bincount(counts.indices, minlength=1 << SLOT_BITS)
    # what few texts have says nothing, and must not speak for what happens to share its slot
    rarity = np.where(frequency < LEAST_TEXTS, 0.0, np.log((len(texts) + 1.0) / (frequency + 1.0)) + 1.0)
    model = LogisticRegression(C=lesson.strength, max_iter=2000)
    whole = scaled(counts, rarity)
    model.fit(whole, labels, sample_weight=weights)
    for _ in range(ROUNDS if lesson.telling else 0):
        parts = most_telling_parts(texts, tell(model, rarity).astype(np.float32))
        told = (1.0 - lesson.telling) * whole + lesson.telling * scaled(matrix(parts, SLOT_BITS), rarity)
        model.fit(told, labels, sample_weight=weights)
    of_it = [row for row in rows if row.label == "1"]
    kinds = matrix([row.text for row in of_it], KIND_BITS)
    which = LogisticRegression(C=30.0, max_iter=2000)
    which.fit(scaled(kinds, np.ones(1 << KIND_BITS)), [row.kind for row in of_it])
    np.savez_compressed(
        lesson.out,
        table=tell(model, rarity).astype(np.float16),
        bias=float(model.intercept_[0]) + lesson.shift,
        kinds=which.coef_.T.astype(np.float16),
        names=which.classes_,
        telling=lesson.telling,
    )
    print(
        f"{len(of_it):,} sentences of {options.model}, {len(rows) - len(of_it):,} of none; {len(texts):,} texts in all"
    )
    print(f"{lesson.out.name}: {lesson.out.stat().st_size / 1024:,.0f} KiB")


if __name__ == "__main__":
    main()
