"""What consolidation makes: marked, with its sources, and gone exactly when these go."""

import json
import random
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from hippo import Hippo, Profile
from hippo.cli.app import app
from hippo.consolidation.facts import alike
from hippo.errors import ConfigError, InputError
from hippo.testing import ScriptedLLM

MANUAL = {"indexing": {"merge_after": 0}}
SAID = [
    ("Ann", "I live in Rome.", "2021-05-01"),
    ("Ben", "Ann met Eve Stone at the Colosseum.", "2021-05-02"),
    ("Ann", "It rained the whole day and nobody came.", "2021-05-03"),
    ("Ben", "Eve Stone guides visitors at the Colosseum.", "2021-05-04"),
    ("Ann", "Eve Stone wrote a book about the Colosseum.", "2021-05-05"),
    ("Ann", "I live in Oslo.", "2022-05-01"),
]
NOTES = [{"id": "note", "text": "Ann met Eve Stone at the Colosseum.", "timestamp": "2021-06-01"}]
WITH = Profile("with", derived=True)


def fill(memory: Hippo) -> list[str]:
    memory.add(NOTES)
    return [
        key
        for speaker, text, time in SAID
        for key in memory.remember(text, session="s1", timestamp=time, metadata={"speaker": speaker})
    ]


@pytest.fixture
def memory(tmp_path: Path):
    with Hippo.open(tmp_path / "index", encoder="hashing", config=MANUAL) as opened:
        yield opened


def derived(memory: Hippo) -> dict[str, list]:
    found: dict[str, list] = {}
    for one in memory.documents():
        if "derived" in one.metadata:
            found.setdefault(one.metadata["derived"], []).append(one)
    return found


def test_facts_are_joined_gists_stand_for_their_sources_and_contradictions_have_both_sides(memory):
    ids = fill(memory)
    report = memory.consolidate()
    made = derived(memory)
    assert (report.facts, report.gists, report.contradictions) == tuple(
        len(made[kind]) for kind in ("fact", "gist", "contradiction")
    )
    assert report.made == sum(map(len, made.values()))
    joined = next(one for one in made["fact"] if set(one.metadata["sources"]) == {ids[1], "note"})
    assert memory.get(joined.id).text == "Ann met Eve Stone at the Colosseum."
    assert joined.metadata["days"] == ["2021-05-02", "2021-06-01"]
    [session] = [one for one in made["gist"] if one.metadata["of"] == "session s1"]
    text = memory.get(session.id).text
    assert "Colosseum" in text
    assert set(session.metadata["sources"]) <= set(ids)
    assert all(sentence in " ".join(one for _, one, _ in SAID) for sentence in text.split(". ")[:1])
    assert "entity Eve Stone" in {one.metadata["of"] for one in made["gist"]}
    [lives] = [one for one in made["contradiction"] if "Oslo" in memory.get(one.id).text]
    assert [side["text"] for side in lives.metadata["sides"]] == ["I live in Rome.", "I live in Oslo."]
    assert [side["day"] for side in lives.metadata["sides"]] == ["2021-05-01", "2022-05-01"]
    assert [side["time"] for side in lives.metadata["sides"]] == [
        "2021-05-01T00:00:00+00:00",
        "2022-05-01T00:00:00+00:00",
    ]
    assert [side["document"] for side in lives.metadata["sides"]] == lives.metadata["sources"] == [ids[0], ids[-1]]
    assert sorted(side["passage"] for side in lives.metadata["sides"]) == lives.metadata["passages"]
    # Doing it again changes nothing.
    again = memory.consolidate()
    assert (again.made, again.removed, again.gists) == (0, 0, report.gists)


def test_who_says_the_same_later_becomes_a_source(memory):
    fill(memory)
    memory.consolidate()
    memory.add([{"id": "late", "text": "Ann met Eve Stone at the Colosseum.", "timestamp": "2023-06-01"}])
    memory.consolidate()
    [joined] = [one for one in derived(memory)["fact"] if "note" in one.metadata["sources"]]
    assert {"note", "late"} <= set(joined.metadata["sources"])
    assert "2023-06-01" in joined.metadata["days"]
    assert not [one for one in memory.history() if one.document_id.startswith("derived/") and one.ended]


@given(st.lists(st.frozensets(st.sampled_from("abcdefgh"), min_size=1), max_size=20))
def test_near_duplicates_are_those_that_a_comparison_of_all_finds(bags):
    expected: list[list[int]] = []
    for place, bag in enumerate(bags):
        near = [group for group in expected if len(bag & bags[group[0]]) >= 0.8 * len(bag | bags[group[0]])]
        near[0].append(place) if near else expected.append([place])
    assert alike(bags) == expected


def test_many_facts_of_the_same_names_are_compared_with_few():
    words = [f"w{number}" for number in range(60)]
    chance = random.Random(0)
    bags = [frozenset(chance.sample(words, 12)) for _ in range(6000)]
    began = process_time()
    assert sum(map(len, alike(bags))) == len(bags)
    assert process_time() - began < 4


