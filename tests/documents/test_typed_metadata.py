"""Numbers, booleans and dates in tables and front matter, through an index and its conditions."""

import time
from pathlib import Path

import pytest

from hippo import Columns, Hippo
from hippo.documents import iter_documents
from hippo.types import Document


def metadata(path: Path, **columns: object) -> list[dict[str, object]]:
    return [
        dict(item.metadata)
        for item in iter_documents(path, columns=Columns(**columns))  # type: ignore[arg-type]
        if isinstance(item, Document)
    ]


def column(path: Path, *cells: str, **columns: object) -> list[object]:
    path.write_text("text,x\n" + "".join(f'words {row},"{cell}"\n' for row, cell in enumerate(cells)), "utf-8")
    return [found["x"] for found in metadata(path, **columns)]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (("1", "-20", "0"), [1, -20, 0]),
        (("1", " 2 ", ""), [1, 2, None]),
        (("1", "2.5", "1e-05", "-0.0"), [1.0, 2.5, 1e-05, -0.0]),
        (("true", "False", "TRUE"), [True, False, True]),
        (("2024-05-01", "2024-05-02 10:00", "2024-05-02T10:00:00Z"),
         ["2024-05-01", "2024-05-02T10:00:00", "2024-05-02T10:00:00+00:00"]),
        (("1", "2", "n/a"), ["1", "2", "n/a"]),
        (("1", "true"), ["1", "true"]),
        (("10115", "01067"), ["10115", "01067"]),
        (("+49", "491"), ["+49", "491"]),
        (("1234567890123456", "1"), ["1234567890123456", "1"]),
        (("1.5e999", "1"), ["1.5e999", "1"]),
        (("2024-13-01", "2024-05-01"), ["2024-13-01", "2024-05-01"]),
        (("1,000", "2"), ["1,000", "2"]),
        (("12e4", "1_0", "٣", "nan"), ["12e4", "1_0", "٣", "nan"]),
        (("", " "), [None, None]),
    ],
)  # fmt: skip
def test_a_column_is_of_one_kind(tmp_path: Path, cells: tuple[str, ...], values: list[object]) -> None:
    for given, expected in ((cells, values), (cells[::-1], values[::-1])):
        found = column(tmp_path / "t.csv", *given)
        assert found == expected
        assert list(map(type, found)) == list(map(type, expected))


def test_cells_stay_text_if_asked_to(tmp_path: Path) -> None:
    assert column(tmp_path / "t.csv", "1", "", typed=False) == ["1", ""]


def test_only_rows_that_are_read_count(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('id,text,x\n007,a,1\n8,b\n009,c,2\n10,"never closed\nx,y\n', "utf-8")
    items = list(iter_documents(path))
    assert [(item.id, item.metadata) for item in items if isinstance(item, Document)] == [
        ("007", {"x": 1}),
        ("009", {"x": 2}),
    ]
    assert [item.source for item in items if not isinstance(item, Document)] == [f"{path}:3", f"{path}:5"]


def test_a_folder_still_skips_other_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("body\nx\n", "utf-8")
    (tmp_path / "a.txt").write_text("Words.", "utf-8")
    assert len(list(iter_documents(tmp_path, columns=Columns(typed=False)))) == 2


def test_front_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    front = (
        "title: Notes on Mills\ntimestamp: 2024-05-01\nyear: 2021\nscore: 0.5\ndraft: false\nzip: 01067\nat: 12:30\n"
        "answer: no\nquoted: '7'\nempty:\ndate: 2024-05-02\ntags: [a, b, 3]\nid: x7\nauthor:\n  name: Ada\n"
    )
    path.write_text(f"---\n{front}---\n# Heading\n\nBody.\n", "utf-8")
    (document,) = iter_documents(path)
    assert isinstance(document, Document)
    assert (document.id, document.title, document.text) == ("a.md", "Notes on Mills", "Body.")
    assert document.timestamp is not None
    assert document.timestamp.isoformat() == "2024-05-01T00:00:00+00:00"
    assert document.metadata == {
        "year": 2021,
        "score": 0.5,
        "draft": False,
        "zip": "01067",
        "at": "12:30",
        "answer": "no",
        "quoted": "7",
        "empty": None,
        "date": "2024-05-02",
        "tags": ["a", "b", 3],
        "id": "x7",
        "author": {"name": "Ada"},
    }
    assert metadata(path, typed=False, metadata=("year", "other")) == [{"year": "2021"}]


def test_front_matter_without_usable_title_or_time(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("---\ntitle: [a]\ntimestamp: soon\n---\n# Heading\n\nBody.\n", "utf-8")
    (document,) = iter_documents(path)
    assert isinstance(document, Document)
    assert (document.title, document.timestamp) == ("Heading", None)
    assert document.metadata == {"title": ["a"], "timestamp": "soon"}


BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    "front",
    [
        BOMB,
        "a: " + "[" * 1000 + "]" * 1000 + "\n",
        "a: " + "[" * 60_000 + "\n",
        "".join(f"{' ' * level}a:\n" for level in range(300)),
        "- a\n- b\n",
        "just text\n",
        "a: 1\na: 2\n",
        "? [a]\n: b\n",
        "a: b: c\n",
        'a: "\\U0011ffff"\n',
        "a: &x 1\n...\n%TAG ! !\n",
        f"a: {'x' * 70_000}\n",
    ],
)
def test_hostile_front_matter_stays_text(tmp_path: Path, front: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"---\n{front}---\nBody.\n", "utf-8")
    began = time.monotonic()
    (document,) = iter_documents(path)
    assert isinstance(document, Document), document
    assert document.text == "Body."
    assert document.metadata == {"front_matter": front}
    assert time.monotonic() - began < 30


def test_tags_make_nothing_but_plain_data(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("---\na: !!python/object/apply:os.getcwd []\nb: !!python/name:os.system 1\n---\nBody.\n", "utf-8")
    assert metadata(path) == [{"a": [], "b": "1"}]


def test_without_pyyaml_front_matter_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "yaml.py").write_text("raise ImportError", "utf-8")
    monkeypatch.syspath_prepend(hidden)
    path = tmp_path / "a.md"
    path.write_text('---\ntitle: "Named"\nyear: 1\n---\nBody.\n', "utf-8")
    (document,) = iter_documents(path)
    assert isinstance(document, Document)
    assert (document.title, document.metadata) == ("Named", {"front_matter": 'title: "Named"\nyear: 1\n'})


def test_conditions_compare_what_was_read(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "t.csv").write_text(
        "id,text,year,open,since\na,Ada Smith ran a mill.,1999,true,1999-05-01\nb,Ben Jones ran a mill.,2021,false,\n"
        "c,Cid Brown ran a mill.,,true,2021-01-02\n",
        "utf-8",
    )
    (docs / "d.md").write_text("---\nyear: 2022\nopen: true\nsince: 2022-03-04\n---\nDan Green ran a mill.\n", "utf-8")
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add_files(docs)

        def found(where: str) -> list[str]:
            return sorted({hit.document_id for hit in memory.retrieve("Who ran a mill?", where=where).hits})

        assert found("year >= 2020") == ["b", "d.md"]
        assert found("year is null") == ["c"]
        assert found("open = true and year < 2000") == ["a"]
        assert found("since >= date '2021-01-01'") == ["c", "d.md"]
        memory.add_files(docs / "t.csv", columns=Columns(typed=False))
        assert found("year >= 2020") == ["d.md"]
        assert found("year = '2021'") == ["b"]
