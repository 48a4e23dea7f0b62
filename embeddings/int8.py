"""The network of `small`: a BERT whose weights are 8-bit integers, run on one text at a time.

sentence-transformers finds the class by the name that `models/small/modules.json` gives. Nothing else imports this
module, since it imports torch.

Each row of activations, one a token, is scaled to 8 bits by its own largest value and multiplied by integer weights;
the sums are exact. No text is padded. So a vector depends on its text alone, not on what shares a batch with it. A
processor without instructions for products of bytes (AVX2 has none) multiplies the same numbers as floats, thirty times
as fast as it would as bytes, in parts so short that those sums are exact too: the same bits, at four times the memory.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sentence_transformers.sentence_transformer.modules import Module
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from embeddings.compiled import njit
from embeddings.tickets import F32, I32

Rows = NDArray[np.int8] | F32

LEAST = 1e-9
TO_NOTHING = 1e-12  # the teacher's layer_norm_eps
EXACT = 1024  # so many products of two numbers to 127 sum up to less than 2 ** 24, and to there floats are exact


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix as 8-bit integers, and the scale of each row, shape (rows,)."""
    scale = weight.abs().amax(1).clamp_min(LEAST) / 127.0
    return (weight / scale[:, None]).round().to(torch.int8), scale


# In one pass each; torch needs five and four, which costs as much as the products.
@njit(error_model="numpy")
def _rows_to_int8(x: F32, out: Rows, scale: F32) -> None:
    """Scale every row to whole numbers in -127..127."""
    bits, greatest = x.view(np.int32), scale.view(np.int32)
    for i in range(len(x)):
        most = np.int32(0)  # of two positive floats, the greater has the greater bits: compared so, it is vectorised
        for j in range(x.shape[1]):
            magnitude = bits[i, j] & np.int32(0x7FFFFFFF)
            most = magnitude if magnitude > most else most
        greatest[i] = most
        factor = np.float32(127.0) / max(scale[i], np.float32(LEAST))
        scale[i] /= np.float32(127.0)
        for j in range(x.shape[1]):
            out[i, j] = np.int32(np.rint(x[i, j] * factor))


@njit()
def _to_float(sums: I32 | F32, rows: F32, columns: F32, bias: F32, out: F32) -> None:
    for i in range(len(sums)):
        row = rows[i]
        for j in range(sums.shape[1]):
            out[i, j] = np.float32(sums[i, j]) * (row * columns[j]) + bias[j]


