"""A memory consolidates by itself: after a merge, counted, told of, and with room for others."""

import threading
from typing import Any

import pytest

from hippo import Hippo
from hippo.config import IndexingConfig
from hippo.consolidation import gists
from hippo.errors import ConfigError


def derived(memory: Hippo) -> set[str]:
    """What the derived documents are about."""
    return {one.metadata["of"] for one in memory.documents() if "derived" in one.metadata}


def by_itself(**options: Any) -> dict[str, Any]:
    return {"indexing": {"merge_after": 2, "consolidate_after": 4, **options}}


def say(memory: Hippo, *deeds: str, session: str = "s") -> None:
    for deed in deeds:
        memory.remember(f"Ben {deed} Oslo.", session=session)
    memory._end_merging()


def test_a_memory_consolidates_by_itself_after_a_merge(tmp_path, caplog):
    caplog.set_level("INFO", "hippo.merging")
    with Hippo.open(tmp_path / "index", encoder="none", config=by_itself()) as memory:
        say(memory, "sails to", "paints boats in")
        assert (set(memory.background_work), derived(memory)) == ({"merge"}, set())
        say(memory, "sings at night in", "sleeps badly in")
        assert "session s" in derived(memory)
        work = memory.status().background
        assert work == memory.background_work
        assert (work["consolidate"].done, work["consolidate"].failed, work["consolidate"].problem) == (1, 0, None)
        assert work["merge"].done == 2
        assert {run.command for run in memory.runs()} == {"merge", "consolidate"}
        say(memory, "cooks fish in", "rents a flat in")
        assert memory.background_work["consolidate"].done == 1
    # Another process knows what was done, and goes on from there.
    with Hippo.open(tmp_path / "index", config=by_itself()) as again:
        say(again, "mends nets in", "reads books in", session="t")
        assert again.background_work["consolidate"].done == 1
    assert [record.fields["work"] for record in caplog.records].count("consolidate") == 2


def test_consolidation_by_itself_is_off_unless_asked_for_and_follows_merges():
    assert IndexingConfig().consolidate_after == 0
    with pytest.raises(ConfigError, match="merge_after = 0"):
        IndexingConfig(merge_after=0, consolidate_after=4)


def test_what_fails_in_the_background_is_counted_and_told(tmp_path, caplog):
    with Hippo.open(tmp_path / "index", encoder="none", config=by_itself(consolidate_abstractive=True)) as memory:
        for number in range(3):
            say(memory, f"paints boat {number} in", f"sails boat {number} to")
        work = memory.background_work["consolidate"]
        assert (work.done, work.failed) == (0, 2)
        assert isinstance(memory.consolidate_error, ConfigError)
        assert work.problem == str(memory.consolidate_error)
        assert memory.merge_error is None
        assert memory.status().waiting == 0
        # Once, for it is the same each time.
        assert [record.fields for record in caplog.records] == [{"work": "consolidate", "error": "ConfigError"}]
        memory.consolidate()
        assert memory.consolidate_error is None
        assert derived(memory)


@pytest.mark.parametrize("how", ["close", "change"])
def test_a_consolidation_by_itself_makes_room(tmp_path, monkeypatch, how):
    at_work, go_on = threading.Event(), threading.Event()
    session_gists = gists.session_gists

    def slow(sentences):
        at_work.set()
        assert go_on.wait(300)
        return session_gists(sentences)

    monkeypatch.setattr(gists, "session_gists", slow)
    with Hippo.open(tmp_path / "index", encoder="none", config=by_itself()) as memory:
        say(memory, "sails to", "paints boats in")
        for deed in ("sings in", "sleeps in"):
            memory.remember(f"Ben {deed} Oslo.", session="s")
        assert at_work.wait(300)
        other = threading.Thread(target=memory.close if how == "close" else lambda: memory.add(["Rome is old."]))
        other.start()
        while not memory._called_off():
            other.join(0.01)
        go_on.set()
        other.join(300)
        assert not other.is_alive()
        assert "consolidate" not in memory.background_work
    with Hippo.open(tmp_path / "index") as memory:
        assert derived(memory) == set()
