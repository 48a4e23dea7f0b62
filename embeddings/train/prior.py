"""Count how common each term is, for the prior that ships with the package.

    python -m embeddings.train.prior --data ../shared/data

Writes embeddings/models/prior.npz: the natural logarithm of the share of documents that hold a term, by
the top 20 bits of its hash, and embeddings/models/static/centre.npy: the mean vector of a text.
A citizen's message counts as five hot searches.
"""

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from embeddings.lexicon import PRIOR, STATIC, Lexicon
from embeddings.memory import F32, PRIOR_BITS
from embeddings.segment import Segmenter
from embeddings.train.corpus import general_texts, hotline_texts

HOTLINE_WEIGHT = 5.0


def main() -> None:
    """Count and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    blank = np.full(1 << PRIOR_BITS, 1.0, np.float32)
    lexicon = Lexicon(Segmenter(STATIC / "tokenizer.json"), blank)
    vectors = load_file(STATIC / "model.safetensors")["embedding.weight"]
    counts = np.zeros(1 << PRIOR_BITS, np.float64)
    documents = 0.0
    means: list[F32] = []
    for texts, weight in ((hotline_texts(options.data), HOTLINE_WEIGHT), (general_texts(options.data), 1.0)):
        for text in texts:
            terms, ids = lexicon.read("", text)
            for values in (terms.words, terms.grams, terms.names):
                counts[values >> np.uint32(32 - PRIOR_BITS)] += weight
            documents += weight
            if weight == HOTLINE_WEIGHT and len(ids):
                means.append(vectors[ids].mean(0))
    # an empty bucket is as rare as half a hot search
    share = np.log(np.maximum(counts, 0.5) / (documents + 1.0)).astype(np.float16)
    np.savez_compressed(PRIOR, log_share=np.minimum(share, np.float16(0.0)))
    np.save(STATIC / "centre.npy", np.mean(means, axis=0).astype(np.float32))
    print(f"{documents:,.0f} weighted documents, {np.count_nonzero(counts):,} of {len(counts):,} buckets used")


if __name__ == "__main__":
    main()