def test_what_is_derived_is_a_result_only_where_it_is_wanted(memory):
    fill(memory)
    before = [hit.document_id for hit in memory.recall("Who is at the Colosseum?", k=20).hits]
    memory.consolidate()
    after = memory.recall("Who is at the Colosseum?", k=20).hits
    assert sorted(hit.document_id for hit in after) == sorted(before)
    everything = memory.recall("Who is at the Colosseum?", k=20, profile=WITH).hits
    assert {hit.metadata.get("derived") for hit in everything} == {None, "gist", "fact", "contradiction"}
    by_option = memory.recall("Who is at the Colosseum?", k=20, derived=True).hits
    assert {hit.chunk_id for hit in by_option} == {hit.chunk_id for hit in everything}
    assert not any("derived" in hit.metadata for hit in memory.retrieve("Who?", k=20, profile=WITH, derived=False).hits)
    alone = memory.recall("Who is at the Colosseum?", k=20, derived=True, where="derived = 'gist'").hits
    assert {hit.metadata["derived"] for hit in alone} == {"gist"}
    gists = memory.context("Who is at the Colosseum?", kinds=["gists"])
    assert gists.items
    assert {item.kind for item in gists.items} == {"gist"}
    assert all("derived" not in one.document_id for one in memory.facts("Who is at the Colosseum?", k=50))
    memory.remember("The Colosseum is old.", session="s2")
    hits = memory.recall("Who is at the Colosseum?", k=20).hits
    assert len(hits) == len(before) + 1
    assert not any("derived" in hit.metadata for hit in hits)


@pytest.mark.parametrize("how", ["delete", "forget", "update"])
def test_what_is_derived_goes_exactly_when_its_sources_go(memory, how):
    ids = fill(memory)
    memory.consolidate()
    made = [one for some in derived(memory).values() for one in some]
    stay = {one.id for one in made if ids[1] not in one.metadata["sources"]}
    assert 0 < len(stay) < len(made)
    if how == "delete":
        memory.delete(ids[1])
    elif how == "update":
        memory.update(ids[1], text="Ann was at home.")
    else:
        memory.forget(ids[1])
        hits = memory.recall("Who met Eve Stone?", k=50, profile=WITH).hits
        assert {hit.document_id for hit in hits if "derived" in hit.metadata} == stay
        memory.merge()
    assert {one.id for some in derived(memory).values() for one in some} == stay
    assert not [one for one in memory.history() if one.document_id.startswith("derived/") and one.ended]
    memory.consolidate()
    assert all(ids[1] not in one.metadata["sources"] or how == "update" for one in made if one.id in stay)


def test_a_kind_alone_leaves_the_others(memory):
    fill(memory)
    memory.consolidate(kinds=["gists"])
    assert set(derived(memory)) == {"gist"}
    memory.consolidate(kinds=["facts"])
    assert set(derived(memory)) == {"gist", "fact"}
    for wrong in ("gists", ["gist"]):
        with pytest.raises(InputError):
            memory.consolidate(kinds=wrong)
    with pytest.raises(ConfigError):
        memory.consolidate(abstractive=True)


def test_a_language_model_tells_gists_in_its_own_words(tmp_path):
    model = ScriptedLLM(replies=lambda request: f"Told: {len(request.messages[-1].content.split())} words.")
    with Hippo.open(tmp_path / "index", encoder="hashing", config=MANUAL, llm=model) as memory:
        fill(memory)
        memory.consolidate(kinds=["gists"], abstractive=True)
        texts = [memory.get(one.id).text for one in derived(memory)["gist"]]
        assert texts
        assert all(text.startswith("Told: ") for text in texts)
        assert memory.consolidate(kinds=["gists"], abstractive=True).made == 0


def test_the_command_line(memory):
    fill(memory)
    memory.merge()
    assert run("consolidate", str(memory.path), "--kind", "gists", "--json")["gists"] > 0
    assert run("consolidate", str(memory.path), "--json")["contradictions"] == 1
    [one] = run("list", str(memory.path), "--where", "derived = 'contradiction'", "--json")
    assert [side["text"] for side in one["metadata"]["sides"]] == ["I live in Rome.", "I live in Oslo."]
    asked = "Who is at the Colosseum?", "-k", "20", "--json"
    for command in ("recall", "query"):
        kinds = [{hit["metadata"].get("derived") for hit in run(command, str(memory.path), *asked, *more)["hits"]}
                 for more in ((), ("--derived",))]  # fmt: skip
        assert kinds == [{None}, {None, "gist", "fact", "contradiction"}]


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_documents_of_users_that_say_derived_are_left_alone(tmp_path):
    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add(
            [
                {"id": "a", "text": "Ada met Bob in Rome.", "derived": "fact"},
                {"id": "b", "text": "Bob met Ada in Rome.", "derived": ["x"]},
            ]
        )
        for _ in range(2):
            memory.consolidate()
            assert {one.id for one in memory.documents()} >= {"a", "b"}
