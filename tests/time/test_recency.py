"""Age and replacement in rankings, and what the reader is told of them; nothing changes where nobody asks for it."""

import gc
import json
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from time import thread_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.config import ReaderConfig
from hippo.errors import ConfigError
from hippo.reader.fusion import fuse
from hippo.reader.prompt import build, build_thought
from hippo.retrieval.profiles import PROFILES
from hippo.retrieval.recency import decay
from hippo.retrieval.replaced import _Fact, _sentences
from hippo.search.newest import newest_first
from hippo.snapshot.history import EVER
from hippo.testing import ScriptedLLM
from hippo.types import Hit

QUESTION = "Who is the head of Acme?"
DOCUMENTS = [
    {"id": "old", "title": "Acme", "text": "The head of Acme is Alice Smith.", "timestamp": "2020-01-01"},
    {"id": "new", "title": "Acme", "text": "The head of Acme is Bob Jones since May.", "timestamp": "2022-01-01"},
    {"id": "none", "title": "Acme", "text": "The head of Acme sits in Turin.", "timestamp": None},
    {"id": "other", "title": "Turin", "text": "Turin lies on the Po.", "timestamp": "2021-01-01"},
]
DAYS = (datetime(2022, 1, 1) - datetime(2020, 1, 1)).days  # noqa: DTZ001


@pytest.fixture(scope="module")
def memory(tmp_path_factory):
    with Hippo.open(tmp_path_factory.mktemp("index") / "i", encoder="hashing", llm="scripted") as opened:
        opened.add(DOCUMENTS)
        yield opened


def scores(memory: Hippo, **options) -> dict[str, float]:
    return {hit.document_id: hit.score for hit in memory.retrieve(QUESTION, **options).hits}


@pytest.mark.parametrize("profile", ["hippo", "hipporag2", "dense", "bm25", "hybrid"])
def test_an_older_passage_counts_less(memory, profile):
    plain = scores(memory, profile=replace(PROFILES[profile], exact=True))
    aged = scores(memory, profile=profile, recency_half_life=DAYS / 2)
    if profile in ("dense", "bm25", "hybrid"):
        low, high = min(plain.values()), max(plain.values())
        plain = {key: (score - low) / (high - low) for key, score in plain.items()}
    year = (datetime(2022, 1, 1) - datetime(2021, 1, 1)).days  # noqa: DTZ001
    left = {"old": 1 / 4, "new": 1.0, "none": 1.0, "other": 2 ** (-2 * year / DAYS)}
    assert aged == pytest.approx({key: plain[key] * left[key] for key in plain}, rel=1e-4, abs=1e-7)
    assert list(aged.values()) == sorted(aged.values(), reverse=True)


def test_age_is_explained_and_counts_from_the_time_asked_for(memory):
    found = memory.retrieve(QUESTION, recency_half_life=365, explain=True)
    assert found.parameters["recency_half_life"] == 365
    by_id = {hit.document_id: hit.explanation for hit in found.hits}
    assert by_id["new"].recency == by_id["none"].recency == 1.0
    assert by_id["old"].recency == pytest.approx(2 ** (-DAYS / 365))
    assert memory.retrieve(QUESTION, explain=True).hits[0].explanation.recency is None
    found = memory.retrieve(QUESTION, recency_half_life=365, as_of="2030-01-01", explain=True)
    [new] = [hit for hit in found.hits if hit.document_id == "new"]
    assert new.explanation.recency == pytest.approx(2 ** (-2922 / 365))
    with pytest.raises(ConfigError, match="recency_half_life: must be above 0"):
        memory.retrieve(QUESTION, recency_half_life=0)


def test_age_never_grows_a_score():
    times = np.array([EVER, 0, 86_400_000_000])
    assert decay(times, 1.0, datetime(1970, 1, 1)).tolist() == [1.0, 1.0, 1.0]  # noqa: DTZ001
    assert decay(times[:1], 1.0, None).tolist() == [1.0]
    assert decay(np.empty(0, np.int64), 1.0, None).tolist() == []


