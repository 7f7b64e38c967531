"""What is asked of a part of an index is answered as by an index of that part: nothing of the rest comes through."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hippo import Document, Hippo
from hippo.backends.pagerank.auto import AutoPageRank
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.retrieve import Retriever
from hippo.snapshot.contents import Contents
from hippo.snapshot.restrict import restrict
from hippo.testing import HashingEncoder
from hippo.types import Retrieval

ENCODER = HashingEncoder()


@pytest.fixture(scope="module", params=["hippo", "hipporag"])
def config(request: pytest.FixtureRequest) -> dict[str, object]:
    graph = {"rules": request.param, "synonym_threshold": 0.5, "synonym_max": 2}
    return {"graph": graph, "chunking": {"max_tokens": 32}}


@pytest.fixture(scope="module")
def documents(corpus: list[dict[str, str]]) -> list[Document]:
    return [Document(item["text"], id=f"{row:03}", title=item["title"]) for row, item in enumerate(corpus)]


def indexed(folder: Path, documents: list[Document], config: dict[str, object]) -> Contents:
    with Hippo.open(folder, encoder=ENCODER, config=config) as memory:
        memory.add(documents)
        return memory.contents()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, documents: list[Document], config: dict[str, object]) -> Contents:
    return indexed(tmp_path_factory.mktemp("whole"), documents, config)


def answers(contents: Contents, questions: list[str], profile: str) -> list[Retrieval]:
    retriever = Retriever(contents, AutoPageRank(), tolerance=1e-9, encode=ENCODER.encode)
    found = retriever.retrieve(questions, ENCODER.encode(questions), PROFILES[profile], k=8, explain=True)
    return [replace(one, seconds={}) for one in found]


@pytest.mark.parametrize("kept", [0.5, 0.1])
def test_rankings_scores_and_explanations_are_those_of_an_index_of_the_part(
    kept, tmp_path, whole, documents, questions, config
):
    mask = np.random.default_rng(0).random(len(documents)) < kept
    part = restrict(whole, mask)
    allowed = [document for document, own in zip(documents, mask, strict=True) if own]
    fresh = indexed(tmp_path, allowed, config)
    assert 0 < part.n_chunks < whole.n_chunks
    for profile in PROFILES:
        found = answers(part, questions[:5], profile)
        assert found == answers(fresh, questions[:5], profile)
        ids = {document.id for document in allowed}
        assert all(one.hits for one in found)
        assert {hit.document_id for one in found for hit in one.hits} <= ids


@pytest.mark.parametrize("profile", PROFILES)
def test_of_no_documents_there_are_no_hits(profile, whole, questions):
    nothing = restrict(whole, np.zeros(whole.documents.num_rows, bool))
    assert [one.hits for one in answers(nothing, questions[:2], profile)] == [(), ()]
