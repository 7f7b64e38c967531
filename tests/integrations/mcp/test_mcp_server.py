"""The tools of `hippo mcp`, in memory: answers, budgets, errors, annotations."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from hippo import Hippo
from hippo.errors import InputError
from hippo.integrations.mcp import make_server, serve_http

QUESTION = "Where was the founder of the company born that built the Iron Bridge?"
READING = {"search", "recall", "context", "get_passage", "find_entities", "entity_neighbors", "paths_between"}
READING |= {"index_stats", "list_links"}
WRITING = {"add_documents", "delete_documents", "forget", "link", "remember", "unlink"}


@asynccontextmanager
async def connected(memory: Hippo, **options: Any) -> AsyncIterator[Client]:
    async with Client(make_server(memory, **options)) as client:
        yield client


async def answer(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result; the text says the same."""
    result: Any = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return dict(result.structured_content)


async def problem(client: Client, tool: str, **arguments: Any) -> str:
    result: Any = await client.call_tool(tool, arguments)
    assert result.is_error
    return str(result.content[0].text)


async def test_tools_and_annotations(memory: Hippo) -> None:
    async with connected(memory) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == READING
    for tool in tools.values():
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is True
        assert tool.annotations.open_world_hint is False
        assert tool.description
        assert tool.output_schema is not None
    async with connected(memory, write=True) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == READING | WRITING
    for name in WRITING:
        annotations = tools[name].annotations
        assert annotations is not None
        assert (annotations.read_only_hint, annotations.destructive_hint) == (False, name not in ("link", "remember"))


async def test_search_gives_what_the_memory_gives(memory: Hippo) -> None:
    async with connected(memory) as client:
        found = await answer(client, "search", question=QUESTION, k=3)
        part = await answer(client, "search", question=QUESTION, where="year = 1820", profile="bm25")
        same = await answer(client, "search", question=QUESTION, where={"year": 1820})
    hits = memory.retrieve(QUESTION, k=3).hits
    assert [(one["passage_id"], one["score"], one["rank"]) for one in found["passages"]] == [
        (hit.chunk_id, hit.score, hit.rank) for hit in hits
    ]
    assert (found["truncated"], found["note"]) == (False, None)
    assert [one["document_id"] for one in part["passages"]] == ["ada"]
    assert [one["document_id"] for one in same["passages"]] == ["ada"]


async def test_looking_around(memory: Hippo) -> None:
    async with connected(memory) as client:
        entities = await answer(client, "find_entities", name="ADA smith")
        assert entities["entities"][0] == {"name": "Ada Smith", "passages": 2, "match": "exact"}
        neighbors = await answer(client, "entity_neighbors", entity="Ada Smith", kinds=["relation"])
        riga = next(one for one in neighbors["neighbors"] if one["name"] == "Riga")
        assert riga["sentence"] == "Ada Smith. Ada Smith was born in Riga and studied in Berlin."
        passage = await answer(client, "get_passage", passage_id=riga["passage_id"])
        assert passage["passages"][0]["document_id"] == "ada"
        paths = await answer(client, "paths_between", source="Steelworks Smith", target="Riga", k=9)
        assert [one["probability"] for one in paths["paths"]] == [
            one.probability for one in memory.paths("Steelworks Smith", "Riga", k=9)
        ]
        stats = await answer(client, "index_stats")
    assert (stats["documents"], stats["passages"]) == (5, 5)
    assert str(memory.path) not in json.dumps(stats)


@pytest.fixture
def long(tmp_path: Path) -> Hippo:
    """One document of many passages, and one without spaces."""
    memory = Hippo.open(
        tmp_path / "long", encoder="none", overrides={"chunking": {"method": "sentences", "max_tokens": 60}}
    )
    sentences = [f"Number {number} is a number that follows number {number - 1} in order." for number in range(60)]
    memory.add([{"id": "long", "title": "Numbers", "text": " ".join(sentences)}, {"id": "dense", "text": "数" * 50}])
    return memory