def test_the_newer_of_two_statements_comes_first(tmp_path):
    config = {"retrieval": {"profiles": {"fresh": {"newest_wins": True, "damping": 0.5}}}}
    with Hippo.open(tmp_path / "i", encoder="hashing", config=config) as memory:
        memory.add(DOCUMENTS)
        question = "Is the head of Acme Alice Smith?"
        plain = memory.retrieve(question).hits
        assert plain[0].document_id == "old"
        assert {hit.superseded_by for hit in plain} == {None}
        for options in ({"newest_wins": True}, {"profile": "fresh"}, {"newest_wins": True, "profile": "bm25"}):
            found = memory.retrieve(question, **options).hits
            assert [hit.document_id for hit in found][:2] == ["new", "old"]
            assert found[1].superseded_by == found[0].chunk_id
            assert [hit.superseded_by for hit in found[2:]] == [None, None]
            assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
            assert [hit.rank for hit in found] == [1, 2, 3, 4]
        assert memory.retrieve(question, newest_wins=True, k=1).hits[0].document_id == "new"
        assert memory.retrieve(question, newest_wins=True, as_of="2021-06-01").hits[0].document_id == "old"
        assert memory.retrieve(question, profile="fresh", newest_wins=False).hits[0].superseded_by is None
        result = CliRunner().invoke(app, ["query", str(tmp_path / "i"), question, "--newest-wins", "--recency", "900"])
        assert [line.split("  ")[1:2] for line in result.stdout.splitlines() if "superseded" in line] == [
            [" 2"],
            ["Acme"],
        ][1:]


def records(tmp_path, said):
    passages = [(f"passage {number} {triple}", triple) for number, triple in enumerate(said)]
    docs = [
        {"idx": text, "passage": text, "extracted_entities": [], "extracted_triples": [*triples]}
        for text, triples in passages
    ]
    path = tmp_path / "openie.json"
    path.write_text(json.dumps({"docs": docs}), encoding="utf-8")
    config = {"extractor": {"name": "imported", "imported": {"path": str(path)}}, "chunking": {"method": "document"}}
    documents = [
        {"id": f"{2001 + number}", "text": text, "timestamp": f"{2001 + number}-01-01"}
        for number, (text, _) in enumerate(passages)
    ]
    return config, documents


def superseded(tmp_path, said) -> dict[str, str | None]:
    """By year of a passage, the year of the one that supersedes it."""
    config, documents = records(tmp_path, said)
    with Hippo.open(tmp_path / "i", encoder="hashing", config=config) as memory:
        memory.add(documents)
        hits = memory.retrieve("passage", k=9, newest_wins=True).hits
        of = {hit.chunk_id: hit.document_id for hit in hits}
        return {hit.document_id: of.get(hit.superseded_by) for hit in sorted(hits, key=lambda hit: hit.document_id)}


def test_triples_are_compared_by_subject_and_predicate(tmp_path):
    said = [
        [["Acme", "is led by", "Alice"]],
        [["ACME", "Is led by", "Bob"], ["Rome", "is in", "Italy"]],
        [["Acme", "is led by", "Cleo"]],
        [["Bond", "is led by", "Alice"]],
        [["Acme", "is led by", "cleo"], ["Rome", "is in", "italy"]],
    ]
    assert superseded(tmp_path, said) == {"2001": "2005", "2002": "2005", "2003": None, "2004": None, "2005": None}


def test_what_holds_of_several_things_at_once_is_not_replaced(tmp_path):
    said = [[["Ada", "wrote", "Notes"]], [["Ada", "wrote", "Letters"]], [["Bob", "wrote", "A"], ["Bob", "wrote", "B"]]]
    assert set(superseded(tmp_path, said).values()) == {None}


@pytest.mark.parametrize(
    ("older", "newer", "replaced"),
    [
        ("Its head is Alice Smith.", "Its head is Bob Jones since May.", True),
        ("Alice Smith leads it.", "Bob Jones leads it.", True),
        ("It has 300 workers.", "It has 450 workers.", True),
        ("Its head is Alice Smith.", "Its seat is in Turin.", False),
        ("Its head is Alice Smith.", "Its head is Alice Smith.", False),
        ("It met Alice Smith in Rome.", "It met Bob Jones in Turin.", False),
        ("It makes Ropes.", "It makes Nets. It makes Sails.", False),
    ],
)
def test_sentences_are_compared_about_one_subject(tmp_path, older, newer, replaced):
    with Hippo.open(tmp_path / "i", encoder="hashing") as memory:
        memory.add([{"id": "old", "title": "Acme", "text": older, "timestamp": "2020-01-01"}])
        memory.add([{"id": "new", "title": "Acme", "text": newer, "timestamp": "2021-01-01"}])
        memory.add([{"id": "else", "title": "Bond", "text": newer, "timestamp": "2022-01-01"}])
        hits = {hit.document_id: hit for hit in memory.retrieve("Acme?", newest_wins=True).hits}
        assert hits["old"].superseded_by == (hits["new"].chunk_id if replaced else None)
        assert hits["new"].superseded_by is hits["else"].superseded_by is None


