"""The standard suites of langchain-tests: the retriever's, and those of document indexes."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.indexing.base import DocumentIndex
from langchain_tests.integration_tests import RetrieversIntegrationTests
from langchain_tests.integration_tests.indexer import AsyncDocumentIndexTestSuite, DocumentIndexerTestSuite

from hippo import Hippo
from hippo.integrations.langchain import HippoIndex, HippoRetriever


class TestHippoRetriever(RetrieversIntegrationTests):
    """From an open index."""

    @pytest.fixture(autouse=True)
    def _index(self, memory: Hippo) -> None:
        self.params: dict[str, Any] = {"index": memory}

    @property
    def retriever_constructor(self) -> type[HippoRetriever]:
        return HippoRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return self.params

    @property
    def retriever_query_example(self) -> str:
        return "Who founded Steelworks Smith?"


class TestHippoRetrieverOfAPath(TestHippoRetriever):
    """From the folder of an index."""

    @pytest.fixture(autouse=True)
    def _index(self, index_path: Path) -> None:
        self.params = {"path": index_path}


def empty() -> Generator[HippoIndex, None, None]:
    with tempfile.TemporaryDirectory() as folder, Hippo.open(Path(folder) / "index", encoder="hashing") as memory:
        yield HippoIndex(index=memory)


class TestHippoIndex(DocumentIndexerTestSuite):
    @pytest.fixture
    def index(self) -> Generator[DocumentIndex, None, None]:
        yield from empty()


class TestHippoIndexAsync(AsyncDocumentIndexTestSuite):
    @pytest.fixture
    async def index(self) -> AsyncGenerator[DocumentIndex, None]:
        for one in empty():
            yield one
