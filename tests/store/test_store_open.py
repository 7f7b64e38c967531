"""Opening, making and refusing stores."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from hippo.errors import IndexBusyError, IndexCorruptError, IndexMismatchError, IndexPathError, InputError
from hippo.store import SCHEMA_VERSION, Store
from hippo.store.connection import _opening_error
from hippo.store.schema import MIGRATIONS


def test_a_new_store_is_one_file_and_reopens(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "index"
    with Store.open(folder, create=True) as store:
        store.set_meta({"encoder": "minilm", "normaliser": "unicode-1"})
        store.set_meta({"encoder": "other"})
        assert store.meta()["encoder"] == "other"
    assert [item.name for item in folder.iterdir()] == ["store.duckdb"]
    with Store.open(folder) as store:
        assert store.meta() == {
            "encoder": "other",
            "normaliser": "unicode-1",
            "schema_version": str(SCHEMA_VERSION),
            "duckdb_version": duckdb.__version__,
        }


def test_meta_refuses_lone_surrogates(tmp_path: Path) -> None:
    with Store.open(tmp_path / "i", create=True) as store, pytest.raises(InputError, match="lone surrogate"):
        store.set_meta({"a": "\ud800"})


@pytest.mark.parametrize("create", [True, False])
def test_a_file_is_no_index(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(IndexPathError, match="this is a file"):
        Store.open(path, create=create)


@pytest.mark.parametrize("create", [True, False])
def test_a_foreign_folder_stays_as_it_is(tmp_path: Path, create: bool) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(IndexPathError, match=r"not empty \(it holds 'thesis.tex'\)"):
        Store.open(tmp_path, create=create)
    assert [item.name for item in tmp_path.iterdir()] == ["thesis.tex"]


def test_without_create_nothing_is_made(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(IndexPathError, match="there is no index"):
            Store.open(path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_creation_left_is_no_foreign_folder(tmp_path: Path) -> None:
    (tmp_path / ".store-0123.duckdb").write_bytes(b"half")
    Store.open(tmp_path, create=True).close()
    assert (tmp_path / "store.duckdb").exists()


def test_snapshots_without_a_store_are_damage(tmp_path: Path) -> None:
    (tmp_path / "snapshots").mkdir()
    with pytest.raises(IndexCorruptError, match="it is missing, though snapshots are there"):
        Store.open(tmp_path, create=True)


def test_a_second_store_in_one_process_is_refused_at_once(tmp_path: Path) -> None:
    link = tmp_path / "link"
    with Store.open(tmp_path / "i", create=True):
        link.symlink_to(tmp_path / "i")
        for path in (tmp_path / "i", link):
            with pytest.raises(IndexBusyError, match="this process"):
                Store.open(path)
    Store.open(link).close()


def test_a_second_process_is_refused_at_once_and_told_who(tmp_path: Path) -> None:
    code = """
        import sys, pathlib
        from hippo.errors import IndexBusyError
        from hippo.store import Store
        try:
            Store.open(pathlib.Path(sys.argv[1]))
        except IndexBusyError as error:
            print(error)
    """
    with Store.open(tmp_path, create=True):
        command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert f"is being written to by process {os.getpid()}" in done.stdout


def test_closing_twice_does_not_free_anothers_place(tmp_path: Path) -> None:
    first = Store.open(tmp_path, create=True)
    first.close()
    with Store.open(tmp_path):
        first.close()
        with pytest.raises(IndexBusyError):
            Store.open(tmp_path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    with Store.open(tmp_path, create=True) as store:
        store.set_meta({"schema_version": "999"})
    with pytest.raises(IndexMismatchError, match=r"'999', but '\d+' was asked for. Upgrade"):
        Store.open(tmp_path)


def test_a_store_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    old = duckdb.connect(str(tmp_path / "store.duckdb"))
    old.execute(MIGRATIONS[0])
    old.execute("INSERT INTO meta VALUES ('schema_version', '1'), ('duckdb_version', '1.2.0'), ('encoder', 'minilm')")
    old.execute("INSERT INTO replies VALUES ('k', 'reply')")
    old.execute("INSERT INTO documents VALUES ('d', NULL, '{}', NULL, NULL, 'hash')")
    old.execute("INSERT INTO journal VALUES ('replies', 1, 6), ('documents', 1, 7)")
    old.close()
    for _ in range(2):
        with Store.open(tmp_path) as store:
            assert (store.meta()["schema_version"], store.meta()["encoder"]) == (str(SCHEMA_VERSION), "minilm")
            assert store._connection.rows("SELECT id FROM documents") == [("d",)]
            assert store._connection.rows("SELECT name FROM journal") == [("documents",)]
            assert store._connection.rows("SELECT * FROM duckdb_tables() WHERE table_name = 'replies'") == []


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_a_file_that_is_no_database_is_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.duckdb").write_bytes(content)
    with pytest.raises(IndexCorruptError, match="not a valid DuckDB database"):
        Store.open(tmp_path, create=True)


def test_a_database_of_someone_else_is_damage(tmp_path: Path) -> None:
    connection = duckdb.connect(str(tmp_path / "store.duckdb"))
    connection.execute("CREATE TABLE meta (key VARCHAR, value VARCHAR)")
    connection.close()
    with pytest.raises(IndexCorruptError, match="no store of hippo"):
        Store.open(tmp_path)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("IO Error: database file with version number 70, but we can only read version 64.", "70"),
        ("IO Error: storage version number 9999, but we can only read storage versions between 64 and 999.", "9999"),
        ('IO Error: Error opening "x": file was written with a storage version greater than the latest', "newer"),
    ],
)
def test_a_file_of_a_newer_duckdb_is_a_mismatch(text: str, stored: str) -> None:
    error = _opening_error(Path("x"), duckdb.IOException(text))
    assert isinstance(error, IndexMismatchError)
    assert error.args[2] == stored
    assert "Upgrade the package duckdb" in str(error)


def test_the_file_system_cannot_be_reached_from_queries(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with Store.open(tmp_path / "i", create=True) as store, pytest.raises(Exception, match="Permission"):
        store._connection.rows("SELECT * FROM read_csv(?)", [str(tmp_path / "secret.csv")])


def test_little_memory_is_shared_by_few_threads(tmp_path):
    with Store.open(tmp_path / "few", create=True) as store:
        store.limit_memory(2**20)
        assert store._connection.rows("SELECT current_setting('threads')") == [(1,)]
