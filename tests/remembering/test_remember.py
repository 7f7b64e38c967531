"""What is remembered is on disk at once, is recalled at once, and comes into the index as if it had been added."""

import json
import multiprocessing
import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from hippo import Document, Hippo
from hippo.cli.app import app
from hippo.errors import DocumentError, IndexCorruptError, IndexEmptyError, IndexMismatchError, InputError
from hippo.fresh.log import Log
from hippo.indexing import absorb as absorbing
from hippo.maintenance import backup, check, repair

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London.", "timestamp": "2020-01-01"},
    {"id": "b", "text": "Charles Babbage built the Analytical Engine.", "timestamp": "2020-01-02"},
    {"id": "c", "text": "Zürich lies in Switzerland.", "timestamp": "2020-01-03"},
]
SAID = [
    ("The Analytical Engine was never finished.", "s1", "2021-05-01"),
    ("Luigi Menabrea wrote about the Analytical Engine in Geneva.", "s1", "2021-05-02"),
    ("Ada Lovelace translated Luigi Menabrea.", "s2", "2021-05-03"),
]
MANUAL = {"indexing": {"merge_after": 0}}


def make(path: Path) -> None:
    with Hippo.open(path, encoder="hashing") as opened:
        opened.add(CORPUS)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    with Hippo.open(prepared(make, tmp_path / "index"), encoder="hashing", config=MANUAL) as opened:
        yield opened


def say(memory: Hippo) -> list[str]:
    return [one for text, session, time in SAID for one in memory.remember(text, session=session, timestamp=time)]


def found(memory: Hippo, question: str, **options) -> list[str]:
    return [hit.text for hit in memory.recall(question, **{"k": 10, **options}).hits]


def test_a_new_memory_recalls_what_it_was_told(tmp_path):
    with Hippo.open(tmp_path / "new", encoder="hashing", config=MANUAL) as memory:
        with pytest.raises(IndexEmptyError):
            memory.recall("Who leads Acme?")
        [key] = memory.remember("Alice Smith leads Acme.", metadata={"speaker": "Bob", "year": 2020})
        [hit] = memory.recall("Who leads Acme?").hits
        assert (hit.document_id, hit.title, hit.metadata["year"]) == (key, "Bob", 2020)
        assert abs((datetime.now(UTC) - hit.timestamp).total_seconds()) < 60
        assert memory.status().waiting == 1
    with Hippo.open(tmp_path / "new", config=MANUAL) as again:
        assert again.config.encoder.name == "hashing"
        assert found(again, "Who leads Acme?") == ["Alice Smith leads Acme."]
        [other] = again.remember("Bob leads Acme.")
        again.forget(other)
        assert again.merge().remembered == 1
        assert (again.status().waiting, again.status().documents) == (0, 1)


def test_the_walk_reaches_what_was_remembered_over_names(memory):
    say(memory)
    retrieval = memory.recall("Who was translated by the woman who met Charles Babbage?", k=6, explain=True)
    assert {hit.text for hit in retrieval.hits} == {one["text"] for one in CORPUS} | {text for text, *_ in SAID}
    told = next(hit for hit in retrieval.hits if hit.text == SAID[2][0])
    assert told.rank <= 3
    assert told.explanation.activation > 0
    assert told.explanation.path[-1].kind in ("contains", "titles")
    assert memory.get(told.document_id).text == SAID[2][0]
    assert [one.text for one in memory.passages(told.chunk_id)] == [SAID[2][0]]
    assert memory.entities("Luigi Menabrea")[0].passages == 2


@pytest.mark.parametrize(("encoder", "storage"), [("hashing", "float32"), ("hashing", "float16"), ("none", "float32")])
@pytest.mark.parametrize("rules", ["hippo", "hipporag"])
def test_layered_scores_are_those_of_an_index_of_all(tmp_path, encoder, storage, rules):
    config = {**MANUAL, "graph": {"synonym_max": 0, "rules": rules}, "encoder": {"storage": storage}}
    with Hippo.open(tmp_path / "one", encoder=encoder, config=config) as memory:
        memory.add(CORPUS)
        ids = say(memory)
        before = {name: scores(memory, name) for name in ("hippo", "bm25")}
        report = memory.merge()
        assert (report.remembered, report.added) == (3, 0)
        after = {name: scores(memory, name) for name in ("hippo", "bm25")}
    for name, expected in after.items():
        assert before[name].keys() == expected.keys() == {"a", "b", "c", *ids}
        assert np.allclose([before[name][key] for key in expected], list(expected.values()), atol=1e-6)


