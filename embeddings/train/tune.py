"""Teach the teacher which tickets tell of one concrete problem, however each caller puts it.

    python -m embeddings.train.tune --data ../shared/data --teacher ../shared/models/bge-small-zh-v1.5 --out out/tuned

Writes a model like the teacher, for `small.py` and `build_static.py` to start from. Six minutes on a GPU, six hours on
two cores. What it learns from, all at once:

- `tellings.tsv` (family, set, text): sets of five tellings of one problem, no place named; the three sets of a family
  are problems that a careless reader takes for one. Every tenth family is kept back, to look at.
- `written_issues.tsv`: hotlines of issues told by different people, in which one place has several problems and one
  problem several places. Of neither was anything taken from the hand-read issues of 2019.
- titles with their texts, of citizens' messages (not those of 2019) and hot searches: the loss that such models are
  made with, lest it forgets what else there is.
- what is near what among those texts by the teacher: it is to change only where there is a reason.

The loss of tellings and issues is supervised contrastive (Khosla et al. 2020, equation 2, their "out"), that of titles
and texts the same with pairs. Word vectors stay as they are. `unseen_issues.tsv`, hotlines by other writers, is looked
at only: `pair_scorer.py` learns there what the vectors are worth on hotlines they were not taught.
Seeded; but a GPU adds up in whatever order it likes, so no two runs give the same bits.
"""

import argparse
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import torch
from rich.progress import track
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy, normalize
from transformers import AutoModel

from embeddings.text import normalise
from embeddings.train.corpus import general_rows, hotline_rows
from embeddings.train.ngrams import SENTENCES, sentences

HERE = Path(__file__).parent
TELLINGS, WRITTEN, UNSEEN = HERE / "tellings.tsv", HERE / "written_issues.tsv", HERE / "unseen_issues.tsv"
STEPS, RATE, WARMING = 600, 1e-4, 0.1
TEMPERATURE = 0.05
FAMILIES, PAIRS = 16, 192  # of one step; and all tickets of one hotline
HOTLINE_WORTH, PAIRS_WORTH, KEEPING_WORTH = 3.0, 0.5, 200.0  # of the losses, where that of tellings is worth 1
DRESSED, TITLED = 0.4, 0.7  # how often words of courtesy are put before and after, and a ticket has its title
TOKENS = 128
HOT_SEARCHES, KINDS = 25_000, ("社会", "时事", "财经")
EMBEDDED = 512  # texts at once, where nothing is learned
NORMS = 1.0  # the longest step

Family = dict[str, list[str]]
Hotline = list[tuple[str, str, str]]


def families() -> dict[str, Family]:
    """The tellings of each set of each family."""
    found: dict[str, Family] = {}
    for line in TELLINGS.read_text("utf-8").splitlines():
        family, one, text = line.split("\t")
        found.setdefault(family, {}).setdefault(one, []).append(text)
    return found


def kept_back(every: dict[str, Family]) -> list[str]:
    """The families that nothing here learns from: every tenth."""
    return sorted(every)[::10]


def hotlines(path: Path) -> dict[str, Hotline]:
    """Issue, title and text of the tickets of each written hotline."""
    found: dict[str, Hotline] = {}
    for line in path.read_text("utf-8").splitlines():
        hotline, issue, *_, title, text = line.split("\t")
        found.setdefault(hotline, []).append((issue, title, text))
    return found


def titled(data: Path) -> list[tuple[str, str]]:
    """Titles with what is told under them, each title once."""
    of_messages = {
        normalise(row["title"]): normalise(row["text"])[:160]
        for row in hotline_rows(data)
        if row.get("title") and len(row["text"]) > 20
    }
    of_searches = {
        normalise(row["title"]): normalise(row["description"])[:120]
        for row in general_rows(data)
        if row.get("category") in KINDS and len(row.get("description") or "") > 15
    }
    return [*of_messages.items(), *random.Random(0).sample(sorted(of_searches.items()), HOT_SEARCHES)]


class Vectors(Protocol):
    """What makes vectors of texts."""

    def fixed(self, texts: Sequence[str]) -> Tensor:
        """Return them as they are now, shape (texts, width)."""
        ...


