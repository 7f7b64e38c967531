"""The store for LangGraph: it does what LangGraph's own store does, is durable, and finds over several steps."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.store.base import GetOp, InvalidNamespaceError, MatchCondition, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from hippo import Hippo
from hippo.errors import InputError
from hippo.integrations.langgraph import HippoStore

MANUAL = {"indexing": {"merge_after": 0}}
LABELS = st.sampled_from(["users", "a_b", "a%b", "ann", "ünï"])
NAMESPACES = st.lists(LABELS, min_size=1, max_size=3).map(tuple)
VALUES = st.fixed_dictionaries({"text": st.sampled_from(["Ann lives in Rome.", "Ben.", ""]), "n": st.integers(0, 3)})
PUTS = st.lists(st.tuples(NAMESPACES, st.sampled_from("xyz"), st.none() | VALUES), min_size=1, max_size=8)


@pytest.fixture
def store(tmp_path: Path):
    with Hippo.open(tmp_path / "index", encoder="hashing", config=MANUAL) as memory:
        yield HippoStore(memory)


def plain(items: list[Any]) -> set[tuple[Any, ...]]:
    return {(one.namespace, one.key, tuple(sorted(one.value.items()))) for one in items}


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(puts=PUTS, prefix=NAMESPACES, wanted=st.integers(0, 3))
def test_it_does_what_the_store_of_langgraph_does(tmp_path_factory, puts, prefix, wanted):
    theirs = InMemoryStore()
    folder = tmp_path_factory.mktemp("store")
    with Hippo.open(folder / "index", encoder="none", config=MANUAL) as memory:
        ours = HippoStore(memory)
        for number, (namespace, key, value) in enumerate(puts):
            for one in (ours, theirs):
                one.put(namespace, key, value) if value is not None else one.delete(namespace, key)
            if number == len(puts) // 2:
                memory.merge()
        for namespace, key, _ in puts:
            mine, its = ours.get(namespace, key), theirs.get(namespace, key)
            assert (mine and mine.value) == (its and its.value)
        for one in (prefix, prefix[:1], ()):
            for filtered in (None, {"n": wanted}, {"n": {"$gte": wanted}}, {"n": {"$ne": wanted}}):
                options = {"filter": filtered, "limit": 100}
                assert plain(ours.search(one, **options)) == plain(theirs.search(one, **options))
        known = {item.namespace for item in theirs.search((), limit=100)}
        assert ours.list_namespaces(limit=100) == sorted(known)
        assert ours.list_namespaces(prefix=prefix[:1], limit=100) == sorted(n for n in known if n[:1] == prefix[:1])
        assert ours.list_namespaces(suffix=("*", prefix[0])) == sorted(
            n for n in known if len(n) > 1 and n[-1] == prefix[0]
        )
        assert ours.list_namespaces(max_depth=1, limit=100) == sorted({n[:1] for n in known})


def test_items_are_found_over_names_that_they_share_and_only_below_their_namespace(store):
    store.put(("users", "ann"), "home", {"text": "Ann lives in Rome.", "year": 2020})
    store.put(("users", "ann"), "sister", {"text": "Ann's sister is Eve."})
    store.put(("users", "ann", "work"), "job", {"facts": [{"text": "Eve guides visitors at the Colosseum."}]})
    store.put(("users", "anna"), "home", {"text": "Anna lives in Rome."})
    found = store.search(("users", "ann"), query="Where does Ann's sister work?", limit=3)
    assert {item.namespace[:2] for item in found} == {("users", "ann")}
    assert len(found) == 3
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)
    assert store.search(("users", "ann"), query="Rome", filter={"year": {"$gt": 2019}})[0].key == "home"
    assert store.search(("users", "ann"), query="Rome", offset=3) == []
    assert store.search(("users",), query="Anna", limit=1)[0].namespace == ("users", "anna")


def test_an_item_is_replaced_kept_and_forgotten(store):
    store.put(("users",), "home", {"text": "Ann lives in Rome."})
    before = store.get(("users",), "home")
    store.put(("users",), "home", {"text": "Ann lives in Oslo."})
    for _ in range(2):
        after = store.get(("users",), "home")
        assert after.value == {"text": "Ann lives in Oslo."}
        assert (after.created_at, after.updated_at > before.updated_at) == (before.created_at, True)
        assert [one.value["text"] for one in store.search((), query="Where does Ann live?")] == ["Ann lives in Oslo."]
        assert len(store.memory.documents()) == 1
        store.memory.merge()
    # Of a merged value the older one is known for its time.
    store.put(("users",), "home", {"text": "Ann lives in Ulm."})
    store.memory.merge()
    then = store.memory.retrieve("Where does Ann live?", as_of=after.updated_at)
    assert [hit.text for hit in then.hits] == ["Ann lives in Oslo."]
    store.delete(("users",), "home")
    assert store.get(("users",), "home") is None
    store.memory.merge()
    assert store.memory.status().versions == 0
    with Hippo.open(store.memory.path) as again:
        assert HippoStore(again).search(()) == []


def test_what_is_indexed_is_said_by_paths(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="none", config=MANUAL) as memory:
        store = HippoStore(memory, fields=["text"])
        store.put(("a",), "1", {"text": "Rome", "other": "Oslo"})
        store.put(("a",), "2", {"text": "Riga", "other": "Oslo"}, index=["other"])
        store.put(("a",), "3", {"text": "Oslo"}, index=False)
        found = store.search(("a",), query="Oslo")
        assert found[0].key == "2"
        assert [item.key for item in found if item.score is None] == ["3"]
        assert store.get(("a",), "3").value == {"text": "Oslo"}
        assert memory.get('["langgraph","a","1"]').text == "Rome"


def test_operations_together_and_without_blocking(store):
    results = store.batch([PutOp(("a",), "k", {"n": 1}), GetOp(("a",), "k"), PutOp(("a",), "k", {"n": 2})])
    assert results == [None, None, None]
    assert store.get(("a",), "k").value == {"n": 2}

    async def work():
        await store.aput(("a",), "l", {"text": "Ann lives in Rome."})
        return await asyncio.gather(store.aget(("a",), "l"), store.asearch(("a",), query="Rome"))

    item, found = asyncio.run(work())
    assert item.value == found[0].value == {"text": "Ann lives in Rome."}
    with pytest.raises(InvalidNamespaceError):
        store.put(("langgraph",), "k", {"n": 1})
    with pytest.raises(InputError, match="unknown operator"):
        store.batch([SearchOp(("a",), filter={"n": {"$in": [1]}})])
    with pytest.raises(InputError, match="HippoStore needs"):
        HippoStore()
    assert store.list_namespaces(prefix=["*"]) == [("a",)]
    assert MatchCondition("prefix", ("a",))


def test_an_item_of_many_passages_leaves_room_for_others(tmp_path):
    config = {**MANUAL, "chunking": {"max_tokens": 16}}
    with Hippo.open(tmp_path / "index", encoder="hashing", config=config) as memory:
        store = HippoStore(memory)
        store.put(("notes",), "long", {"text": " ".join(f"Ann lives in Rome, it is said, {n}." for n in range(40))})
        for number in range(3):
            store.put(("notes",), f"short {number}", {"text": f"Ann lives in house {number}."})
        found = store.search(("notes",), query="Where in Rome does Ann live?", limit=4)
        assert {one.key for one in found if one.score is not None} == {"long", "short 0", "short 1", "short 2"}