def by_bytes(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the product of two int8 matrices, int32."""
    product: Tensor = torch._int_mm(rows, columns)
    return product


def by_floats(rows: Tensor, columns: Tensor) -> Tensor:
    """Return the product of two matrices of whole numbers in -127..127, all of them float32.

    Rounded only where the sum itself is no float32, as a cast of the whole sum would be: if no longer than two `EXACT`.
    """
    total = rows[:, :EXACT] @ columns[:EXACT]
    for first in range(EXACT, len(columns), EXACT):
        total += rows[:, first : first + EXACT] @ columns[first : first + EXACT]
    return total


@cache
def multiplies_bytes() -> bool:
    """Whether this processor multiplies bytes faster than floats. Either way vectors have the same bits."""
    rows, columns = torch.ones((16, 512), dtype=torch.int8), torch.ones((512, 512), dtype=torch.int8).T

    def seconds(product: Callable[[Tensor, Tensor], Tensor], *factors: Tensor) -> float:
        begin = perf_counter()
        product(*factors)
        return perf_counter() - begin

    floats = rows.float(), columns.float()
    # the least of three: the first of a kind sets things up
    return min(seconds(by_bytes, rows, columns) for _ in range(3)) <= min(seconds(by_floats, *floats) for _ in range(3))


class Int8Bert(Module):
    """Tokens in, unit vectors out: the first token's output of the last layer, centred and cut to its main axes.

    Parameters
    ----------
    tokenizer
        Cuts texts to the longest it is to read.
    weights
        As BERT's state dict without `encoder.` and `bert.`, except that a matrix `x.weight` is int8 and has its rows'
        scales in `x.scale`, and query, key and value are one matrix `qkv`. Plain attributes rather than parameters:
        integer products are for the processor, wherever the rest of a pipeline runs.
    heads
        Attention heads.
    """

    save_in_root = True

    def __init__(self, tokenizer: Tokenizer, weights: dict[str, Tensor], heads: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.tokenizer = tokenizer
        self.tokenizer.no_padding()
        self.heads = heads
        self._weights = weights
        self._layers = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("layer."))
        self._product, self._number = (by_bytes, torch.int8) if multiplies_bytes() else (by_floats, torch.float32)
        # the words' rows are looked up one by one, the products want columns
        matrices = {n: w for n, w in weights.items() if w.dtype == torch.int8 and n.startswith("layer.")}
        self._columns = {name: weight.to(self._number).T for name, weight in matrices.items()}

    def preprocess(self, inputs: list[str], prompt: str | None = None, **_: Any) -> dict[str, Tensor]:
        """Return the ids of all texts, one text after the other, and how many each has."""
        encodings = self.tokenizer.encode_batch([(prompt or "") + text for text in inputs])
        ids = [torch.tensor(encoding.ids, dtype=torch.long) for encoding in encodings]
        return {"input_ids": torch.cat(ids), "lengths": torch.tensor([len(i) for i in ids])}

    @torch.inference_mode()
    def forward(self, features: dict[str, Tensor], **_: Any) -> dict[str, Tensor]:
        """Add `sentence_embedding`, shape (texts, dimension)."""
        texts = features["input_ids"].cpu().split(features["lengths"].tolist())  # type: ignore[no-untyped-call]  # torch's
        features["sentence_embedding"] = torch.stack([self._vector(ids) for ids in texts])
        return features

    def get_embedding_dimension(self) -> int:
        """Return the length of a vector."""
        return len(self._weights["axes.bias"])

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write the tokenizer, the weights and the configuration."""
        folder = Path(output_path)
        self.tokenizer.save(str(folder / "tokenizer.json"))
        save_file(self._weights, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps({"heads": self.heads}) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, model_name_or_path: str, **_: Any) -> "Int8Bert":  # type: ignore[override]  # the rest of its arguments is about hubs
        """Read what `save` wrote; `model_name_or_path` is a local directory."""
        folder = Path(model_name_or_path)
        heads = json.loads((folder / "config.json").read_text(encoding="utf-8"))["heads"]
        return cls(Tokenizer.from_file(str(folder / "tokenizer.json")), load_file(folder / "model.safetensors"), heads)

    def _linear(self, x: Tensor, name: str, first: int = 0) -> Tensor:
        """Return x @ weight.T + bias, of the weight's rows from `first` on."""
        rows, scale = torch.empty(x.shape, dtype=self._number), torch.empty(len(x))
        _rows_to_int8(x.numpy(), rows.numpy(), scale.numpy())
        sums = self._product(rows, self._columns[f"{name}.weight"][:, first:])
        out = torch.empty(sums.shape)
        columns, bias = self._weights[f"{name}.scale"][first:], self._weights[f"{name}.bias"][first:]
        _to_float(sums.numpy(), scale.numpy(), columns.numpy(), bias.numpy(), out.numpy())
        return out

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._weights[f"{name}.LayerNorm.weight"], self._weights[f"{name}.LayerNorm.bias"]
        return functional.layer_norm(x, x.shape[-1:], weight, bias, TO_NOTHING)

    def _embedded(self, ids: Tensor) -> Tensor:
        weights = self._weights
        words = weights["embeddings.word_embeddings.weight"][ids].float()
        words *= weights["embeddings.word_embeddings.scale"][ids, None]
        return self._norm(words + weights["embeddings.position_embeddings.weight"][: len(ids)].float(), "embeddings")

    def _layer(self, x: Tensor, name: str, asking: int) -> Tensor:
        """Return a layer's output for the first `asking` tokens."""
        n, width = x.shape
        if asking == n:
            query, key, value = self._linear(x, f"{name}.attention.qkv").split(width, 1)  # type: ignore[no-untyped-call]  # torch's
        else:
            query = self._linear(x[:asking], f"{name}.attention.qkv")[:, :width]
            key, value = self._linear(x, f"{name}.attention.qkv", width).split(width, 1)  # type: ignore[no-untyped-call]  # torch's
        # a batch of one, for which torch has a fused kernel
        parts = [part.view(1, len(part), self.heads, -1).transpose(1, 2) for part in (query, key, value)]
        mixed = functional.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(asking, width)
        x = self._norm(x[:asking] + self._linear(mixed, f"{name}.attention.output.dense"), f"{name}.attention.output")
        inner = functional.gelu(self._linear(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._linear(inner, f"{name}.output.dense"), f"{name}.output")

    def _vector(self, ids: Tensor) -> Tensor:
        x = self._embedded(ids)
        for layer in range(self._layers):
            # only the first token is read in the end
            x = self._layer(x, f"layer.{layer}", 1 if layer == self._layers - 1 else len(x))
        first = functional.normalize(x[0], dim=0)
        return functional.normalize(
            functional.linear(first, self._weights["axes.weight"], self._weights["axes.bias"]), dim=0
        )