class Learner(Module):
    """The teacher, its tokenizer, and unit vectors of its first token."""

    def __init__(self, teacher: Path, device: str) -> None:
        super().__init__()
        self.model = AutoModel.from_pretrained(str(teacher), local_files_only=True).float().to(device)
        self.model.embeddings.requires_grad_(False)
        self.tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
        self.tokenizer.enable_padding()
        self.tokenizer.enable_truncation(TOKENS)
        self.device = device

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors, shape (texts, width)."""
        read = self.tokenizer.encode_batch(list(texts))
        ids = torch.tensor([one.ids for one in read], device=self.device)
        mask = torch.tensor([one.attention_mask for one in read], device=self.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device == "cuda"):
            first = self.model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
        return normalize(first.float(), dim=1)

    @torch.no_grad()
    def fixed(self, texts: Sequence[str]) -> Tensor:
        """Return the vectors as they are now, without dropout."""
        self.eval()
        parts = [self(texts[at : at + EMBEDDED]) for at in range(0, len(texts), EMBEDDED)]
        self.train()
        return torch.cat(parts)


def centred(vectors: Tensor) -> Tensor:
    """Unit vectors less what they have in common."""
    return normalize(vectors - vectors.mean(0), dim=1)


def contrast(vectors: Tensor, labels: Sequence[str], temperature: float) -> Tensor:
    """Supervised contrastive loss: what has one label is to be nearer than all else."""
    numbers = {label: n for n, label in enumerate(sorted(set(labels)))}
    label = torch.tensor([numbers[each] for each in labels], device=vectors.device)
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    likeness = (vectors @ vectors.T / temperature).masked_fill(itself, -1e9)
    same = (label[:, None] == label[None]) & ~itself
    told = same.any(1)
    chance = likeness - torch.logsumexp(likeness, 1, keepdim=True)
    loss: Tensor = -((chance * same).sum(1)[told] / same.sum(1)[told]).mean()
    return loss


def matched(model: Module, pairs: Sequence[tuple[str, str]], temperature: float) -> tuple[Tensor, Tensor]:
    """Contrastive loss, either way: a text is to be nearer its title than any other; and the vectors of the texts."""
    titles, bodies = model([title for title, _ in pairs]), model([body for _, body in pairs])
    likeness, right = titles @ bodies.T / temperature, torch.arange(len(pairs), device=titles.device)
    return (cross_entropy(likeness, right) + cross_entropy(likeness.T, right)) / 2.0, bodies


def warmed(step: int, steps: int, warming: float) -> float:
    """What of the rate of learning a step has: up through the share `warming` of all steps, and down to the end."""
    return min(1.0, (step + 1) / (warming * steps)) * (1.0 - step / steps)


def average_precision(vectors: Tensor, labels: Sequence[str], within: Sequence[str]) -> float:
    """Of the pairs within a group, by cosine: how well those of one label come first."""
    likeness = centred(vectors) @ centred(vectors).T
    pairs = [(a, b) for b in range(len(labels)) for a in range(b) if within[a] == within[b]]
    first, second = map(list, zip(*pairs, strict=True))
    same = torch.tensor([labels[a] == labels[b] for a, b in pairs])
    hits = same[torch.argsort(likeness[first, second].cpu(), descending=True)].float()
    return float((hits.cumsum(0) / torch.arange(1, len(hits) + 1) * hits).sum() / hits.sum())


def endlessly(rng: random.Random, n: int, at_once: int) -> Iterator[list[int]]:
    """Numbers below n in random order, all of them again and again."""
    order: list[int] = []
    while True:
        if len(order) < at_once:
            order += rng.sample(range(n), n)
        yield order[:at_once]
        order = order[at_once:]


def look(model: Vectors, kept: dict[str, Family]) -> str:
    """How well what nothing learns from is told apart."""
    rows = [(family, one, text) for family, sets in kept.items() for one, texts in sets.items() for text in texts]
    vectors = model.fixed([text for *_, text in rows])
    found = average_precision(vectors, [family + one for family, one, _ in rows], [family for family, *_ in rows])
    told = [f"families kept back {found:.3f}"]
    for name, tickets in hotlines(UNSEEN).items():
        vectors = model.fixed([f"{title} {text}".strip() for _, title, text in tickets])
        told.append(f"{name} {average_precision(vectors, [issue for issue, *_ in tickets], [''] * len(tickets)):.3f}")
    return "average precision: " + ", ".join(told)


def learn(model: Learner, told: list[Family], written: list[Hotline], pairs: list[tuple[str, str]]) -> None:
    """Learn, step by step."""
    rng = random.Random(0)
    torch.manual_seed(0)
    around = [row for row in sentences(SENTENCES) if row.label == "-"]
    openings, talk = ([row.text for row in around if row.kind == kind] for kind in ("开头", "套话"))

    def dressed(text: str) -> str:
        if rng.random() < DRESSED:
            text = rng.choice(openings) + text
        return f"{text.rstrip('。')}，{rng.choice(talk)}" if rng.random() < DRESSED else text

    by_teacher = model.fixed([text for _, text in pairs]).half()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=RATE)
    of_families, of_pairs = endlessly(rng, len(told), FAMILIES), endlessly(rng, len(pairs), PAIRS)
    for step in track(range(STEPS), "learning"):
        for group in optimiser.param_groups:
            group["lr"] = RATE * warmed(step, STEPS, WARMING)
        texts, labels = [], []
        for family in next(of_families):
            for one, tellings in told[family].items():
                some = rng.sample(tellings, 4)
                texts += [dressed(text) for text in some]
                labels += [f"{family}-{one}"] * len(some)
        loss = contrast(model(texts), labels, TEMPERATURE)
        tickets = rng.choice(written)
        texts = [dressed(f"{title} {text}".strip() if rng.random() < TITLED else text) for _, title, text in tickets]
        loss = loss + HOTLINE_WORTH * contrast(model(texts), [issue for issue, *_ in tickets], TEMPERATURE)
        chosen = next(of_pairs)
        of_titles, bodies = matched(model, [pairs[n] for n in chosen], TEMPERATURE)
        loss = loss + PAIRS_WORTH * of_titles
        now, before = centred(bodies), centred(by_teacher[chosen].float())
        loss = loss + KEEPING_WORTH * ((now @ now.T - before @ before.T) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's
        torch.nn.utils.clip_grad_norm_(model.parameters(), NORMS)
        optimiser.step()


def main() -> None:
    """Learn, say what was gained, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    model = Learner(options.teacher, "cuda" if torch.cuda.is_available() else "cpu").train()
    every, written = families(), hotlines(WRITTEN)
    kept = {family: every.pop(family) for family in kept_back(every)}
    print("before:", look(model, kept), flush=True)
    learn(model, list(every.values()), list(written.values()), titled(options.data))
    print("after:", look(model, kept))
    for file in filter(Path.is_file, options.teacher.rglob("*")):
        copy = options.out / file.relative_to(options.teacher)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    stored = load_file(options.teacher / "model.safetensors")
    learned = {name: value.cpu().contiguous() for name, value in model.model.state_dict().items()}
    same = {name: learned.get(name.removeprefix("bert."), value) for name, value in stored.items()}
    save_file(same, options.out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main()
