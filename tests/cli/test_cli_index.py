"""`hippo index` and `hippo status`."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.testing

Run = Callable[..., typer.testing.Result]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ada.md").write_text("# Ada\n\nAda Smith was born in Riga.\n", "utf-8")
    (folder / "riga.txt").write_text("Riga is the capital of Latvia.\n", "utf-8")
    return folder


def test_vectors_in_float16_are_asked_for_once_and_kept(run: Run, tmp_path: Path, notes: Path) -> None:
    index = tmp_path / "index"
    made = run("index", index, notes, "--encoder", "hashing", "--quiet", HIPPO_ENCODER__STORAGE="float16")
    assert made.exit_code == 0, made.output
    (notes / "berlin.txt").write_text("Berlin is where Ada Smith studied.", "utf-8")
    assert "1 document added" in run("index", index, notes, "--quiet").stdout
    assert json.loads(run("status", index, "--json").stdout)["storage"] == "float16"
    rows = dict(line.split("  ", 1) for line in run("status", index).stdout.splitlines())
    assert rows["vectors"].strip() == "float16"
    assert "encoder.storage" in run("config", "show", index).stdout
    assert "Ada Smith" in run("query", index, "Who was born in Riga?").stdout
    assert run("doctor", index).stdout.startswith("sound")


@pytest.mark.needs("torch")
def test_questions_are_answered_alike_with_torch(run: Run, tmp_path: Path, notes: Path) -> None:
    (tmp_path / "hippo.toml").write_text('[retrieval]\nvectors = "torch"\n', "utf-8")
    (tmp_path / "more.toml").write_text('[retrieval]\nvectors = "numpy"\n', "utf-8")
    index = tmp_path / "index"
    made = run("index", index, notes, "--encoder", "hashing", "--quiet", HIPPO_ENCODER__STORAGE="float16")
    assert made.exit_code == 0, made.output
    found = []
    for name in ("hippo", "more"):
        asked = run("query", index, "Who was born in Riga?", "--json", "--config", tmp_path / f"{name}.toml")
        assert asked.exit_code == 0, asked.output
        found.append([(hit["chunk_id"], hit["score"]) for hit in json.loads(asked.stdout)["hits"]])
    (chunks, scores), (expected, their_scores) = (zip(*hits, strict=True) for hits in found)
    assert chunks == expected
    assert scores == pytest.approx(their_scores, abs=1e-9)


def test_indexing_again_adds_only_what_is_new(run: Run, tmp_path: Path, notes: Path) -> None:
    index = tmp_path / "index"
    first = run("index", index, notes, "--encoder", "hashing")
    assert first.exit_code == 0, first.output
    assert "2 documents added, 0 changed, 0 unchanged" in first.stdout
    assert "embed: " in first.stderr
    (notes / "berlin.txt").write_text("Berlin is where Ada Smith studied.", "utf-8")
    (notes / "riga.txt").write_text("Riga is the largest city of Latvia.", "utf-8")
    second = run("index", index, notes, "--quiet")
    assert "1 document added, 1 changed, 1 unchanged" in second.stdout
    assert second.stderr == ""
    third = run("index", index, notes, "--json")
    assert third.stderr == ""
    report = json.loads(third.stdout)
    assert (report["added"], report["changed"], report["unchanged"], report["embedded"]) == (0, 0, 3, 0)

    status = run("status", index)
    rows = dict(line.split("  ", 1) for line in status.stdout.splitlines())
    assert rows["documents"].strip() == "3"
    assert rows["encoder"].strip() == "hashing-1:256"
    data = json.loads(run("status", index, "--json").stdout)
    assert data["documents"] == 3
    assert data["snapshot"] == report["snapshot"]


def test_what_is_left_out_is_listed_and_no_failure(run: Run, tmp_path: Path, notes: Path) -> None:
    for number in range(12):
        (notes / f"empty-{number:02}.txt").touch()
    (notes / "image.png").write_bytes(b"\x89PNG")
    done = run("index", tmp_path / "index", notes, "--encoder", "none", "--quiet")
    assert done.exit_code == 0
    lines = done.stderr.splitlines()
    assert lines[0] == "13 skipped:"
    assert lines[1] == f"  {notes}/empty-00.txt: empty file"
    assert lines[11] == "  and 3 more; by reason:"
    assert lines[12] == "  12 x empty file"
    assert len(lines) == 14


def test_suffixes_and_columns(run: Run, tmp_path: Path, notes: Path) -> None:
    (notes / "rows.csv").write_text("number,body,subject,colour,when\n7,Ada Smith was here.,Visit,red,2024-05-01\n")
    columns = ["--text-column", "body", "--id-column", "number", "--title-column", "subject"]
    columns += ["--timestamp-column", "when", "--metadata-column", "colour"]
    done = run("index", tmp_path / "index", notes, "--suffix", "csv", *columns, "--encoder", "none", "--json")
    assert json.loads(done.stdout)["added"] == 1, done.output
    found = json.loads(run("query", tmp_path / "index", "Who was here?", "--json").stdout)
    (hit,) = found["hits"]
    assert (hit["document_id"], hit["title"], hit["metadata"]) == ("7", "Visit", {"colour": "red"})


def test_numbers_of_tables_and_front_matter_can_be_compared(run: Run, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "rows.csv").write_text("id,text,year\na,Ada Smith was here.,1999\nb,Ben Jones was here.,2021\n", "utf-8")
    (docs / "c.md").write_text("---\nyear: 2022\n---\nCid Brown was here.\n", "utf-8")

    def found(index: str, *options: str) -> list[str]:
        assert run("index", tmp_path / index, docs, "--encoder", "none", *options).exit_code == 0
        done = run("query", tmp_path / index, "Who was here?", "--where", "year >= 2020", "--json")
        return sorted(hit["document_id"] for hit in json.loads(done.stdout)["hits"])

    assert found("typed") == ["b", "c.md"]
    assert found("text", "--metadata-as-text") == []


def test_limits_of_reading_come_from_settings(run: Run, tmp_path: Path, notes: Path) -> None:
    (notes / "long.txt").write_text("Ada Smith was born in Riga. " * 100_000, "utf-8")

    def reasons(**environment: str) -> list[str]:
        done = run("index", tmp_path / "index", notes, "--encoder", "none", "--dry-run", "--json", **environment)
        return [one["reason"] for one in json.loads(done.stdout)["skipped"] if one["source"].endswith("long.txt")]

    assert reasons() == []
    (reason,) = reasons(HIPPO_DOCUMENTS__MAX_BYTES="1048576")
    assert reason == "2.7 MiB, over the limit of 1.0 MiB; split it, or raise documents.max_bytes"


def test_options_win_over_the_environment_which_wins_over_the_file(run: Run, tmp_path: Path, notes: Path) -> None:
    (notes / "long.txt").write_text("Ada Smith was born in Riga in Latvia. " * 40, "utf-8")
    config = tmp_path / "hippo.toml"
    config.write_text('[chunking]\nmax_tokens = 16\n[encoder]\nname = "hashing"\n')

    def chunks(name: str, *options: str, **environment: str) -> int:
        done = run("index", tmp_path / name, notes, "--config", config, "--json", *options, **environment)
        assert done.exit_code == 0, done.output
        return int(json.loads(done.stdout)["chunks"])

    narrow = chunks("file")
    middle = chunks("environment", HIPPO_CHUNKING__MAX_TOKENS="64")
    wide = chunks("option", "--max-tokens", "256", HIPPO_CHUNKING__MAX_TOKENS="64")
    whole = chunks("whole", "--chunking", "document", "--encoder", "none")
    assert narrow > middle > wide > whole == 3
    assert "HIPPO_CHUNKING__MAX_TOKENS" not in os.environ


def test_the_environment_names_the_encoder(run: Run, tmp_path: Path, notes: Path) -> None:
    done = run("index", tmp_path / "index", notes, HIPPO_ENCODER__NAME="hashing")
    assert done.exit_code == 0, done.output
    assert json.loads(run("status", tmp_path / "index", "--json").stdout)["encoder"].startswith("hashing-1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{missing}"], "missing: no such file or folder"),
        (["{empty}"], "holds no file with a known suffix"),
        (["{notes}", "--encoder", "nonsense"], "unknown encoder 'nonsense'. Known: hashing"),
        (["{notes}", "--extractor", "nonsense"], "unknown extractor 'nonsense'. Known: imported, llm, pattern"),
        (["{notes}", "--chunking", "nonsense"], "unknown chunker 'nonsense'. Known: document"),
        (["{notes}", "--suffix", "exe"], "unknown suffix '.exe'"),
        (["{notes}", "--max-tokens", "3"], "chunking.max_tokens: must be at least 16, got 3"),
        (["{notes}", "--config", "{missing}"], "cannot be read"),
        (["{notes}", "--config", "{broken}"], "broken.toml, line 3: max_tokens: not valid TOML"),
        (["{notes}", "--config", "{unknown}"], "unknown.toml, line 2: chunking.max_token: unknown key"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    run: Run, tmp_path: Path, notes: Path, arguments: list[str], message: str
) -> None:
    places = {name: tmp_path / name for name in ("missing", "empty")}
    places |= {name: tmp_path / f"{name}.toml" for name in ("broken", "unknown")}
    places["empty"].mkdir()
    places["broken"].write_text("[chunking]\nmethod = 'sentences'\nmax_tokens = = 3\n")
    places["unknown"].write_text("[chunking]\nmax_token = 64\n")
    filled = [argument.format(notes=notes, **places) for argument in arguments]
    encoder = [] if "--encoder" in filled else ["--encoder", "none"]
    done = run("index", tmp_path / "index", *filled, *encoder, "--quiet")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_column_that_is_not_there(run: Run, tmp_path: Path, notes: Path) -> None:
    (notes / "rows.csv").write_text("id,body\n1,Text.\n")
    done = run("index", tmp_path / "index", notes / "rows.csv", "--encoder", "none", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    error = json.loads(done.stderr)
    assert error["error"] == "DocumentError"
    assert "no column 'text'; columns present: 'id', 'body'" in error["message"]


def test_two_documents_with_one_id(run: Run, tmp_path: Path, notes: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "ada.md").write_text("Another Ada.", "utf-8")
    done = run("index", tmp_path / "index", notes, other, "--encoder", "none", "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert json.loads(done.stderr)["error"] == "DuplicateDocumentError"
