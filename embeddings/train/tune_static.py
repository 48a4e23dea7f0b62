"""Teach the words of `static` what `tune.py` teaches the teacher: which tickets tell of one concrete problem.

    python -m embeddings.train.tune_static --data ../shared/data

Takes the vectors that `build_static.py` wrote as a start, changes them in place, and writes centre.npy, the mean vector
of a text. It learns from the same as `tune.py`: tellings, written hotlines, titles with their texts; of a mean of
vectors the losses are the same, and a minute on one core is enough. Names are for other evidence to weigh, so tellings
of different problems share one. Seeded: on one machine always the same bits.
"""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from safetensors.numpy import load_file, save_file
from torch import Tensor
from torch.nn import Module, Parameter
from torch.nn.functional import embedding_bag, normalize

from embeddings.lexicon import STATIC, Lexicon
from embeddings.train.corpus import hotline_texts
from embeddings.train.told import HEADS, KINDS
from embeddings.train.tune import (
    WRITTEN,
    contrast,
    endlessly,
    families,
    hotlines,
    kept_back,
    look,
    matched,
    titled,
    warmed,
)

STEPS, RATE, WARMING = 600, 5e-3, 0.08
TEMPERATURE = 0.1
PAIRS_WORTH = 2.0  # of the loss of titles and texts, where that of tellings, and that of issues, is worth 1
FAMILIES, PAIRS = 24, 512  # of one step; and all tickets of one hotline
TITLED, PLACED = 0.7, 0.7  # how often a ticket has its title, and tellings a place


class WordVectors(Module):
    """A text is the mean of its words' vectors, less a typical text's, at unit length."""

    def __init__(self, table: Tensor, lexicon: Lexicon) -> None:
        super().__init__()
        self.table = Parameter(table)
        self.centre = torch.zeros(table.shape[1])
        self._lexicon = lexicon
        self._read: dict[str, list[int]] = {}

    def means(self, texts: Sequence[str]) -> Tensor:
        """Return the means, shape (texts, dimension)."""
        for text in texts:
            if text not in self._read:
                self._read[text] = self._lexicon.read("", text)[1].tolist()
        ids = [self._read[text] for text in texts]
        starts = np.cumsum([0, *map(len, ids)])[:-1]
        found: Tensor = embedding_bag(torch.tensor([i for some in ids for i in some]), self.table, torch.tensor(starts))
        return found

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors, shape (texts, dimension)."""
        vectors: Tensor = normalize(self.means(texts) - self.centre, dim=1)
        return vectors

    @torch.no_grad()
    def fixed(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors as they are now."""
        return self.forward(texts)


def main() -> None:
    """Learn, say what was gained, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=STATIC)
    parser.add_argument("--out", type=Path, default=STATIC)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = random.Random(0)
    stored = load_file(options.model / "model.safetensors")
    model = WordVectors(torch.from_numpy(stored["embedding.weight"].astype(np.float32)), Lexicon.shipped())
    messages = list(hotline_texts(options.data))

    def centre() -> Tensor:
        with torch.no_grad():
            return model.means(messages).mean(0)

    model.centre = centre()
    every, written, pairs = families(), hotlines(WRITTEN), titled(options.data)
    kept = {family: every.pop(family) for family in kept_back(every)}
    told, tickets = list(every.values()), list(written.values())
    print("before:", look(model, kept), flush=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    of_pairs = endlessly(rng, len(pairs), PAIRS)
    for step in track(range(STEPS), "learning"):
        for group in optimiser.param_groups:
            group["lr"] = RATE * warmed(step, STEPS, WARMING)
        texts, labels = [], []
        for number in rng.sample(range(len(told)), FAMILIES):
            # one place has all three problems of a family: its name is to say next to nothing
            place = rng.choice(HEADS) + rng.choice(KINDS) if rng.random() < PLACED else ""
            for one, tellings in told[number].items():
                some = [place + telling for telling in rng.sample(tellings, 4)]
                texts += some
                labels += [f"{number}-{one}"] * len(some)
        loss = contrast(model(texts), labels, TEMPERATURE)
        hotline = rng.choice(tickets)
        texts = [f"{title} {text}" if rng.random() < TITLED else text for _, title, text in hotline]
        loss = loss + contrast(model(texts), [issue for issue, *_ in hotline], TEMPERATURE)
        of_titles, _ = matched(model, [pairs[n] for n in next(of_pairs)], TEMPERATURE)
        loss = loss + PAIRS_WORTH * of_titles
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        optimiser.step()
    model.centre = centre()
    print("after:", look(model, kept))
    options.out.mkdir(parents=True, exist_ok=True)
    table = model.table.detach().numpy().astype(stored["embedding.weight"].dtype)
    save_file({"embedding.weight": table}, options.out / "model.safetensors", metadata={"format": "pt"})
    np.save(options.out / "centre.npy", model.centre.numpy())


if __name__ == "__main__":
    main()
