"""`as_of` through every integration, and when looking around."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from hippo import Hippo
from hippo.errors import NotInIndexError, QuestionError
from hippo.integrations.langchain import HippoRetriever
from hippo.integrations.llamaindex import HippoRetriever as HippoNodeRetriever
from hippo.integrations.mcp import make_server

QUESTION = "Who is the head of Acme?"
THEN = "2020-06-01"


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    with Hippo.open(tmp_path_factory.mktemp("time") / "index", encoder="hashing") as memory:
        memory.add({"id": "acme", "text": "Ada Smith is the head of Acme.", "timestamp": "2020-01-01"})
        memory.add({"id": "acme", "text": "Bob Jones is the head of Acme.", "timestamp": "2022-01-01"})
        yield memory


def test_looking_around_then(dated: Hippo) -> None:
    assert [one.name for one in dated.entities("Ada Smith", as_of=THEN)] == ["Ada Smith"]
    assert dated.entities("Ada Smith") == []
    assert "Acme" in [one.name for one in dated.neighbors("Ada Smith", as_of=date(2020, 6, 1))]
    assert dated.paths("Ada Smith", "Acme", as_of=THEN)
    with pytest.raises(NotInIndexError):
        dated.paths("Ada Smith", "Acme")
    [hit] = dated.retrieve(QUESTION, as_of=THEN).hits
    assert dated.passages(hit.chunk_id, as_of=THEN)[0].text == "Ada Smith is the head of Acme."
    with pytest.raises(NotInIndexError):
        dated.passages(hit.chunk_id)
    with pytest.raises(QuestionError, match="as_of must be"):
        dated.entities("Ada", as_of="once upon a time")


def test_langchain(dated: Hippo) -> None:
    retriever = HippoRetriever(index=dated)
    assert [one.page_content for one in retriever.invoke(QUESTION)] == ["Bob Jones is the head of Acme."]
    assert [one.page_content for one in retriever.invoke(QUESTION, as_of=THEN)] == ["Ada Smith is the head of Acme."]
    then = HippoRetriever(index=dated, as_of=date(2020, 6, 1), recency_half_life=30.0, newest_wins=True)
    for found in (then.invoke(QUESTION), then.batch([QUESTION, "Acme"])[0], asyncio.run(then.ainvoke(QUESTION))):
        assert [one.page_content for one in found] == ["Ada Smith is the head of Acme."]
    assert then.invoke(QUESTION)[0].metadata["timestamp"].startswith("2020-01-01T00:00:00")
    with pytest.raises(QuestionError, match="as_of must be"):
        HippoRetriever(index=dated, as_of="once")


def test_llamaindex(dated: Hippo) -> None:
    retriever = HippoNodeRetriever(index=dated, as_of=THEN)
    assert [one.get_content() for one in retriever.retrieve(QUESTION)] == ["Ada Smith is the head of Acme."]


async def test_mcp(dated: Hippo) -> None:
    async with Client(make_server(dated)) as client:

        async def call(tool: str, **arguments: Any) -> Any:
            result: Any = await client.call_tool(tool, arguments)
            return result.structured_content

        found = await call("search", question=QUESTION, as_of=THEN)
        [passage] = found["passages"]
        assert passage["text"] == "Ada Smith is the head of Acme."
        assert passage["timestamp"].startswith("2020-01-01")
        again = await call("get_passage", passage_id=passage["passage_id"], as_of=THEN)
        assert again["passages"][0]["text"] == passage["text"]
        assert (await call("find_entities", name="Ada Smith", as_of=THEN))["entities"]
        assert not (await call("find_entities", name="Ada Smith"))["entities"]
        assert (await call("entity_neighbors", entity="Ada Smith", as_of=THEN))["neighbors"]
        assert (await call("paths_between", source="Ada Smith", target="Acme", as_of=THEN))["paths"]


def test_a_path_of_an_index_is_enough(dated: Hippo) -> None:
    made = HippoRetriever(path=Path(dated.path), as_of=THEN)
    assert len(made.invoke(QUESTION)) == 1
    made.memory.close()
