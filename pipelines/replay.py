"""For measuring: encoders that keep time, and one that repeats vectors made before."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np

from hippo import Hippo
from hippo.protocols import Encoder, TokenCounter
from hippo.testing import HashingEncoder
from hippo.types import TextKind

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["MeteredEncoder", "RememberingEncoder", "ReplayEncoder", "TimedEncoder", "clocks", "replayed"]


def clocks() -> dict[str, float]:
    """Seconds of the clock, and of the processor in all threads of this process."""
    return {"wall": perf_counter(), "cpu": process_time()}


class TimedEncoder:
    """Another encoder, with the time spent in it.

    Attributes:
        seconds: Wall time of all `encode` calls.
        queries: Vectors of all questions, and parts of them, that it was asked for.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self.seconds = 0.0
        self.queries: dict[str, Float32] = {}

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """As the other encoder does."""
        began = perf_counter()
        vectors = self._encoder.encode(texts, kind=kind)
        self.seconds += perf_counter() - began
        if kind.startswith("query"):
            self.queries.update(zip(texts, vectors, strict=True))
        return vectors

    def count(self, texts: Sequence[str]) -> list[int]:
        """As the other encoder does, or by words."""
        from hippo.documents import WordCounter

        counter = self._encoder if isinstance(self._encoder, TokenCounter) else WordCounter()
        return counter.count(texts)


class MeteredEncoder:
    """Another encoder, with the seconds spent in it: of the clock, and of the processor.

    Args:
        encoder: The encoder.
        every: It is given one of so many texts; the others are hashed.

    Attributes:
        seconds: What all texts would have taken.
        left_out: What was not spent of it.
        texts: How many there were.
    """

    def __init__(self, encoder: Encoder, every: int = 1) -> None:
        self._encoder, self._every = encoder, every
        self.fingerprint, self.dimension = encoder.fingerprint, encoder.dimension
        self._hashing = HashingEncoder(dimension=self.dimension)
        self.seconds, self.left_out = {"wall": 0.0, "cpu": 0.0}, {"wall": 0.0, "cpu": 0.0}
        self.texts = 0

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """As the other encoder does, or by hashing."""
        began = clocks()
        chosen = texts[:: self._every]
        vectors = self._encoder.encode(chosen, kind=kind)
        times = len(texts) / max(len(chosen), 1)
        self.texts += len(texts)
        for clock, now in clocks().items():
            self.seconds[clock] += (now - began[clock]) * times
            self.left_out[clock] += (now - began[clock]) * (times - 1)
        if self._every == 1:
            return vectors
        every = self._hashing.encode(texts, kind=kind)
        every[:: self._every] = vectors
        return every


class RememberingEncoder:
    """An encoder that encodes each text once, for indexes that share most of their texts."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.fingerprint = encoder.fingerprint
        self.dimension = encoder.dimension
        self._known: dict[tuple[TextKind, str], Float32] = {}

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """Vectors of texts; those that are new are encoded."""
        new = list(dict.fromkeys(text for text in texts if (kind, text) not in self._known))
        for text, vector in zip(new, self._encoder.encode(new, kind=kind) if new else (), strict=True):
            self._known[kind, text] = vector
        vectors = [self._known[kind, text] for text in texts]
        return np.stack(vectors) if vectors else np.empty((0, self.dimension), np.float32)


class ReplayEncoder:
    """Repeats the vectors of known texts.

    Args:
        fingerprint: Fingerprint of the encoder that made them.
        texts: The texts.
        vectors: float32 `(len(texts), d)`.
    """

    def __init__(self, fingerprint: str, texts: Sequence[str], vectors: "Float32") -> None:
        self.fingerprint = fingerprint
        self.dimension = vectors.shape[1]
        self._rows = {text: row for row, text in enumerate(texts)}
        self._vectors = vectors

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":  # noqa: ARG002  (of the Protocol)
        """Vectors of known texts."""
        return np.ascontiguousarray(self._vectors[[self._rows[text] for text in texts]])


def replayed(
    index: Path, encoder: Encoder, questions: Sequence[str], config: Path | None, profile: str | None = None
) -> ReplayEncoder:
    """What repeats the vectors of questions, and of what they leave open, as an index asks for them.

    Args:
        index: Folder of the index.
        encoder: Makes them.
        questions: The questions.
        config: hippo.toml, where there is one.
        profile: How they are ranked; None: as the configuration says.
    """
    timed = TimedEncoder(encoder)
    with Hippo.open(index, encoder=timed, config=config) as memory:
        memory.retrieve_many(questions, profile=profile)
    texts = [*timed.queries]
    return ReplayEncoder(encoder.fingerprint, texts, np.stack([timed.queries[text] for text in texts]))
