"""Pruning takes what nothing needs, and nothing else."""

import pytest

from hippo import Hippo
from hippo.errors import IndexBusyError, IndexPathError
from hippo.maintenance import check, prune
from hippo.store import Store

MANY = [f"Place {number} lies beside river {number * 7} in the land of Sums." for number in range(300)]


def test_pruning_gives_space_back_and_keeps_answers(tmp_path):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add([{"id": f"d{number}", "text": text} for number, text in enumerate(MANY)])
        memory.add([{"id": f"d{number}", "text": "Gone."} for number in range(280)])
        before = memory.retrieve("What lies beside river 2009?", k=5).hits
    kept = prune(root)
    assert (kept.versions, kept.embeddings) == (0, 0)
    pruned = prune(root, history="all")
    assert pruned.versions == 280
    assert pruned.embeddings > 280
    assert pruned.after["store"] < kept.before["store"] / 2
    assert pruned.snapshots in ((), ("000002",))
    assert check(root).sound
    with Hippo.open(root) as memory:
        assert memory.retrieve("What lies beside river 2009?", k=5).hits == before
        report = memory.add([{"id": "d299", "text": MANY[299]}])
        assert (report.unchanged, report.embedded, report.snapshot) == (1, 0, "000003")
    assert prune(root).embeddings == 0


def test_pruning_needs_the_index_for_itself(tmp_path):
    with pytest.raises(IndexPathError):
        prune(tmp_path)
    root = tmp_path / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add(MANY[:2])
    with Store.open(root), pytest.raises(IndexBusyError):
        prune(root)
