"""Several extractors as one."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.errors import ConfigError, ExtractionError
from hippo.extraction.combined import CombinedDialogueExtractor, CombinedExtractor, combine
from hippo.extraction.imported import ImportedExtractor
from hippo.extraction.pattern import PatternExtractor
from hippo.protocols import Dialogue, DialogueExtractor, Extractor
from hippo.types import Chunk, Completion, Extraction, ExtractionFailure, Fact, LLMRequest, Mention, Message

Outcome = Extraction | ExtractionFailure


def chunk(key: str = "c", text: str = "Ada met Bob.") -> Chunk:
    return Chunk(key, "d", 0, text, 0, len(text))


def fact(text: str, *entities: str, start: int = 0) -> Fact:
    relations = ((entities[0], entities[1]),) if len(entities) > 1 else ()
    return Fact(text, entities, relations, start, start + len(text))


class Plain:
    """Finds the same in every chunk, except those that it fails on; notes what it was given."""

    def __init__(self, fingerprint: str, *facts: Fact, mentions: Sequence[Mention] = (), fails: Sequence[str] = ()):
        self.fingerprint = fingerprint
        self.calls: list[list[str]] = []
        self._facts, self._mentions, self._fails = facts, tuple(mentions), fails

    def extract(self, chunks: Sequence[Chunk]) -> list[Outcome]:
        self.calls.append([item.id for item in chunks])
        return [self.outcome(item) for item in chunks]

    def outcome(self, item: Chunk) -> Outcome:
        if item.id in self._fails:
            return ExtractionFailure(item.id, "not today")
        return Extraction(item.id, self._mentions, self._facts, {"noise": 1, self.fingerprint: 2})


class Asking(Plain):
    """Asks `questions` times about a chunk, with its own name as prompt."""

    questions = 2

    @property
    def requests_per_chunk(self) -> int:
        return self.questions

    def dialogue(self, item: Chunk) -> Dialogue:
        for _ in range(self.questions):
            reply = yield LLMRequest((Message("user", item.text),), 16, self.fingerprint)
            if reply.text != self.fingerprint:
                return ExtractionFailure(item.id, f"got {reply.text!r}")
        return self.outcome(item)


def lead(dialogue: Dialogue, reply: str | None = None) -> tuple[list[str], Outcome]:
    """Prompts of the requests, each answered by its own prompt or by `reply`, and the outcome."""
    prompts: list[str] = []
    try:
        request = next(dialogue)
        while True:
            prompts.append(request.prompt)
            request = dialogue.send(Completion(reply or request.prompt))
    except StopIteration as end:
        return prompts, end.value


def only(outcomes: list[Outcome]) -> Extraction:
    [found] = outcomes
    assert isinstance(found, Extraction), found
    return found


A, B, C = fact("a", "x", "y"), fact("b", "y"), fact("c", "z")


def test_it_is_a_dialogue_extractor_only_if_a_part_is_one():
    plain, mixed = combine([Plain("p"), Plain("q")]), combine([Plain("p"), Asking("llm")])
    assert isinstance(plain, Extractor)
    assert not isinstance(plain, DialogueExtractor)
    assert isinstance(mixed, CombinedDialogueExtractor)
    assert isinstance(mixed, DialogueExtractor)


def test_facts_and_mentions_of_all_parts_come_once_and_in_order():
    ada, bob, late = Mention("ada", "Ada", 0, 3), Mention("bob", "Bob", 8, 11), Mention("ada", "Ada", 20, 23)
    parts = [
        Plain("p", A, B, mentions=[ada, late]),
        Plain("q", fact("a", "x", "y", start=9), C, fact("a", "x"), mentions=[bob, ada]),
    ]
    found = only(combine(parts).extract([chunk()]))
    assert found.facts == (A, B, C, fact("a", "x"))
    assert found.mentions == (ada, late, bob)
    assert found.dropped == {"noise": 2, "p": 2, "q": 2, "repeated fact": 1}


def test_the_order_is_that_of_the_parts_whoever_works_first():
    asking, plain = Asking("llm/1", A), Plain("p", B)
    combined = combine([asking, plain])
    assert combined.fingerprint == "llm/1 + p"
    assert only(combined.extract([chunk()])).facts == (A, B)
    assert isinstance(combined, DialogueExtractor)
    assert only([lead(combined.dialogue(chunk()))[1]]).facts == (A, B)


def test_parts_work_in_bulk_and_skip_what_another_failed_on():
    plain, other, asking = Plain("p/1", A, fails=["2"]), Plain("q", fails=["3"]), Asking("llm", B, fails=["1"])
    outcomes = combine([asking, plain, other]).extract([chunk(key) for key in "1234"])
    assert plain.calls == [["1", "2", "3", "4"]]
    assert other.calls == [["1", "3", "4"]]
    assert asking.calls == [["1", "4"]]
    assert outcomes[:3] == [
        ExtractionFailure("1", "llm: not today"),
        ExtractionFailure("2", "p: not today"),
        ExtractionFailure("3", "q: not today"),
    ]
    assert only(outcomes[3:]).facts == (B, A)


def test_no_part_is_called_for_nothing():
    plain, other = Plain("p", fails=["c"]), Plain("q")
    combined = combine([plain, other])
    assert combined.extract([]) == []
    assert combined.extract([chunk()]) == [ExtractionFailure("c", "p: not today")]
    assert (plain.calls, other.calls) == ([["c"]], [])


def test_conversations_follow_one_another():
    plain = Plain("p", B)
    combined = combine([Asking("first", A), plain, Asking("second", C)])
    assert isinstance(combined, DialogueExtractor)
    prompts, outcome = lead(combined.dialogue(chunk()))
    assert prompts == ["first", "first", "second", "second"]
    assert plain.calls == [["c"]]
    assert [outcome] == combined.extract([chunk()])


def test_a_failed_conversation_ends_all_of_them():
    combined = combine([Plain("p", A), Asking("llm/7 model"), Asking("second")])
    assert isinstance(combined, DialogueExtractor)
    assert lead(combined.dialogue(chunk()), "nonsense") == (
        ["llm/7 model"],
        ExtractionFailure("c", "llm: got 'nonsense'"),
    )


def test_nothing_is_asked_about_a_chunk_that_a_plain_part_fails_on():
    combined = combine([Asking("llm"), Plain("p", fails=["c"])])
    assert isinstance(combined, DialogueExtractor)
    assert lead(combined.dialogue(chunk())) == ([], ExtractionFailure("c", "p: not today"))


def test_plain_parts_work_before_the_conversation_begins():
    plain = Plain("p")
    combined = combine([Asking("llm"), plain])
    assert isinstance(combined, DialogueExtractor)
    dialogue = combined.dialogue(chunk())
    assert plain.calls == [["c"]]
    dialogue.close()


def test_an_asking_part_without_questions_is_no_special_case():
    silent = Asking("llm", A)
    silent.questions = 0
    combined = combine([silent, Plain("p")])
    assert isinstance(combined, DialogueExtractor)
    prompts, outcome = lead(combined.dialogue(chunk()))
    assert prompts == []
    assert only([outcome]).facts == (A,)


def test_one_part_stays_as_it_is():
    part = PatternExtractor()
    assert combine([part]) is part


def test_combined_parts_are_taken_apart():
    nested = combine([combine([Plain("a"), Asking("b")]), combine([Plain("c"), Plain("d")])])
    assert isinstance(nested, CombinedExtractor)
    assert isinstance(nested, DialogueExtractor)
    assert nested.fingerprint == "a + b + c + d"
    assert [part.fingerprint for part in nested.parts] == ["a", "b", "c", "d"]
    failing = combine([combine([Plain("a"), Plain("b", fails=["c"])]), Plain("d")])
    assert failing.extract([chunk()]) == [ExtractionFailure("c", "b: not today")]


def test_parts_must_be_there_and_differ():
    with pytest.raises(ConfigError, match="parts: at least one is needed, got none"):
        combine([])
    with pytest.raises(ConfigError, match="parts: pattern/1 is given 2 times; name it once"):
        combine([PatternExtractor(), PatternExtractor()])
    with pytest.raises(ConfigError, match="a is given 2 times"):
        combine([combine([Plain("a"), Plain("b")]), Plain("a")])


def test_a_part_that_mixes_up_its_chunks_is_an_error():
    class Short(Plain):
        def extract(self, chunks: Sequence[Chunk]) -> list[Outcome]:
            return super().extract(chunks)[1:]

    class Swapped(Plain):
        def extract(self, chunks: Sequence[Chunk]) -> list[Outcome]:
            return super().extract(chunks)[::-1]

    for part in (Short("odd/1"), Swapped("odd/1")):
        with pytest.raises(ExtractionError, match=r"'odd/1': gave \d outcomes that do not match its 2 chunks"):
            combine([Plain("p"), part]).extract([chunk("1"), chunk("2")])


def test_rules_and_a_published_file_complete_each_other(tmp_path: Path):
    path = tmp_path / "openie.json"
    record = {"passage": "Ada met Bob.", "extracted_entities": ["Bob"], "extracted_triples": [["Ada", "met", "Bob"]]}
    path.write_text(json.dumps({"docs": [record]}), encoding="utf-8")
    combined = combine([PatternExtractor(), ImportedExtractor(path=str(path))])
    assert combined.fingerprint.startswith("pattern/1 + imported/2/")
    known, unknown = combined.extract([chunk(), chunk("else", "Ada left.")])
    assert isinstance(known, Extraction)
    assert [item.text for item in known.facts] == ["Ada met Bob.", "Ada met Bob"]
    assert len(known.mentions) == 2
    assert isinstance(unknown, ExtractionFailure)
    assert unknown.reason.startswith(f"imported: {path} has no record of this passage")


FACTS = st.lists(st.sampled_from([A, B, C, fact("a", "x"), fact("a", "x", "y", start=5)]), max_size=6)


@given(FACTS, FACTS, FACTS)
def test_grouping_does_not_matter(one: list[Fact], two: list[Fact], three: list[Fact]):
    parts = [Plain("1", *one), Plain("2", *two), Plain("3", *three)]
    flat = only(combine(parts).extract([chunk()]))
    assert only(combine([combine(parts[:2]), parts[2]]).extract([chunk()])) == flat
    assert len({(item.text, item.entities) for item in flat.facts}) == len(flat.facts)
    assert len(flat.facts) + flat.dropped.get("repeated fact", 0) == len(one) + len(two) + len(three)
    assert {(item.text, item.entities) for item in (*one, *two, *three)} == {
        (item.text, item.entities) for item in flat.facts
    }
