"""Snapshots of older formats still answer, say what they cannot, and are replaced by the next add."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hippo import Document, Hippo
from hippo.errors import IndexMismatchError
from hippo.snapshot import Snapshot, SnapshotWriter
from hippo.snapshot.contents import write_contents
from hippo.snapshot.manifest import FORMAT, MANIFEST, Manifest, digest
from hippo.snapshot.restrict import restrict
from hippo.store import Store

DOCUMENTS = [
    Document("Ada Lovelace met Charles Babbage in London. Charles Babbage designed the Engine.", id="a"),
    Document("London lies on the Thames. LONDON is old.", id="b", title="London"),
]
QUESTION = "Where did the designer of the Engine meet Ada Lovelace?"


def make_old(root: Path, version: int) -> None:
    """Give the newest snapshot the layout of an older format, and the store the mark that was set with it."""
    with Snapshot.open(root) as snapshot:
        path, name, created, info = snapshot.path, snapshot.name, snapshot.created, dict(snapshot.info)
        tables = {"chunks": snapshot.table("chunks").drop_columns(["said"])}
        if version < 2:
            tables["facts"] = snapshot.table("facts").drop_columns(["relations"])
    del info["follow_distance"]
    if version < 3:
        for file in (*path.glob("history.*"), *path.glob("past.*")):
            file.unlink()
    if version < 2:
        del info["rules"], info["synonym_max"]
        for kind in ("fact", "passage"):
            for part in ("counts", "lengths"):
                (path / f"words.{kind}.{part}.npy").unlink()
        (path / "mentions.arrow").unlink()
    for table, rows in tables.items():
        # Under another name first: the table is mapped from the file that it replaces.
        with pa.OSFile(str(path / "new"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
        (path / "new").replace(path / f"{table}.arrow")
    files = {file.name: (file.stat().st_size, digest(file)) for file in path.iterdir() if file.name != MANIFEST}
    (path / MANIFEST).write_text(Manifest(name, created, files, info, version).to_json(), encoding="utf-8")
    with Store.open(root) as store:
        of, shape = store.meta()["published"].split(" ", 1)
        before = [*([version] if version > 1 else []), *json.loads(shape)[1:]]
        store.set_meta({"published": f"{of} {json.dumps(before, sort_keys=True)}"})


@pytest.fixture
def version() -> int:
    return 1


@pytest.fixture
def old(tmp_path: Path, version: int) -> Path:
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    make_old(tmp_path, version)
    return tmp_path


def asked(memory: Hippo, **options: Any) -> list[tuple[str, float]]:
    return [(hit.chunk_id, hit.score) for hit in memory.retrieve(QUESTION, explain=True, **options).hits]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    with Hippo.open(tmp_path_factory.mktemp("new") / "index", encoder="hashing") as memory:
        memory.add(DOCUMENTS)
        yield memory


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_snapshot_answers_and_says_what_it_cannot(old, version, new):
    expected = asked(new)
    with Hippo.open(old) as memory:
        assert asked(memory) == expected
        if version < 3:
            with pytest.raises(IndexMismatchError, match=r"Run `hippo index`"):
                asked(memory, as_of="2030-01-01")
        else:
            assert asked(memory, as_of="2030-01-01") == expected
        if version > 1:
            assert asked(memory, where="id = 'a'") == asked(new, where="id = 'a'")
            memory.add([])
            assert asked(memory, as_of="2030-01-01") == expected
            assert memory.contents().info["follow_distance"] == 3
            return
        for mask in ([True, False], [True, True]):
            with pytest.raises(IndexMismatchError, match=r"format '1', but '4' was asked for\. Run `hippo index`"):
                restrict(memory.contents(), np.array(mask))


@pytest.mark.parametrize("more", [[], [Document("The Thames flows into the North Sea.", id="c")]])
def test_the_next_add_publishes_the_new_format(old, more):
    with Hippo.open(old) as memory:
        report = memory.add(more)
        assert report.embedded == 0 or more
        assert memory.contents().info["documents"] == 2 + len(more)
        part = restrict(memory.contents(), np.arange(2 + len(more)) != 1)
        assert "london" in part.entities.column("key").to_pylist()
        assert part.info["documents"] == 1 + len(more)
        assert memory.add([]).snapshot == report.snapshot
    with Snapshot.open(old, verify=True) as snapshot:
        assert (snapshot.name, snapshot.format) == ("000002", FORMAT)


def test_older_contents_are_not_written_as_new_ones(tmp_path, old):
    with Hippo.open(old) as memory:
        contents = memory.contents()
    with SnapshotWriter(tmp_path / "other") as writer, pytest.raises(IndexMismatchError, match="snapshot format '1'"):
        write_contents(writer, contents)
