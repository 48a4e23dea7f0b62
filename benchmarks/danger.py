"""How well present danger to life is told from a text: by words, by the learned model, and by both, as it ships.

    python -m benchmarks.danger [--seeds 1201 1202 1203] [--show]

Sources, none of which the model was learned from:

- 440 sentences (`tests/sentinel/danger_sentences.tsv`), half of danger and half that only sound like it, written by
  somebody who had seen neither words nor model, asked not to repeat a phrase. The model's threshold was set with every
  other line in view; `kept back` are the rest.
- 600 ordinary tickets written likewise (kind 平常 there), in view, too.
- 4,326 real messages to a city's government of 2019, in which nobody was in danger that minute as far as we read (in
  SENTINEL_SHARED, default: ../shared beside the repository; skipped where it is not there).
- Simulated hotlines: the tickets of `urgent` incidents, and all others. Seeds from 1000 on share no name and no phrase
  of common complaints with the one whose harmless tickets the model has seen.

A text counts as danger from `detectors.urgent.strength` on. Writes benchmarks/results/danger.json.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from embeddings.ngrams import DANGER, NgramModel
from embeddings.train.ngrams import sentences, simulated
from sentinel.danger import DangerReader
from sentinel.settings import load_settings
from sentinel.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
SENTENCES = ROOT / "tests/sentinel/danger_sentences.tsv"
MESSAGES = SHARED / "data/citizen_messages/messages_2019.jsonl"
RESULT = ROOT / "benchmarks/results/danger.json"
ORDINARY = "平常"
NEVER_SAID = "\ue000\ue000"
DAYS, TICKETS_A_DAY, INCIDENTS_A_DAY = 14, 800, 12


class Text(NamedTuple):
    """A ticket and whether it tells of danger."""

    danger: bool
    title: str
    text: str
    kind: str = ""


def half(kept_back: bool) -> list[Text]:
    """One half of the sentences."""
    return [text for text in written() if text.kind != ORDINARY][int(kept_back) :: 2]


def written() -> list[Text]:
    """All that was written for this."""
    return [Text(label == "1", "", text, kind) for label, kind, text in sentences(SENTENCES)]


def messages() -> list[Text]:
    """The real messages."""
    rows = (json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines())
    return [Text(False, row["title"], row["text"]) for row in rows]


def hotlines(seeds: Iterable[int]) -> list[Text]:
    """Tickets of simulated hotlines."""
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            simulate(DAYS, seed, root, tickets_per_day=TICKETS_A_DAY, incidents_per_day=INCIDENTS_A_DAY)
            found += [Text(*ticket) for ticket in simulated(root)]  # their kind is their topic
    return found


def asked(description: str | None) -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1201, 1202, 1203])
    parser.add_argument("--show", action="store_true", help="what was missed, and what was taken wrongly")
    return parser.parse_args()


def add_others(sources: dict[str, Sequence[Text]], seeds: Iterable[int], console: Console) -> None:
    """Add ordinary tickets, real messages where they are, and simulated ones."""
    sources["ordinary tickets"] = [text for text in written() if text.kind == ORDINARY]
    if MESSAGES.is_file():
        sources["real messages"] = messages()
    else:
        console.print(f"{MESSAGES}: no such file; set SENTINEL_SHARED to the evaluation data")
    with console.status("simulating"):
        sources["simulated"] = hotlines(seeds)


def counted(texts: Sequence[Text], fired: Sequence[bool]) -> tuple[tuple[int, int, int, int], list[str]]:
    """How many are of it, and of these found; how many others, and of these taken wrongly; and as a table has them."""
    of_it = sum(text.danger for text in texts)
    found = sum(fire and text.danger for fire, text in zip(fired, texts, strict=True))
    others, wrong = len(texts) - of_it, sum(fired) - found
    recall = f"{found / of_it:.0%}" if of_it else "–"
    cells = [f"{of_it:,}", f"{found:,}", recall, f"{others:,}", f"{wrong:,}", f"{1000.0 * wrong / others:.2f}"]
    return (of_it, found, others, wrong), cells


def main() -> None:
    """Measure, print, write."""
    options = asked(__doc__)
    console = Console()
    settings = load_settings(None, None)
    least, words = settings.detectors.urgent.strength, settings.urgent
    nothing = words.categories[0].model_copy(update={"certain": (NEVER_SAID,), "possible": ()})
    alone = words.model_copy(update={"categories": (nothing,)})
    model = NgramModel.load(DANGER)
    readers = {"words": DangerReader(words), "model": DangerReader(alone, model), "both": DangerReader(words, model)}
    sources: dict[str, Sequence[Text]] = {
        "sentences, in view": half(False),
        "sentences, kept back": half(True),
    }
    add_others(sources, options.seeds, console)
    figures: dict[str, object] = {"strength": least, "seeds": options.seeds}
    table = Table(title=f"present danger, from a strength of {least:g} on", title_justify="left")
    for heading in ("source", "read by", "danger", "found", "recall", "others", "taken for danger", "a thousand"):
        table.add_column(heading, justify="left" if heading in ("source", "read by") else "right")
    for source, texts in sources.items():
        for name, reader in readers.items():
            cues = [reader.assess(text.text, text.title) for text in texts]
            fired = [cue.strength >= least for cue in cues]
            (danger, found, others, wrong), cells = counted(texts, fired)
            table.add_row(source, name, *cells)
            figures[f"{source}, {name}"] = {"danger": danger, "found": found, "others": others, "wrong": wrong}
            if name == "both":
                named = [(c.category, t.kind) for c, t, f in zip(cues, texts, fired, strict=True) if f and t.danger]
                if source.startswith("sentences"):
                    right = sum(category == kind for category, kind in named)
                    figures[f"{source}, right kind"] = right / len(named)
                for cue, text, fire in zip(cues, texts, fired, strict=True):
                    if options.show and fire != text.danger:
                        console.print(f"{source}: {'missed' if text.danger else 'no danger'} {cue.strength:.2f} {text}")
    console.print(table)
    for source in ("sentences, in view", "sentences, kept back"):
        console.print(f"{source}: of what is found, {figures[f'{source}, right kind']:.0%} under the right kind")
    texts = sources["simulated"][:20_000]
    for name, reader in readers.items():
        began = time.process_time()
        for text in texts:
            reader.assess(text.text, text.title)
        figures[f"microseconds, {name}"] = round((time.process_time() - began) / len(texts) * 1e6, 1)
        console.print(f"{name}: {figures[f'microseconds, {name}']} µs a ticket")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
