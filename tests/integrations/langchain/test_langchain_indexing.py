"""`langchain_core.indexing.index` keeps a memory equal to a loader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document
from langchain_core.indexing import InMemoryRecordManager, aindex, index

from hippo import Hippo
from hippo.integrations.langchain import HippoIndex


class Loader(BaseLoader):
    """Texts by source."""

    def __init__(self, **texts: list[str]) -> None:
        self.texts = texts

    def lazy_load(self) -> Iterator[Document]:
        for source, texts in self.texts.items():
            for number, text in enumerate(texts):
                yield Document(page_content=text, metadata={"source": source, "page": number, "title": source})


@pytest.fixture
def target(tmp_path: Path) -> Iterator[HippoIndex]:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        yield HippoIndex(index=memory, k=99)


@pytest.fixture
def records() -> InMemoryRecordManager:
    manager = InMemoryRecordManager(namespace="hippo")
    manager.create_schema()
    return manager


def texts(target: HippoIndex) -> list[str]:
    """What can be found."""
    return sorted(one.page_content for one in target.invoke("Who met Ada?"))


OLD = {"a": ["Ada met Bob.", "Bob met Cid."], "b": ["Dan met Eve."]}
NEW = {"a": ["Ada met Bob.", "Bob met Fay."]}
AFTER = {
    None: ["Ada met Bob.", "Bob met Cid.", "Bob met Fay.", "Dan met Eve."],
    "incremental": ["Ada met Bob.", "Bob met Fay.", "Dan met Eve."],
    "scoped_full": ["Ada met Bob.", "Bob met Fay.", "Dan met Eve."],
    "full": ["Ada met Bob.", "Bob met Fay."],
}


@pytest.mark.parametrize("cleanup", AFTER)
def test_a_loader_is_synchronised(target: HippoIndex, records: InMemoryRecordManager, cleanup: Any) -> None:
    options: dict[str, Any] = {"cleanup": cleanup, "source_id_key": "source", "key_encoder": "blake2b"}
    first = index(Loader(**OLD), records, target, **options)
    assert (first["num_added"], first["num_deleted"]) == (3, 0)
    assert texts(target) == sorted(text for texts in OLD.values() for text in texts)
    again = index(Loader(**OLD), records, target, **options)
    assert (again["num_added"], again["num_skipped"]) == (0, 3)
    second = index(Loader(**NEW), records, target, **options)
    assert (second["num_added"], second["num_skipped"]) == (1, 1)
    assert texts(target) == AFTER[cleanup]
    assert second["num_deleted"] == 4 - len(AFTER[cleanup])


async def test_asynchronously(target: HippoIndex, records: InMemoryRecordManager) -> None:
    options: dict[str, Any] = {"cleanup": "full", "source_id_key": "source", "key_encoder": "blake2b"}
    await aindex(Loader(**OLD), records, target, **options)
    done = await aindex(Loader(**NEW), records, target, **options)
    assert done["num_deleted"] == 2
    assert texts(target) == AFTER["full"]


def test_documents_come_back_as_they_were(target: HippoIndex) -> None:
    long = "One sentence follows another.  \n\n" * 200
    given = [
        Document(id="1", page_content=long, metadata={"title": "Long", "n": 1, "tags": ["x", {"y": None}]}),
        Document(id="2", page_content="Short.", metadata={}),
        Document(id="2", page_content="The later one counts.", metadata={"title": 7}),
        Document(id="3", page_content=" ", metadata={}),
    ]
    assert target.upsert(given) == {"succeeded": ["1", "2", "2"], "failed": ["3"]}
    assert target.get(["2", "none", "1", "2"]) == [given[2], given[0]]
    found = next(one for one in target.invoke("The later one counts.") if one.metadata["document_id"] == "2")
    assert (found.metadata["title"], found.metadata["document.title"]) == ("", 7)


def test_what_was_deleted_before_can_be_forgotten(target: HippoIndex) -> None:
    target.upsert([Document(id="1", page_content="Ada met Bob."), Document(id="2", page_content="Dan met Eve.")])
    assert target.delete(["1"])["succeeded"] == ["1"]
    assert len(target.memory.history("1")) == 1
    assert target.delete(["1"])["succeeded"] == []
    assert target.delete(["1"], forget=True)["succeeded"] == ["1"]
    assert target.memory.status().versions == 0


def test_delete_by_condition_and_by_nothing(target: HippoIndex) -> None:
    assert target.delete(["1"]) == {"succeeded": [], "num_deleted": 0, "failed": [], "num_failed": 0}
    assert target.get(["1"]) == []
    target.upsert([Document(id=str(n), page_content=f"Number {n}.", metadata={"n": n}) for n in range(4)])
    assert target.delete(where="n < 2")["succeeded"] == ["0", "1"]
    assert target.delete([])["num_deleted"] == 0
    assert [one.id for one in target.get(["0", "1", "2", "3"])] == ["2", "3"]
    with pytest.raises(ValueError, match="give the ids"):
        target.delete()
    with pytest.raises(TypeError, match="missing"):
        target.get(["1"], missing=True)
