"""Namespaces are indexes of their own: nothing of one is in another, and none leads out of its folder."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hippo import Hippo, namespaces
from hippo.cli.app import app
from hippo.errors import HippoError, IndexBusyError, IndexMismatchError, IndexPathError, InputError
from hippo.maintenance import backup, check, restore
from hippo.store import Store
from hippo.tenants import namespace_folder, namespace_names


def fill(root: Path, name: str | None, text: str, encoder: str = "hashing") -> None:
    with Hippo.open(root, namespace=name, encoder=encoder) as memory:
        memory.add({"id": "a", "text": text})


def text_of(root: Path, name: str | None) -> str:
    with Hippo.open(root, namespace=name) as memory:
        return memory.get("a").text


@pytest.mark.parametrize("way", ["add", "remember"])
def test_a_new_namespace_in_the_place_of_an_old_one_is_told_apart(tmp_path: Path, way: str) -> None:
    options = {"namespace": "a", "encoder": "none", "config": {"indexing": {"merge_after": 0}}}
    with Hippo.open(tmp_path, **options) as old:
        old.add("Secret of the old tenant.")
        old.remember("Told by the old tenant.")
        assert len(old.retrieve("tenant").hits) == 2
        namespaces.delete(tmp_path, "a")
        assert not old.refresh()
        with Hippo.open(tmp_path, **options) as new:
            getattr(new, way)("Secret of the new tenant.")
            if way == "add":
                assert (old.snapshot, new.snapshot) == ("000001", "000001")
            assert old.refresh()
            assert not old.refresh()
            assert [hit.text for hit in old.retrieve("tenant").hits] == ["Secret of the new tenant."]
            new.remember("Told by the new tenant.")
            assert sorted(hit.text[:4] for hit in old.recall("tenant").hits) == ["Secr", "Told"]
            old.remember("Told by both.")
            assert len(new.recall("tenant told").hits) == 3


@given(st.text(max_size=40))
def test_every_name_has_a_folder_of_its_own_or_is_refused(name: str) -> None:
    root = Path("index")
    try:
        place = namespace_folder(root, name)
    except InputError:
        return
    assert place.parent == root / "namespaces"
    assert place.name.isascii()
    assert place.name == place.name.lower()
    assert set(place.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-%")


@given(st.lists(st.text(alphabet="aAéÉßſıİ .%/\\cCoOnN~", min_size=1, max_size=4), min_size=2, max_size=2, unique=True))
def test_names_that_are_nearly_alike_are_two(names: list[str]) -> None:
    """Also where a file system takes upper case for lower case, or composes characters."""
    try:
        first, second = (namespace_folder(Path("index"), name).name for name in names)
    except InputError:
        return
    assert first.casefold() != second.casefold()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "not empty"),
        (" a", "no space at its ends"),
        ("a\n", "no space at its ends"),
        ("a\0b", "control characters"),
        ("\ud800", "lone surrogates"),
        ("e\u0301", "normal form C"),
        ("x" * 201, "at most 200"),
        (7, "is a text, got 7"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Hippo.open(tmp_path, namespace=name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".", "../other", "/etc", "C:\\x", "con", "a/b", "名前", "Straße", "😀"])
def test_unusual_names_work_and_stay_below_the_index(tmp_path: Path, name: str) -> None:
    root = tmp_path / "index"
    fill(root, name, "Ada Lovelace met Charles Babbage.")
    assert namespaces.names(root) == [name]
    assert [item.name for item in tmp_path.iterdir()] == ["index"]
    assert [item.name for item in root.iterdir()] == ["namespaces"]
    assert text_of(root, name) == "Ada Lovelace met Charles Babbage."


def test_nothing_of_one_is_in_another(tmp_path: Path) -> None:
    fill(tmp_path, None, "Rome lies on the Tiber.")
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    fill(tmp_path, "b", "Hull lies on the Humber.", encoder="none")
    for name, word in ((None, "Rome"), ("a", "Lima"), ("b", "Hull")):
        with Hippo.open(tmp_path, namespace=name) as memory:
            found = memory.retrieve("What lies on the Tiber, the Rímac, the Humber?", k=10)
            assert [hit.text.split()[0] for hit in found.hits] == [word]
            assert memory.status().documents == 1
    with pytest.raises(IndexMismatchError):
        Hippo.open(tmp_path, namespace="b", encoder="hashing")
    assert check(tmp_path).sound


def test_writers_of_two_do_not_wait_for_each_other(tmp_path: Path) -> None:
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    with Store.open(namespaces.folder(tmp_path, "a")):
        fill(tmp_path, "b", "Hull lies on the Humber.")
        fill(tmp_path, None, "Rome lies on the Tiber.")
        with pytest.raises(IndexBusyError):
            fill(tmp_path, "a", "Lima is large.")


def test_a_copy_is_taken_beside_a_writer_and_goes_its_own_way(tmp_path: Path) -> None:
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    with Store.open(namespaces.folder(tmp_path, "a")):
        made = namespaces.copy(tmp_path, "a", "b")
    assert made.snapshot == "000001"
    assert check(namespaces.folder(tmp_path, "b")).sound
    fill(tmp_path, "b", "Lima is the capital of Peru.")
    assert text_of(tmp_path, "a") == "Lima lies on the Rímac."
    assert text_of(tmp_path, "b") == "Lima is the capital of Peru."
    with pytest.raises(InputError, match="exists already"):
        namespaces.copy(tmp_path, "a", "b")
    with pytest.raises(IndexPathError, match=r"no namespace 'c'\. Known: 'a', 'b'"):
        namespaces.copy(tmp_path, "c", "d")


def test_deleting_refuses_while_a_writer_is_in_it_and_readers_go_on(tmp_path: Path) -> None:
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    fill(tmp_path, "b", "Hull lies on the Humber.")
    with Store.open(namespaces.folder(tmp_path, "a")), pytest.raises(IndexBusyError):
        namespaces.delete(tmp_path, "a")
    assert text_of(tmp_path, "a") == "Lima lies on the Rímac."
    with Hippo.open(tmp_path, namespace="a") as reader:
        assert len(reader.retrieve("Where does Lima lie?").hits) == 1
        namespaces.delete(tmp_path, "a")
        assert len(reader.retrieve("Where does Lima lie?").hits) == 1
        assert not reader.refresh()
    assert namespaces.names(tmp_path) == ["b"]
    assert [item.name for item in (tmp_path / "namespaces").iterdir()] == ["b"]
    with pytest.raises(IndexPathError, match="no namespace 'a'"):
        namespaces.delete(tmp_path, "a")


def test_a_damaged_namespace_and_what_a_crash_left_can_be_deleted(tmp_path: Path) -> None:
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    (namespaces.folder(tmp_path, "a") / "store.duckdb").write_bytes(b"rubbish" * 2000)
    (tmp_path / "namespaces" / ".deleted-1").mkdir()
    assert namespaces.names(tmp_path) == ["a"]
    namespaces.delete(tmp_path, "a")
    assert list((tmp_path / "namespaces").iterdir()) == []


def test_one_of_two_deletes_wins(tmp_path: Path) -> None:
    fill(tmp_path, "a", "Lima lies on the Rímac.")
    outcomes: list[str] = []

    def delete() -> None:
        try:
            namespaces.delete(tmp_path, "a")
            outcomes.append("deleted")
        except HippoError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("deleted") == 1
    assert set(outcomes) <= {"deleted", "IndexPathError", "IndexBusyError"}
    assert namespace_names(tmp_path) == []


def test_the_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(IndexPathError, match="holds no index"):
        Hippo.open(tmp_path, namespace="a")
    with pytest.raises(IndexPathError, match="no such folder"):
        namespaces.names(tmp_path / "nowhere")


def test_a_backup_becomes_a_namespace(tmp_path: Path) -> None:
    fill(tmp_path / "index", None, "Rome lies on the Tiber.")
    backup(tmp_path / "index", tmp_path / "copy")
    restore(tmp_path / "copy", namespaces.folder(tmp_path / "index", "old"))
    assert text_of(tmp_path / "index", "old") == "Rome lies on the Tiber."


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("Lima lies on the Rímac.")

    def run(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == code, done.output
        return done.output

    run("index", "my-index", "notes.txt", "--encoder", "hashing", "--namespace", "Team A", "-q")
    assert run("namespaces", "list", "my-index") == "Team A\n"
    assert "no namespace 'x'" in run("namespaces", "copy", "my-index", "x", "y", code=1)
    run("namespaces", "copy", "my-index", "Team A", "b")
    assert '"b"' in run("namespaces", "list", "my-index", "--json")
    run("delete", "my-index", "notes.txt", "--namespace", "b", "-q")
    assert '"documents": 0' in run("status", "my-index", "--namespace", "b", "--json")
    assert "Rímac" in run("query", "my-index", "Where does Lima lie?", "--namespace", "Team A")
    assert "Rímac" in run("get", "my-index", "notes.txt", "--namespace", "Team A")
    assert "sound" in run("doctor", "my-index", "--namespace", "b")
    run("prune", "my-index", "--namespace", "b")
    run("backup", "my-index", "copy", "--namespace", "Team A")
    run("restore", "copy", "my-index", "--namespace", "c")
    run("namespaces", "delete", "my-index", "b")
    assert run("namespaces", "list", "my-index") == "Team A\nc\n"
    assert "error:" in run("status", "my-index", code=1)


def test_a_backup_and_an_examination_say_that_namespaces_are_not_in_it(tmp_path: Path) -> None:
    for name in (None, "b", "a"):
        with Hippo.open(tmp_path / "index", encoder="none", namespace=name) as memory:
            memory.add("Lima is the capital of Peru.")
    assert backup(tmp_path / "index", tmp_path / "copy").left_out == ("a", "b")
    assert check(tmp_path / "index").notes == ("2 namespaces were not examined; each is an index of its own: a, b",)
    run = CliRunner().invoke(app, ["backup", str(tmp_path / "index"), str(tmp_path / "other")])
    assert "copy each with --namespace: a, b\n" in run.stderr
    assert backup(namespaces.folder(tmp_path / "index", "a"), tmp_path / "a").left_out == ()
