"""A snapshot of the first format still answers, cannot be restricted, and is replaced by the next add."""

import json
from pathlib import Path

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


def make_old(root: Path) -> None:
    """Give the newest snapshot the layout of format 1, and the store the mark that was set with it."""
    with Snapshot.open(root) as snapshot:
        path, facts = snapshot.path, snapshot.table("facts").drop_columns(["relations"])
        info = {key: value for key, value in snapshot.info.items() if key not in ("rules", "synonym_max")}
        name, created = snapshot.name, snapshot.created
    for kind in ("fact", "passage"):
        for part in ("counts", "lengths"):
            (path / f"words.{kind}.{part}.npy").unlink()
    (path / "mentions.arrow").unlink()
    # Under another name first: the table is mapped from the file that it replaces.
    with pa.OSFile(str(path / "facts.new"), "wb") as file, pa.ipc.new_file(file, facts.schema) as writer:
        writer.write_table(facts)
    (path / "facts.new").replace(path / "facts.arrow")
    files = {file.name: (file.stat().st_size, digest(file)) for file in path.iterdir() if file.name != MANIFEST}
    (path / MANIFEST).write_text(Manifest(name, created, files, info, 1).to_json(), encoding="utf-8")
    with Store.open(root) as store:
        of, shape = store.meta()["published"].split(" ", 1)
        store.set_meta({"published": f"{of} {json.dumps(json.loads(shape)[1:], sort_keys=True)}"})


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    make_old(tmp_path)
    return tmp_path


def asked(memory: Hippo) -> list[tuple[str, float]]:
    return [(hit.chunk_id, hit.score) for hit in memory.retrieve(QUESTION, explain=True).hits]


def test_an_older_snapshot_answers_and_says_why_it_has_no_parts(tmp_path, old):
    with Hippo.open(tmp_path / "new", encoder="hashing") as memory:
        memory.add(DOCUMENTS)
        expected = asked(memory)
    with Hippo.open(old) as memory:
        assert asked(memory) == expected
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
