"""The cap on sources: what it bounds holds whatever the documents are, and without it nothing changes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo import Hippo
from hippo.errors import ConfigError
from hippo.retrieval import order
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.sources import capped, first, within

masses = st.lists(st.tuples(st.integers(-1, 5), st.just(0.0) | st.floats(1e-9, 1)), min_size=1, max_size=30).filter(
    lambda items: sum(mass for _, mass in items) > 1e-3
)


@given(masses, st.floats(0.01, 1))
def test_no_source_brings_more_than_its_cap(items, cap):
    owners, given_ = np.array([owner for owner, _ in items]), np.array([mass for _, mass in items])
    found = capped(given_, owners, cap)
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(given_.sum())
    totals = {owner: found[owners == owner].sum() / found.sum() for owner in set(owners.tolist()) - {-1}}
    before = {owner: given_[owners == owner].sum() for owner in totals}
    sources = sum(mass > 0 for mass in before.values())
    free = given_[owners == -1].sum() > 0
    limit = cap if free else max(cap, 1 / max(sources, 1))
    assert all(share <= limit + 1e-9 for share in totals.values())
    # Where nobody brings too much, nothing changes; within a source, nothing is preferred.
    if all(mass / given_.sum() <= limit for mass in before.values()):
        assert found == pytest.approx(given_)
    for owner in totals:
        mine = owners == owner
        if before[owner] > 0:
            assert found[mine] / totals[owner] == pytest.approx(given_[mine] / before[owner] * found.sum(), abs=1e-9)


@given(st.lists(st.integers(0, 4), max_size=40), st.integers(1, 12), st.floats(0.01, 1))
def test_of_one_source_there_are_only_so_many(owners, count, cap):
    kept = within(owners, count, cap).tolist()
    assert kept == sorted(set(kept))
    assert len(kept) <= count
    most = max(1, int(cap * count + 1e-9))
    assert all(sum(owners[place] == one for place in kept) <= most for one in set(owners))
    for place in set(range(len(owners))) - set(kept):  # Who was left out was over the cap, or came too late.
        before = [owners[other] for other in kept if other < place]
        assert len(before) == count or before.count(owners[place]) == most


class Fake:
    def __init__(self, owners):
        self.passages = np.array(owners, np.int64)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data(), st.floats(0.01, 1))
def test_there_are_always_k_results(owners, data, cap):
    k = data.draw(st.integers(1, len(owners)))
    rows, held_back = first(np.arange(len(owners)), Fake(owners), k, cap)
    assert len(rows) == len(set(rows.tolist())) == k
    assert held_back == rows[-1] + 1 - k
    most = max(1, int(cap * k + 1e-9))
    if sum(min(owners.count(one), most) for one in set(owners)) >= k:
        assert all(sum(owners[row] == one for row in rows) <= most for one in set(owners))


CLEAN = [
    {"id": "ada", "title": "Ada Lovelace", "text": "Ada Lovelace worked with Charles Babbage.", "by": "press"},
    {"id": "babbage", "title": "Charles Babbage", "text": "Charles Babbage was born in London.", "by": "museum"},
    {"id": "london", "title": "London", "text": "London lies on the Thames.", "by": "atlas"},
]
SPAM = [
    {"id": f"spam{i}", "text": f"Charles Babbage was born in Atlantis, says Ada Lovelace {i}.", "by": "spammer"}
    for i in range(20)
]
QUESTION = "Where was Charles Babbage born, with whom Ada Lovelace worked?"


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    with Hippo.open(tmp_path_factory.mktemp("capped") / "index", encoder="hashing") as made:
        made.add([*CLEAN, *SPAM])
        yield made


@pytest.mark.parametrize("name", PROFILES)
def test_the_public_face_keeps_the_bound(memory, name):
    plain = memory.retrieve(QUESTION, k=4, profile=name, explain=True)
    assert sum(hit.metadata["by"] == "spammer" for hit in plain.hits) > 1 or name in ("hipporag1", "hipporag2")
    assert all(hit.explanation.source is None for hit in plain.hits)
    profile = replace(PROFILES[name], source_cap=0.25, source_field="by")
    found = memory.retrieve(QUESTION, k=4, profile=profile, explain=True)
    assert [hit.metadata["by"] for hit in found.hits].count("spammer") == 1
    assert sorted(hit.document_id for hit in found.hits if hit.metadata["by"] != "spammer") == [
        "ada",
        "babbage",
        "london",
    ]
    assert found.parameters["held_back"] >= 0
    for hit in found.hits:
        source = hit.explanation.source
        assert source.name == f"by {hit.metadata['by']}"
        if PROFILES[name].ranking == "walk" and source.seeds is not None:
            assert source.seeds <= 1 / 2 + 1e-9  # max(c, 1 / S), and at least two sources seed


def test_a_cap_of_one_changes_nothing(memory):
    plain = memory.retrieve(QUESTION, k=10)
    same = memory.retrieve(QUESTION, k=10, profile=replace(PROFILES["hippo"], source_cap=1.0, source_field="by"))
    assert [(hit.chunk_id, hit.score) for hit in plain.hits] == [(hit.chunk_id, hit.score) for hit in same.hits]


@pytest.mark.parametrize(("k", "pool"), [(5, 100), (110, 110)])
def test_a_cap_does_not_widen_what_newer_passages_are_looked_for_among(tmp_path, monkeypatch, k, pool):
    compared = []

    def counting(contents, rows, times):
        compared.append(len(rows))
        return real(contents, rows, times)

    real = order.replacements
    monkeypatch.setattr(order, "replacements", counting)
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(
            {"id": f"{n}", "title": f"T{n % 40}", "text": f"It has {n} workers.", "timestamp": f"{1800 + n}-01-01"}
            for n in range(130)
        )
        profile = replace(PROFILES["hippo"], newest_wins=True, exact=True)
        plain = memory.retrieve("How many workers?", k=k, profile=profile).hits
        # Every passage is a source of its own, so nothing is held back.
        same = memory.retrieve("How many workers?", k=k, profile=replace(profile, source_cap=0.99)).hits
    assert compared == [pool, pool]
    assert any(hit.superseded_by for hit in plain)
    assert [(hit.chunk_id, hit.superseded_by) for hit in same] == [(hit.chunk_id, hit.superseded_by) for hit in plain]


def test_without_a_field_every_document_is_a_source(memory):
    found = memory.retrieve(QUESTION, k=4, profile=replace(PROFILES["hippo"], source_cap=0.25), explain=True)
    names = [hit.explanation.source.name for hit in found.hits]
    assert names == [f"id {hit.document_id}" for hit in found.hits]


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"source_cap": 0}, "above 0 and up to 1"), ({"source_cap": 1.5}, "above 0"), ({"source_field": 7}, "a key of")],
)
def test_wrong_options_are_named(memory, options, problem):
    with pytest.raises(ConfigError, match=problem):
        memory.retrieve(QUESTION, profile=replace(PROFILES["hippo"], **options))