def frame(one: tuple[str, ...], other: tuple[str, ...]) -> tuple | None:
    """What two sentences share around the one stretch in which they differ, as the module says it."""
    before = max(n for n in range(10) if one[:n] == other[:n] and n <= min(len(one), len(other)))
    rest = min(len(one), len(other)) - before
    after = max(n for n in range(rest + 1) if one[len(one) - n :] == other[len(other) - n :])
    stretches = len(one) - before - after, len(other) - before - after
    if min(stretches) < 1 or max(stretches) > min(6, before + after):
        return None
    return one[:before], one[len(one) - after :]


def newest(pairs) -> dict[int, tuple[int, int]]:
    found = {}
    for old, new in pairs:
        found[old.passage] = min(found.get(old.passage, (1, 0)), (-new.time, new.passage))
    return found


sentences = st.lists(
    st.tuples(st.integers(0, 5), st.lists(st.sampled_from("abc"), min_size=1, max_size=9)), max_size=12
)


@given(sentences)
def test_sentences_that_meet_are_those_that_differ_in_one_stretch(said):
    facts = [_Fact(row, row // 2, time, "acme", tuple(words)) for row, (time, words) in enumerate(said)]
    alike = [(*pair, shared) for pair in combinations(facts, 2) if (shared := frame(pair[0].words, pair[1].words))]
    many = {shared for one, other, shared in alike if one.document == other.document}
    expected = [
        sorted((one, other), key=lambda fact: fact.time)
        for one, other, shared in alike
        if shared not in many and one.time != other.time
    ]
    assert newest(_sentences(facts)) == newest(expected)


@pytest.mark.parametrize("text", ["The head of Acme is N{n} since spring {n}.", "W{n} of Acme met many.", "Of {n}"])
def test_many_sentences_of_one_title_are_compared_at_once(text):
    count = 2000
    facts = [_Fact(n, n, n // 2, "acme", tuple(text.format(n=n).split())) for n in range(count)]
    gc.disable()  # It would go through whatever other tests have left.
    try:
        began = thread_time()
        found = newest(_sentences(facts))
        taken = thread_time() - began
    finally:
        gc.enable()
    assert taken < 1.5
    assert found == dict.fromkeys(range(count - 2), (1 - count // 2, count - 2))


def test_order_is_kept_but_for_what_is_replaced():
    assert newest_first([1, 2, 3, 4], {}) == [1, 2, 3, 4]
    assert newest_first([1, 2, 3, 4], {1: 3, 3: 4, 2: 1}) == [4, 3, 1, 2]
    assert newest_first([4, 1], {1: 4}) == [4, 1]


def test_rounds_keep_the_newer_first():
    old, new = (Hit(n, 1.0, "", None, name, name, {}) for n, name in enumerate(("old", "new"), 1))
    fused = fuse([[replace(old, superseded_by="new"), new], [replace(old, superseded_by="new")]], 2)
    assert [(hit.chunk_id, hit.rank) for hit in fused] == [("new", 1), ("old", 2)]
    assert fused[0].score == fused[1].score
    assert [hit.chunk_id for hit in fuse([[old, new], [old]], 2)] == ["old", "new"]


def test_the_reader_is_told_when_passages_are_from_and_that_newer_ones_hold(memory):
    hits = memory.retrieve(QUESTION, newest_wins=True).hits
    settings = ReaderConfig()
    for made in (
        build(QUESTION, hits, settings, newest_wins=True),
        build_thought(QUESTION, hits, (), settings, newest_wins=True),
    ):
        system, user = (message.content for message in made.request.messages)
        assert "the newer one holds" in system
        assert made.request.prompt.endswith("+dated/1")
        lines = [line.split(" ", 1)[1] for line in user.splitlines() if line.partition(" ")[2].startswith("[")]
        assert lines[:2] == ["[1] 2022-01-01", "[2] 2020-01-01"]
        assert sum(len(line.split()) == 1 for line in lines) == 1
    plain = build(QUESTION, hits, settings)
    assert plain.request.prompt == "answer/2"
    assert "2022-01-01" not in plain.request.messages[1].content


def test_an_answer_is_read_with_dates(tmp_path):
    llm = ScriptedLLM(replies=["[answer] Bob Jones [1]."])
    with Hippo.open(tmp_path / "i", encoder="hashing", llm=llm) as memory:
        memory.add(DOCUMENTS)
        answer = memory.ask("Is the head of Acme Alice Smith?", newest_wins=True)
        assert answer.citations[0].document_id == "new"
        [request] = llm.requests
        assert "] 2022-01-01\nAcme\n" in request.messages[1].content