@pytest.mark.parametrize("tokens", [50, 75, 120, 200, 1000])
async def test_answers_keep_to_their_budget_and_say_so(long: Hippo, tokens: int) -> None:
    from hippo.documents import WordCounter

    async with connected(long) as client:
        whole = await answer(client, "search", question="Which number follows number 7?", k=10)
        found = await answer(client, "search", question="Which number follows number 7?", k=10, max_tokens=tokens)
    shown = found["passages"]
    sizes = WordCounter().count([json.dumps(one, ensure_ascii=False) for one in shown])
    assert sum(sizes) <= tokens
    first = whole["passages"][: len(shown)]
    assert [one["passage_id"] for one in shown] == [one["passage_id"] for one in first]
    for one, other in zip(shown[:-1], first, strict=False):
        assert one == other
    if shown and shown[-1] != first[-1]:
        kept = shown[-1]["text"].removesuffix(" …")
        assert kept != shown[-1]["text"]
        assert first[-1]["text"].startswith(kept)
    if found["passages"] == whole["passages"]:
        assert not found["truncated"]
    else:
        assert found["truncated"]
        assert f"{len(shown)} of 10 passages are shown" in found["note"]
        assert f"max_tokens above {tokens}" in found["note"]


async def test_a_passage_comes_before_its_neighbours(long: Hippo) -> None:
    async with connected(long, max_tokens=300) as client:
        found = await answer(client, "search", question="Number 30", k=1)
        middle = found["passages"][0]["passage_id"]
        around = await answer(client, "get_passage", passage_id=middle, before=9, after=9)
        assert around["truncated"]
        assert "ask for fewer" in around["note"]
        positions = [one["position"] for one in around["passages"]]
        assert positions == sorted(positions)
        assert middle in [one["passage_id"] for one in around["passages"]]
        more = await answer(client, "get_passage", passage_id=middle, before=9, after=9, max_tokens=99999)
        assert more == around  # no more than the server allows


async def test_errors_are_told_to_the_model(memory: Hippo) -> None:
    async with connected(memory) as client:
        assert "Did you mean 'Ada Smith'" in await problem(client, "entity_neighbors", entity="Ada Smyth")
        assert "must be a text that is not empty" in await problem(client, "search", question=" ")
        assert "calls a function" in await problem(client, "search", question="a", where="f(x) = 1")
        assert "unknown profile" in await problem(client, "search", question="a", profile="none such")
        assert "greater than or equal to 1" in await problem(client, "search", question="a", k=0)
        assert "at least 50, got 1" in await problem(client, "search", question="a", max_tokens=1)
        assert "no passage 'x'" in await problem(client, "get_passage", passage_id="x")
        assert await problem(client, "add_documents", documents=[{"text": "x"}])
    with pytest.raises(InputError, match="at least 50, got 7"):
        make_server(memory, max_tokens=7)


