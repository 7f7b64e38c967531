"""A policy lists what it no longer keeps, and deletes it only when it is told to."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hippo import Hippo, Profile
from hippo.cli.app import app
from hippo.errors import ConfigError, InputError
from hippo.testing import ScriptedLLM

SAID = [("s1", "2020-01-01"), ("s1", "2021-01-01"), ("s1", "2022-01-01"), ("s2", "2020-06-01"), (None, "2019-01-01")]


@pytest.fixture
def memory(tmp_path: Path):
    with Hippo.open(tmp_path / "index", encoder="none", config={"indexing": {"merge_after": 0}}) as opened:
        opened.add({"id": "undated", "text": "Nobody knows when."})
        for number, (session, time) in enumerate(SAID):
            opened.remember(f"Turn {number} was said.", session=session, timestamp=time, metadata={"n": number})
        yield opened


def ids(found) -> list[str]:
    return [one.document_id for one in found]


def test_nothing_is_deleted_before_it_was_listed(memory):
    found = memory.prune(older_than=500)
    assert ids(found) == ["remembered/000000004", "s1/000000000", "s2/000000003"]
    assert [round(one.days) for one in found] == [1096, 731, 579]
    assert len(memory.documents()) == 6
    assert ids(memory.prune(older_than=500, dry_run=False)) == ids(found)
    assert len(memory.documents()) == 3
    assert memory.status().versions == 3
    assert memory.prune(older_than=500) == []


def test_a_list_changes_nothing(memory):
    before = sorted((path, path.stat().st_mtime_ns) for path in memory.path.rglob("*"))
    memory.forget("s1/000000000")
    log = [memory.path / "fresh", *(memory.path / "fresh").iterdir()]
    assert ids(memory.prune(older_than=500)) == ["remembered/000000004", "s2/000000003"]
    assert ids(memory.prune(session="s1", keep_newest=1)) == ["s1/000000001"]
    after = sorted((path, path.stat().st_mtime_ns) for path in memory.path.rglob("*") if path not in log)
    assert after == [one for one in before if one[0] not in log]


def test_an_index_whose_model_is_not_here_is_pruned_and_forgets(tmp_path):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="none", extractor="llm", llm=ScriptedLLM()) as memory:
        years = ("2001", "2009")
        memory.add([{"id": one, "text": f"Ann met Bob in {one}.", "timestamp": f"{one}-01-01"} for one in years])
    (tmp_path / "c.toml").write_text('[retrieval.profiles.mine]\nbase = "bm25"\nretention = {document = 30}\n')
    with Hippo.open(root, config={"indexing": {"merge_after": 0}}) as memory:
        memory.remember("Zoe met Xerxes in Lima.", timestamp="2021-01-01")

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, [words[0], str(root), *words[1:]])
        assert done.exit_code == 0, done.stderr
        return done.stdout

    policy = ["--retention-below", "0.1", "--config", str(tmp_path / "c.toml"), "--profile", "mine"]
    assert "2 documents deleted" in run("prune", *policy, "--yes")
    assert "1 document forgotten" in run("forget", "remembered/000000000")
    found = [path for path in root.rglob("*") if path.is_file() and b"Xerxes" in path.read_bytes()]
    assert found == []
    with Hippo.open(root) as memory:
        [one] = memory.remember("Xerxes met Yves.")
        memory.forget(one)
        memory.close()
        assert isinstance(memory.merge_error, ConfigError)
    assert not any(b"Yves" in path.read_bytes() for path in root.rglob("*") if path.is_file())


def test_all_that_is_given_has_to_hold(memory):
    assert ids(memory.prune(older_than=500, session="s1")) == ["s1/000000000"]
    assert ids(memory.prune(older_than=500, where="n > 0")) == ["remembered/000000004", "s2/000000003"]
    assert ids(memory.prune(session="s1", keep_newest=2)) == ["s1/000000000"]
    assert ids(memory.prune(older_than=0, keep_newest=1)) == ["s1/000000000", "s1/000000001"]
    assert ids(memory.prune(older_than=30, as_of="2020-01-15")) == ["remembered/000000004"]
    memory.prune(session="s2", dry_run=False, forget=True)
    assert memory.status().versions == 0
    assert memory.history("s2/000000003") == []


def test_what_the_forgetting_curve_leaves_decides(memory):
    profile = Profile("mine", retention={"turn": 365.0})
    found = memory.prune(retention_below=0.3, profile=profile)
    assert ids(found) == ["s1/000000000"]
    assert found[0].retention == pytest.approx(2 ** (-731 / 365))
    with pytest.raises(InputError, match="the profile 'hippo' has no forgetting curve"):
        memory.prune(retention_below=0.3)


def test_what_is_no_policy_is_refused(memory):
    for options in ({}, {"older_than": -1}, {"retention_below": 2}, {"older_than": 1, "keep_newest": -1}):
        with pytest.raises(InputError):
            memory.prune(**options)


def test_the_command_line(memory):
    memory.merge()

    def run(*options: str):
        result = CliRunner().invoke(app, ["prune", str(memory.path), *options])
        assert result.exit_code == 0, result.stderr
        return result.stdout

    assert "3 documents would be deleted" in run("--older-than", "500")
    assert [one["session"] for one in json.loads(run("--older-than", "500", "--json"))] == [None, "s1", "s2"]
    assert "3 documents deleted" in run("--older-than", "500", "--yes")
    assert "0 documents" in run("--older-than", "500")
