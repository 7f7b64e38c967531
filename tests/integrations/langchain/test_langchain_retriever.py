"""`HippoRetriever`: options, metadata, batches, traces."""

import asyncio
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import ConfigurableField
from numpy.typing import NDArray

from hippo import Hippo, Profile
from hippo.errors import FilterError, IndexPathError, InputError, QuestionError, UnknownNameError
from hippo.integrations.langchain import HippoIndex, HippoRetriever
from hippo.retrieval.profiles import PROFILES
from hippo.testing import HashingEncoder
from hippo.types import TextKind

QUESTION = "Where was the founder of the company born that built the Iron Bridge?"
Call = Callable[..., list[Document]]


@pytest.fixture
def retriever(memory: Hippo) -> HippoRetriever:
    return HippoRetriever(index=memory, k=2)


@pytest.fixture(params=["invoke", "ainvoke", "batch", "abatch"])
def call(request: pytest.FixtureRequest) -> Call:
    """All four ways to ask one question."""

    def ask(retriever: HippoRetriever, question: str, config: Any = None, **options: Any) -> list[Document]:
        if request.param == "invoke":
            return retriever.invoke(question, config, **options)
        if request.param == "ainvoke":
            return asyncio.run(retriever.ainvoke(question, config, **options))
        if request.param == "batch":
            return retriever.batch([question, "other"], config, **options)[0]
        return asyncio.run(retriever.abatch([question, "other"], config, **options))[0]

    return ask


def ids(documents: Sequence[Document]) -> list[str]:
    return [document.metadata["document_id"] for document in documents]


def test_it_gives_what_the_memory_gives(retriever: HippoRetriever, memory: Hippo, call: Call) -> None:
    found = call(retriever, QUESTION)
    hits = memory.retrieve(QUESTION, k=2).hits
    assert [(one.id, one.page_content) for one in found] == [(hit.chunk_id, hit.text) for hit in hits]
    assert [(one.metadata["rank"], one.metadata["score"]) for one in found] == [(hit.rank, hit.score) for hit in hits]


def test_options_as_arguments(retriever: HippoRetriever, memory: Hippo, call: Call) -> None:
    assert len(call(retriever, QUESTION, k=4)) == 4
    assert ids(call(retriever, QUESTION, where="year = 1820")) == ["ada"]
    assert ids(call(retriever, QUESTION, where={"year": 1820})) == ["ada"]
    by_words = memory.retrieve(QUESTION, k=2, profile="bm25")
    assert [one.id for one in call(retriever, QUESTION, profile="bm25")] == [hit.chunk_id for hit in by_words.hits]
    assert call(retriever, QUESTION, profile=PROFILES["dense"]) == call(retriever, QUESTION, profile="dense")
    explained = call(retriever, QUESTION, explain=True)
    assert explained[0].metadata["explanation"]["path"]
    assert "explanation" not in call(retriever, QUESTION)[0].metadata


def test_options_as_fields(memory: Hippo, call: Call) -> None:
    made = HippoRetriever(index=memory, k=3, where="year < 1840", profile="bm25", explain=True)
    [found] = call(made, QUESTION)
    assert found.metadata["document_id"] == "ada"
    assert "explanation" in found.metadata
    assert len(call(made, QUESTION, where=None)) == 3  # an argument is stronger, None too


def test_options_as_configurable_fields(retriever: HippoRetriever, memory: Hippo, call: Call) -> None:
    names = ("k", "where", "profile", "explain")
    fields = {name: ConfigurableField(id=name) for name in names}
    made: Any = retriever.configurable_fields(**fields)
    assert len(call(made, QUESTION)) == 2
    config = {"configurable": {"k": 3, "where": "year is not null", "profile": "bm25", "explain": True}}
    found = call(made, QUESTION, config)
    expected = memory.retrieve(QUESTION, k=3, where="year is not null", profile="bm25")
    assert [one.id for one in found] == [hit.chunk_id for hit in expected.hits]
    assert "explanation" in found[0].metadata
    assert len(call(made, QUESTION, config, k=1)) == 1


