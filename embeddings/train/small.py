"""Build `small`: the teacher with the word pieces Chinese texts use, in 8-bit integers, centred, on its main axes.

    python -m embeddings.train.small --data ../shared/data --teacher ../shared/models/bge-small-zh-v1.5

Nothing is trained by descent, so there is nothing to seed but the sample of texts that the axes are taken from. Word
pieces kept: those seen often enough in the texts of `corpus.py`, single letters and digits, and every Han character of
GB 2312, seen here or not. The centre and the principal axes are those of citizens' messages and hot searches.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from torch import Tensor

from embeddings.int8 import Int8Bert, to_int8
from embeddings.train.corpus import general_texts, hotline_texts

DIMENSION = 256  # of the teacher's 512
POSITIONS = 256  # tokens read of a text
LEAST_SEEN = 20  # times a word piece that is no Han character must occur
SAMPLE = 3000  # texts the axes are taken from, half of each kind
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
OUT = Path("embeddings/models/small")


def pieces_kept(vocabulary: Iterable[str], counts: Counter[str]) -> list[str]:
    """Return the word pieces that stay, in their order."""
    kept = []
    for piece in vocabulary:
        bare = piece.removeprefix("##")
        single = len(bare) == 1 and (bare.isascii() or (piece == bare and _in_gb2312(bare)))
        if piece in SPECIAL or single or counts[piece] >= LEAST_SEEN:
            kept.append(piece)
    return kept


def _in_gb2312(character: str) -> bool:
    try:
        return len(character.encode("gb2312")) == 2 and "\u4e00" <= character <= "\u9fff"
    except UnicodeEncodeError:
        return False


def cut_vocabulary(teacher: Path, texts: list[str], table: Tensor) -> tuple[Tokenizer, Tensor]:
    """Return a tokenizer of the pieces kept, and their rows of the table of embeddings."""
    stored = json.loads((teacher / "tokenizer.json").read_text(encoding="utf-8"))
    whole = Tokenizer.from_str(json.dumps(stored))
    whole.no_truncation()
    counts: Counter[str] = Counter()
    for encoding in whole.encode_batch(texts, add_special_tokens=False):
        counts.update(encoding.tokens)
    vocabulary: dict[str, int] = stored["model"]["vocab"]
    kept = pieces_kept(sorted(vocabulary, key=vocabulary.__getitem__), counts)
    places = {piece: place for place, piece in enumerate(kept)}
    stored["model"]["vocab"] = places
    for special in stored["added_tokens"]:
        special["id"] = places[special["content"]]
    for name, entry in stored["post_processor"]["special_tokens"].items():
        entry["ids"] = [places[name]]
    tokenizer = Tokenizer.from_str(json.dumps(stored, ensure_ascii=False))
    tokenizer.enable_truncation(POSITIONS)
    return tokenizer, table[[vocabulary[piece] for piece in kept]]


def as_int8(teacher: dict[str, Tensor], table: Tensor, layers: int) -> dict[str, Tensor]:
    """Return the weights as `Int8Bert` wants them, less the axes."""
    types = teacher["embeddings.token_type_embeddings.weight"][0]  # every token is of the first type
    positions = teacher["embeddings.position_embeddings.weight"][:POSITIONS] + types
    out = {"embeddings.position_embeddings.weight": positions.half()}
    matrices = {"embeddings.word_embeddings": table}
    for layer in range(layers):
        old, new = f"encoder.layer.{layer}.", f"layer.{layer}."
        parts = [f"{old}attention.self.{part}" for part in ("query", "key", "value")]
        matrices[f"{new}attention.qkv"] = torch.cat([teacher[f"{part}.weight"] for part in parts])
        out[f"{new}attention.qkv.bias"] = torch.cat([teacher[f"{part}.bias"] for part in parts])
        for name in ("attention.output.dense", "intermediate.dense", "output.dense"):
            matrices[new + name] = teacher[f"{old}{name}.weight"]
            out[f"{new}{name}.bias"] = teacher[f"{old}{name}.bias"]
    for name, matrix in matrices.items():
        out[f"{name}.weight"], out[f"{name}.scale"] = to_int8(matrix)
    norms = {name: value for name, value in teacher.items() if ".LayerNorm." in name}
    return out | {name.removeprefix("encoder."): value for name, value in norms.items()}


def principal_axes(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight, shape (DIMENSION, width), and bias of the map onto the main axes of centred `vectors`."""
    centre = vectors.mean(0)
    _, axes = torch.linalg.eigh((vectors - centre).double().T @ (vectors - centre).double())
    weight = axes.flip(1)[:, :DIMENSION].T.float().contiguous()
    return weight, -(weight @ centre)


def main() -> None:
    """Build the model and say how near it is to its teacher."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hotline, general = list(hotline_texts(options.data)), list(general_texts(options.data))
    config = json.loads((options.teacher / "config.json").read_text(encoding="utf-8"))
    teacher = {n.removeprefix("bert."): w for n, w in load_file(options.teacher / "model.safetensors").items()}
    table = teacher["embeddings.word_embeddings.weight"]
    tokenizer, rows = cut_vocabulary(options.teacher, hotline + general, table)
    print(f"{len(rows):,} of {len(table):,} word pieces kept")

    weights = as_int8(teacher, rows, config["num_hidden_layers"])
    width = rows.shape[1]
    # until the axes are known, the teacher's own
    model = Int8Bert(
        tokenizer, weights | {"axes.weight": torch.eye(width), "axes.bias": torch.zeros(width)},
        config["num_attention_heads"],
    )  # fmt: skip
    sampler = random.Random(0)
    texts = sampler.sample(hotline, SAMPLE // 2) + sampler.sample(general, SAMPLE // 2)
    vectors = torch.cat([model(model.preprocess([text]))["sentence_embedding"] for text in texts])
    some = texts[:50] + texts[-50:]
    whole = SentenceTransformer(str(options.teacher), device="cpu", local_files_only=True)
    whole.max_seq_length = POSITIONS
    theirs = torch.from_numpy(whole.encode(some, normalize_embeddings=True))
    ours = torch.cat([vectors[:50], vectors[-50:]])
    print(f"cosine with the teacher, mean of {len(some)} texts: {(ours * theirs).sum(1).mean():.4f}")
    centre = vectors.mean(0)
    centred = torch.nn.functional.cosine_similarity(ours - centre, theirs - centre)
    print(f"the same, centred: {centred.mean():.4f}, least {centred.min():.4f}")

    weights["axes.weight"], weights["axes.bias"] = principal_axes(vectors)
    options.out.mkdir(parents=True, exist_ok=True)
    model = Int8Bert(tokenizer, weights, config["num_attention_heads"])
    SentenceTransformer(modules=[model], device="cpu").save(str(options.out), create_model_card=False)
    size = sum(file.stat().st_size for file in options.out.iterdir()) / 1e6
    print(f"{options.out}: {size:.1f} MB")


if __name__ == "__main__":
    main()
