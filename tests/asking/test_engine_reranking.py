"""Re-rankers: what becomes of the order, with objects, by name, from the command line; what they may not do."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hippo import Hippo, Retrieval
from hippo.cli.app import app
from hippo.errors import ConfigError, RerankingError, UnknownNameError
from hippo.evaluation import load_dataset

QUESTION = "Where was Ada Smith born?"


class Scores:
    """A re-ranker by a function of question and text, which remembers what it was shown."""

    fingerprint = "scores/1"

    def __init__(self, score: Callable[[str, str], Any]) -> None:
        self.score = score
        self.shown: list[list[str]] = []

    def rerank(self, questions: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[Any]]:
        self.shown += map(list, passages)
        return [[self.score(one, text) for text in texts] for one, texts in zip(questions, passages, strict=True)]


def ids(found: Retrieval) -> list[str]:
    return [hit.chunk_id for hit in found.hits]


def test_both_orders_become_one(index: Path) -> None:
    with Hippo.open(index) as memory:
        before = memory.retrieve(QUESTION, k=4)
    last = f"{before.hits[-1].title}\n{before.hits[-1].text}" if before.hits[-1].title else before.hits[-1].text
    reranker = Scores(lambda question, text: 1000.0 if text == last else 0.0)
    with Hippo.open(index, reranking=reranker, config={"reranking": {"passages": 4}}) as memory:
        found = memory.retrieve(QUESTION, k=3, explain=True)
    ranks = {key: [place, place + 1 if place < 4 else 1] for place, key in enumerate(ids(before), 1)}
    fused = {key: sum(0.5 / (60 + rank) for rank in both) for key, both in ranks.items()}
    assert ids(found) == sorted(ids(before), key=lambda key: -fused[key])[:3]
    assert [hit.score for hit in found.hits] == pytest.approx(sorted(fused.values(), reverse=True)[:3])
    assert [hit.rank for hit in found.hits] == [1, 2, 3]
    assert (found.parameters["reranker"], found.parameters["reranked"]) == ("scores/1", 4)
    given = {hit.chunk_id: hit.explanation.reranking for hit in found.hits if hit.explanation}
    assert all(value == (1000.0 if key == ids(before)[-1] else 0.0) for key, value in given.items())
    assert len(reranker.shown[0]) == 4
    assert last in reranker.shown[0]


def test_alone_it_decides_and_equals_stay_as_they_were(index: Path) -> None:
    with Hippo.open(index) as memory:
        before = memory.retrieve(QUESTION, k=4)
    for share, score in ((1.0, lambda question, text: len(text)), (1.0, lambda question, text: 0), (0.3, lambda *_: 7)):
        with Hippo.open(
            index, reranking=Scores(score), config={"reranking": {"share": share, "passages": 1}}
        ) as memory:
            found = memory.retrieve(QUESTION, k=4)
            # As many are read as are asked for.
            assert found.parameters["reranked"] == 4
            if score("", "a") != score("", "ab"):
                by_length = sorted(before.hits, key=lambda hit: -len(f"{hit.title}\n{hit.text}"))
                assert ids(found) == [hit.chunk_id for hit in by_length]
            else:
                assert ids(found) == ids(before)
            assert memory.retrieve_many([QUESTION, "Who?"], k=4)[0].hits == found.hits
            off = memory.retrieve(QUESTION, k=4, profile=memory._profile("dense"))
            assert "reranked" in off.parameters


def test_a_profile_may_do_without(index: Path) -> None:
    own = {"retrieval": {"profiles": {"quick": {"reranking": "none"}}}}
    with Hippo.open(index, reranking=Scores(lambda *_: 0), config=own) as memory:
        assert "reranked" in memory.retrieve(QUESTION).parameters
        # One that was handed over is for the profiles that name none.
        assert "reranked" not in memory.retrieve(QUESTION, profile="quick").parameters


def test_the_newest_still_wins(tmp_path: Path) -> None:
    old = "Ada Smith lives in Lima."
    with Hippo.open(tmp_path, encoder="hashing", reranking=Scores(lambda _, text: text == old)) as memory:
        memory.add({"id": "old", "text": old, "timestamp": "2020-01-01"})
        memory.add({"id": "new", "text": "Ada Smith lives in Rome.", "timestamp": "2024-01-01"})
        memory.add([f"The river number {number} is long." for number in range(20)])
        assert memory.retrieve("Where does Ada Smith live?").hits[0].document_id == "old"
        found = memory.retrieve("Where does Ada Smith live?", newest_wins=True)
    assert [hit.document_id for hit in found.hits[:2]] == ["new", "old"]
    assert found.hits[0].score >= found.hits[1].score
    assert found.hits[1].superseded_by == found.hits[0].chunk_id


@pytest.mark.parametrize("value", [math.nan, math.inf, "good", None])
def test_what_is_no_number_is_refused(index: Path, value: object) -> None:
    with (
        Hippo.open(index, reranking=Scores(lambda *_: value)) as memory,
        pytest.raises(RerankingError, match="re-ranker 'scores/1'"),
    ):
        memory.retrieve(QUESTION)


def test_one_number_a_passage_is_asked_for(index: Path) -> None:
    class Short(Scores):
        def rerank(self, questions: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[Any]]:
            return [one[:-1] for one in super().rerank(questions, passages)]

    with (
        Hippo.open(index, reranking=Short(lambda *_: 0)) as memory,
        pytest.raises(RerankingError, match=r"finite numbers for \d+ passages"),
    ):
        memory.retrieve(QUESTION)


def test_mistakes_in_its_settings_are_told(index: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown re-ranker 'nobody'.*cross-encoder"):
        Hippo.open(index, reranking="nobody")
    with pytest.raises(ConfigError, match="an object with rerank"):
        Hippo.open(index, reranking=3)  # type: ignore[arg-type]  # what is tested
    for key, value in (("passages", 0), ("share", 0.0), ("share", 1.5)):
        with pytest.raises(ConfigError, match=f"reranking.{key}"):
            Hippo.open(index, config={"reranking": {key: value}})


def test_a_model_that_is_not_there_is_told_on_the_command_line(index: Path) -> None:
    done = CliRunner().invoke(app, ["query", str(index), QUESTION, "--reranking", "cross-encoder:/nowhere", "--json"])
    assert done.exit_code == 1
    assert "/nowhere" in done.stderr
    done = CliRunner().invoke(app, ["query", str(index), QUESTION, "--reranking", "none", "--json"])
    assert "reranked" not in json.loads(done.stdout)["parameters"]


def test_a_good_one_raises_recall_and_one_that_knows_nothing_costs_little(tmp_path: Path) -> None:
    data = load_dataset(Path("data"), "sample")
    texts = {one.id: one.text for one in data.documents}
    gold = {item.text: {texts[one] for one in item.gold} for item in data.questions}

    def knows(question: str, text: str) -> float:
        # Right about two passages of three.
        return float(any(text.endswith(one) for one in gold[question]) and len(text) % 3 > 0)

    def recall(**options: Any) -> float:
        with Hippo.open(tmp_path, **options) as memory:
            found = memory.retrieve_many([*gold], k=2)
        hits = [sum(hit.text in gold[one.question] for hit in one.hits) / len(gold[one.question]) for one in found]
        return sum(hits) / len(hits)

    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add(data.documents)
    plain = recall()
    assert recall(reranking=Scores(knows)) > plain + 0.02
    assert recall(reranking=Scores(lambda *_: 0.0)) == plain
