"""Learn which texts tell of present danger to life.

    sentinel simulate --days 20 --seed 977 --tickets-per-day 1000 --out out/danger
    python -m embeddings.train.danger --data ../shared/data --simulated out/danger

Writes embeddings/models/danger.npz. The sentences are in `danger.tsv`, written for this: label (1 danger, 0 none),
kind, text; and with the label - what people say around it, whatever they call about. Each is learned as it stands and
spliced into the talk of other tickets, real messages (not those of 2019) and simulated ones (none of the tickets that
tell of danger), which are learned as harmless, too; so neither a register nor a way to complain tells anything. To
teach it what your operators hear, add lines and run it again. `benchmarks/danger.py` says how good it is.
"""

import argparse
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from embeddings.danger import DANGER, KIND_BITS, PART, SLOT_BITS, slots_of
from embeddings.terms import codes_of
from embeddings.text import normalise
from embeddings.tickets import F64, I32
from embeddings.train.corpus import hotline_texts

SENTENCES = Path(__file__).with_name("danger.tsv")
SEED = 5
SPLICED, EMBELLISHED = 3, 2
"""How often each sentence is put into another ticket's talk, and between what people say around it."""
SPLICED_WEIGHT = 0.3
HARMLESS, HARMLESS_WEIGHT = 9_000, 1.0
"""How many tickets of either source are learned as harmless, and what one counts."""
LEAST_TEXTS = 6
STRENGTH = 1 / 3
"""Of the weights against what holds them small."""
SHIFT = 1.0
"""Added to the log-odds: so many sentences of danger are learned, and so rare it is, that theirs would mean little.
With it a chance of two thirds is what few real messages reach: see the benchmark."""
CLAUSE = re.compile(r"(?<=[,。!?;])")


class Sentence(NamedTuple):
    """One line of `danger.tsv`."""

    label: str
    kind: str
    text: str


class Talk(NamedTuple):
    """What danger is spliced into."""

    openings: list[str]
    around: list[str]
    tickets: list[str]


def sentences(path: Path) -> list[Sentence]:
    """Read `danger.tsv` or its like; raises ValueError where a line is not what it should be."""
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        parts = line.split("\t")
        if len(parts) != 3 or parts[0] not in ("1", "0", "-"):
            raise ValueError(f"{path}, line {number}: want label (1, 0 or -), kind and text, tabs between")
        rows.append(Sentence(*parts))
    return rows


def simulated(folder: Path) -> Iterator[tuple[bool, str, str]]:
    """Of every ticket of a simulation, whether it tells of danger, its title and its text."""
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
                yield ticket["ticket_id"] in urgent, ticket.get("title") or "", ticket.get("text") or ""


def embellish(text: str, talk: Talk, rng: random.Random) -> str:
    """Put a sentence between what people say around it."""
    parts = [part for part in re.split(r"(?<=[。!?;])", text) if part]
    for _ in range(rng.choice((1, 1, 2, 3))):
        said = rng.choice(talk.around) + rng.choice(",。, ").strip()
        at = rng.choice((0, len(parts), rng.randrange(len(parts) + 1)))
        parts.insert(at, said if at == 0 or parts[at - 1][-1] in "。!?;," else rng.choice(",。") + said)
    return (rng.choice(talk.openings) if rng.random() < 0.5 else "") + "".join(parts)


def splice(text: str, talk: Talk, rng: random.Random) -> str:
    """Put a sentence into another ticket, in place of one of its clauses."""
    clauses = [clause for clause in CLAUSE.split(normalise(rng.choice(talk.tickets))) if clause]
    if len(clauses) < 2:
        return embellish(text, talk, rng)
    at = rng.randrange(1, len(clauses))
    before = "".join(clauses[max(0, at - rng.randrange(3)) : at])
    after = "".join(clauses[at + 1 : at + 1 + rng.randrange(4)])
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


def scaled(counts: csr_matrix, rarity: F64) -> csr_matrix:
    """Weigh counts by rarity, each text over the fourth root of its sum of squares: long ones may say a little more."""
    squares = counts @ (rarity * rarity)
    found: csr_matrix = counts.multiply(rarity[None, :]).multiply((squares**-0.25)[:, None]).tocsr()
    return found


def main() -> None:
    """Learn and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--simulated", type=Path, required=True)
    options = parser.parse_args()
    rng = random.Random(SEED)
    rows = [row._replace(text=normalise(row.text)) for row in sentences(SENTENCES)]
    harmless = []
    told_calmly = (
        "。".join(part for part in said if part) for danger, *said in simulated(options.simulated) if not danger
    )
    for source in (hotline_texts(options.data), told_calmly):
        texts = [normalise(text) for text in source]
        for text in rng.sample(texts, min(HARMLESS, len(texts))):
            harmless += [text[at : at + PART] for at in range(0, max(1, len(text) - 20), PART)]
    talk = Talk(
        [row.text for row in rows if row.kind == "开头"], [row.text for row in rows if row.kind == "套话"], harmless
    )
    told = [row for row in rows if row.label != "-"]
    texts, labels, weights = list(harmless), [0] * len(harmless), [HARMLESS_WEIGHT] * len(harmless)
    for row in told:
        made = [splice(row.text, talk, rng) for _ in range(SPLICED)]
        made += [embellish(row.text, talk, rng) for _ in range(EMBELLISHED)]
        texts += [row.text, *made]
        labels += [int(row.label)] * (1 + len(made))
        weights += [1.0, *[SPLICED_WEIGHT] * len(made)]
    counts = matrix(texts, SLOT_BITS)
    frequency = np.bincount(counts.indices, minlength=1 << SLOT_BITS)
    # what few texts have says nothing, and must not speak for what happens to share its slot
    rarity = np.where(frequency < LEAST_TEXTS, 0.0, np.log((len(texts) + 1.0) / (frequency + 1.0)) + 1.0)
    model = LogisticRegression(C=STRENGTH, max_iter=2000)
    model.fit(scaled(counts, rarity), labels, sample_weight=weights)
    danger = [row for row in told if row.label == "1"]
    kinds = matrix([row.text for row in danger], KIND_BITS)
    which = LogisticRegression(C=30.0, max_iter=2000)
    which.fit(scaled(kinds, np.ones(1 << KIND_BITS)), [row.kind for row in danger])
    table = np.stack((model.coef_[0] * rarity, rarity * rarity), axis=1)
    np.savez_compressed(
        DANGER,
        table=table.astype(np.float16),
        bias=float(model.intercept_[0]) + SHIFT,
        kinds=which.coef_.T.astype(np.float16),
        names=which.classes_,
    )
    print(f"{len(danger):,} sentences of danger, {len(told) - len(danger):,} of none; {len(texts):,} texts in all")
    print(f"{DANGER.name}: {DANGER.stat().st_size / 1024:,.0f} KiB")


if __name__ == "__main__":
    main()
