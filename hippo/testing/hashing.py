"""An encoder without a model: hashed words and character 3-grams, for tests, examples and machines without weights.

Texts that share words or parts of words get similar vectors; meaning beyond that is not seen. The whole batch is hashed
at once on an array of code points (the hashing trick of Weinberger et al. 2009, arXiv 0902.2206: signed buckets).
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo.errors import ConfigError
from hippo.types import TextKind

__all__ = ["HashingEncoder"]

_BLOCK = 2048  # texts hashed at once: bounds memory
_SPACE = 32
_CHARACTERS_PER_TOKEN = 4
_WEIGHTS = {"word": 1.0, "pair": 0.5, "trigram": 0.25}  # powers of two, so that sums are exact in any order
# Begin and end, in turn, of Thai and Lao, Burmese, Khmer, Chinese characters and kana, and their later blocks.
_UNSPACED = np.array(
    [0x0E00, 0x0F00, 0x1000, 0x10A0, 0x1780, 0x1800, 0x2E80, 0xA000, 0xF900, 0xFB00, 0x20000, 0x40000], dtype=np.uint64
)
_PRIME = 0x100000001B3
_ODD = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], dtype=np.uint64)


class HashingEncoder:
    """Hashed word 1-grams and 2-grams and character 3-grams, with signs, sublinear counts, L2-normalised.

    Letters, marks and digits of every script make words, after NFKC and casefold; where a script has no spaces, each
    character is one. The result depends on
    the text and `dimension` alone. A text without any word character gets the first unit vector.

    Args:
        dimension: Length of a vector, at least 8. Fewer dimensions, more collisions.

    Raises:
        ConfigError: `dimension` is too small.

    Examples:
        >>> encoder = HashingEncoder(dimension=256)
        >>> a, b, c = encoder.encode(["The Loire in France", "the loire", "quantum field"])
        >>> bool(a @ b > 0.5 > a @ c)
        True
        >>> encoder.count(["the Loire", ""])
        [3, 0]
    """

    def __init__(self, *, dimension: int = 256) -> None:
        if dimension < 8:
            raise ConfigError("encoder 'hashing'", "dimension", f"must be at least 8, got {dimension}")
        self._dimension = int(dimension)

    @property
    def fingerprint(self) -> str:
        """Version of the hashing and the dimension."""
        return f"hashing-1:{self._dimension}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def instruction(self, kind: TextKind) -> str:  # noqa: ARG002
        """Nothing: `kind` makes no difference."""
        return ""

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> NDArray[np.float32]:  # noqa: ARG002
        """Unit vectors, float32 `(len(texts), dimension)`. `kind` makes no difference."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            vectors[start : start + len(block)] = self._encode_block(block)
        return vectors

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text: one for every started four characters of a word, one for each Chinese character."""
        counts: list[int] = []
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            codes, rows = _characters(block)
            starts, lengths = _words(codes)
            tokens = -(-lengths // _CHARACTERS_PER_TOKEN)
            counts += np.bincount(rows[starts], weights=tokens, minlength=len(block)).astype(int).tolist()
        return counts

    def _encode_block(self, texts: Sequence[str]) -> NDArray[np.float32]:
        codes, rows = _characters(texts)
        starts, lengths = _words(codes)
        words, word_rows = _hash_words(codes, starts, lengths), rows[starts]
        adjacent = word_rows[1:] == word_rows[:-1]
        pairs = _mix(words[:-1] * _ODD[0] + words[1:])[adjacent]
        trigrams = _mix(codes[:-2] * _ODD[0] + codes[1:-1] * _ODD[1] + codes[2:] * _ODD[2])
        inside = rows[:-2] == rows[2:]
        features = (
            ("word", words, word_rows),
            ("pair", pairs, word_rows[1:][adjacent]),
            ("trigram", trigrams[inside], rows[:-2][inside]),
        )
        sums = np.zeros(len(texts) * self._dimension)
        for name, hashes, owners in features:
            buckets = (hashes >> np.uint64(1)) % np.uint64(self._dimension)
            signs = np.where(hashes & np.uint64(1), _WEIGHTS[name], -_WEIGHTS[name])
            sums += np.bincount(owners * self._dimension + buckets.astype(np.int64), signs, minlength=sums.size)
        vectors = (np.sign(sums) * np.log1p(np.abs(sums))).reshape(len(texts), self._dimension)
        vectors[~vectors.any(axis=1), 0] = 1.0
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors.astype(np.float32)


def _characters(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Code points of all texts, each text one run of words between single spaces, and the text that each belongs to."""
    padded = [f" {_fold(text)} " for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    lengths = np.fromiter(map(len, padded), dtype=np.int64, count=len(padded))
    rows = np.repeat(np.arange(len(padded)), lengths)
    inside = _is_word_character(codes)
    first = np.zeros(len(codes), dtype=bool)
    first[np.cumsum(lengths) - lengths] = True
    keep = inside | first | np.concatenate([[False], inside[:-1]])
    return np.where(inside, codes, _SPACE)[keep].astype(np.uint64), rows[keep]


def _fold(text: str) -> str:
    return (
        text.lower()
        if text.isascii()
        else unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    )


def _is_word_character(codes: NDArray[np.uint32]) -> NDArray[np.bool_]:
    distinct = np.flatnonzero(np.bincount(codes)) if len(codes) else np.zeros(0, dtype=np.int64)
    table = np.zeros(int(distinct[-1]) + 1 if len(distinct) else 1, dtype=bool)
    table[distinct] = [unicodedata.category(chr(code))[0] in "LMN" for code in distinct.tolist()]
    return table[codes]


def _words(codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where words start, and their lengths. A character of a script without spaces is a word."""
    if not len(codes):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    inside = codes != _SPACE
    alone = (np.searchsorted(_UNSPACED, codes, side="right") % 2).astype(bool)
    cut = np.concatenate([[True], ~inside[:-1] | alone[:-1]]) | alone
    starts = np.flatnonzero(inside & cut)
    after = np.concatenate([cut[1:] | ~inside[1:], [True]])
    return starts, np.flatnonzero(inside & after) + 1 - starts


def _hash_words(codes: NDArray[np.uint64], starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Polynomial hash of each word, mixed: sum of code times prime to the power of its place, modulo 2^64."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    ends = np.cumsum(lengths)
    offsets = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
    powers = np.cumprod(np.full(int(lengths.max()) + 1, _PRIME, dtype=np.uint64))
    letters = codes[np.repeat(starts, lengths) + offsets]
    return _mix(np.add.reduceat(letters * powers[offsets], ends - lengths))


def _mix(values: NDArray[Any]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64: every input bit moves every output bit."""
    mixed = values.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