def scores(memory: Hippo, profile: str) -> dict[str, float]:
    question = "Who wrote about what Charles Babbage built?"
    return {hit.document_id: hit.score for hit in memory.recall(question, k=10, profile=profile).hits}


def test_a_merged_index_is_that_of_the_same_documents(tmp_path, memory):
    ids = say(memory)
    memory.merge()
    with Hippo.open(tmp_path / "fresh", encoder="hashing") as fresh:
        told = [
            {"id": key, "text": text, "timestamp": time, "metadata": memory.get(key).metadata}
            for key, (text, _, time) in zip(ids, SAID, strict=True)
        ]
        fresh.add([*CORPUS, *told])
        mine, its = memory.contents(), fresh.contents()
        for name in ("documents", "chunks", "facts", "entities"):
            assert getattr(mine, name).equals(getattr(its, name))
        for kind in its.graph.weights:
            assert np.array_equal(mine.graph.weights[kind], its.graph.weights[kind])
        assert np.array_equal(mine.vectors["fact"], its.vectors["fact"])
    assert not [file for file in (memory.path / "fresh").iterdir() if file.stat().st_size]


def test_nothing_is_encoded_twice(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="hashing", config=MANUAL) as memory:
        memory.remember("Alice Smith leads Acme.")
        report = memory.merge()
        # Names alone: passages and facts were encoded when they were remembered.
        assert report.embedded == report.entities == 2


def test_conditions_and_times_choose_among_both(memory):
    say(memory)
    assert found(memory, "engine", session="s1") == [SAID[0][0], SAID[1][0]] or set(
        found(memory, "engine", session="s1")
    ) == {SAID[0][0], SAID[1][0]}
    assert set(found(memory, "engine", session="s1", where="session != 's9'")) == {SAID[0][0], SAID[1][0]}
    assert set(found(memory, "engine", as_of="2021-05-01")) == {*(one["text"] for one in CORPUS), SAID[0][0]}
    assert found(memory, "engine", as_of="2021-05-02", session="s2") == []
    assert set(found(memory, "engine", as_of="2020-01-02T12:00")) == {one["text"] for one in CORPUS[:2]}
    assert len(found(memory, "engine", as_of=datetime.now(UTC))) == 6
    assert [one.id for one in memory.documents(where="session = 's2'")] == ["s2/000000002"]


VERSIONS = [
    ("a", "Ada Lovelace met Luigi Menabrea in Geneva.", "2021-05-01"),
    ("new", "Bob Brown leads Acme.", "2021-05-02"),
    ("a", "Ada Lovelace met Mary Somerville in Rome.", "2021-05-04"),
    ("new", "Eve Stone leads Acme.", "2021-05-05"),
    ("new", "Eve Stone leads Acme.", "2021-05-05"),
    ("a", "Ada Lovelace met nobody.", "2020-05-01"),
    ("b", "Charles Babbage built nothing.", "2021-05-06"),
]
TIMES = ["2019-01-01", "2020-01-01", "2021-05-01", "2021-05-02", "2021-05-04", "2021-05-05", "2021-05-06", None]


@pytest.mark.parametrize("start", ["beside an index", "before any"])
def test_all_versions_answer_before_a_merge_as_after_it(tmp_path, start):
    config = {**MANUAL, "graph": {"synonym_max": 0}}
    with Hippo.open(tmp_path / "index", encoder="hashing", config=config) as memory:
        if start == "beside an index":
            memory.add(CORPUS)
        for key, text, time in VERSIONS:
            memory.remember(Document(text, key, timestamp=time))
        between = datetime.now(UTC)
        memory.remember("Zürich lies on a lake.", timestamp="2021-05-07")
        times = [*TIMES, between]
        before = [told(memory, time) for time in times]
        assert before[5]["new"][0] == "Eve Stone leads Acme."
        assert before[4]["new"][0] == "Bob Brown leads Acme."
        assert before[4]["a"][0] == before[6]["a"][0] == "Ada Lovelace met Mary Somerville in Rome."
        assert before[7]["a"][0] == before[8]["a"][0] == "Ada Lovelace met nobody."
        assert set(told(memory, "2021-05-04", where="kind = 'x'")) == set()
        assert memory.merge().remembered
        for time, earlier in zip(times, before, strict=True):
            after = told(memory, time)
            assert {key: text for key, (text, _) in after.items()} == {key: text for key, (text, _) in earlier.items()}
            assert [after[key][1] for key in after] == pytest.approx([earlier[key][1] for key in after], abs=1e-6)
        versions = [(one.title, one.ending) for one in memory.history("new")]
        assert versions == [(None, "replaced"), (None, None)]
        assert check(memory.path).sound


