"""What enters the log of what was remembered, what does not, and what is left of it."""

import threading
import time
from pathlib import Path

import pytest

from hippo import Document, Hippo
from hippo.encoding import text_hashes
from hippo.errors import DocumentError, IndexStateError
from hippo.fresh.log import Log
from hippo.maintenance import check, repair
from hippo.store import Store

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London."},
    {"id": "b", "text": "Charles Babbage built the Analytical Engine."},
    {"id": "c", "text": "Zürich lies in Switzerland."},
]


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add(CORPUS)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    path = prepared(make, tmp_path / "index")
    with Hippo.open(path, encoder="hashing", config={"indexing": {"merge_after": 0}}) as opened:
        yield opened


def found(memory: Hippo, question: str) -> list[str]:
    return [hit.text for hit in memory.recall(question, k=10).hits]


@pytest.mark.parametrize(
    "wrong",
    [{"timestamp": "0001-01-01T00:00:00+10:00"}, {"session": "\ud800"}],
    ids=["a time before all calendars", "a lone surrogate"],
)
def test_what_the_store_would_refuse_never_enters_the_log(memory, wrong):
    with pytest.raises(DocumentError):
        memory.remember("Bob leads Acme.", **wrong)
    assert memory.status().waiting == 0
    assert len(found(memory, "Who met Charles Babbage?")) == 3
    memory.merge()


def test_forgetting_by_condition_heeds_what_is_in_force(memory):
    memory.remember(Document("Zürich lies by a lake.", id="c", metadata={"status": "new"}))
    memory.merge()
    memory.remember(Document("Zürich lies by a river.", id="c", metadata={"status": "newer"}))
    assert memory.forget(where="status = 'new'") == []
    assert memory.forget(where="status = 'newer'", dry_run=True) == ["c"]
    memory.forget("c")
    with pytest.raises(DocumentError):
        memory.forget("c")


def test_nothing_stays_of_what_was_forgotten_before_it_was_merged(memory):
    [key] = memory.remember("The secret word is Xylographer.")
    memory.forget(key)
    memory.merge()
    with Store.reading(memory.path) as store:
        hashes = text_hashes("passage", ["The secret word is Xylographer."])
        assert store.missing_embeddings(memory.status().encoder, hashes) == [0]
    assert all(b"Xylographer" not in file.read_bytes() for file in memory.path.rglob("*") if file.is_file())


def test_a_write_that_failed_is_not_found_later(memory, monkeypatch):
    def refuse(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("hippo.fresh.log.os.fsync", refuse)
        with pytest.raises(IndexStateError):
            memory.remember("Bob leads Acme.")
    assert memory.status().waiting == 0
    memory.remember("Eve leads Acme.")
    assert "Bob leads Acme." not in found(memory, "Who leads Acme?")


def test_what_is_forgotten_during_a_merge_goes_with_the_next_one(tmp_path, monkeypatch):
    merged, go_on = threading.Event(), threading.Event()
    with Hippo.open(tmp_path / "index", encoder="hashing", config={"indexing": {"merge_after": 1}}) as memory:
        refresh = memory.refresh

        def slowly(**options):
            # The merge is published by now, and nothing more is read of the log.
            if threading.current_thread().name == "hippo-merge":
                merged.set()
                assert go_on.wait(60)
            return refresh(**options)

        monkeypatch.setattr(memory, "refresh", slowly)
        [key] = memory.remember("The secret word is Xylographer.")
        assert merged.wait(60)
        memory.forget(key)
        assert memory.waiting == 1
        go_on.set()
        until = time.monotonic() + 60
        while memory.waiting and time.monotonic() < until:
            time.sleep(0.01)
        assert memory.waiting == 0
        memory._end_merging()
        assert all(b"Xylographer" not in file.read_bytes() for file in memory.path.rglob("*") if file.is_file())


def test_a_damaged_last_line_is_told_of_and_kept(memory):
    memory.remember("Gdańsk lies in Poland.")
    memory.remember("Toruń lies in Poland.")
    [log] = (memory.path / "fresh").glob("*.log")
    whole = log.read_bytes()
    log.write_bytes(whole.replace("Toruń".encode(), b"Torun!"))
    with Hippo.open(memory.path, config={"indexing": {"merge_after": 0}}) as again:
        health = check(memory.path)
        assert health.sound
        assert any("cut off the last line of fresh/" in note for note in health.notes)
        assert "Gdańsk lies in Poland." in found(again, "Poland")
        again.remember("Kraków lies in Poland.")
        [aside] = (memory.path / "fresh").glob("*-damaged-*")
        assert b"Torun!" in aside.read_bytes()
        assert {"Gdańsk lies in Poland.", "Kraków lies in Poland."} <= set(found(again, "Poland"))
    assert not any("cut off" in note for note in check(memory.path).notes)


def test_a_damaged_last_line_of_a_closed_file_is_missing(memory):
    memory.remember("Gdańsk lies in Poland.")
    memory.remember("Toruń lies in Poland.")
    log = Log(memory.path)
    log.close_file()
    memory.remember("Kraków lies in Poland.")
    first = min((memory.path / "fresh").glob("*.log"))
    first.write_bytes(first.read_bytes().replace("Toruń".encode(), b"Torun!"))
    [problem] = check(memory.path).problems
    assert problem.problem == f"{first.name} holds 1 damaged records"
    assert repair(memory.path, encoder="hashing").sound
    with Hippo.open(memory.path) as again:
        assert {"Gdańsk lies in Poland.", "Kraków lies in Poland."} <= set(found(again, "Poland"))


def test_a_damaged_line_is_on_disk_elsewhere_before_it_is_cut_off(tmp_path, monkeypatch):
    Log(tmp_path).append(lambda _: {"what": "first"})
    file = tmp_path / "fresh" / f"{0:012d}.log"
    sound = file.read_bytes()
    file.write_bytes(sound + b"damaged\n")
    synced = []
    monkeypatch.setattr("hippo.fresh.log.sync_file", lambda path: synced.append((path.name, file.read_bytes())))
    Log(tmp_path).append(lambda _: {"what": "second"})
    [aside] = file.parent.glob("*-damaged-*")
    assert aside.read_bytes() == b"damaged\n"
    assert synced == [(aside.name, sound + b"damaged\n")]
