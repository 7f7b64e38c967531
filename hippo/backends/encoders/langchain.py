"""Any embeddings of LangChain.

```toml
[encoder]
name = "langchain"

[encoder.langchain]
model = "openai:text-embedding-3-small"
```
"""

import asyncio
import hashlib
import importlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.background import run
from hippo.errors import ConfigError, EncodingError, MissingExtraError, ModelNotFoundError
from hippo.redact import is_secret, secrets_in, told_by, without_secrets
from hippo.types import TextKind

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from numpy.typing import NDArray

__all__ = ["LangChainEncoder"]

_WHAT = "encoder 'langchain'"
_QUERIES = ("query_to_passage", "query_to_fact", "query_to_entity")
_NAMES = "model model_name model_id deployment repo_id dimensions size model_kwargs encode_kwargs".split()
"""Attributes by which classes of LangChain say what makes their vectors what they are."""
_PACKAGE = re.compile(r"pip install (?:-U )?`?([\w-]+)")
_AT_A_TIME = 16
"""Questions that are embedded at the same time, by a model that can."""


class LangChainEncoder:
    """Asks embeddings of LangChain; vectors are scaled to length 1.

    Texts go to `embed_documents`, all of a call at once, and questions to `embed_query`: one after another, or
    several at a time where the class has an `aembed_query` of its own.

    Args:
        model: Embeddings, or a name for `langchain.embeddings.init_embeddings`, such as
            "openai:text-embedding-3-small".
        name: What the vectors are known by; None: the class with what it says of its model. Vectors of two names never
            mix, so a class that does not say needs one.
        dimension: Length of a vector; None: that of the first one.
        options: Further keywords of `init_embeddings`, for a model given by name.

    Raises:
        ConfigError: `model` is neither, or its provider does not take the options.
        MissingExtraError: The package langchain, or that of the provider, is not installed.
    """

    def __init__(
        self,
        *,
        model: "str | Embeddings",
        name: str | None = None,
        dimension: int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(model, str):
            self._model = _named(model, options or {})
        elif options:
            raise ConfigError(_WHAT, "options", "are for a model given by name; set them on the embeddings themselves")
        else:
            self._model = _checked(model)
        if dimension is not None and dimension < 1:
            raise ConfigError(_WHAT, "dimension", f"must be at least 1, got {dimension}")
        self._name = name
        self._dimension = dimension

    @property
    def fingerprint(self) -> str:
        """Class and a hash of what it says of its model; or the name given."""
        if self._name is not None:
            return f"langchain:{self._name}"
        kind = type(self._model)
        said = {key: _plain(value) for key in _NAMES if (value := getattr(self._model, key, None)) is not None}
        digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
        return f"langchain:{kind.__module__}.{kind.__qualname__}:{digest}"

    @property
    def dimension(self) -> int:
        """Length of a vector; a text is embedded to find out, where it was not given."""
        if self._dimension is None:
            self.encode(["dimension"])
        return int(self._dimension or 0)

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
        """Unit vectors, float32 `(len(texts), dimension)`.

        Raises:
            EncodingError: The model failed, or gave something other than one vector per text.
        """
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        try:
            given = self._questions(texts) if kind in _QUERIES else self._model.embed_documents([*texts])
            vectors = np.array(given, np.float64)
        except Exception as error:  # every provider has errors of its own
            said = without_secrets(f"{type(error).__name__}: {error}", self._secrets())
            raise EncodingError(self.fingerprint, f"failed: {said}") from (error if str(error) in said else None)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not vectors.shape[1] or not np.isfinite(vectors).all():
            problem = f"must give a vector of numbers for each of {len(texts)} texts, got an array {vectors.shape}"
            raise EncodingError(self.fingerprint, problem)
        self._dimension = self._dimension or vectors.shape[1]
        if vectors.shape[1] != self._dimension:
            problem = f"must give vectors of length {self._dimension}, got {vectors.shape[1]}"
            raise EncodingError(self.fingerprint, problem)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not norms.all():
            raise EncodingError(self.fingerprint, "gave a vector of zeros, which has no direction")
        return np.ascontiguousarray(vectors / norms, np.float32)

    def _questions(self, texts: Sequence[str]) -> list[list[float]]:
        from langchain_core.embeddings import Embeddings

        if len(texts) == 1 or type(self._model).aembed_query is Embeddings.aembed_query:
            return [self._model.embed_query(text) for text in texts]
        return run(self._at_once(texts))

    async def _at_once(self, texts: Sequence[str]) -> list[list[float]]:
        turns = asyncio.Semaphore(_AT_A_TIME)

        async def embed(text: str) -> list[float]:
            async with turns:
                return await self._model.aembed_query(text)

        return await asyncio.gather(*map(embed, texts))

    def _secrets(self) -> list[str]:
        fields = getattr(self._model, "__dict__", {})
        kept = [value.get_secret_value() for value in fields.values() if hasattr(value, "get_secret_value")]
        return [secret for secret in (*kept, *secrets_in(fields)) if isinstance(secret, str) and secret]


def _named(name: str, options: Mapping[str, Any]) -> "Embeddings":
    try:
        embeddings = importlib.import_module("langchain.embeddings")
    except ImportError as error:
        raise MissingExtraError(f"{_WHAT} with a model given by name", "langchain", "langchain") from error
    try:
        return _checked(embeddings.init_embeddings(name, **options))
    except ImportError as error:
        asked = _PACKAGE.search(str(error))
        package = (asked[1] if asked else error.name or "of the provider").replace("_", "-")
        raise MissingExtraError(f"{_WHAT} {name!r}", package, "langchain") from error
    except (TypeError, ValueError) as error:
        problem, cause = told_by(error, options)
        raise ConfigError(_WHAT, "model, options", " ".join(problem.split())) from cause
    except ConfigError:
        raise
    except Exception as error:  # providers look for their keys here, and each has an error of its own
        problem, cause = told_by(error, options)
        remedy = "Set the environment variable that the provider reads its key from"
        raise ModelNotFoundError(name, " ".join(problem.split()), remedy) from cause


def _checked(model: Any) -> "Embeddings":
    try:
        from langchain_core.embeddings import Embeddings
    except ImportError as error:
        raise MissingExtraError(_WHAT, "langchain-core", "langchain") from error
    if not isinstance(model, Embeddings):
        raise ConfigError(_WHAT, "model", f"must be a name or embeddings (Embeddings), got {type(model).__name__}")
    return model


def _plain(value: Any) -> Any:
    """Plain data: what is not plain is named by its type, secrets are left out."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if not is_secret(str(key))}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else type(value).__qualname__
