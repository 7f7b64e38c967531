"""An index from shards: the same whatever runs the stages, and nothing is done twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.errors import (
    ConfigError,
    DocumentError,
    DuplicateDocumentError,
    IndexMismatchError,
    InputError,
    StorageError,
)
from hippo.execution import LocalExecutor, Plan, build_index, extract_only
from hippo.execution.read import find_units
from hippo.storage import open_folder
from hippo.testing import LLMServer
from pipelines.fingerprints import differences, fingerprints

HASHING: dict[str, Any] = {"overrides": {"encoder": {"name": "hashing"}}, "part_documents": 4}
NAMES = ["Ada Arlen", "Boris Bremau", "Clara Corvo", "Dora Delft", "Emil Ebner", "Fanny Falk"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a table, two texts, and a file that holds nothing."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = [
        {"id": f"{one}-{other}", "title": one, "text": f"{one} met {other} in {place}.", "year": 1900 + place_number}
        for one in NAMES
        for other in NAMES
        if one != other
        for place_number, place in enumerate(["Riga"])
    ]
    rows.append({"id": "turn", "text": "I met Ada Arlen in May.", "session": "s", "timestamp": "2023-05-08"})
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    (folder / "notes").mkdir()
    (folder / "notes" / "one.txt").write_text("Riga is the capital of Latvia. Ada Arlen lives there.", "utf-8")
    (folder / "two.txt").write_text("Clara Corvo was born in Hull.", "utf-8")
    (folder / "empty.txt").write_text("", "utf-8")
    return folder


@pytest.fixture(scope="module")
def plain(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that was made by `add_files`."""
    root = tmp_path_factory.mktemp("plain") / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add_files(corpus)
    return root


