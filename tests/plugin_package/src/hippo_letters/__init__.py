"""An encoder in a distribution of its own, to prove that plug-ins are found."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


class LetterEncoder:
    """Counts letters. One more component keeps texts without any from being nothing.

    Args:
        power: Exponent of the counts.
    """

    def __init__(self, *, power: float = 1.0) -> None:
        self._power = power

    @property
    def fingerprint(self) -> str:
        """Name and setting."""
        return f"letters-1:{self._power}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return len(ALPHABET) + 1

    def encode(self, texts: Sequence[str], *, kind: str = "passage") -> NDArray[np.float32]:
        """Unit vectors, float32 `(len(texts), 27)`."""
        rows = [[*(text.lower().count(letter) for letter in ALPHABET), 1] for text in texts]
        counts = np.array(rows, dtype=np.float32).reshape(len(texts), self.dimension) ** self._power
        return np.ascontiguousarray(counts / np.linalg.norm(counts, axis=1, keepdims=True), dtype=np.float32)
