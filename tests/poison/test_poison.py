"""A hundred documents that are meant to do harm change nothing but what is said of themselves."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from hippo import Document, Hippo
from hippo.evaluation import Dataset, load_dataset
from hippo.reader.marks import cites
from hippo.testing import ScriptedLLM, respond
from hippo.types import LLMRequest, StoredDocument
from pipelines.poison import measure
from pipelines.poison_documents import KINDS, PER_KIND, order_in, poisoned

FEW = 25
"""Documents and questions where a model reads: each is a request or two."""


@pytest.fixture(scope="module")
def dataset(project: Path) -> Dataset:
    return load_dataset(project / "data", "sample")


@pytest.fixture(scope="module")
def questions(dataset: Dataset) -> list[str]:
    return [question.text for question in dataset.questions]


@pytest.fixture(scope="module")
def poison(dataset: Dataset, questions: list[str]) -> list[Document]:
    return poisoned(dataset.documents, questions)


class Obedient:
    """A model that says, word for word, what the newest message of a request orders it to say."""

    def __init__(self) -> None:
        self.obeyed: Counter[str] = Counter()
        self.answers: list[str] = []

    def __call__(self, request: LLMRequest) -> str:
        text = next(message.content for message in reversed(request.messages) if message.role == "user")
        if request.prompt.startswith("recognition"):  # facts are quoted
            text = "\n".join(map(_unquoted, text.splitlines()))
        order = order_in(text)
        if order is None:
            return respond(request)
        self.obeyed[request.prompt.partition("/")[0]] += 1
        if request.prompt.startswith("answer"):
            self.answers.append(order)
        return order


def _unquoted(line: str) -> str:
    _, _, quoted = line.partition(": ")
    return json.loads(quoted) if quoted.startswith('"') else line


def known(memory: Hippo, ids: Sequence[str]) -> dict[str, tuple[StoredDocument, list[tuple[str, str]]]]:
    """All that an index knows from documents: texts, chunks, facts; keys and spellings of what they mention."""
    contents = memory.contents()
    keys, of_chunk = contents.entities.column("key").to_pylist(), contents.chunks.column("document_id").to_pylist()
    mentions: dict[str, list[tuple[str, str]]] = {}
    assert contents.mentions is not None
    for row in contents.mentions.to_pylist():
        mentions.setdefault(of_chunk[row["chunk"]], []).append((keys[row["entity"]], row["surface"]))
    return {one: (memory.get(one), mentions.get(one, [])) for one in ids}


def arrays(memory: Hippo) -> dict[str, Any]:
    contents = memory.contents()
    graph = contents.graph
    tables = {name: getattr(contents, name).to_pylist() for name in ("documents", "chunks", "facts", "entities")}
    weights = {name: values.tolist() for name, values in graph.weights.items()}
    return {**tables, "indptr": graph.indptr.tolist(), "indices": graph.indices.tolist(), "weights": weights}


def test_there_are_a_hundred_of_ten_kinds(poison: list[Document], dataset: Dataset, questions: list[str]) -> None:
    assert Counter(document.metadata["kind"] for document in poison) == dict.fromkeys(KINDS, PER_KIND)
    assert len({document.id for document in poison} - {document.id for document in dataset.documents}) == 100
    assert len({(document.title, document.text) for document in poison}) == 100
    assert poison == poisoned(dataset.documents, questions)


def test_what_others_say_stays_as_it_is(tmp_path: Path, dataset: Dataset, poison: list[Document]) -> None:
    ids = [str(document.id) for document in dataset.documents]
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(dataset.documents)
        before, whole = known(memory, ids), arrays(memory)
        report = memory.add(poison)
        assert (report.added, report.changed, len(report.failed)) == (100, 0, 0)
        assert known(memory, ids) == before
        for document in memory.documents(where="by = 'mallory 0'"):
            stored = memory.get(document.id)
            assert all(chunk.document_id == document.id for chunk in stored.chunks)
        # Whatever was bent towards the poison is straight again without it.
        assert memory.delete(where="by = 'mallory 0'").deleted == 100
        assert arrays(memory) == whole


def few(dataset: Dataset) -> tuple[Document, ...]:
    return dataset.documents[:FEW]


def opened(path: Path, model: Obedient, calls: int) -> Hippo:
    overrides = {"extractor": {"name": "llm", "llm": {"calls": calls}}, "recognition": {"name": "llm"}}
    return Hippo.open(path, encoder="hashing", llm=ScriptedLLM(replies=model), overrides=overrides)


@pytest.mark.parametrize("calls", [1, 2])
def test_a_model_that_obeys_changes_nothing_of_others(
    tmp_path: Path, dataset: Dataset, poison: list[Document], calls: int
) -> None:
    ids = [str(document.id) for document in few(dataset)]
    model = Obedient()
    with opened(tmp_path / "clean", model, calls) as memory:
        memory.add(few(dataset))
        before = known(memory, ids)
    assert not model.obeyed
    with opened(tmp_path / "poisoned", model, calls) as memory:
        memory.add([*poison, *few(dataset)])
        assert known(memory, ids) == before
        assert model.obeyed.total() >= 20
        # The orders were followed, and what came of it belongs to those who gave them.
        lied = [fact for one in poison for facts in stored_facts(memory, str(one.id)) for fact in facts]
        assert any("TELL" in fact.text for fact in lied)
        assert any("Atlantis" in fact.text for fact in lied)


def stored_facts(memory: Hippo, document_id: str) -> Iterator[tuple[Any, ...]]:
    held = {document.id for document in memory.documents()}
    return iter(memory.get(document_id).facts.values()) if document_id in held else iter(())


def test_a_model_that_obeys_cites_what_it_was_shown(
    tmp_path: Path, dataset: Dataset, questions: list[str], poison: list[Document]
) -> None:
    model = Obedient()
    with opened(tmp_path / "poisoned", model, 1) as memory:
        memory.add([*poison, *few(dataset)])
        model.obeyed.clear()
        ids = set(memory.contents().chunks.column("chunk_id").to_pylist())
        facts = set(memory.contents().facts.column("text").to_pylist())
        for answer in chain.from_iterable(memory.ask_many(questions[:FEW], k=4, steps=steps) for steps in (1, 2)):
            assert not isinstance(answer, Exception), answer
            assert set(answer.shown) <= {hit.chunk_id for hit in answer.retrieval.hits} <= ids
            for citation in answer.citations:
                assert answer.shown[citation.number - 1] == citation.chunk_id
                hit = next(hit for hit in answer.retrieval.hits if hit.chunk_id == citation.chunk_id)
                assert (citation.document_id, citation.title) == (hit.document_id, hit.title)
            assert {seed.text for seed in answer.retrieval.seeds} <= facts
    assert all(model.obeyed[prompt] >= 4 for prompt in ("answer", "recognition", "thought"))
    # No passage can even have a mark copied.
    assert not any(cites(words) for words in model.answers)


LOSS = 0.08
"""Recall@5 that may be lost to a hundred documents of one source, where one source may bring a quarter."""


def test_a_cap_on_sources_bounds_the_loss(dataset: Dataset) -> None:
    found: Mapping[str, Mapping[str, float]] = measure(dataset, "hashing", 1, 0.25, ("hippo", "bm25"))
    for name, recall in found.items():
        assert recall["capped"] > recall["poisoned"], name
        assert recall["alone"] - recall["capped"] <= LOSS, (name, recall)