def told(memory: Hippo, time, **options) -> dict[str, tuple[str, float]]:
    hits = memory.recall("Who met Ada Lovelace at Acme?", k=10, as_of=time, explain=True, **options).hits
    return {hit.document_id: (hit.text, hit.score) for hit in hits}


def test_a_merge_that_was_broken_off_between_two_versions_goes_on(memory, monkeypatch):
    for key, text, time in VERSIONS:
        memory.remember(Document(text, key, timestamp=time))
    expected = {time: told(memory, time) for time in TIMES}
    ingested, ingest = [], absorbing.ingest

    def breaks(*arguments, **options):
        ingested.append(arguments)
        if len(ingested) == 2:
            raise RuntimeError("power cut")
        return ingest(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(absorbing, "ingest", breaks)
        with pytest.raises(RuntimeError):
            memory.merge()
    memory.merge()
    assert {time: {key: text for key, (text, _) in told(memory, time).items()} for time in TIMES} == {
        time: {key: text for key, (text, _) in found.items()} for time, found in expected.items()
    }
    assert len(memory.history("a")) == 4


def test_every_change_takes_what_was_remembered_along(memory):
    [first, *_] = say(memory)
    report = memory.delete(first)
    assert (report.remembered, report.deleted) == (3, 1)
    assert len(found(memory, "engine")) == 5
    memory.remember("Nothing new.")
    assert memory.add(CORPUS[:1]).remembered == 1


def test_what_is_forgotten_is_gone_at_once_and_off_the_disk_after_the_merge(memory):
    [first, *_] = say(memory)
    assert memory.forget(first, "b") == [first, "b"]
    for question in ("Analytical Engine", "Charles Babbage"):
        for options in (
            {},
            {"profile": "bm25"},
            {"where": "session != 'x' or session is null"},
            {"as_of": "2022-01-01"},
        ):
            texts = found(memory, question, **options)
            assert not {SAID[0][0], CORPUS[1]["text"]}.intersection(texts)
    assert len(found(memory, "engine")) == 4
    seeds = memory.recall("Who built the Analytical Engine?").seeds
    assert all("built" not in seed.text and "finished" not in seed.text for seed in seeds)
    report = memory.merge()
    assert (report.remembered, report.forgotten) == (2, 1)
    assert len(found(memory, "engine")) == 4
    for file in memory.path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"never finished" not in content
            assert b"built the Analytical" not in content


def test_a_new_memory_that_was_told_nothing_else_forgets_all(tmp_path):
    with Hippo.open(tmp_path / "new", encoder="hashing", config=MANUAL) as memory:
        memory.forget(*memory.remember("Alice Smith leads Acme."))
        assert memory.recall("Who leads Acme?").hits == ()


def test_forgetting_by_session_and_by_condition(memory):
    ids = say(memory)
    assert memory.forget(session="s1", dry_run=True) == ids[:2]
    assert memory.forget(session="s1") == ids[:2]
    assert memory.forget(where="session = 's2'") == ids[2:]
    assert memory.forget(session="s3") == []
    with pytest.raises(DocumentError, match="nothing was forgotten"):
        memory.forget("unknown")
    assert memory.forget("unknown", missing_ok=True) == []
    for ids, options in (((), {}), (("a",), {"session": "s1"})):
        with pytest.raises(InputError, match="either by ids, or by a session or a condition"):
            memory.forget(*ids, **options)


def test_what_cannot_be_remembered_is_refused(memory):
    for what in ("", "  ", 7):
        with pytest.raises(DocumentError):
            memory.remember(what)
    with pytest.raises(DocumentError, match="session"):
        memory.remember("Yes.", session="")
    with pytest.raises(DocumentError):
        memory.remember("Yes.", timestamp="yesterday")
    assert not (memory.path / "fresh").exists()


def test_another_process_recalls_and_remembers_too(memory):
    with Hippo.open(memory.path) as other:
        assert len(found(other, "engine")) == 3
        [first] = memory.remember("Grace Hopper wrote a compiler.")
        [second] = other.remember("Grace Hopper found a moth.")
        assert first < second
        for one in (memory, other):
            assert set(found(one, "Grace Hopper", k=2)) == {
                "Grace Hopper wrote a compiler.",
                "Grace Hopper found a moth.",
            }
        memory.merge()
        [third] = other.remember("Grace Hopper was an admiral.")
        assert third == "remembered/000000002"
        assert len(found(other, "Grace Hopper", k=9)) == 6
    # One that has an old snapshot open, and has not read what was merged since.
    with Hippo.open(memory.path) as late:
        memory.merge()
        assert late.remember("Alan Turing ran.") == ["remembered/000000003"]
        assert "Grace Hopper was an admiral." in [hit.text for hit in late.retrieve("admiral", k=9).hits]


def _remember(path: Path, name: str, count: int) -> None:
    with Hippo.open(path, encoder="hashing", config=MANUAL) as memory:
        for number in range(count):
            memory.remember(f"{name} said {number}.")


def test_many_writers_lose_nothing(memory):
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_remember, args=(memory.path, "Process", 20))
    process.start()
    threads = [
        threading.Thread(target=lambda name: [memory.remember(f"{name} said {n}.") for n in range(20)], args=(f"T{i}",))
        for i in range(3)
    ]
    for thread in threads:
        thread.start()
    memory.merge()
    for thread in threads:
        thread.join()
    process.join()
    assert process.exitcode == 0
    memory.merge()
    texts = [memory.get(one.id).text for one in memory.documents()]
    assert sorted(texts) == sorted(
        [one["text"] for one in CORPUS]
        + [f"{name} said {number}." for name in ("Process", "T0", "T1", "T2") for number in range(20)]
    )


