"""Count how common each term is, for the prior that ships with the package.

    python -m embeddings.train.prior --data ../shared/data

Writes embeddings/models/prior.npz:
`log_share`, the natural logarithm of the share of documents that hold a term, by the top 20 bits of its hash;
`familiar`, a Bloom filter of the pairs of Han characters that documents hold (any other pair is taken for a piece of
a name). A citizen's message counts as five hot searches.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from embeddings.lexicon import PRIOR, STATIC, Lexicon
from embeddings.segment import Segmenter
from embeddings.terms import U64, filter_word, hash_pair
from embeddings.text import normalise
from embeddings.tickets import PRIOR_BITS
from embeddings.train.corpus import general_texts, hotline_texts

HOTLINE_WEIGHT = 5
LEAST_FAMILIAR = 4  # weighted documents that hold a pair
FILTER_WORDS = 1 << 17  # of 64 bits: three pairs in a thousand pass for familiar by accident
HAN_RUN = re.compile(r"[\u4e00-\u9fff]+")


def pairs_of(text: str) -> set[str]:
    """The pairs of Han characters in a text."""
    return {run[i : i + 2] for run in HAN_RUN.findall(normalise(text)) for i in range(len(run) - 1)}


def bloom(pairs: Iterable[str]) -> U64:
    """A filter that lets all of these pairs pass, and few others."""
    words = np.zeros(FILTER_WORDS, np.uint64)
    for pair in pairs:
        at, bits = filter_word(hash_pair(ord(pair[0]), ord(pair[1]), 5), FILTER_WORDS)
        words[at] |= np.uint64(bits)
    return words


def main() -> None:
    """Count and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    blank = np.full(1 << PRIOR_BITS, 1.0, np.float32)
    lexicon = Lexicon(Segmenter(STATIC / "tokenizer.json"), blank, np.zeros(1, np.uint64))
    counts = np.zeros(1 << PRIOR_BITS, np.float64)
    pairs: Counter[str] = Counter()
    documents = 0.0
    for texts, weight in ((hotline_texts(options.data), HOTLINE_WEIGHT), (general_texts(options.data), 1)):
        for text in texts:
            terms, _ = lexicon.read("", text)
            for values in (terms.words, terms.grams, terms.names):
                counts[values >> np.uint32(32 - PRIOR_BITS)] += weight
            for pair in pairs_of(text):
                pairs[pair] += weight
            documents += weight
    familiar = sorted(pair for pair, count in pairs.items() if count >= LEAST_FAMILIAR)
    # an empty bucket is as rare as half a hot search
    share = np.log(np.maximum(counts, 0.5) / (documents + 1.0)).astype(np.float16)
    np.savez_compressed(PRIOR, log_share=np.minimum(share, np.float16(0.0)), familiar=bloom(familiar))
    print(f"{documents:,.0f} weighted documents, {np.count_nonzero(counts):,} of {len(counts):,} buckets used")
    print(f"{len(familiar):,} of {len(pairs):,} pairs of characters are familiar")


if __name__ == "__main__":
    main()
