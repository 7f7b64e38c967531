import json
import os
import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hippo.documents import KNOWN_SUFFIXES, Columns, check_unique, coerce_documents, iter_documents
from hippo.errors import DocumentError, DuplicateDocumentError, UnknownNameError
from hippo.ids import content_id
from hippo.types import Document, Skipped


def ids(items: Iterable[Document | Skipped]) -> list[str | None]:
    return [item.id for item in items if isinstance(item, Document)]


def reasons(items: Iterable[Document | Skipped]) -> dict[str, str]:
    return {Path(item.source).name: item.reason for item in items if isinstance(item, Skipped)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    (root / "b" / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    for name in ("z.txt", "a.md", "b/deep/x.TXT", "b/y.txt", ".hidden.txt", ".git/c.txt", "p.png"):
        (root / name).write_text(f"Text of {name}.")
    return root


def test_folders_are_walked_in_order_of_names(folder: Path) -> None:
    items = list(iter_documents(folder))
    assert ids(items) == ["a.md", "b/deep/x.TXT", "b/y.txt", "z.txt"]
    assert reasons(items) == {
        ".git": "hidden",
        ".hidden.txt": "hidden",
        "p.png": f"suffix '.png' is none of {', '.join(KNOWN_SUFFIXES)}",
    }
    assert list(iter_documents([folder])) == items


def test_suffixes_choose(folder: Path) -> None:
    assert ids(iter_documents(folder, suffixes=["md"])) == ["a.md"]
    assert reasons(iter_documents(folder, suffixes={".TXT"})).keys() == {".git", ".hidden.txt"}
    with pytest.raises(UnknownNameError, match=r"unknown suffix '\.png'\. Known: \.csv"):
        iter_documents(folder, suffixes=[".png"])
    (item,) = iter_documents(folder / "a.md", suffixes=[".txt"])
    assert item == Skipped(str(folder / "a.md"), "suffix '.md' is none of .txt")


def test_links(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("Outside.")
    (folder / "out.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "up").symlink_to(folder)
    (folder / "dead.txt").symlink_to(folder / "nothing")
    (folder / "in.txt").symlink_to(folder / "z.txt")
    items = list(iter_documents(folder))
    found = reasons(items)
    assert (found["out.txt"], found["up"], found["dead.txt"]) == (
        "link out of the folder",
        "link to a folder",
        "broken link",
    )
    assert "in.txt" in ids(items)


def test_bad_paths(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"gone\.txt: no such file or folder"):
        iter_documents([tmp_path / "gone.txt"])
    with pytest.raises(DocumentError, match=r"holds no file with a known suffix: \.csv, \.docx, .*\.txt"):
        iter_documents(tmp_path)
    (tmp_path / "p.png").write_text("x")
    with pytest.raises(DocumentError, match="holds no file"):
        iter_documents(tmp_path)
    for bad in ("a.txt", ["a.txt"], 5, b"a.txt"):
        with pytest.raises(DocumentError, match=r"give a pathlib\.Path"):
            iter_documents(bad)  # type: ignore[arg-type]


def test_bad_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "blank.txt").write_text(" \n\t\n")
    (tmp_path / "big.txt").write_text("x" * 2**20)
    os.mkfifo(tmp_path / "pipe.txt")
    items = [
        item
        for name in ("empty", "blank", "big", "pipe")
        for item in iter_documents(tmp_path / f"{name}.txt", max_bytes=2**19)
    ]
    assert reasons(items) == {
        "empty.txt": "empty file",
        "blank.txt": "no text",
        "big.txt": "1.0 MiB, over the limit of 0.5 MiB; split it, or raise documents.max_bytes",
        "pipe.txt": "no regular file",
    }
    (tmp_path / "x.xyz").write_text("x")
    assert "suffix '.xyz' is none of .csv" in reasons(iter_documents(tmp_path / "x.xyz"))["x.xyz"]


def test_one_id_twice_is_an_error(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name)
    with pytest.raises(DuplicateDocumentError) as caught:
        list(iter_documents([tmp_path / "one", tmp_path / "two"]))
    assert caught.value.args == ("a.txt", str(tmp_path / "one" / "a.txt"), str(tmp_path / "two" / "a.txt"))
    with pytest.raises(DuplicateDocumentError, match=r"the id 'x' \(documents\[0\] and documents\[1\]\)"):
        list(coerce_documents([Document("a", id="x"), {"id": "x", "text": "b"}]))
    with pytest.raises(DuplicateDocumentError):
        list(check_unique([Document("a", id="x"), Document("a", id="x")]))


def test_repeated_content_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "Same."}\n{"text": "Same.", "title": "T"}\n{"text": "Same."}\n')
    items = list(iter_documents(path))
    assert len(ids(items)) == 2
    assert items[2] == Skipped(f"{path}:3", f"duplicate of {path}:1")
    assert list(coerce_documents(["a", "a"]))[1] == Skipped("documents[1]", "duplicate of documents[0]")


def test_values() -> None:
    given = ["One.", {"text": "Two.", "id": 2, "lang": "en"}, Document("Three.", source="mine"), "  ", {"text": None}]
    one, two, three, *blank = coerce_documents(given)  # type: ignore[list-item]
    assert one == Document("One.", id=content_id(None, "One."))
    assert two == Document("Two.", id="2", metadata={"lang": "en"})
    assert three == Document("Three.", id=content_id(None, "Three."), source="mine")
    assert blank == [Skipped("documents[3]", "no text"), Skipped("documents[4]", "no text")]
    assert len(list(coerce_documents("a lone text"))) == 1


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, r"documents\[1\]: must be a text, a mapping or a Document, got int"),
        (None, r"documents\[1\]: .* got NoneType"),
        (b"x", r"documents\[1\]: .* got bytes"),
        (Path("x"), r"documents\[1\]: .* got PosixPath"),
        ({"body": "x"}, r"documents\[1\]: no key 'text'; keys present: 'body'"),
        ({"text": "x", "timestamp": "soon"}, r"documents\[1\]: timestamp 'soon'"),
        (Document(5), r"documents\[1\]: 'text' has the wrong type: int"),  # type: ignore[arg-type]
        (Document("x", id=5), r"documents\[1\]: 'id' has the wrong type: int"),  # type: ignore[arg-type]
    ],
)
def test_wrong_values_name_type_and_position(value: object, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        list(coerce_documents(["fine", value]))  # type: ignore[list-item]


def test_wrong_containers() -> None:
    for bad in (5, None, b"x"):
        with pytest.raises(DocumentError, match="must be texts, mappings or Documents, got"):
            coerce_documents(bad)  # type: ignore[arg-type]


TEXTS = st.lists(st.text(), max_size=8)


@given(TEXTS, st.randoms(use_true_random=False))
def test_ids_do_not_depend_on_order(texts: list[str], chance: random.Random) -> None:
    shuffled = list(texts)
    chance.shuffle(shuffled)
    assert set(ids(coerce_documents(texts))) == set(ids(coerce_documents(shuffled)))
    assert len(list(coerce_documents(texts))) == len(texts)


@given(TEXTS)
@example(["\x00", "a\x00", " \x00\n"])
def test_loading_what_was_loaded_changes_nothing(texts: list[str]) -> None:
    documents = [item for item in coerce_documents(texts) if isinstance(item, Document)]
    assert list(coerce_documents(documents)) == documents
    anonymous = [replace(document, id=None) for document in documents]
    assert list(coerce_documents(anonymous)) == documents


def test_files_are_read_as_they_are_consumed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with path.open("w") as stream:
        stream.writelines(json.dumps({"text": f"Row {row}."}) + "\n" for row in range(50_000))
        stream.write("{broken")
    items = iter_documents(path)
    first = next(items)
    assert isinstance(first, Document)
    assert first.text == "Row 0."
    (tmp_path / "later.txt").write_text("Later.")
    assert sum(isinstance(item, Skipped) for item in items) == 1


def test_an_index_among_the_documents_is_no_document(tmp_path):
    (tmp_path / "a.txt").write_text("A text.")
    (tmp_path / "index" / "snapshots").mkdir(parents=True)
    (tmp_path / "index" / "store.duckdb").write_bytes(b"")
    (tmp_path / "index" / "snapshots" / "manifest.json").write_text("{}")
    items = list(iter_documents(tmp_path))
    assert [item.id for item in items if isinstance(item, Document)] == ["a.txt"]
    assert [item.reason for item in items if isinstance(item, Skipped)] == ["an index of hippo"]


def test_a_file_found_in_a_folder_never_stops_the_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A text.")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "prices.csv").write_text("item,price\ntea,2\n")
    (tmp_path / os.fsdecode(b"\xff.txt")).write_text("Oddly named.")
    items = list(iter_documents(tmp_path))
    assert ids(items) == ["a.txt"]
    found = reasons(items)
    assert found["\ufffd.txt"] == "name is not UTF-8"
    assert "no column 'text'" in found["prices.csv"]
    assert "no list of sentences" in found["package.json"]
    for name in ("package.json", "prices.csv"):
        with pytest.raises(DocumentError):
            list(iter_documents(tmp_path / name))
    with pytest.raises(DocumentError):
        list(iter_documents(tmp_path, columns=Columns(text="body")))


def test_a_name_that_is_no_utf8_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.write_text("A text.")
    (item,) = iter_documents(path)
    assert item == Document("A text.", id="\ufffd.txt", source=str(tmp_path / "\ufffd.txt"))


def test_an_index_is_no_folder_of_documents(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").touch()
    (tmp_path / "a.txt").write_text("A text.")
    with pytest.raises(DocumentError, match="is an index of hippo, not a folder of documents"):
        iter_documents(tmp_path)


@pytest.mark.skipif(not hasattr(os, "seteuid") or os.geteuid() != 0, reason="only root can become another user")
def test_folders_that_cannot_be_read_are_skipped(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    (root / "locked").mkdir(parents=True)
    (root / "locked" / "b.txt").write_text("B.")
    (root / "a.txt").write_text("A.")
    (root / "locked").chmod(0)
    for folder in (root, *(parent for parent in root.parents if parent.is_relative_to(tmp_path.parents[3]))):
        if folder.stat().st_uid == 0 and folder.stat().st_mode & 0o005 != 0o005:
            folder.chmod(0o755)
    os.seteuid(65534)
    try:
        items = list(iter_documents(root))
        with pytest.raises(DocumentError, match="cannot be read: Permission denied"):
            iter_documents(root / "locked" / "b.txt")
    finally:
        os.seteuid(0)
    assert ids(items) == ["a.txt"]
    assert reasons(items) == {"locked": "cannot be read: Permission denied"}


def test_values_nested_without_end_are_an_error() -> None:
    ring: dict[str, object] = {}
    ring["again"] = ring
    for value in ({"text": "x", "ring": ring}, Document("x", metadata=ring)):
        with pytest.raises(DocumentError, match=r"documents\[0\]: metadata nest deeper than 64 levels"):
            list(coerce_documents([value]))
