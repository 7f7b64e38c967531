"""Synonyms are listed, accepted and rejected; what was decided stays, and an index with it is that of a fresh build."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hippo import Document, Hippo, SynonymDecision
from hippo.cli.app import app
from hippo.errors import IndexCorruptError, IndexPathError, InputError
from hippo.maintenance import backup, check, prune, repair, restore
from hippo.maintenance.invariants import violations
from hippo.snapshot import Snapshot, SnapshotWriter
from hippo.snapshot.contents import Contents, write_contents
from hippo.snapshot.manifest import MANIFEST
from hippo.snapshot.restrict import restrict
from hippo.store import Store

DOCUMENTS = [
    {"id": "a", "title": "Ada", "text": "Ada Lovelace met Charles Babbage in London.", "lang": "en"},
    {"id": "b", "text": "Ada Lovelaces wrote the first program. Rome fell.", "lang": "en"},
    {"id": "c", "text": "The Countess was in Rome with Charles Babbages.", "lang": "de"},
    {"id": "d", "text": "Charles Babbage saw the Countess of Lovelace in Romes.", "lang": "de"},
]
CONFIG: dict[str, Any] = {"graph": {"synonym_threshold": 0.4, "synonym_max": 1}}
NAMES = [
    "Ada Lovelace",
    "Ada Lovelaces",
    "Countess",
    "Countess of Lovelace",
    "Rome",
    "Romes",
    "Charles Babbage",
    "Turin",
]


def opened(path: Path, encoder: str = "hashing", rules: str = "hippo") -> Hippo:
    return Hippo.open(path, encoder=encoder, config={"graph": {**CONFIG["graph"], "rules": rules}})


def make(path: Path) -> None:
    with opened(path) as memory:
        memory.add(DOCUMENTS)


@pytest.fixture
def memory(prepared, tmp_path: Path):
    with opened(prepared(make, tmp_path / "index")) as made:
        yield made


def files(contents: Contents, folder: Path) -> dict[str, Any]:
    """All tables and arrays, as a snapshot holds them: bytes of arrays, and values of tables."""
    with SnapshotWriter(folder) as writer:
        name = write_contents(writer, contents)
    with Snapshot.open(folder, name) as snapshot:
        paths = [path for path in sorted(snapshot.path.iterdir()) if path.name != MANIFEST]
        return {
            path.name: path.read_bytes() if path.suffix == ".npy" else snapshot.table(path.stem).to_pydict()
            for path in paths
        }


def states(memory: Hippo) -> dict[tuple[str, str], tuple[str, float]]:
    return {(one.first.key, one.second.key): (one.state, round(one.weight, 2)) for one in memory.synonyms()}


def test_synonyms_are_listed_with_cosine_example_and_state(memory):
    found = {(one.first.key, one.second.key): one for one in memory.synonyms()}
    pair = found["ada lovelace", "ada lovelaces"]
    assert pair.state == "found"
    assert pair.cosine == pytest.approx(pair.weight)
    assert 0.4 <= pair.weight < 1
    assert (pair.first.name, pair.first.chunks, pair.first.document_id) == ("Ada Lovelace", 1, "a")
    assert pair.second.example == "Ada Lovelaces wrote the first program."
    keys = [{one.first.key, one.second.key} for one in memory.synonyms("  ADA Lovelaces’ ")]
    assert {"ada lovelace", "ada lovelaces"} in keys
    assert all("ada lovelaces" in pair for pair in keys)
    assert len(keys) < len(found)
    assert list(found) == sorted(found)
    with pytest.raises(InputError, match="knows no name of the key 'nobody'"):
        memory.synonyms("nobody")


def test_a_rejected_pair_has_no_edge_and_frees_the_place_for_another(memory):
    edges = memory.status().edges["synonym"]
    report = memory.reject_synonym("Ada Lovelace", "Ada Lovelaces")
    assert (report.embedded, report.added, report.changed) == (0, 0, 0)
    assert states(memory)["ada lovelace", "ada lovelaces"] == ("rejected", 0.0)
    assert memory.status().edges["synonym"] <= edges
    # Nothing of it is left in the walk, and all of it comes back.
    steps = [step for hit in memory.retrieve("Ada Lovelaces", k=4, explain=True).hits for step in hit.explanation.path]
    assert {"Ada Lovelace", "Ada Lovelaces"} not in [
        {step.source, step.target} for step in steps if step.kind == "synonym"
    ]
    memory.reset_synonym("ada lovelaces", "ADA LOVELACE")
    assert states(memory)["ada lovelace", "ada lovelaces"][0] == "found"
    assert memory.status().edges["synonym"] == edges
    assert memory.synonym_decisions() == ()


def test_an_accepted_pair_has_an_edge_that_cosine_did_not_find(memory):
    before = memory.retrieve("Ada Lovelace", k=4, profile="hippo")
    assert ("countess", "ada lovelace") not in states(memory)
    memory.accept_synonym("Nobody", "Ada Lovelace", missing_ok=True)  # a name that is not there is waited for
    memory.accept_synonym("Countess", "Ada Lovelace")
    found = {({one.first.key, one.second.key} - {"ada lovelace"}).pop(): one for one in memory.synonyms("Ada Lovelace")}
    assert (found["countess"].state, found["countess"].weight) == ("accepted", 1.0)
    assert found["countess"].cosine is not None
    assert (found["nobody"].state, found["nobody"].weight) == ("accepted", 0.0)
    after = memory.retrieve("Ada Lovelace", k=4, profile="hippo", explain=True)
    score = {hit.document_id: hit.score for hit in before.hits}
    assert {hit.document_id: hit.score for hit in after.hits}["c"] > score["c"]


def test_an_index_without_vectors_takes_decisions(tmp_path):
    with opened(tmp_path / "index", encoder="none") as memory:
        memory.add(DOCUMENTS)
        assert memory.synonyms() == ()
        memory.accept_synonym("Ada Lovelace", "Countess of Lovelace")
        (one,) = memory.synonyms()
        assert (one.state, one.cosine, one.weight) == ("accepted", None, 1.0)
        assert memory.status().edges["synonym"] == 1


def test_by_the_published_rules_an_accepted_pair_is_listed_by_both_names(tmp_path):
    with opened(tmp_path / "index", rules="hipporag") as memory:
        memory.add(DOCUMENTS)
        memory.accept_synonym("Ada Lovelace", "Countess of Lovelace")
        # l = 2: w = l · c, kept as half of it, which the published profiles weigh by 2.
        assert states(memory)["ada lovelace", "countess of lovelace"] == ("accepted", 1.0)
        for profile in ("hipporag1", "hipporag2"):
            assert len(memory.retrieve("Ada Lovelace", profile=profile, k=4).hits) == 4


@pytest.mark.parametrize(
    ("pair", "problem"),
    [
        (("Ada Lovelace", "ADA  lovelace"), "are one name already: both have the key 'ada lovelace'"),
        (("", "Rome"), "a text with a letter or digit, got ''"),
        ((None, "Rome"), "a text with a letter or digit, got None"),
        (("Rome", "nobody"), "knows no name of the key 'nobody'"),
        (("Ro\ud800me", "Romes"), "lone surrogate|knows no name"),
    ],
)
def test_wrong_pairs_change_nothing(memory, pair, problem):
    snapshot = memory.status().snapshot
    for decide in (memory.accept_synonym, memory.reject_synonym):
        with pytest.raises(InputError, match=problem):
            decide(*pair)
    assert (memory.synonym_decisions(), memory.status().snapshot) == ((), snapshot)


def test_there_has_to_be_an_index(tmp_path):
    with opened(tmp_path / "none") as empty:
        for call in (empty.accept_synonym, empty.reject_synonym, empty.reset_synonym):
            with pytest.raises(IndexPathError):
                call("Rome", "Romes")
    assert not (tmp_path / "none").exists()


def decide(memory: Hippo) -> tuple[SynonymDecision, ...]:
    memory.decide_synonyms(
        [SynonymDecision("Rome", "Romes", "rejected"), SynonymDecision("Countess", "Ada Lovelace", "accepted")]
    )
    return memory.synonym_decisions()


def test_decisions_survive_deletes_re_adds_and_rebuilds(memory, tmp_path):
    kept = decide(memory)
    memory.delete("a", "b", "c", "d")
    assert memory.synonym_decisions() == kept
    assert [(one.state, one.weight, one.first.example) for one in memory.synonyms()] == [
        ("accepted", 0.0, None),
        ("rejected", 0.0, None),
    ]
    memory.add(DOCUMENTS)
    found = states(memory)
    assert found["rome", "romes"] == ("rejected", 0.0)
    assert found["ada lovelace", "countess"] == ("accepted", 1.0)
    assert memory.decide_synonyms(kept).snapshot == memory.status().snapshot  # nothing new, nothing published


@pytest.mark.parametrize("lost", ["store", "synonyms", "snapshots"])
def test_decisions_survive_damage(memory, tmp_path, lost):
    kept = decide(memory)
    expected = files(memory.contents(), tmp_path / "expected")
    memory.close()
    root = tmp_path / "index"
    if lost == "store":
        (root / "store.duckdb").write_bytes(b"damage")
    elif lost == "synonyms":
        with duckdb.connect(str(root / "store.duckdb")) as store:
            store.execute("DELETE FROM synonyms WHERE decision = 'rejected'")
        assert any("synonyms" in problem.problem for problem in check(root).problems)
    else:
        for file in (root / "snapshots").glob("*/graph.indices.npy"):
            file.write_bytes(b"damage")
    assert repair(root, encoder="hashing").sound
    with opened(root) as again:
        assert again.synonym_decisions() == kept
        assert files(again.contents(), tmp_path / "again") == expected
        again.add([{"id": "e", "text": "Rome and Romes again."}])
        assert states(again)["rome", "romes"] == ("rejected", 0.0)
    with Store.open(root) as store:
        assert store.decisions_table().num_rows == 2


def test_what_was_in_force_then_respects_decisions(memory, tmp_path):
    memory.reject_synonym("Ada Lovelace", "Ada Lovelaces")
    memory.accept_synonym("Countess", "Ada Lovelace")
    before = datetime.now(UTC)
    question, k = "Ada Lovelaces", 4
    expected = memory.retrieve(question, k=k, explain=True)
    for gone in (["a"], ["b", "c", "d"]):  # what was in force is in part, then all of it, among older versions
        memory.delete(*gone)
        found = memory.retrieve(question, k=k, explain=True, as_of=before)
        assert [hit.to_dict() for hit in found.hits] == [hit.to_dict() for hit in expected.hits]


def test_backups_and_pruning_keep_decisions(memory, tmp_path):
    kept = decide(memory)
    backup(tmp_path / "index", tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "again")
    memory.close()
    prune(tmp_path / "index")
    for place in ("index", "again"):
        assert check(tmp_path / place).sound
        with opened(tmp_path / place) as one:
            assert one.synonym_decisions() == kept
            one.delete("d")
            assert one.synonym_decisions() == kept


def test_damaged_decisions_of_a_snapshot_are_seen(memory, tmp_path):
    decide(memory)
    contents = memory.contents()
    assert list(violations(contents)) == []
    flipped = contents.decisions.take([1, 0])
    assert list(violations(replace(contents, decisions=flipped))) == ["decisions about synonyms are out of order"]


def test_a_condition_respects_decisions(memory, tmp_path):
    decisions = decide(memory)
    with opened(tmp_path / "part") as part:
        part.add([one for one in DOCUMENTS if one["lang"] == "de"])
        part.decide_synonyms(decisions)
        expected = part.retrieve("Romes", k=4, explain=True)
    found = memory.retrieve("Romes", k=4, explain=True, where="lang = 'de'")
    assert [hit.to_dict() for hit in found.hits] == [hit.to_dict() for hit in expected.hits]


pairs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.sampled_from(range(4)), min_size=1, max_size=3, unique=True)),
        st.tuples(st.just("delete"), st.lists(st.sampled_from(range(4)), min_size=1, max_size=3, unique=True)),
        st.tuples(st.sampled_from(["accepted", "rejected", None]), pairs),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.sampled_from(["hippo", "hipporag"]), st.sampled_from(["hashing", "none"]), steps)
def test_any_order_of_changes_gives_the_index_of_a_fresh_build(tmp_path_factory, rules, encoder, steps):
    folder = tmp_path_factory.mktemp("order")
    held: set[int] = set()
    decided: dict[tuple[str, str], str] = {}
    memory = opened(folder / "index", encoder, rules)
    memory.add([DOCUMENTS[0]])
    held.add(0)
    for what, value in steps:
        if what == "reopen":
            memory.close()
            memory = opened(folder / "index", encoder, rules)
        elif what == "add":
            memory.add([DOCUMENTS[number] for number in value])
            held.update(value)
        elif what == "delete":
            memory.delete(*(DOCUMENTS[number]["id"] for number in value), missing_ok=True)
            held.difference_update(value)
        elif what is None:
            memory.reset_synonym(*value)
            decided.pop(tuple(sorted(value)), None)
        else:
            call = memory.accept_synonym if what == "accepted" else memory.reject_synonym
            call(*value, missing_ok=True)
            decided[tuple(sorted(value))] = what
    with opened(folder / "fresh", encoder, rules) as fresh:
        fresh.add([DOCUMENTS[number] for number in sorted(held)])
        fresh.decide_synonyms([SynonymDecision(*pair, word) for pair, word in decided.items()])
        assert files(memory.contents(), folder / "mine") == files(fresh.contents(), folder / "its")
        mask = [one % 2 == 0 for one in sorted(held)]
        if held and not all(mask):
            with opened(folder / "part", encoder, rules) as part:
                part.add([DOCUMENTS[number] for number in sorted(held) if number % 2 == 0])
                part.decide_synonyms(memory.synonym_decisions())
                cut = restrict(memory.contents(), np.array(mask))
                assert files(cut, folder / "cut") == files(part.contents(), folder / "whole")
    memory.close()


def test_decisions_go_out_and_come_back(memory, tmp_path):
    kept = decide(memory)
    file = tmp_path / "decisions.jsonl"
    assert memory.export_synonyms(file) == 2
    assert [json.loads(line) for line in file.read_text().splitlines()] == [one.to_dict() for one in kept]
    with opened(tmp_path / "other") as other:
        other.add(Document("Nothing of it.", id="x"))
        other.import_synonyms(file)
        assert other.synonym_decisions() == kept


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no json\n", "line 1: not JSON"),
        ("\n[1]\n", "line 2: must be an object with first, second and decision, got \\[1\\]"),
        ('{"first": "a", "second": "b"}', "line 1: must be an object"),
        ('{"first": "a", "second": "b", "decision": "maybe"}', "'accepted' or 'rejected', got 'maybe'"),
        ('{"first": "a", "second": 7, "decision": "accepted"}', "a text with a letter or digit, got 7"),
        (
            "\n".join(
                f'{{"first": "{first}", "second": "{second}", "decision": "{word}"}}'
                for first, second, word in (("A", "b", "accepted"), ("B", "a", "rejected"))
            ),
            "line 2: 'a' and 'b' are rejected here, and accepted before",
        ),
        ('{"first": "' + "a" * 70_000, "line 1: 65537 characters, more than 65536"),
        ("[" * 60_000, "line 1: not JSON"),
    ],
)
def test_a_wrong_file_is_refused_as_a_whole(memory, tmp_path, text, problem):
    file = tmp_path / "decisions.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match=problem) as refused:
        memory.import_synonyms(file)
    assert len(str(refused.value)) < 400
    assert memory.synonym_decisions() == ()


def test_files_that_cannot_be_read_and_values_that_are_no_decisions(memory, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        memory.import_synonyms(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read as UTF-8"):
        memory.import_synonyms(tmp_path / "bytes")
    with pytest.raises(InputError, match="decision 1 must be a SynonymDecision, got tuple"):
        memory.decide_synonyms([("a", "b", "accepted")])  # type: ignore[list-item]


def test_the_command_line(memory, tmp_path):
    root = str(tmp_path / "index")

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, ["synonyms", root, *arguments])
        assert result.exit_code == code, result.output
        return result.output

    assert "Ada Lovelace = Ada Lovelaces: found, cosine" in run()
    run("--reject", "Ada Lovelace", "Ada Lovelaces", "-q")
    run("--accept", "Countess", "Ada Lovelace", "-q")
    assert "Ada Lovelace = Countess: accepted" in run("ada lovelace")
    listed = json.loads(run("--json", "--limit", "1"))
    assert len(listed["synonyms"]) == 1
    assert listed["more"] > 0
    file = str(tmp_path / "out.jsonl")
    assert "2 decisions written" in run("--export", file)
    run("--reset", "Countess", "Ada Lovelace", "-q")
    data = json.loads(run("--import", file, "--json", "-q"))
    assert [one["decision"] for one in data["decisions"]] == ["rejected", "accepted"]
    assert "one thing at a time: --accept or --reject" in run("--accept", "a", "b", "--reject", "c", "d", code=1)
    assert "one thing at a time" in run("Rome", "--export", file, code=1)
    assert "knows no name" in run("--accept", "nobody", "Rome", code=1)
    assert "5 decisions" not in run("--accept", "nobody", "Rome", "--missing-ok", "-q")
    memory.refresh()
    assert len(memory.synonym_decisions()) == 3


def test_a_store_without_the_table_gets_it(memory, tmp_path, make_older):
    memory.close()
    make_older(tmp_path / "index", 3)
    with opened(tmp_path / "index") as again:
        again.accept_synonym("Countess", "Ada Lovelace")
        assert len(again.synonym_decisions()) == 1
    with duckdb.connect(str(tmp_path / "index" / "store.duckdb")) as store:
        store.execute("INSERT INTO synonyms VALUES ('a', 'b', 'rejected')")
    with opened(tmp_path / "index") as damaged, pytest.raises(IndexCorruptError, match="table synonyms holds 2 rows"):
        damaged.add([])