def test_configurable_fields_of_a_path_keep_the_index(index_path: Path) -> None:
    made = HippoRetriever(path=index_path)
    configured: Any = made.configurable_fields(k=ConfigurableField(id="k"))
    prepared, _ = configured.prepare({"configurable": {"k": 1}})
    assert prepared.index is made.index
    assert len(configured.invoke(QUESTION, {"configurable": {"k": 1}})) == 1


def test_metadata_are_json_and_nothing_is_lost(retriever: HippoRetriever) -> None:
    found = {one.metadata["document_id"]: one.metadata for one in retriever.invoke(QUESTION, k=9, explain=True)}
    json.dumps(found, allow_nan=False)
    assert found["riga"]["source"] == "atlas.pdf"
    assert found["bridge"]["source"] == "bridge"
    assert (found["bridge"]["year"], found["bridge"]["title"], found["letter"]["title"]) == (1852, "Iron Bridge", "")
    assert isinstance(found["ada"]["score"], float)
    assert found["ada"]["document.score"] == "high"
    assert "document.source" not in found["riga"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, InputError, "HippoRetriever needs index="),
        ({"k": 0}, QuestionError, "k must be a whole number"),
        ({"where": "year >"}, FilterError, "filter"),
        ({"path": "elsewhere"}, InputError, "give one of them"),
        ({"path": "nowhere"}, IndexPathError, "nowhere"),
    ],
)
def test_wrong_fields(memory: Hippo, options: dict[str, Any], error: type[Exception], message: str) -> None:
    given = {} if not options or options.get("path") == "nowhere" else {"index": memory}
    with pytest.raises(error, match=message):
        HippoRetriever(**given, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"kk": 3}, InputError, "takes k, where, .*derived, got 'kk'"),
        ({"k": 0}, QuestionError, "k must be"),
        ({"profile": "none such"}, UnknownNameError, "unknown profile"),
        ({"where": "f(x)"}, FilterError, "filter"),
    ],
)
def test_wrong_arguments(
    retriever: HippoRetriever, call: Call, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call(retriever, QUESTION, **options)


class Counting(HashingEncoder):
    """Counts calls."""

    calls = 0

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
        self.calls += 1
        return super().encode(texts, kind=kind)


class Recorder(BaseCallbackHandler):
    """Writes down what begins and ends."""

    raise_error = True

    def __init__(self) -> None:
        self.begun: dict[UUID, dict[str, Any]] = {}
        self.ended: dict[UUID, Any] = {}
        self._lock = threading.Lock()

    def _begin(self, kind: str, run_id: UUID, parent_run_id: UUID | None, what: Any, **more: Any) -> None:
        with self._lock:
            self.begun[run_id] = {"kind": kind, "parent": parent_run_id, "what": what, **more}

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **more: Any) -> None:
        kept = {name: more.get(name) for name in ("tags", "metadata", "name")}
        self._begin("retriever", run_id, more["parent_run_id"], query, **kept)

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **more: Any) -> None:
        self.ended[run_id] = documents

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self.ended[run_id] = error

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **more: Any) -> None:
        self._begin("model", run_id, more["parent_run_id"], messages)