async def test_writing(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory:
        async with connected(memory, write=True) as client:
            assert "holds no published documents" in await problem(client, "search", question="Who?")
            given = [{"text": "Bob lives in Hull.", "id": "bob", "timestamp": "2020-01-01"}, {"text": " "}]
            done = await answer(client, "add_documents", documents=given)
            assert (done["added"], done["skipped"]) == (1, ["documents[1]: no text"])
            changed = await answer(client, "add_documents", documents=[{"text": "Bob left.", "id": "bob"}])
            assert changed["changed"] == 1
            found = await answer(client, "search", question="Where does Bob live?")
            assert [one["text"] for one in found["passages"]] == ["Bob left."]
            assert "no document of this id" in await problem(client, "delete_documents", ids=["bob", "eve"])
            assert await answer(client, "delete_documents", ids=["bob"]) == {"deleted": 1, "forgotten": 0}
            assert (await answer(client, "index_stats"))["documents"] == 0
            then = {"question": "Where does Bob live?", "as_of": "2020-06-01"}
            assert (await answer(client, "search", **then))["passages"]
            forgotten = await answer(client, "delete_documents", ids=["bob"], forget=True)
            assert forgotten == {"deleted": 0, "forgotten": 1}
            assert memory.status().versions == 0


async def test_remembering(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory:
        async with connected(memory, write=True) as client:
            said = {"text": "Eve moved to Bergen.", "session": "s1", "metadata": {"speaker": "Eve"}}
            [key] = (await answer(client, "remember", **said))["document_ids"]
            [found] = (await answer(client, "recall", question="Where is Eve?", session="s1"))["passages"]
            assert (found["document_id"], found["title"], found["text"]) == (key, "Eve", "Eve moved to Bergen.")
            assert (await answer(client, "recall", question="Eve?", session="s2"))["passages"] == []
            assert (await answer(client, "forget", ids=[key]))["document_ids"] == [key]
            assert (await answer(client, "recall", question="Where is Eve?"))["passages"] == []
            said = [{"role": "user", "name": "Ann", "content": text} for text in ("I live in Rome.", "I live in Oslo.")]
            for day, message in enumerate(said, 1):
                await answer(client, "remember", messages=[message], session="s3", timestamp=f"2024-05-0{day}")
            memory.consolidate()
            asked = {"question": "Where does Ann live?", "k": 20}
            kinds = [
                {one["metadata"].get("derived") for one in (await answer(client, tool, **asked, **more))["passages"]}
                for tool in ("recall", "search")
                for more in ({}, {"derived": True})
            ]
            assert kinds == [{None}, {None, "contradiction"}] * 2
            [first, *_] = (await answer(client, "recall", **asked, as_of="2024-05-01T12:00:00"))["passages"]
            assert first["text"] == "I live in Rome."
            made = {"first": "Rome", "second": "Oslo", "kind": "swapped"}
            link = await answer(client, "link", **made, weight=2)
            assert (await answer(client, "list_links", name="Rome"))["links"] == [link]
            assert (await answer(client, "unlink", **made))["links"] == [link]
            assert (await answer(client, "list_links"))["links"] == []
            gone = [
                (await answer(client, "forget", session="s3", dry_run=dry))["document_ids"] for dry in (True, False)
            ]
            assert len(gone[0]) == 2
            assert gone[0] == gone[1]
            assert "give either text or messages" in await problem(client, "remember", session="s3")


async def test_lists_of_links_and_ids_keep_to_their_budget(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory:
        ids = memory.remember([{"role": "user", "content": f"Number {one}."} for one in range(30)], session="s")
        for one in ids[1:]:
            memory.link(ids[0], one)
        async with connected(memory, write=True) as client:
            links = await answer(client, "list_links", max_tokens=100)
            assert 0 < len(links["links"]) < 29
            assert f"{len(links['links'])} of 29 links are shown" in links["note"]
            told = [await answer(client, "forget", session="s", dry_run=dry, max_tokens=50) for dry in (True, False)]
            whole = await answer(client, "list_links")
            assert (whole["links"], whole["truncated"], whole["note"]) == ([], False, None)
    for one in told:
        assert (one["documents"], one["truncated"]) == (30, True)
        assert one["document_ids"] == ids[: len(one["document_ids"])]
    assert "of 30 ids are shown" in told[0]["note"]
    assert told[1]["note"].startswith("all 30 documents are forgotten")


async def test_what_others_publish_is_seen(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "shared", encoder="hashing") as writer:
        writer.add(["Ada lives in Riga."])
        with Hippo.open(tmp_path / "shared") as reader:
            async with connected(reader) as client:
                assert len((await answer(client, "search", question="Who?"))["passages"]) == 1
                writer.add(["Bob lives in Hull."])
                assert len((await answer(client, "search", question="Who?"))["passages"]) == 2


def test_beyond_this_machine_only_by_name(memory: Hippo) -> None:
    for host in ("0.0.0.0", "::", "memory.example.org"):
        with pytest.raises(InputError, match="--allow-host NAME"):
            serve_http(make_server(memory), host=host)
