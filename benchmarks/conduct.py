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

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from alerts.domains import DomainReader
from benchmarks.danger import ROOT, Text, add_others, asked, counted
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
    options = asked(__doc__)
    console = Console()
    rules = load_settings(None, None).domains
    topics = rules.conduct.topics
    readers = {"words": DomainReader(rules), "both": DomainReader(rules, NgramModel.load(CONDUCT).chance)}
    sources: dict[str, Sequence[Text]] = {
        "sentences, in view": told(SENTENCES)[:IN_VIEW],
        "sentences, kept back": told(SENTENCES)[IN_VIEW:],
    }
    add_others(sources, options.seeds, console)
    # a simulated ticket's kind is its topic
    sources["simulated"] = [text._replace(danger=text.kind in topics) for text in sources["simulated"] if text.kind]
    figures: dict[str, object] = {"learned": rules.conduct.learned, "seeds": options.seeds}
    title = f"complaints about conduct, from a chance of {rules.conduct.learned:g} on"
    table = Table(title=title, title_justify="left")
    for heading in ("source", "read by", "of conduct", "found", "recall", "others", "taken for one", "a thousand"):
        table.add_column(heading, justify="left" if heading in ("source", "read by") else "right")
    for source, texts in sources.items():
        for name, reader in readers.items():
            fired = [reader.conduct(text.title, text.text, "") for text in texts]
            (of_it, found, others, wrong), cells = counted(texts, fired)
            table.add_row(source, name, *cells)
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
