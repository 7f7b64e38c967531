"""Killed writers, damaged files, lost rows."""

import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from hippo.errors import IndexCorruptError, IndexStateError
from hippo.store import Store
from hippo.types import Chunk, Document

WRITER = """
    import sys, pathlib, itertools
    import numpy as np
    from hippo.store import Store
    from hippo.types import Chunk, Document, Extraction, Fact, Mention
    store = Store.open(pathlib.Path(sys.argv[1]), create=True)
    vectors = np.ones((50, 64), np.float32)
    for n in itertools.count(int(sys.argv[2])):
        chunks = [Chunk(f"{n}-{i}", f"d{n}", i, "text " * 50, 0, 250) for i in range(20)]
        store.put_documents([(Document(text="t", id=f"d{n}"), "h", chunks)])
        fact = Fact("fact " * 20, ("a", "b"), (("a", "b"),), 0, 5)
        store.put_extractions([Extraction(c.id, (Mention("a", "A", 0, 1),), (fact,) * 3) for c in chunks], "x")
        store.put_extractions([Extraction(c.id, (), (fact,) * 2) for c in chunks], "x")
        store.put_embeddings("e", [f"{n} {i}" for i in range(50)], vectors)
        if n % 5 == 4:
            store.delete_documents([f"d{n - 1}"])
        print(n, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_was_told_is_done(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    deleted: set[int] = set()
    chance = random.Random(7)
    for begin in (0, 1000, 2000):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path), str(begin)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process, process.stdout as lines:
            acknowledged.append(int(lines.readline()))
            threading.Timer(0.1 + chance.random() * 0.5, process.send_signal, [signal.SIGKILL]).start()
            acknowledged += [int(line) for line in lines]
        assert process.returncode == -signal.SIGKILL
        deleted |= {number - 1 for number in acknowledged if number % 5 == 4}
        uncertain = {acknowledged[-1]}  # the killed step may have deleted it
        with Store.open(tmp_path) as store:
            store.verify()
            chunks, facts = store.chunks_table(), store.facts_table()
            hashes = [f"{number} {row}" for number in acknowledged for row in range(50)]
            assert store.missing_embeddings("e", hashes) == []
        documents = chunks["document_id"].to_pylist()
        for number in set(acknowledged) - uncertain:
            assert documents.count(f"d{number}") == (0 if number in deleted else 20)
        made = [name.partition("-")[0] for name in facts["chunk_id"].to_pylist()]
        for number in set(acknowledged) - uncertain - deleted:
            assert made.count(str(number)) == 40


def filled(path: Path) -> Path:
    with Store.open(path, create=True) as store:
        for number in range(3):
            text = f"text {number} " * 200
            chunks = [Chunk(f"{number}-{i}", f"d{number}", i, f"{i} {text}", 0, 9) for i in range(200)]
            store.put_documents([(Document(text=text, id=f"d{number}"), "h", chunks)])
    return path / "store.duckdb"


def test_every_flipped_bit_is_found_or_harmless(tmp_path: Path) -> None:
    file = filled(tmp_path / "good")
    with Store.open(file.parent) as store:
        expected = [store.documents_table(), store.chunks_table()]
    content, chance, found = file.read_bytes(), random.Random(3), 0
    for trial in range(15):
        damaged = bytearray(content)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        folder = tmp_path / str(trial)
        folder.mkdir()
        (folder / "store.duckdb").write_bytes(damaged)
        try:
            with Store.open(folder) as store:
                assert [store.documents_table(), store.chunks_table()] == expected
        except IndexCorruptError:
            found += 1
        shutil.rmtree(folder)
    assert found > 3


def test_a_short_file_is_damage(tmp_path: Path) -> None:
    file = filled(tmp_path)
    os.truncate(file, file.stat().st_size // 2)
    with pytest.raises(IndexCorruptError, match="damaged"):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM chunks WHERE position = 7",
        "INSERT INTO documents SELECT * FROM documents",
        "UPDATE chunks SET text = 'short' WHERE position = 3",
        "DELETE FROM journal WHERE name = 'chunks'",
        "DELETE FROM ledger",
    ],
)
def test_lost_rows_are_found_when_the_store_is_opened(tmp_path: Path, damage: str) -> None:
    filled(tmp_path)
    with Store.open(tmp_path) as store:
        store.verify()
        store._connection.run(damage)
        with pytest.raises(IndexCorruptError, match="were written"):
            store.verify()
    with pytest.raises(IndexCorruptError, match=r"table (chunks|documents|ledger) holds \d+ rows"):
        Store.open(tmp_path)


def test_an_interrupted_transaction_leaves_nothing(store: Store) -> None:
    chunk = Chunk("c", "d", 0, "x", 0, 1)

    def interrupted() -> None:
        with store._connection.transaction():
            store._connection.run("INSERT INTO meta VALUES ('half', 'done')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert "half" not in store.meta()
    store.put_documents([(Document(text="x", id="d"), "h", [chunk])])
    assert list(store.pending("x")) == [[chunk]]


def test_every_write_is_in_the_main_file_when_it_returns(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        log = tmp_path / "store.duckdb.wal"
        store.put_documents([(Document(text="x", id="d"), "h", [Chunk("c", "d", 0, "x", 0, 1)])])
        assert not log.exists() or log.stat().st_size == 0
        shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("*.wal"))
    with Store.open(tmp_path / "copy") as copy:
        assert copy.count_pending("x") == 1


def test_a_closed_store_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(IndexStateError, match="closed"):
        store.meta()


def test_threads_take_turns(store: Store) -> None:
    errors: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(10):
                chunk = Chunk(f"{name}{number}", f"{name}{number}", 0, "x", 0, 1)
                store.put_documents([(Document(text="x", id=f"{name}{number}"), "h", [chunk])])
                store.count_pending("x")
                time.sleep(0)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=[name]) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.count_pending("x") == 30
    store.verify()