@pytest.fixture(scope="module")
def built(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Index and shards of one worker."""
    folder = tmp_path_factory.mktemp("built")
    report = build_index([corpus], folder / "index", work=folder / "work", trace=True, **HASHING)
    assert report.index is not None
    assert (report.index.added, report.index.embedded, len(report.skipped)) == (33, 0, 1)
    assert report.parts > 3
    assert {name: (one.made > 0, one.found) for name, one in report.stages.items()} == dict.fromkeys(
        ("read", "chunk", "extract", "embed", "names"), (True, 0)
    )
    assert all(one.peak > 2**20 for one in report.stages.values())
    return folder / "index", folder / "work"


def test_the_same_as_an_index_that_was_made_at_once(plain: Path, built: tuple[Path, Path]) -> None:
    assert differences(fingerprints(plain), fingerprints(built[0])) == []


def test_several_processes_make_the_same(plain: Path, corpus: Path, tmp_path: Path) -> None:
    build_index([corpus], tmp_path / "index", work=tmp_path / "work", executor=LocalExecutor(2), **HASHING)
    assert differences(fingerprints(plain), fingerprints(tmp_path / "index")) == []


def test_another_run_finds_everything(corpus: Path, built: tuple[Path, Path], plain: Path) -> None:
    root, work = built
    again = build_index([corpus], root, work=work, trace=True, **HASHING)
    assert again.index is not None
    assert (again.index.unchanged, again.index.snapshot) == (33, "000001")
    elsewhere = build_index([corpus], root.parent / "other", work=work, trace=True, **HASHING)
    for report in (again, elsewhere):
        assert all(one.made == 0 and one.found > 0 for one in report.stages.values())
    assert differences(fingerprints(plain), fingerprints(root.parent / "other")) == []
    files = [path for path in (work / "trace").rglob("*") if path.is_file()]
    traces = [f"{path.parent.name} {path.name.rpartition('-')[0]}" for path in files]
    assert len(traces) == len(set(traces)) > 0


def test_what_is_missing_is_made_again(corpus: Path, built: tuple[Path, Path], tmp_path: Path, plain: Path) -> None:
    work = built[1]
    lost = min((work / "extract").iterdir())
    lost.unlink()
    min((work / "embed").iterdir()).unlink()
    report = build_index([corpus], tmp_path / "index", work=work, **HASHING)
    assert report.stages["extract"].made == 1
    assert report.stages["chunk"].made == 0
    assert differences(fingerprints(plain), fingerprints(tmp_path / "index")) == []


def test_a_damaged_shard_is_named(corpus: Path, tmp_path: Path) -> None:
    build_index([corpus], tmp_path / "index", work=tmp_path / "work", **HASHING)
    shard = min((tmp_path / "work" / "extract").iterdir())
    shard.write_bytes(shard.read_bytes()[:50])
    with pytest.raises(StorageError, match=f"{shard.name} *: is damaged: .*Remove it"):
        build_index([corpus], tmp_path / "index", work=tmp_path / "work", **HASHING)


def test_a_new_file_leaves_most_parts_alone(corpus: Path, tmp_path: Path) -> None:
    first = build_index([corpus], tmp_path / "index", work=tmp_path / "work", **HASHING)
    more = tmp_path / "more"
    more.mkdir()
    (more / "new.txt").write_text("Gustav Gold met Ada Arlen.", "utf-8")
    report = build_index([corpus, more], tmp_path / "index", work=tmp_path / "work", **HASHING)
    assert report.index is not None
    assert (report.index.added, report.index.unchanged, report.index.embedded) == (1, 33, 0)
    assert report.stages["extract"].made == 1
    assert report.parts == first.parts + 1


def test_a_document_that_is_there_twice(corpus: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text('{"text": "Ada Arlen met Boris Bremau."}\n', "utf-8")
    sources = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    report = build_index(sources, tmp_path / "index", work=tmp_path / "work", **HASHING)
    assert report.index is not None
    assert (report.index.added, report.index.chunks, len(report.skipped)) == (1, 1, 1)
    assert "duplicate of" in report.skipped[0].reason
    for number, name in enumerate(("one", "two")):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"id": "a", "text": f"Text {number}."}) + "\n", "utf-8")
    with pytest.raises(DuplicateDocumentError, match="two documents have the id 'a'"):
        build_index(sources, tmp_path / "index", work=tmp_path / "work", **HASHING)


def test_rules_of_the_published_systems_and_no_encoder(corpus: Path, tmp_path: Path) -> None:
    for name, overrides in (
        ("hipporag", {"encoder": {"name": "hashing"}, "graph": {"rules": "hipporag"}}),
        ("words", {"encoder": {"name": "none"}}),
    ):
        with Hippo.open(tmp_path / f"{name}-plain", overrides=overrides) as memory:
            memory.add_files(corpus)
        report = build_index([corpus], tmp_path / name, work=tmp_path / "work", overrides=overrides)
        assert report.index is not None
        assert report.index.embedded == 0
        assert differences(fingerprints(tmp_path / f"{name}-plain"), fingerprints(tmp_path / name)) == []


def test_a_failed_passage_is_asked_about_again_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (tmp_path / "in").mkdir()
    for number in range(6):
        (tmp_path / "in" / f"{number}.txt").write_text(f"Ada Arlen met guest number {number} in Riga.", "utf-8")
    with LLMServer() as server:
        options: dict[str, Any] = {
            "extractor": {"name": "llm"},
            "encoder": {"name": "hashing"},
            "llm": {"name": "openai:test", "openai": {"base_url": server.base_url}, "attempts": 1, "concurrency": 1},
        }
        server.fail_next("429", 1)
        first = extract_only([tmp_path / "in"], work=tmp_path / "work", overrides=options)
        assert (first.chunks, first.failed, first.index) == (6, 1, None)
        before = server.stats().replies
        report = build_index([tmp_path / "in"], tmp_path / "index", work=tmp_path / "work", overrides=options)
        assert report.failed == 0
        assert server.stats().replies == before + 2
        assert report.usage.requests == 2
        build_index([tmp_path / "in"], tmp_path / "index", work=tmp_path / "work", overrides=options)
        assert server.stats().replies == before + 2
    assert report.index is not None
    assert (report.index.pending, report.index.failed) == (0, ())


def test_what_cannot_be_done_is_said(corpus: Path, built: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers must be at least 1, got 0"):
        LocalExecutor(0)
    with pytest.raises(DocumentError, match="no such file or folder"):
        build_index([tmp_path / "nothing"], tmp_path / "index", work=tmp_path / "work", **HASHING)
    with pytest.raises(DocumentError, match="needs at least one file"):
        build_index([], tmp_path / "index", work=tmp_path / "work", **HASHING)
    with pytest.raises(ConfigError, match=r"resources\.walk: unknown stage"):
        build_index([corpus], tmp_path / "index", work=tmp_path / "work", resources={"walk": {}}, **HASHING)
    with pytest.raises(IndexMismatchError, match="encoder"):
        build_index([corpus], built[0], work=tmp_path / "work", overrides={"encoder": {"name": "none"}})
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(StorageError, match="is a file"):
        build_index([corpus], tmp_path / "index", work=tmp_path / "file", **HASHING)


def test_where_groups_end_depends_on_what_is_there_alone(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number:04d}.txt").write_text("x", "utf-8")
    before = {json.dumps(unit["files"]) for unit in find_units([tmp_path], max_bytes=100)[0]}
    (tmp_path / "0000a.txt").write_text("x", "utf-8")
    after = {json.dumps(unit["files"]) for unit in find_units([tmp_path], max_bytes=100)[0]}
    assert len(before) > 2
    assert len(after - before) == 1


def test_workers_are_told_whole_paths(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a cluster have a working folder of their own."""
    monkeypatch.chdir(corpus.parent)
    units, _ = find_units([corpus.name], max_bytes=2**20)
    places = [file[0] for unit in units for file in unit["files"]]
    assert places
    assert all(Path(place).is_absolute() and Path(place).exists() for place in places)
    assert Plan(open_folder("work")).work.url == str(corpus.parent / "work")
    first = build_index([corpus.name], tmp_path / "one", work=tmp_path / "work", **HASHING)
    second = build_index([corpus], tmp_path / "two", work=tmp_path / "work", **HASHING)
    assert first.index is not None
    assert all(one.made == 0 for one in second.stages.values())
    assert differences(fingerprints(tmp_path / "one"), fingerprints(tmp_path / "two")) == []
