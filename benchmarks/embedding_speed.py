"""How fast the encoders are on one core, and how large: texts of 100 characters, one after the other.

    python benchmarks/embedding_speed.py [--teacher]

Processor time of this process, held to one core, on simulated complaints (the seed stands in the results) of exactly
100 characters. Beside ours, in the same run, the library's own ways with the same models: `StaticEmbedding` through
`SentenceTransformer.encode`, one text at a time and in batches of 64; with `--teacher` bge-small, of which `small` was
made (it needs SENTINEL_SHARED, default: ../shared beside the repository).

Writes benchmarks/results/embedding_speed.json.
"""

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from embeddings.encoder import load_encoder, model_of
from embeddings.lexicon import Lexicon
from embeddings.vectors import VectorStore
from sentinel.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("SENTINEL_SHARED", ROOT.parent / "shared"))
TEACHER = SHARED / "models/bge-small-zh-v1.5"
RESULT = ROOT / "benchmarks/results/embedding_speed.json"
CHARACTERS, SEED, TEXTS = 100, 41, 4000
SECONDS = 6.0
BAR = {"static": (8000, 40.0), "small": (100, 30.0)}


class Row(NamedTuple):
    """One line of the table."""

    encoder: str
    texts_per_second: float
    megabytes: float
    dimension: int


def texts() -> list[str]:
    """Simulated complaints of `CHARACTERS` characters: one cut short, or several put together."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(6, SEED, Path(folder), tickets_per_day=TEXTS // 3, incidents=False)
        lines = (Path(folder) / "tickets.jsonl").read_text("utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row.get("text")]
    whole = "".join(row["text"] for row in rows)
    return [whole[start : start + CHARACTERS] for start in range(0, CHARACTERS * TEXTS, CHARACTERS)]


def per_second(run: Callable[[Sequence[str]], object], everything: Sequence[str], together: int = 64) -> float:
    """Texts a second of processor time, after a warm-up, over about `SECONDS`."""
    run(everything[:together])
    done, began = 0, time.process_time()
    while time.process_time() - began < SECONDS:
        start = done % (len(everything) - together)
        run(everything[start : start + together])
        done += together
    return done / (time.process_time() - began)


def megabytes(path: Path) -> float:
    """The size of a model's directory."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6


def ours(name: str, everything: Sequence[str], lexicon: Lexicon) -> Row:
    """An encoder as the pipeline calls it; the words of a text are cut too, though the pipeline needs them anyway."""
    encoder = load_encoder(name)
    speed = per_second(lambda some: [encoder.encode(text, lexicon.cut_ids(text)) for text in some], everything)
    return Row(name if name in BAR else Path(name).name, speed, megabytes(model_of(name)), encoder.identity.dimension)


def kept(name: str, everything: Sequence[str], lexicon: Lexicon) -> Row:
    """The same where every vector is on disk already."""
    with tempfile.TemporaryDirectory() as folder:
        store = VectorStore(Path(folder))
        encoder = load_encoder(name, store)
        some = everything[:256]
        for text in some:
            encoder.encode(text, lexicon.cut_ids(text))
        store.flush()
        speed = per_second(lambda part: [encoder.encode(text, lexicon.cut_ids(text)) for text in part], some)
        store.close()
    return Row(f"{name}, vectors kept on disk", speed, megabytes(model_of(name)), encoder.identity.dimension)


def library(name: str, everything: Sequence[str], batch: int) -> Row:
    """The library's own way with a directory."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(model_of(name)), local_files_only=True, device="cpu", trust_remote_code=name == "small"
    )

    def run(some: Sequence[str]) -> None:
        for start in range(0, len(some), batch):
            model.encode(list(some[start : start + batch]), batch_size=batch, show_progress_bar=False)

    return Row(
        f"{name}, SentenceTransformer, batches of {batch}",
        per_second(run, everything),
        megabytes(model_of(name)),
        int(model.get_embedding_dimension() or 0),
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--teacher", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    everything, lexicon = texts(), Lexicon.shipped()
    rows = [
        ours("static", everything, lexicon),
        library("static", everything, 1),
        library("static", everything, 64),
        ours("small", everything, lexicon),
        kept("small", everything, lexicon),
    ]
    if options.teacher and TEACHER.is_dir():
        rows.append(ours(str(TEACHER), everything, lexicon))
    table = Table(title=f"texts of {CHARACTERS} characters, one core", title_justify="left")
    for heading in ("encoder", "texts/s", "to reach", "MB", "at most", "dimensions"):
        table.add_column(heading, justify="left" if heading == "encoder" else "right")
    for row in rows:
        least, most = BAR.get(row.encoder, (None, None))
        table.add_row(
            row.encoder,
            f"{row.texts_per_second:,.0f}",
            f"{least:,}" if least else "",
            f"{row.megabytes:.1f}",
            f"{most:.0f}" if most else "",
            str(row.dimension),
        )
    Console().print(table)
    RESULT.parent.mkdir(exist_ok=True)
    figures = {"seed": SEED, "characters": CHARACTERS, "texts": TEXTS, "rows": [row._asdict() for row in rows]}
    RESULT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
