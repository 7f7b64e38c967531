"""Embeddings of LangChain as an encoder."""

import asyncio
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from pydantic import SecretStr

from hippo import Hippo
from hippo.backends.encoders.langchain import LangChainEncoder
from hippo.errors import ConfigError, EncodingError, IndexMismatchError, MissingExtraError
from hippo.protocols import Encoder
from hippo.testing import EncoderConformance, HashingEncoder


class Words(Embeddings):
    """Vectors of words that share pieces, as a real model has them; not of length 1."""

    def __init__(self, model: str = "words-1", scale: float = 3.0) -> None:
        self.model = model
        self.documents: list[list[str]] = []
        self.queries: list[str] = []
        self._scale = scale

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.documents.append(texts)
        return (HashingEncoder(dimension=64).encode(texts) * self._scale).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return self.embed_documents([text])[0]


class AtOnce(Words):
    """Has a way of its own to embed asynchronously."""

    now = most = 0

    async def aembed_query(self, text: str) -> list[float]:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.01)
        self.now -= 1
        return self.embed_query(text)


class TestConformance(EncoderConformance):
    tolerance = 1e-6

    @pytest.fixture
    def encoder(self) -> Encoder:
        return LangChainEncoder(model=Words())


def test_texts_and_questions_go_their_ways() -> None:
    words = Words()
    encoder = LangChainEncoder(model=words, dimension=64)
    encoder.encode(["a", "b"])
    assert (words.documents, words.queries) == ([["a", "b"]], [])
    encoder.encode(["a", "b"], kind="query_to_fact")
    assert words.queries == ["a", "b"]


def test_questions_are_asked_at_once_where_the_class_can() -> None:
    words = AtOnce()
    texts = [f"word {number}" for number in range(40)]
    found = LangChainEncoder(model=words).encode(texts, kind="query_to_passage")
    assert np.allclose(found, HashingEncoder(dimension=64).encode(texts), atol=1e-6)
    assert 2 <= words.most <= 16


def test_the_fingerprint_names_the_model_and_no_secret() -> None:
    first, second = LangChainEncoder(model=Words()), LangChainEncoder(model=Words("words-2"))
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == LangChainEncoder(model=Words(scale=9.0)).fingerprint
    assert LangChainEncoder(model=Words(), name="mine").fingerprint == "langchain:mine"
    keyed = Words()
    keyed.model_kwargs = {"api_key": "s3cret", "device": "cpu"}  # type: ignore[attr-defined]
    other = Words()
    other.model_kwargs = {"api_key": "another", "device": "cpu"}  # type: ignore[attr-defined]
    assert LangChainEncoder(model=keyed).fingerprint == LangChainEncoder(model=other).fingerprint


class Failing(Words):
    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer
        self.api_key = SecretStr("s3cret-key-of-mine")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ConnectionError("key s3cret-key-of-mine was refused"), r"failed: ConnectionError: key .* was refused"),
        ([[1.0, 0.0]], r"must give a vector of numbers for each of 2 texts, got an array \(1, 2\)"),
        ([[1.0], [math.nan]], "must give a vector of numbers"),
        ([[1.0, 0.0], [0.0, 0.0]], "zeros"),
        ([[1.0], [1.0, 2.0]], "failed"),
        ([[1.0, 0.0, 0.0]] * 2, "must give vectors of length 2, got 3"),
    ],
)
def test_what_is_no_vector_is_an_error(answer: Any, message: str) -> None:
    encoder = LangChainEncoder(model=Failing(answer), dimension=2)
    with pytest.raises(EncodingError, match=message) as caught:
        encoder.encode(["a", "b"])
    assert "s3cret" not in f"{caught.value} {caught.value.__cause__}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": object()}, r"must be a name or embeddings \(Embeddings\), got object"),
        ({"model": Words(), "options": {"a": 1}}, "are for a model given by name"),
        ({"model": Words(), "dimension": 0}, "must be at least 1, got 0"),
        ({"model": "no such provider"}, "model, options"),
    ],
)
def test_wrong_options(options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LangChainEncoder(**options)


def test_a_provider_that_is_not_installed() -> None:
    with pytest.raises(MissingExtraError, match="langchain-mistralai"):
        LangChainEncoder(model="mistralai:mistral-embed")


def test_a_memory_takes_embeddings_as_they_are(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder=Words()) as memory:
        memory.add(["Ada Smith was born in Riga.", "Bob lives in Hull."])
        assert "Riga" in memory.retrieve("Where was Ada born?", profile="dense").hits[0].text
    with pytest.raises(IndexMismatchError, match="encoder"):
        Hippo.open(tmp_path / "index", encoder=DeterministicFakeEmbedding(size=64))
    with pytest.raises(ConfigError, match="embeddings of LangChain, got list"):
        Hippo.open(tmp_path / "index", encoder=[])
