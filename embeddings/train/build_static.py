"""Build the shipped static encoder: a Unigram tokenizer over dictionary words and a vector for each.

    python -m embeddings.train.build_static --data ../shared/data --teacher ../shared/models/bge-small-zh-v1.5

Vocabulary: the words of jieba's dictionary that occur in the texts of `corpus.py`, most frequent first,
and every single character seen. Vectors: each word through the teacher, centred, reduced by PCA, and
scaled by a / (a + p) of its frequency p (smooth inverse frequency; Arora, Liang and Ma 2017, section 3),
so that the plain mean of a text's vectors is its embedding. Seeded by nothing: every step is exact. The teacher may be
what `tune.py` made of it, and `tune_static.py` goes on from here. `--keep-words` takes the words that are in the
directory already: all that was counted and learned by their numbers stays valid.
"""

import argparse
import json
import math
import os
import re
from collections import Counter
from pathlib import Path

import jieba
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from embeddings.text import normalise
from embeddings.train.corpus import general_texts, hotline_texts

WORDS = 40_000
DIMENSION = 128
SIF = 1e-3
HOTLINE_WEIGHT = 5  # one citizen's message says as much about a ticket as five hot searches
UNKNOWN = "[UNK]"
PIECES = r"[\u4e00-\u9fff]+|[a-z]+|[0-9]+"  # runs within which words are sought


def dictionary() -> dict[str, float]:
    """Words of jieba's dictionary with log relative frequency."""
    counts: dict[str, int] = {}
    with (Path(os.path.dirname(jieba.__file__)) / "dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            word, count, *_ = line.split(" ")
            word = normalise(word)
            if word and re.fullmatch(PIECES, word):
                counts[word] = counts.get(word, 0) + max(1, int(count))
    total = math.log(sum(counts.values()))
    return {word: math.log(count) - total for word, count in counts.items()}


def unigram(vocabulary: dict[str, float]) -> Tokenizer:
    """A tokenizer that cuts a text into the likeliest sequence of words of `vocabulary`."""
    floor = min(vocabulary.values()) - 5.0
    tokenizer = Tokenizer(models.Unigram([(UNKNOWN, floor), *vocabulary.items()], 0, False))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(PIECES), behavior="removed", invert=True)
    return tokenizer


def counted(tokenizer: Tokenizer, corpus: list[tuple[str, int]]) -> Counter[str]:
    """How often each word occurs, by weight."""
    counts: Counter[str] = Counter()
    for text, weight in corpus:
        for token in tokenizer.encode(text).tokens:
            counts[token] += weight
    return counts


def chosen(corpus: list[tuple[str, int]]) -> tuple[Tokenizer, Counter[str], list[str]]:
    """A tokenizer of the words that occur, how often each does, and the words by their numbers, from 1 on."""
    words = dictionary()
    rarest = min(words.values())
    seen = set().union(*(set(text) for text, _ in corpus))
    for character in sorted(seen - words.keys()):
        if re.fullmatch(PIECES, character):
            words[character] = rarest
    counts = counted(unigram(words), corpus)
    singles = {w for w in words if len(w) == 1 and counts[w] >= 5}
    common = [w for w, _ in sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])) if w in words]
    kept = sorted(set(common[:WORDS]) | singles, key=lambda w: (-counts[w], w))
    return unigram({w: words[w] for w in kept}), counts, kept


def main() -> None:
    """Build tokenizer and vectors and save them as a sentence-transformers directory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--out", type=Path, default=Path("embeddings/models/static"))
    parser.add_argument("--keep-words", action="store_true", help="take the tokenizer that is there")
    options = parser.parse_args()

    corpus = [(normalise(t), HOTLINE_WEIGHT) for t in hotline_texts(options.data)]
    corpus += [(normalise(t), 1) for t in general_texts(options.data)]
    if options.keep_words:
        tokenizer = Tokenizer.from_file(str(options.out / "tokenizer.json"))
        counts = counted(tokenizer, corpus)
        numbers = tokenizer.get_vocab()
        kept = sorted(numbers.keys() - {UNKNOWN}, key=lambda word: numbers[word])
    else:
        tokenizer, counts, kept = chosen(corpus)
    print(f"{len(corpus):,} texts, {len(kept):,} words kept")

    torch.set_num_threads(2)
    teacher = SentenceTransformer(options.teacher, device="cpu")
    raw = teacher.encode(kept, batch_size=256, show_progress_bar=True, convert_to_numpy=True)
    frequency = np.array([counts[w] + 1e-9 for w in kept], dtype=np.float64)
    share = frequency / frequency.sum()
    centred = raw - (raw * share[:, None]).sum(0)
    weighted = centred * np.sqrt(share)[:, None]
    _, axes = np.linalg.eigh(weighted.T @ weighted)
    vectors = centred @ axes[:, ::-1][:, :DIMENSION]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    vectors *= (SIF / (SIF + share))[:, None]
    table = np.vstack([np.zeros((1, DIMENSION)), vectors]).astype(np.float32)

    module = StaticEmbedding(tokenizer, embedding_weights=table)
    options.out.mkdir(parents=True, exist_ok=True)
    SentenceTransformer(modules=[module], device="cpu").save(str(options.out), create_model_card=False)
    print(json.dumps({"rows": len(table), "dimension": DIMENSION}))


if __name__ == "__main__":
    main()
