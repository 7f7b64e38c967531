"""A fact filter that runs a re-ranker: a model that reads question and fact together and says how well they match.

It is run by `transformers` itself, not by `CrossEncoder` of `sentence-transformers`: that one applies whatever
activation a model's authors configured (for many none at all), while a threshold needs a probability from every model.
"""

import hashlib
import json
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo.backends.folder import ModelFolder, find_folder
from hippo.backends.recognition.scorer import PairScorer, load_scorer
from hippo.errors import ConfigError, InputError
from hippo.types import Recognition

__all__ = ["CrossEncoderFactFilter"]

_WHAT = "recognition 'cross-encoder'"


class CrossEncoderFactFilter:
    """Keeps the facts to which a re-ranker gives at least a certain probability of helping.

    The probability is the sigmoid of the score of a model with one label, and the soft-max of the second score of a
    model with two. Constructing is cheap; the model is found and loaded when it is first needed, its weights from
    safetensors only, in float32, and code of its authors is never run. Any number of threads may use one filter;
    instances can be pickled, and the copy loads the model anew. The same call gives the same result; in another batch
    a probability may differ by about 1e-6.

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

    _lock: threading.RLock
    _folder: ModelFolder | None
    _loaded: PairScorer | None

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
            raise ConfigError(_WHAT, "threshold", f"must be between 0 and 1, got {threshold}")
        for name, value, lowest in (("least", least, 0), ("batch_size", batch_size, 1), ("max_length", max_length, 8)):
            if value is not None and value < lowest:
                raise ConfigError(_WHAT, name, f"must be at least {lowest}, got {value}")
        self._model = model
        self._threshold = threshold
        self._least = least
        self._batch_size = batch_size
        self._device = device
        self._max_length = max_length
        self._reset()

    @property
    def fingerprint(self) -> str:
        """Architecture and a hash of weights, tokenizer and settings; not the device or the batch size.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        names = self.folder.config.get("architectures") or ["model"]
        settings = [self.folder.digest, self.max_length, self._threshold, self._least]
        return f"{names[0]}:{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]}"

    @property
    def max_length(self) -> int:
        """Tokens of a pair that are read.

        Raises:
            ConfigError: More were asked for than the model has positions for.
        """
        longest = self.folder.longest
        if self._max_length is not None and longest is not None and self._max_length > longest:
            raise ConfigError(_WHAT, "max_length", f"the model reads at most {longest}, got {self._max_length}")
        return self._max_length or self.folder.max_tokens or 512

    @property
    def folder(self) -> ModelFolder:
        """The model's folder, found once.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        with self._lock:
            if self._folder is None:
                self._folder = find_folder(self._model)
            return self._folder

    def probabilities(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[NDArray[np.float64]]:
        """The probability that a fact helps, for each question float64 `(number of its facts,)`, 0 to 1.

        Args:
            questions: m questions.
            facts: Texts of the facts of each.

        Raises:
            InputError: There are not as many lists of facts as questions.
            ModelNotFoundError: The model is not on this machine, cannot be fetched, or is no trained re-ranker.
            MissingExtraError: torch, transformers or tokenizers is not installed.
            ConfigError: The model has more than two labels, or no tokenizer that can be used.
        """
        if len(questions) != len(facts):
            raise InputError(f"{len(questions)} questions need as many lists of facts, got {len(facts)}")
        pairs = [(question, fact) for question, texts in zip(questions, facts, strict=True) for fact in texts]
        scores = self._load().score(pairs, self._batch_size) if pairs else np.empty(0)
        ends = np.cumsum([len(texts) for texts in facts], dtype=np.int64)
        return np.split(scores, ends[:-1]) if len(ends) else []

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        """What to keep of each question's facts, in order of the questions. Raises what `probabilities` does.

        Args:
            questions: m questions.
            facts: Texts of the facts of each, best first.
        """
        return [self._choose(values) for values in self.probabilities(questions, facts)]

    def _choose(self, probabilities: NDArray[np.float64]) -> Recognition:
        shown = len(probabilities)
        if not np.isfinite(probabilities).all():
            return Recognition("failed", (), shown, f"model {self._model!r} gave a score that is no number")
        best = np.argsort(-probabilities, kind="stable")[: self._least]
        kept = np.union1d(np.flatnonzero(probabilities >= self._threshold), best)
        return Recognition("kept" if len(kept) else "none", tuple(int(position) for position in kept), shown)

    def _load(self) -> PairScorer:
        with self._lock:
            if self._loaded is None:
                self._loaded = load_scorer(self.folder, self.max_length, self._device)
            return self._loaded

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._folder = None
        self._loaded = None

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_lock", "_folder", "_loaded")
        return {key: value for key, value in self.__dict__.items() if key not in left_out}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()
