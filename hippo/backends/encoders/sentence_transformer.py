"""Any model of `sentence-transformers`, on CPU or GPU. Loaded on first use; code of a model's authors is never run."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hippo.backends.batches import equal_lengths, length_sorted, pad
from hippo.backends.encoders.instructions import KNOWN, Instructions
from hippo.backends.found import FoundModel
from hippo.errors import ConfigError, EncodingError, MissingExtraError, ModelNotFoundError
from hippo.types import TextKind

__all__ = ["SentenceTransformerEncoder", "encodable"]

Precision = Literal["auto", "float32", "float16", "bfloat16", "int8"]

# Measured: on a CPU a batch should stay in the cache (a gain of about a fifth over batches of 32 texts, of a half over
# batches of 16 thousand tokens); a GPU wants to be filled.
_CPU_TOKENS = 1024
_GPU_TOKENS = 65536
_BLOCK = 20_000  # texts tokenised at once: bounds memory


class SentenceTransformerEncoder(FoundModel):
    """Encodes with a model of `sentence-transformers`: tokenise once, sort by length, batches of a bounded token count.

    Constructing is cheap; the model is found when something about it is asked for, and loaded on the first `encode`.
    Instances can be pickled; the copy loads the model anew. In float32, vectors of one text differ by less than 1e-5
    between batches.

    Args:
        model: Folder, or name on the hub. The model cache is looked at before the hub.
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.
        batch_tokens: Tokens of a batch, padding included; None: 1024 on a CPU, 65536 elsewhere.
        max_tokens: Tokens of a text that are read, special tokens included; None: as the model's authors set it.
        dtype: Precision of the model; "auto": bfloat16 or float16 on CUDA, float32 elsewhere. "int8", on a CPU: linear
            layers in 8 bits, two times as fast where the processor has instructions for them. Vectors are others, and
            need an index of their own; the vector of a text does not depend on the others.
        query_instruction: Put in front of questions, `{task}` replaced by what is searched for; None: what the model is
            known for, or declares itself, else nothing.
        passage_instruction: Put in front of passages, facts and entities.

    Raises:
        ConfigError: `batch_tokens`, `max_tokens` or `dtype` is out of range, or int8 is asked of a GPU.
    """

    what = "encoder 'sentence-transformers'"
    _LOADED: ClassVar[tuple[str, ...]] = ("_tokenizer", "_reader", "_loaded")

    _tokenizer: Any
    _reader: Any
    _loaded: "_Loaded | None"

    def __init__(
        self,
        *,
        model: str,
        device: str | None = None,
        batch_tokens: int | None = None,
        max_tokens: int | None = None,
        dtype: Precision = "auto",
        query_instruction: str | None = None,
        passage_instruction: str | None = None,
    ) -> None:
        for name, value in (("batch_tokens", batch_tokens), ("max_tokens", max_tokens)):
            if value is not None and value < 8:
                raise ConfigError(self.what, name, f"must be at least 8, got {value}")
        if dtype not in get_args(Precision):
            raise ConfigError(self.what, "dtype", f"must be one of {', '.join(get_args(Precision))}, got {dtype!r}")
        if dtype == "int8" and device not in (None, "cpu"):
            problem = f"int8 is for the CPU, got device {device!r}. Leave dtype out there: 'auto' takes 16 bits on CUDA"
            raise ConfigError(self.what, "dtype", problem)
        super().__init__(model)
        self._device = device
        self._batch_tokens = batch_tokens
        self._max_tokens = max_tokens
        self._dtype = dtype
        self._query_instruction = query_instruction
        self._passage_instruction = passage_instruction

    @property
    def fingerprint(self) -> str:
        """Architecture, hash of weights, tokenizer, pooling, length and instructions, and whether it is int8.

        Device, batches and precision of floats are not in it: vectors differ too little.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        names = self.folder.config.get("architectures") or ["model"]
        settings = [self._digest(), self.max_tokens, self.instructions.query, self.instructions.passage]
        return f"{names[0]}:{hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]}{self._suffix}"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.folder.dimension or self._load().dimension

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read, special tokens included; the rest is cut off.

        Raises:
            ConfigError: More were asked for than the model has positions for.
        """
        return self._length("max_tokens", self._max_tokens)

    @property
    def instructions(self) -> Instructions:
        """What is put in front of texts."""
        prompts = self.folder.prompts
        declared = Instructions(prompts.get("query", ""), prompts.get("passage", prompts.get("document", "")))
        known = KNOWN.get(self._model, declared)
        query, passage = self._query_instruction, self._passage_instruction
        return Instructions(known.query if query is None else query, known.passage if passage is None else passage)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens and instructions not counted. Loads the tokenizer only, where it can."""
        counter = self._counter()
        tokens: list[int] = []
        for start in range(0, len(texts), _BLOCK):
            block = [encodable(text) for text in texts[start : start + _BLOCK]]
            tokens += [len(item.ids) for item in counter.encode_batch_fast(block, add_special_tokens=False)]
        return tokens

    def instruction(self, kind: TextKind) -> str:
        """What is put in front of a text of this kind."""
        return self.instructions.prefix(kind)

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> NDArray[np.float32]:
        """Unit vectors, float32 `(len(texts), dimension)`.

        Raises:
            EncodingError: The model gave a vector that is not finite.
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
            MissingExtraError: torch or sentence-transformers is not installed.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not len(texts):
            return vectors
        loaded = self._load()
        prefix = self.instruction(kind)
        for start in range(0, len(texts), _BLOCK):
            block = [prefix + encodable(text) for text in texts[start : start + _BLOCK]]
            loaded.encode(block, prefix, vectors[start : start + len(block)])
        if not np.isfinite(vectors).all():
            row = int(np.flatnonzero(~np.isfinite(vectors).all(axis=1))[0])
            raise EncodingError(self._model, f"vector {row} of {len(texts)} is not finite; try dtype='float32'")
        return vectors

    @property
    def _suffix(self) -> str:
        return ":int8" if self._dtype == "int8" else ""

    def _digest(self) -> str:
        return self.folder.digest

    def _counter(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                file = self.folder.path / "tokenizer.json"
                self._tokenizer = (
                    _tokenizer_from(file.read_text("utf-8"), None) if file.is_file() else self._load().counter
                )
            return self._tokenizer

    def _reading(self) -> Any:
        """A tokenizer that cuts off what is not read; the model is not loaded for it."""
        with self._lock:
            if self._reader is None:
                self._reader = _tokenizer_from(self._counter().to_str(), self.max_tokens)
            return self._reader

    def _load(self) -> "_Loaded":
        with self._lock:
            if self._loaded is None:
                self._loaded = self._make()
            return self._loaded

    def _make(self) -> "_Loaded":
        with _quiet():
            try:
                import torch
                import transformers
                from sentence_transformers import SentenceTransformer
            except ImportError as error:
                package = (error.name or "sentence-transformers").replace("_", "-")
                raise MissingExtraError(self.what, package, "local") from error
            device = "cpu" if self._dtype == "int8" else self._device
            cuda = torch.cuda.is_available() if device is None else device.startswith("cuda")
            half = "bfloat16" if cuda and torch.cuda.is_bf16_supported() else "float16"
            dtype = {"auto": half if cuda else "float32", "int8": "float32"}.get(self._dtype, self._dtype)
            logs = transformers.utils.logging
            level, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
            logs.set_verbosity_error()
            logs.disable_progress_bar()
            try:
                model = SentenceTransformer(
                    str(self.folder.path),
                    device=device,
                    trust_remote_code=False,
                    local_files_only=True,
                    model_kwargs={"torch_dtype": getattr(torch, dtype), "use_safetensors": True},
                )
            except Exception as error:  # the loaders of four libraries, each with errors of its own
                remedy = "Models that need code of their authors are not supported; otherwise fetch it again"
                raise ModelNotFoundError(self._model, f"it cannot be loaded ({error})", remedy) from error
            finally:
                logs.set_verbosity(level)
                if bars:
                    logs.enable_progress_bar()
            if self._dtype == "int8":
                from hippo.backends.encoders.int8 import to_int8

                to_int8(model[0])
        return _Loaded(model.eval(), self.max_tokens, self._batch_tokens, exact=self._dtype == "int8")


class _Loaded:
    """A model in memory, and its tokenizer with truncation and without.

    Args:
        exact: Whether only texts of one length go together. Rounding to 8 bits makes much of the last bit of a float,
            and that bit follows from the padding.
    """

    def __init__(self, model: Any, max_tokens: int, batch_tokens: int | None, *, exact: bool) -> None:
        self.model = model
        self.batches = equal_lengths if exact else length_sorted
        tokenizer = model.tokenizer
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None or tokenizer.pad_token_id is None:
            raise ConfigError("model", type(model[0]).__name__, "needs a fast tokenizer with a padding token")
        self.counter = _tokenizer_from(backend.to_str(), None)
        self.tokenizer = _tokenizer_from(backend.to_str(), max_tokens)
        self.padding = int(tokenizer.pad_token_id)
        self.left = tokenizer.padding_side == "left"
        self.has_types = "token_type_ids" in tokenizer.model_input_names
        self.special = frozenset(tokenizer.all_special_ids)
        self.budget = batch_tokens or (_CPU_TOKENS if model.device.type == "cpu" else _GPU_TOKENS)
        self.dimension = int(self._forward([self.tokenizer.encode("a").ids], 0).shape[1])

    def encode(self, texts: list[str], prefix: str, vectors: NDArray[np.float32]) -> None:
        """Fill `vectors`, one row per text."""
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        skip = self._prefix_tokens(prefix)
        for rows in self.batches([len(ids) for ids in tokens], self.budget):
            vectors[rows] = self._forward([tokens[row] for row in rows], skip)

    def _forward(self, tokens: list[list[int]], skip: int) -> NDArray[np.float32]:
        import torch

        ids, mask = pad(tokens, self.padding, left=self.left)
        features: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if self.has_types:
            features["token_type_ids"] = np.zeros_like(ids)
        features = {name: torch.from_numpy(array).to(self.model.device) for name, array in features.items()}
        if skip:
            features["prompt_length"] = skip  # some models leave the instruction out of the pooling
        with torch.inference_mode():
            pooled = self.model(features)["sentence_embedding"].float()
            array: NDArray[np.float32] = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return array

    def _prefix_tokens(self, prefix: str) -> int:
        if not prefix:
            return 0
        ids = self.tokenizer.encode(prefix).ids
        return len(ids) - (ids[-1] in self.special)


def _tokenizer_from(data: str, max_tokens: int | None) -> Any:
    """A tokenizer of our own, whose settings no other thread changes."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise MissingExtraError("an encoder's tokenizer", "tokenizers", "local") from error
    tokenizer = Tokenizer.from_str(data)
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def encodable(text: str) -> str:
    """The text with lone surrogates, which no tokenizer takes, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep third-party deprecation notices at import and load from the caller."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
