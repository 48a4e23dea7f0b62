"""How well a complaint about the conduct of an office is told from a text: by words, and by the learned model, too.

    python -m benchmarks.conduct [--seeds 1201 1202 1203] [--show]

Such complaints are withheld from the street or office complained of. Sources, none of which the model was learned from:

- 740 sentences (`tests/alerts/conduct_sentences.tsv`), half of them such complaints and half that only sound like it (a
  firm's fault, praise, a question, a request that an office should act), by two writers who had seen neither words nor
  model, asked to say what happened rather than the word for it. The threshold was set with the first 440 in view; the
  300 of the second writer are kept back.
- 600 ordinary tickets (kind 平常 in `tests/sentinel/danger_sentences.tsv`), of which a few do blame an office.
- 4,326 long real messages to a city's government of 2019, which nobody has labelled (in SENTINEL_SHARED, default:
  ../shared beside the repository; skipped where it is not there): how many are taken for one.
- Simulated hotlines whose tickets do not say their topic: those of the topics of conduct, and all others.

Writes benchmarks/results/conduct.json.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from alerts.domains import DomainReader
from benchmarks.danger import MESSAGES, ORDINARY, ROOT, Text, hotlines, messages, written
from embeddings.ngrams import CONDUCT, NgramModel
from embeddings.train.ngrams import sentences
from sentinel.settings import load_settings

SENTENCES = ROOT / "tests/alerts/conduct_sentences.tsv"
IN_VIEW = 440
RESULT = ROOT / "benchmarks/results/conduct.json"


def told(path: Path) -> list[Text]:
    """The sentences."""
    return [Text(label == "1", "", text, kind) for label, kind, text in sentences(path)]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1201, 1202, 1203])
    parser.add_argument("--show", action="store_true", help="what was missed, and what is none")
    options = parser.parse_args()
    console = Console()
    rules = load_settings(None, None).domains
    topics = rules.conduct.topics
    readers = {"words": DomainReader(rules), "both": DomainReader(rules, NgramModel.load(CONDUCT).chance)}
    sources: dict[str, Sequence[Text]] = {
        "sentences, in view": told(SENTENCES)[:IN_VIEW],
        "sentences, kept back": told(SENTENCES)[IN_VIEW:],
        "ordinary tickets": [text for text in written() if text.kind == ORDINARY],
    }
    if MESSAGES.is_file():
        sources["real messages"] = messages()
    else:
        console.print(f"{MESSAGES}: no such file; set SENTINEL_SHARED to the evaluation data")
    with console.status("simulating"):
        sources["simulated"] = [
            text._replace(danger=text.kind in topics) for text in hotlines(options.seeds) if text.kind
        ]
    figures: dict[str, object] = {"learned": rules.conduct.learned, "seeds": options.seeds}
    title = f"complaints about conduct, from a chance of {rules.conduct.learned:g} on"
    table = Table(title=title, title_justify="left")
    for heading in ("source", "read by", "of conduct", "found", "recall", "others", "taken for one", "a thousand"):
        table.add_column(heading, justify="left" if heading in ("source", "read by") else "right")
    for source, texts in sources.items():
        for name, reader in readers.items():
            fired = [reader.conduct(text.title, text.text, "") for text in texts]
            of_it = sum(text.danger for text in texts)
            found = sum(fire and text.danger for fire, text in zip(fired, texts, strict=True))
            others, wrong = len(texts) - of_it, sum(fired) - found
            table.add_row(
                source, name, f"{of_it:,}", f"{found:,}", f"{found / of_it:.0%}" if of_it else "–", f"{others:,}",
                f"{wrong:,}", f"{1000.0 * wrong / others:.1f}",
            )  # fmt: skip
            figures[f"{source}, {name}"] = {"of conduct": of_it, "found": found, "others": others, "wrong": wrong}
            for fire, text in zip(fired, texts, strict=True):
                if options.show and name == "both" and fire != text.danger:
                    console.print(
                        f"{source}: {'missed' if text.danger else 'none'} {text.kind} {text.title} {text.text}"
                    )
    console.print(table)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
