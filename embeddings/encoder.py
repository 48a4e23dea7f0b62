"""Text to vector."""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from embeddings.compiled import njit
from embeddings.lexicon import SMALL, STATIC
from embeddings.text import normalise
from embeddings.tickets import F32, F64, I64
from embeddings.vectors import VectorStore

#: What a complaint is like that names nothing: the centre of another model's vectors.
PLAIN_COMPLAINTS = (
    "小区停水好几天了，没有人来修", "夜间施工噪声太大，影响休息", "路灯坏了很久，晚上看不清路",
    "垃圾没有及时清运，味道很大",
    "公交车等了很久都不来", "物业收费不合理，服务也不好", "有人占道经营，路都走不通", "房子漏水，开发商一直不处理",
    "公司拖欠工资，要求尽快支付", "学校收费不透明，家长有意见", "医院排队时间太长", "电梯经常故障，老人出行不便",
    "违章搭建一直没有拆除", "河水发黑发臭，希望治理", "餐馆油烟扰民", "停车位被占用，车子没有地方停",
    "咨询办理居住证需要什么材料", "预付卡无法退款，店铺关门了", "道路坑洼不平，容易摔倒",
    "表扬工作人员态度热情、办事认真",
    "广场舞音响声音太大", "快递丢失，商家不肯赔偿", "楼道里堆放杂物，有火灾隐患", "燃气有异味，请派人检查",
    "请问新的政策什么时候开始执行", "网络信号很差，打不通电话", "树木倒伏，挡住了道路", "暖气不热，家里很冷",
    "幼儿园招生名额太少", "宠物狗没有牵绳，吓到孩子", "工地扬尘严重，窗户不敢开", "培训机构突然停课，要求退费",
)  # fmt: skip

#: The log-odds of a pair by an encoder's vectors, in the encoder's directory; see `embeddings/train/pair_scorer.py`.
SCORER = "pair_scorer.json"

MODULES = "modules.json"
INT8 = "embeddings.int8.Int8Bert"
"""How a model's directory names the network of `small`."""

_MODEL_FILES = frozenset({".safetensors", ".bin", ".json", ".txt", ".model", ".npy", ".onnx", ".pt"})


class EncoderIdentity(NamedTuple):
    """Which encoder made a vector; vectors of two identities are never compared."""

    name: str
    dimension: int
    checksum: str
    """of the weights and what else decides a vector: first 16 hex digits of SHA-256"""


class Encoder(Protocol):
    """Anything that turns a ticket into a vector of unit length."""

    identity: EncoderIdentity

    def encode(self, text: str, word_ids: I64) -> F32:
        """Return the vector, shape (dimension,). Equal input gives equal bits.

        `text` is title and text; `word_ids` are the shipped tokenizer's for them, since they are at hand.
        """
        ...


@njit()
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
    """A sentence-transformers model in a local directory, one text at a time, in the plain form of `normalise`.

    Vectors of most models share a direction that says nothing, so the mean over some plain complaints is subtracted
    from each; the shipped `small` has its own centre inside. A vector is rounded to half precision, which changes no
    decision and halves what a store keeps.

    Parameters
    ----------
    path
        The model's directory.
    store
        Where vectors are kept from one run to the next; None computes each anew.

    Raises
    ------
    ValueError
        If the model does not say how long its vectors are.
    """

    def __init__(self, path: Path, store: VectorStore | None = None) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)  # processes share the streets; and sums do not depend on how many cores there are
        ours = [part["type"] for part in json.loads((path / MODULES).read_text("utf-8"))] == [INT8]
        # the class of its network is ours, and that is what the library wants to hear it may import
        self._model = SentenceTransformer(str(path), local_files_only=True, trust_remote_code=ours)
        size = self._model.get_embedding_dimension()
        if size is None:
            raise ValueError(f"encoder {path}: the model does not say how long its vectors are")
        self.identity = EncoderIdentity(path.name, size, _checksum(path))
        self._network: Any = self._model[0] if ours else None
        self._centre = np.zeros(size) if ours else np.mean([self._raw(text) for text in PLAIN_COMPLAINTS], axis=0)
        self._store = store
        if store is not None:
            store.open("-".join(map(str, self.identity)), size)

    def encode(self, text: str, word_ids: I64) -> F32:  # noqa: ARG002  # the protocol's
        """Return the vector of a text."""
        plain = normalise(text)
        if self._store is None:
            return self._computed(plain)
        kept = self._store.get(plain)
        if kept is None:
            kept = self._computed(plain)
            self._store.put(plain, kept)
        return kept

    def _computed(self, plain: str) -> F32:
        vector = self._raw(plain) - self._centre
        length = float(np.linalg.norm(vector))
        return (vector / length if length > 0.0 else vector).astype(np.float16).astype(np.float32)

    def _raw(self, text: str) -> F64:
        if self._network is not None:  # the library's way around it costs a tenth of its time
            own: F64 = self._network(self._network.preprocess([text]))["sentence_embedding"][0].double().numpy()
            return own
        vector: F32 = self._model.encode(
            text, convert_to_numpy=True, normalize_embeddings=True, show_progress_bar=False
        )
        return vector.astype(np.float64)


def _checksum(path: Path) -> str:
    """Of all files a model is made of, its centre included: weights, tokenizer, configuration."""
    digest = hashlib.sha256("\n".join(PLAIN_COMPLAINTS).encode())
    for file in sorted(path.rglob("*")):
        if file.suffix in _MODEL_FILES and file.name != SCORER:
            digest.update(file.relative_to(path).as_posix().encode())
            with file.open("rb") as stream:
                while part := stream.read(1 << 20):
                    digest.update(part)
    return digest.hexdigest()[:16]


def model_of(name: str) -> Path:
    """Return the directory of the encoder that the configuration names."""
    return {"static": STATIC, "small": SMALL}.get(name) or Path(name)


def load_encoder(name: str, store: VectorStore | None = None) -> Encoder:
    """Return the encoder that the configuration names: `static`, `small`, or the directory of a model.

    `store` keeps the vectors of those that are slow.

    Raises
    ------
    FileNotFoundError
        If there is no such directory.
    """
    if name == "static":
        return StaticEncoder()
    path = model_of(name)
    if not (path / MODULES).is_file():
        raise FileNotFoundError(
            f"encoder {name!r}: no sentence-transformers model there (modules.json is missing); "
            "give `static`, `small` or the directory of a model"
        )
    return SentenceEncoder(path, store)
