"""A fact filter that runs a re-ranker: a model that reads question and fact together and says how well they match."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hippo.backends.cross_encoder import CrossEncoder
from hippo.errors import ConfigError
from hippo.types import Recognition

__all__ = ["CrossEncoderFactFilter"]


class CrossEncoderFactFilter(CrossEncoder):
    """Keeps the facts to which a re-ranker gives at least a certain probability of helping.

    The probability, loading and threads: `hippo.backends.cross_encoder.CrossEncoder`.

    Args:
        model: Folder, or name on the hub. The model cache is looked at before the hub.
        threshold: Least probability of a fact that is kept, 0 to 1.
        least: How many of the best are kept whatever their probability; 0 or more. With 0 the outcome may be "none".
        batch_size: Pairs of question and fact that are read at a time, at least 1.
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.
        max_length: Tokens of a pair that are read, special tokens included, at least 8; None: as the model's authors
            set it. Of a longer pair the longer text is cut.

    Raises:
        ConfigError: A value is out of range.
    """

    what = "recognition 'cross-encoder'"

    def __init__(
        self,
        *,
        model: str = "cross-encoder/ms-marco-MiniLM-L6-v2",
        threshold: float = 0.5,
        least: int = 0,
        batch_size: int = 64,
        device: str | None = None,
        max_length: int | None = None,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ConfigError(self.what, "threshold", f"must be between 0 and 1, got {threshold}")
        self._at_least("least", least, 0)
        self._threshold = threshold
        self._least = least
        super().__init__(model=model, batch_size=batch_size, device=device, max_length=max_length)

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        """What to keep of each question's facts, in order of the questions. Raises what `probabilities` does.

        Args:
            questions: m questions.
            facts: Texts of the facts of each, best first.
        """
        return [self._choose(values) for values in self.probabilities(questions, facts)]

    def _settings(self) -> Sequence[float]:
        return self._threshold, self._least

    def _choose(self, probabilities: NDArray[np.float64]) -> Recognition:
        shown = len(probabilities)
        if not np.isfinite(probabilities).all():
            return Recognition("failed", (), shown, f"model {self._model!r} gave a score that is no number")
        best = np.argsort(-probabilities, kind="stable")[: self._least]
        kept = np.union1d(np.flatnonzero(probabilities >= self._threshold), best)
        return Recognition("kept" if len(kept) else "none", tuple(int(position) for position in kept), shown)