def test_a_batch_is_one_call_of_the_encoder(index_path: Path) -> None:
    encoder = Counting()
    with Hippo.open(index_path, encoder=encoder) as memory:
        retriever = HippoRetriever(index=memory, k=2)
        questions = [f"Who was number {number}?" for number in range(64)]
        alone = [retriever.invoke(question) for question in questions]
        encoder.calls = 0
        assert retriever.batch(questions) == alone
        assert encoder.calls == 1
        assert asyncio.run(retriever.abatch(questions)) == alone
        assert encoder.calls == 2


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_batch_keeps_config_callbacks_and_exceptions(retriever: HippoRetriever, asynchronous: bool) -> None:
    recorders = [Recorder() for _ in range(3)]
    configs: Any = [
        {"callbacks": [one], "tags": [f"t{place}"], "metadata": {"m": place}, "run_name": f"r{place}"}
        for place, one in enumerate(recorders)
    ]
    questions = [QUESTION, " ", "Riga"]

    def batch(**options: Any) -> Any:
        if asynchronous:
            return asyncio.run(retriever.abatch(questions, configs, **options))
        return retriever.batch(questions, configs, **options)

    found = batch(return_exceptions=True, k=1)
    assert [type(one) for one in found] == [list, QuestionError, list]
    for place, one in enumerate(recorders):
        [(run_id, begun)] = one.begun.items()
        assert (begun["what"], begun["name"]) == (questions[place], f"r{place}")
        assert begun["tags"] == [f"t{place}"]
        assert begun["metadata"]["m"] == place
        assert one.ended[run_id] == found[place]
    with pytest.raises(QuestionError, match="not empty"):
        batch()
    assert batch(k=0, return_exceptions=True)[1].args[0].startswith("k must be")
    assert all(len(one.ended) == 3 for one in recorders)
    configs = {"callbacks": [all_of_them := Recorder()]}
    batch(return_exceptions=True, k=1)
    assert [begun["what"] for begun in all_of_them.begun.values()] == questions
    assert all_of_them.ended.keys() == all_of_them.begun.keys()
    assert retriever.batch([]) == []


def test_one_failing_question_spoils_no_other(index_path: Path) -> None:
    class Choosy(HashingEncoder):
        def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
            if "bad" in texts:
                raise RuntimeError("this text is refused")
            return super().encode(texts, kind=kind)

    with Hippo.open(index_path, encoder=Choosy()) as memory:
        retriever = HippoRetriever(index=memory)
        good, bad = retriever.batch(["good", "bad"], return_exceptions=True)
        assert good == retriever.invoke("good")
        assert str(bad) == "this text is refused"
        with pytest.raises(RuntimeError, match="refused"):
            retriever.batch(["good", "bad"])


def test_models_that_are_asked_are_children_of_the_run(index_path: Path, call: Call) -> None:
    chat = GenericFakeChatModel(messages=iter([AIMessage('{"fact": [1]}') for _ in range(99)]))
    with Hippo.open(index_path, llm=chat, recognition="llm", overrides={"llm": {"cache": False}}) as memory:
        recorder, parent = Recorder(), uuid4()
        call(HippoRetriever(index=memory), f"{QUESTION} {parent}", {"callbacks": [recorder]})
    kinds = [one["kind"] for one in recorder.begun.values()]
    assert "model" in kinds
    asked = f"{QUESTION} {parent}"
    [run] = [key for key, one in recorder.begun.items() if (one["kind"], one["what"]) == ("retriever", asked)]
    assert {one["parent"] for one in recorder.begun.values() if one["kind"] == "model"} == {run}


async def test_the_loop_is_never_blocked(index_path: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(HashingEncoder):
        def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
            entered.set()
            assert release.wait(60)
            return super().encode(texts, kind=kind)

    with Hippo.open(index_path, encoder=Slow()) as memory:
        retriever = HippoRetriever(index=memory, k=1)
        for asked in (retriever.ainvoke(QUESTION), retriever.abatch([QUESTION, "Riga"])):
            task = asyncio.create_task(asked)
            while not entered.is_set():
                await asyncio.sleep(0.01)  # goes on while the encoder works
            assert not task.done()
            release.set()
            assert len(await task) >= 1
            entered.clear()
            release.clear()


def test_a_retriever_by_path_needs_an_index(tmp_path: Path) -> None:
    with pytest.raises(IndexPathError):
        HippoRetriever(path=tmp_path / "none")
    made = HippoIndex(path=tmp_path / "new")
    assert made.memory.status().documents == 0
    made.memory.close()


def test_a_profile_of_ones_own(memory: Hippo) -> None:
    made = HippoRetriever(index=memory, profile=Profile("mine", damping=0.5))
    assert made.invoke(QUESTION)
