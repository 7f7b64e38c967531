"""A re-ranker in memory: probabilities of pairs of texts, from weights whose loading runs nobody's code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hippo.backends.batches import pad
from hippo.backends.folder import ModelFolder
from hippo.errors import ConfigError, MissingExtraError, ModelNotFoundError

__all__ = ["PairScorer", "load_scorer"]


class PairScorer:
    """A model in memory, with a tokenizer of its own whose settings no other thread changes."""

    def __init__(self, model: Any, tokenizer: Any, max_length: int) -> None:
        from tokenizers import Tokenizer

        self._model = model
        self._tokenizer = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        self._padding = int(tokenizer.pad_token_id)
        self._left = tokenizer.padding_side == "left"
        self._has_types = "token_type_ids" in tokenizer.model_input_names

    def score(self, pairs: Sequence[tuple[str, str]], batch_size: int) -> NDArray[np.float64]:
        """Probabilities, float64 `(len(pairs),)`: longest pairs first, so that little is computed on padding."""
        tokens = self._tokenizer.encode_batch([(_encodable(first), _encodable(second)) for first, second in pairs])
        order = sorted(range(len(pairs)), key=lambda row: -len(tokens[row].ids))
        scores = np.empty(len(pairs))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            scores[rows] = self._forward([tokens[row] for row in rows])
        return scores

    def _forward(self, tokens: list[Any]) -> NDArray[np.float64]:
        import torch

        ids, mask = pad([encoding.ids for encoding in tokens], self._padding, left=self._left)
        features = {"input_ids": ids, "attention_mask": mask}
        if self._has_types:
            features["token_type_ids"] = pad([encoding.type_ids for encoding in tokens], 0, left=self._left)[0]
        inputs = {name: torch.from_numpy(array).to(self._model.device) for name, array in features.items()}
        with torch.inference_mode():
            logits = self._model(**inputs).logits.cpu().double()  # not every device has float64
            one = logits.shape[1] == 1
            chances = torch.sigmoid(logits[:, 0]) if one else torch.softmax(logits, dim=1)[:, 1]
            array: NDArray[np.float64] = chances.numpy()
        return array


def load_scorer(what: str, folder: ModelFolder, max_length: int, device: str | None) -> PairScorer:
    """Load the re-ranker of a folder, in float32.

    Args:
        what: What it is loaded for, as errors name it.
        folder: Where it is.
        max_length: Tokens of a pair that are read.
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.

    Raises:
        ModelNotFoundError: It cannot be loaded, or has no trained classifier.
        MissingExtraError: torch, transformers or tokenizers is not installed.
        ConfigError: It has more than two labels, or no tokenizer that can be used.
    """
    try:
        with _quiet():
            import tokenizers  # noqa: F401 - missing, it is to be named here
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise MissingExtraError(what, error.name or "transformers", "local") from error
    safe = {"trust_remote_code": False, "local_files_only": True}
    try:
        with _quiet(), _silent():
            tokenizer = AutoTokenizer.from_pretrained(str(folder.path), **safe)
            model, report = AutoModelForSequenceClassification.from_pretrained(
                str(folder.path), use_safetensors=True, output_loading_info=True, **safe
            )
            model = model.float().eval().to(device or _best_device(torch))
    except Exception as error:  # the loaders of three libraries, each with errors of its own
        remedy = "Models that need code of their authors are not supported; otherwise fetch it again"
        raise ModelNotFoundError(folder.model, f"it cannot be loaded ({error})", remedy) from error
    if missing := sorted(report["missing_keys"]):
        # The loader fills them with random numbers: every score would be one.
        raise ModelNotFoundError(
            folder.model, f"it is no trained re-ranker: it lacks {', '.join(missing)}", "Use a model that is one"
        )
    if model.config.num_labels > 2:
        problem = f"a re-ranker has 1 or 2 labels, {folder.model!r} has {model.config.num_labels}"
        raise ConfigError(what, "model", problem)
    if getattr(tokenizer, "backend_tokenizer", None) is None or tokenizer.pad_token_id is None:
        raise ConfigError(what, "model", f"{folder.model!r} needs a fast tokenizer with a padding token")
    return PairScorer(model, tokenizer, max_length)


def _best_device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _encodable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, replaced."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep third-party deprecation notices at import and load from the caller."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the loaders' logs and progress bars from the terminal."""
    import transformers

    logs = transformers.utils.logging
    level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity_error()
    logs.disable_progress_bar()
    try:
        yield
    finally:
        logs.set_verbosity(level)
        if bars:
            logs.enable_progress_bar()
