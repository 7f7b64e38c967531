"""What every cross-encoder of hippo has: a model that reads two texts together and says how well they match.

It is run by `transformers` itself, not by `CrossEncoder` of `sentence-transformers`: that one applies whatever
activation a model's authors configured (for many none at all), while a threshold needs a probability from every model.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hippo.backends.found import FoundModel
from hippo.backends.scorer import PairScorer, load_scorer
from hippo.errors import ConfigError, InputError

__all__ = ["CrossEncoder"]


class CrossEncoder(FoundModel):
    """Probabilities that texts match a question.

    The probability is the sigmoid of the score of a model with one label, and the soft-max of the second score of a
    model with two. Constructing is cheap; the model is found and loaded when it is first needed, its weights from
    safetensors only, in float32, and code of its authors is never run. Any number of threads may use one; instances can
    be pickled, and the copy loads the model anew. The same call gives the same result; in another batch a probability
    may differ by about 1e-6.

    Args:
        model: Folder, or name on the hub. The model cache is looked at before the hub.
        batch_size: Pairs that are read at a time, at least 1.
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.
        max_length: Tokens of a pair that are read, special tokens included, at least 8; None: as the model's authors
            set it. Of a longer pair the longer text is cut.

    Raises:
        ConfigError: A value is out of range.
    """

    _loaded: PairScorer | None

    def __init__(self, *, model: str, batch_size: int, device: str | None, max_length: int | None) -> None:
        self._at_least("batch_size", batch_size, 1)
        self._at_least("max_length", max_length, 8)
        super().__init__(model)
        self._batch_size = batch_size
        self._device = device
        self._max_length = max_length

    @property
    def fingerprint(self) -> str:
        """Architecture and a hash of weights, tokenizer and settings; not the device or the batch size.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        names = self.folder.config.get("architectures") or ["model"]
        settings = [self.folder.digest, self.max_length, *self._settings()]
        return f"{names[0]}:{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]}"

    @property
    def max_length(self) -> int:
        """Tokens of a pair that are read.

        Raises:
            ConfigError: More were asked for than the model has positions for.
        """
        return self._length("max_length", self._max_length)

    def probabilities(self, questions: Sequence[str], texts: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """The probability that a text matches, for each question float64 `(number of its texts,)`, 0 to 1.

        Args:
            questions: m questions.
            texts: Texts of each.

        Raises:
            InputError: There are not as many lists of texts as questions.
            ModelNotFoundError: The model is not on this machine, cannot be fetched, or is no trained re-ranker.
            MissingExtraError: torch, transformers or tokenizers is not installed.
            ConfigError: The model has more than two labels, or no tokenizer that can be used.
        """
        if len(questions) != len(texts):
            raise InputError(f"{len(questions)} questions need as many lists of texts, got {len(texts)}")
        pairs = [(question, text) for question, some in zip(questions, texts, strict=True) for text in some]
        scores = self._load().score(pairs, self._batch_size) if pairs else np.empty(0)
        ends = np.cumsum([len(some) for some in texts], dtype=np.int64)
        return np.split(scores, ends[:-1]) if len(ends) else []

    def _settings(self) -> Sequence[float]:
        """What else changes its results."""
        return ()

    def _at_least(self, name: str, value: int | None, lowest: int) -> None:
        if value is not None and value < lowest:
            raise ConfigError(self.what, name, f"must be at least {lowest}, got {value}")

    def _load(self) -> PairScorer:
        with self._lock:
            if self._loaded is None:
                self._loaded = load_scorer(self.what, self.folder, self.max_length, self._device)
            return self._loaded
