"""BERT's forward pass in NumPy: for a few short texts, such as questions, for which loading torch takes longer.

Devlin, Chang, Lee and Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers" (2019). The weights are mapped
into memory, not read: of the word vectors only those of the words that occur are touched.
"""

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo.errors import ModelNotFoundError

__all__ = ["Bert"]

Float32 = NDArray[np.float32]


class Bert:
    """A BERT encoder with mean pooling, float32. Any number of threads may use it.

    Each text is computed alone, so its vector does not depend on the company in which it is encoded.

    Args:
        folder: Holds `config.json` and `model.safetensors`.

    Raises:
        ModelNotFoundError: The files are not those of a BERT encoder in float32.
    """

    def __init__(self, folder: Path) -> None:
        try:
            config = json.loads((folder / "config.json").read_text("utf-8"))
            weights = _mapped(folder / "model.safetensors")
            self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
            self._words = weights["embeddings.word_embeddings.weight"]
            # Every text is of the first type: its vector is a part of every position's.
            self._places = weights["embeddings.position_embeddings.weight"]
            self._places = self._places + weights["embeddings.token_type_embeddings.weight"][0]
            self._norm = _pair(weights, "embeddings.LayerNorm")
            layers = range(int(config["num_hidden_layers"]))
            self._layers = [_layer(weights, f"encoder.layer.{number}") for number in layers]
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            reason = f"it is no BERT encoder in float32 ({error})"
            raise ModelNotFoundError(str(folder), reason, "Fetch the model again") from error

    def encode(self, ids: list[int]) -> Float32:
        """Unit vector of one text, float32 `(d,)`: the mean over its tokens.

        Args:
            ids: Its tokens, special ones included; at least one.
        """
        states = self._normalised(self._words[ids] + self._places[: len(ids)], self._norm)
        for layer in self._layers:
            mixed = self._attend(states, layer)
            states = self._normalised(states + mixed, layer["attention.output.LayerNorm"])
            inner = _gelu(_linear(states, layer["intermediate.dense"]))
            states = self._normalised(states + _linear(inner, layer["output.dense"]), layer["output.LayerNorm"])
        vector: Float32 = states.mean(axis=0)
        return vector / np.linalg.norm(vector)

    def _attend(self, states: Float32, layer: dict[str, tuple[Float32, Float32]]) -> Float32:
        """Attention of every token to all tokens, by heads."""
        count, width = states.shape
        size = width // self._heads
        joint = _linear(states, layer["attention.self"]).reshape(count, 3, self._heads, size)
        query, key, value = joint.transpose(1, 2, 0, 3)
        scores: Float32 = query @ key.transpose(0, 2, 1) / np.float32(math.sqrt(size))
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed: Float32 = (scores @ value).transpose(1, 0, 2).reshape(count, width)
        return _linear(mixed, layer["attention.output.dense"])

    def _normalised(self, states: Float32, norm: tuple[Float32, Float32]) -> Float32:
        """Layer normalisation."""
        states = states - states.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(states).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        scale, shift = norm
        normalised: Float32 = states / deviation * scale + shift
        return normalised


def _linear(states: Float32, weights: tuple[Float32, Float32]) -> Float32:
    product: Float32 = states @ weights[0]
    product += weights[1]
    return product


def _gelu(values: Float32) -> Float32:
    from scipy.special import erf

    passed: Float32 = erf(values * np.float32(math.sqrt(0.5)))
    passed += 1.0
    passed *= values
    passed *= 0.5
    return passed


def _layer(weights: dict[str, Float32], name: str) -> dict[str, tuple[Float32, Float32]]:
    """Matrices `(in, out)` and vectors of one layer; those of query, key and value in one, so that one product does."""
    parts = [_pair(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")]
    layer = {"attention.self": (np.concatenate([one.T for one, _ in parts], 1), np.concatenate([b for _, b in parts]))}
    for part in ("attention.output.dense", "intermediate.dense", "output.dense"):
        matrix, shift = _pair(weights, f"{name}.{part}")
        layer[part] = (matrix.T, shift)
    for part in ("attention.output.LayerNorm", "output.LayerNorm"):
        layer[part] = _pair(weights, f"{name}.{part}")
    return layer


def _pair(weights: dict[str, Float32], name: str) -> tuple[Float32, Float32]:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


def _mapped(file: Path) -> dict[str, Float32]:
    """Arrays of a safetensors file: a length, a JSON object that says where each one lies, their bytes."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, Any] = json.loads(stream.read(length))
    data = np.memmap(file, np.uint8, mode="r", offset=8 + length)
    arrays: dict[str, Float32] = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            arrays[name] = np.asarray(data[begin:end]).view(np.float32).reshape(entry["shape"])
    return arrays