def test_it_is_merged_in_the_background(tmp_path):
    config = {"indexing": {"merge_after": 3}}
    with Hippo.open(tmp_path / "index", encoder="hashing", config=config) as memory:
        say(memory)
        memory._end_merging()
        assert (memory.merge_error, memory.status().waiting, memory.status().documents) == (None, 0, 3)


def test_a_record_that_was_cut_off_is_passed_over_and_removed(memory):
    say(memory)
    [file] = (memory.path / "fresh").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    with Hippo.open(memory.path) as again:
        assert len(found(again, "engine")) == 5
        assert again.remember("It goes on.") == ["remembered/000000002"]
        assert len(found(again, "engine")) == 6
    assert len(Log(memory.path).since(0)) == 3


def test_a_damaged_record_is_an_error_that_names_it(memory):
    say(memory)
    [file] = (memory.path / "fresh").iterdir()
    lines = file.read_bytes().splitlines(keepends=True)
    body = json.loads(lines[0][9:])
    body["documents"][0]["text"] = "Something else."
    file.write_bytes(lines[0][:9] + json.dumps(body).encode() + b"\n" + b"".join(lines[1:]))
    with Hippo.open(memory.path) as again, pytest.raises(IndexCorruptError, match="the record at byte 0 is damaged"):
        again.recall("engine")
    [problem] = check(memory.path).problems
    assert (problem.part, "1 damaged records" in problem.problem) == ("fresh", True)
    assert repair(memory.path, encoder="hashing").sound
    with Hippo.open(memory.path) as again:
        assert len(found(again, "engine")) == 5
        assert again.remember("It goes on.") == ["remembered/000000003"]


def test_another_encoder_is_refused(memory):
    say(memory)
    with pytest.raises(IndexMismatchError, match="encoder"):
        Hippo.open(memory.path, encoder="none")


def test_a_backup_holds_what_was_remembered(memory, tmp_path):
    say(memory)
    backup(memory.path, tmp_path / "copy")
    with Hippo.open(tmp_path / "copy") as copy:
        assert len(found(copy, "engine")) == 6
        assert copy.merge().remembered == 3


def test_the_command_line(memory, tmp_path):
    index = str(memory.path)
    [key] = run("remember", index, "Eve lives in Bergen.", "--session", "s7", "--metadata", '{"speaker": "Eve"}')[
        "documents"
    ]
    messages = json.dumps([{"role": "user", "content": "Ben left Bergen."}, {"role": "assistant", "content": ""}])
    [other] = run("remember", index, "-", "--session", "s8", stdin=messages)["documents"]
    hits = run("recall", index, "Who lives in Bergen?", "--session", "s7")["hits"]
    assert [(hit["document_id"], hit["title"]) for hit in hits] == [(key, "Eve")]
    assert run("status", index)["waiting"] == 2
    assert run("forget", index, "--session", "s7", "--dry-run") == {"documents": [key]}
    assert run("forget", index, key) == {"documents": [key]}
    assert run("recall", index, "Who lives in Bergen?", "--session", "s7")["hits"] == []
    assert run("merge", index)["remembered"] == 0
    assert run("get", index, other)["text"] == "Ben left Bergen."


def run(*arguments: str, stdin: str | None = None):
    result = CliRunner().invoke(app, [*arguments, "--json"], input=stdin)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)
