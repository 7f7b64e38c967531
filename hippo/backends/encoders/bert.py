"""BERT's forward pass in NumPy: for questions, for which it is as fast as torch and need not be loaded for seconds.

Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers" (2019). The weights are mapped
into memory, not read: of the word vectors only those of the words that occur are touched.
"""

import json
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo.errors import ModelNotFoundError

__all__ = ["DAMAGE", "Bert", "mapped"]

Float32 = NDArray[np.float32]
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, struct.error)
"""What files that are no such model may raise."""

_TOKENS = 512  # go through a layer together: its states should stay in the cache


class Bert:
    """A BERT encoder with mean pooling, float32. Any number of threads may use it.

    The tokens of many texts go through the linear layers together, a column each, since a wide product takes less for
    each column than a narrow one; attention is computed text by text, so nothing is padded.

    Args:
        folder: Holds `config.json` and `model.safetensors`.

    Raises:
        ModelNotFoundError: The files are not those of a BERT encoder in float32.
    """

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            weights = mapped(folder / "model.safetensors")
            self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
            self._words = weights["embeddings.word_embeddings.weight"]
            # Every text is of the first type: its vector is a part of every position's.
            self._places = weights["embeddings.position_embeddings.weight"]
            self._places = self._places + weights["embeddings.token_type_embeddings.weight"][0]
            self._norm = _pair(weights, "embeddings.LayerNorm")
            layers = range(int(config["num_hidden_layers"]))
            self._layers = [_layer(weights, f"encoder.layer.{number}") for number in layers]
        except DAMAGE as error:
            reason = f"it is no BERT encoder in float32 ({error})"
            raise ModelNotFoundError(str(folder), reason, "Fetch the model again") from error

    def encode(self, texts: Sequence[Sequence[int]]) -> Float32:
        """Unit vectors, float32 `(len(texts), d)`: each the mean over the tokens of its text.

        Args:
            texts: The tokens of each, special ones included; at least one.
        """
        vectors = np.empty((len(texts), self._words.shape[1]), dtype=np.float32)
        first = 0
        while first < len(texts):
            last, tokens = first + 1, len(texts[first])
            while last < len(texts) and tokens + len(texts[last]) <= _TOKENS:
                tokens += len(texts[last])
                last += 1
            self._fill(vectors[first:last], texts[first:last])
            first = last
        return vectors

    def _fill(self, vectors: Float32, texts: Sequence[Sequence[int]]) -> None:
        ends = np.cumsum([len(tokens) for tokens in texts]).tolist()
        parts = [slice(end - len(tokens), end) for tokens, end in zip(texts, ends, strict=True)]
        states = np.empty((self._words.shape[1], ends[-1]), dtype=np.float32)
        for tokens, part in zip(texts, parts, strict=True):
            states[:, part] = (self._words[list(tokens)] + self._places[: len(tokens)]).T
        states = self._normalised(states, self._norm)
        for layer in self._layers:
            mixed = self._attend(states, parts, layer)
            states = self._normalised(states + mixed, layer["attention.output.LayerNorm"])
            inner = _gelu(_linear(layer["intermediate.dense"], states))
            states = self._normalised(states + _linear(layer["output.dense"], inner), layer["output.LayerNorm"])
        for vector, part in zip(vectors, parts, strict=True):
            mean = states[:, part].mean(axis=1)
            vector[:] = mean / np.linalg.norm(mean)

    def _attend(self, states: Float32, parts: list[slice], layer: dict[str, tuple[Float32, Float32]]) -> Float32:
        """Attention of every token to all tokens of its text, by heads."""
        width, count = states.shape
        size = width // self._heads
        query, key, value = _linear(layer["attention.self"], states).reshape(3, self._heads, size, count)
        query *= np.float32(1 / math.sqrt(size))
        mixed = np.empty((self._heads, size, count), dtype=np.float32)
        for part in parts:
            scores = query[:, :, part].transpose(0, 2, 1) @ key[:, :, part]
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            mixed[:, :, part] = value[:, :, part] @ scores.transpose(0, 2, 1)
        return _linear(layer["attention.output.dense"], mixed.reshape(width, count))

    def _normalised(self, states: Float32, norm: tuple[Float32, Float32]) -> Float32:
        """Layer normalisation of every column."""
        states = states - states.mean(axis=0)
        deviation = np.sqrt(np.square(states).mean(axis=0) + np.float32(self._epsilon))
        scale, shift = norm
        states /= deviation
        states *= scale[:, None]
        states += shift[:, None]
        return states


def _linear(weights: tuple[Float32, Float32], states: Float32) -> Float32:
    product: Float32 = weights[0] @ states
    product += weights[1][:, None]
    return product


def _gelu(values: Float32) -> Float32:
    """`x (1 + erf(x / sqrt 2)) / 2`, the error function by 7.1.26 of Abramowitz and Stegun, to 1.5e-7."""
    size = np.abs(values)
    size *= np.float32(math.sqrt(0.5))
    step = np.float32(1.0) / (np.float32(0.3275911) * size + np.float32(1.0))
    rest = np.full_like(step, 1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        rest *= step
        rest += np.float32(factor)
    rest *= step
    np.square(size, out=size)
    np.negative(size, out=size)
    rest *= np.exp(size, out=size)
    # What rest is short of 1 is the error function of |x|, which has the sign of x.
    np.subtract(np.float32(1.0), rest, out=rest)
    np.copysign(rest, values, out=rest)
    rest += np.float32(1.0)
    rest *= values
    rest *= np.float32(0.5)
    return rest


def _layer(weights: dict[str, Float32], name: str) -> dict[str, tuple[Float32, Float32]]:
    """Matrices `(out, in)` and vectors of one layer; those of query, key and value in one, so that one product does."""
    parts = [_pair(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    layer = {"attention.self": (np.concatenate([one for one, _ in parts]), np.concatenate([b for _, b in parts]))}
    for part in ("attention.output.dense", "intermediate.dense", "output.dense"):
        layer[part] = _pair(weights, f"{name}.{part}")
    for part in ("attention.output.LayerNorm", "output.LayerNorm"):
        layer[part] = _pair(weights, f"{name}.{part}")
    return layer


def _pair(weights: dict[str, Float32], name: str) -> tuple[Float32, Float32]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def mapped(file: Path) -> dict[str, Float32]:
    """Arrays of a safetensors file: a length, a JSON object that says where each one lies, their bytes.

    Raises:
        One of `DAMAGE`: It is none.
    """
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        if length > file.stat().st_size:
            raise ValueError("its header would be longer than the file")
        header: dict[str, Any] = json.loads(stream.read(length))
    data = np.memmap(file, np.uint8, mode="r", offset=8 + length)
    arrays: dict[str, Float32] = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            arrays[name] = np.asarray(data[begin:end]).view(np.float32).reshape(entry["shape"])
    return arrays
