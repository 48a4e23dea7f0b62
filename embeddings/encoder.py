"""Text to vector."""

import hashlib
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit

from embeddings.lexicon import STATIC
from embeddings.memory import F32, F64, I64


class EncoderIdentity(NamedTuple):
    """Which encoder made a vector; vectors of two identities are never compared."""

    name: str
    dimension: int
    checksum: str
    """of the weights: first 16 hex digits of their SHA-256"""


class Encoder(Protocol):
    """Anything that turns a ticket into a vector of unit length."""

    identity: EncoderIdentity

    def encode(self, text: str, word_ids: I64) -> F32:
        """Return the vector, shape (dimension,). Equal input gives equal bits.

        `word_ids` are the ids of the shipped tokenizer for `text`, since they are at hand.
        """
        ...


@njit(cache=True)
def _mean(table: F32, ids: I64, centre: F64) -> F32:
    total = np.zeros(table.shape[1], np.float64)
    for i in ids:
        for d in range(table.shape[1]):
            total[d] += table[i, d]
    square = 0.0
    for d in range(len(total)):
        total[d] = total[d] / max(1, len(ids)) - centre[d]
        square += total[d] * total[d]
    scale = 1.0 / np.sqrt(square) if square > 0.0 else 0.0
    return (total * scale).astype(np.float32)


class StaticEncoder:
    """The shipped model: the mean of its words' vectors, less a typical text's, scaled to unit length.

    The directory is a sentence-transformers model (`StaticEmbedding`); it is read here without torch, which
    would take seconds to import for what is a table look-up.
    """

    def __init__(self, path: Path = STATIC) -> None:
        from safetensors.numpy import load_file

        file = path / "model.safetensors"
        self._table = load_file(file)["embedding.weight"].astype(np.float32)
        self._centre = np.load(path / "centre.npy").astype(np.float64)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
        self.identity = EncoderIdentity(path.name, self._table.shape[1], digest)

    def encode(self, text: str, word_ids: I64) -> F32:  # noqa: ARG002  # the protocol's
        """Return the vector of a text cut into `word_ids`."""
        return _mean(self._table, word_ids, self._centre)


class SentenceEncoder:
    """Any other sentence-transformers model in a local directory, one text at a time."""

    def __init__(self, path: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(path), local_files_only=True)
        weights = hashlib.sha256()
        for file in sorted(path.rglob("*.safetensors")):
            weights.update(file.read_bytes())
        size = self._model.get_embedding_dimension()
        if size is None:
            raise ValueError(f"encoder {path}: the model does not say how long its vectors are")
        self.identity = EncoderIdentity(path.name, size, weights.hexdigest()[:16])

    def encode(self, text: str, word_ids: I64) -> F32:  # noqa: ARG002  # the protocol's
        """Return the vector of a text."""
        vector: F32 = self._model.encode(
            text, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        )
        return vector.astype(np.float32)


def load_encoder(name: str) -> Encoder:
    """Return the encoder that the configuration names: `static`, or the directory of a model.

    Raises
    ------
    FileNotFoundError
        If there is no such directory.
    """
    if name == "static":
        return StaticEncoder()
    path = Path(name)
    if not (path / "modules.json").is_file():
        raise FileNotFoundError(
            f"encoder {name!r}: no sentence-transformers model there (modules.json is missing); "
            "give `static` or the directory of a model"
        )
    return SentenceEncoder(path)
