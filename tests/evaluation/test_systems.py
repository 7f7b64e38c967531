"""Any retriever is measured beside ours, and results outlive the process."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hippo import Hippo, Profile, Usage
from hippo.errors import DocumentError, InputError, QuestionError, UnknownNameError
from hippo.evaluation import (
    PARTS,
    Evaluation,
    Found,
    Question,
    compare_results,
    evaluate,
    read_results,
    verdicts,
    without,
)
from hippo.retrieval.profiles import PROFILES

QUESTIONS = [
    Question("one", "Where was Ada Smith born?", ("Riga",), frozenset({"Ada Smith"})),
    Question(
        "two", "Iron Bridge was designed by what, which was born in what?", (), frozenset({"Iron Bridge", "Ada Smith"})
    ),
    Question("three", "What lies by the water and is called Hull?", (), frozenset({"Hull"})),
]
ANSWERED = [Question("one", "Where was Ada Smith born?", ("Riga",), frozenset({"Ada Smith"}))]


def backwards(question: str, k: int) -> list[str]:
    """A retriever of another kind."""
    return ["Hull", "Hull", "Riga", "Ada Smith"][:k]


def test_a_function_beside_a_profile(works: Hippo) -> None:
    found = evaluate(works, QUESTIONS, systems={"ours": "hippo", "theirs": backwards}, ks=(1, 5), timed=2)
    assert found.systems["theirs"].rankings[0] == ("Hull", "Riga", "Ada Smith")
    assert found.systems["theirs"].scores["Recall@1"].tolist() == [0, 0, 1]
    assert found.systems["theirs"].scores["All@5"].tolist() == [1, 0, 1]
    table = found.table()
    assert [row.name for row in table.rows] == ["ours", "theirs"]
    for name, count in (("ours", 2), ("theirs", 3)):
        latency = table.outcomes[name].latency
        assert latency is not None
        assert latency.questions == count
        assert 0 < latency.median_ms <= latency.p95_ms
    assert table.passages == works.contents().n_chunks
    assert " ms a question (95 % within " in table.to_text()


def test_without_an_index(works: Hippo) -> None:
    table = evaluate(None, QUESTIONS, systems={"theirs": backwards}, ks=(5,)).table()
    assert table.passages is None
    with pytest.raises(InputError, match="'hippo' is a profile, which needs an index"):
        evaluate(None, QUESTIONS)
    with pytest.raises(InputError, match="no question"):
        evaluate(works, [])


def test_answers_and_costs_of_others() -> None:
    def reads(question: str, k: int) -> Found:
        return Found(["Ada Smith"], "in Riga [1]", Usage(1, 0, 100, 10, 0.25))

    found = evaluate(None, ANSWERED, systems={"reads": reads}, read=True)
    assert found.systems["reads"].scores["F1"].tolist() == [pytest.approx(2 / 3)]
    assert found.told["reads"].usage["system"].cost == 0.25
    with pytest.raises(InputError, match="gave no answer to 'Where was Ada Smith born"):
        evaluate(None, ANSWERED, systems={"mute": backwards}, read=True)


def test_what_a_function_may_not_give() -> None:
    for wrong in ("Hull", 7, [7]):
        with pytest.raises(InputError, match="must give ids of documents"):
            evaluate(None, QUESTIONS, systems={"odd": lambda question, k, wrong=wrong: wrong})
    with pytest.raises(InputError, match="system 'odd' must be a profile, a function"):
        evaluate(None, QUESTIONS, systems={"odd": 7})  # type: ignore[dict-item]

    def fails(question: str, k: int) -> list[str]:
        raise QuestionError("too long", question)

    found = evaluate(None, QUESTIONS, systems={"fails": fails})
    assert found.told["fails"].failed == 3
    assert found.systems["fails"].scores["Recall@5"].tolist() == [0, 0, 0]


def test_a_retriever_of_langchain(works: Hippo) -> None:
    pytest.importorskip("langchain_core", reason="langchain-core is not installed")
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever

    from hippo.integrations.langchain import HippoRetriever

    class Fixed(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[Document]:
            return [Document("x", id="Ada Smith"), Document("y", metadata={"document_id": "Iron Bridge"})]

    class Nameless(Fixed):
        def _get_relevant_documents(self, query: str, *, run_manager: object) -> list[Document]:
            return [Document("x")]

    systems = {"hippo": "hippo", "through": HippoRetriever(index=works, k=10), "fixed": Fixed()}
    found = evaluate(works, QUESTIONS, systems=systems)
    assert found.systems["through"].rankings == found.systems["hippo"].rankings
    assert found.systems["fixed"].scores["All@2"].tolist() == [1, 1, 0]
    with pytest.raises(InputError, match="a document without an id"):
        evaluate(None, QUESTIONS, systems={"nameless": Nameless()})


def test_ablations() -> None:
    made = without(PROFILES["hippo"], ["all"])
    assert list(made) == [f"hippo without {part}" for part in PARTS]
    for part, changed in {
        "synonyms": {"kind_weights"},
        "passages": {"kind_weights", "passage_share", "scoring"},
        "relations": {"kind_weights"},
        "entity-edges": {"kind_weights"},
        "bm25": {"lexical_weight"},
        "recognition": {"recognition"},
    }.items():
        profile = made[f"hippo without {part}"].to_dict()
        assert {key for key, value in PROFILES["hippo"].to_dict().items() if profile[key] != value} == {
            "name",
            *changed,
        }
    assert made["hippo without passages"].kind_weights["contains"] == 0
    with pytest.raises(UnknownNameError, match="unknown part 'x'"):
        without(Profile("hippo"), ["x"])


def test_every_ablation_ranks(works: Hippo) -> None:
    found = evaluate(works, QUESTIONS, systems=["hippo", *without(PROFILES["hippo"], ["all"]).values()], ks=(5,))
    assert all(len(ranking) == 5 for one in found.systems.values() for ranking in one.rankings)
    assert len({one.rankings for one in found.systems.values()}) > 5


def test_results_in_a_file(works: Hippo, tmp_path: Path) -> None:
    found = evaluate(works, QUESTIONS, systems=["hippo", "bm25"], ks=(2,))
    found.write(tmp_path / "a.parquet")
    again = read_results(tmp_path / "a.parquet")
    assert again.questions == found.questions
    assert again.table().rows == found.table().rows
    assert again.systems["bm25"].rankings == found.systems["bm25"].rankings
    with pytest.raises(InputError, match="exists already"):
        found.write(tmp_path / "a.parquet")
    with pytest.raises(DocumentError, match="no such file"):
        read_results(tmp_path / "b.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "c.parquet")
    with pytest.raises(DocumentError, match="holds no results"):
        read_results(tmp_path / "c.parquet")
    with pytest.raises(InputError, match=r"question '.*' is there twice: results are told apart by it"):
        evaluate(works, [*QUESTIONS, QUESTIONS[0]], systems=["bm25"], ks=(2,))
    written = pq.read_table(tmp_path / "a.parquet")
    twice = pa.concat_tables([written, written.slice(0, 1)]).replace_schema_metadata(written.schema.metadata)
    pq.write_table(twice, tmp_path / "e.parquet")
    with pytest.raises(DocumentError, match=r"system 'hippo' has the question '.*' twice"):
        read_results(tmp_path / "e.parquet")
    (tmp_path / "d.parquet").write_text("nonsense")
    with pytest.raises(DocumentError, match="cannot be read as Parquet"):
        read_results(tmp_path / "d.parquet")


def test_wins_and_losses() -> None:
    def first(question: str, k: int) -> list[str]:
        return ["Hull"]

    def second(question: str, k: int) -> list[str]:
        return ["Ada Smith", "Iron Bridge"]

    both = evaluate(None, QUESTIONS, systems={"first": first, "second": second}, ks=(5,))
    changes = compare_results(both, both, system_b="second")
    assert (changes.a, changes.b, changes.measure) == ("first", "second", "Recall@5")
    assert [(one.id, one.a, one.b) for one in changes.wins] == [("one", 0, 1), ("two", 0, 1)]
    assert [(one.id, one.found) for one in changes.losses] == [("three", {"a": ("Hull",), "b": ()})]
    assert changes.wins[1].found == {"a": (), "b": ("Ada Smith", "Iron Bridge")}
    assert changes.difference.mean == pytest.approx(1 / 3)
    assert changes.difference.p_random == pytest.approx(1.0, abs=0.3)
    fewer = evaluate(None, QUESTIONS[:2], systems={"first": first}, ks=(5,))
    assert compare_results(both, fewer).unmatched == 1
    with pytest.raises(UnknownNameError, match="unknown system 'x'"):
        compare_results(both, both, system_a="x")
    with pytest.raises(UnknownNameError, match="unknown measure 'F1'"):
        compare_results(both, both, measure="F1")
    other = evaluate(None, ANSWERED, systems={"first": first}, ks=(3,))
    with pytest.raises(InputError, match="no measure in common"):
        compare_results(both, other)


def told(ours: list[float], theirs: list[float]) -> Evaluation:
    """An evaluation with these values of All@1, and questions that need one passage and two in turns."""
    golds = [frozenset({"a"}), frozenset({"a", "b"})]
    questions = [Question(str(row), f"{row}?", (), golds[row % 2]) for row in range(len(ours))]
    found = evaluate(
        None, questions, systems={"hippo": lambda question, k: [], "dense": lambda question, k: []}, ks=(5,)
    )
    for name, values in (("hippo", ours), ("dense", theirs)):
        found.systems[name].scores["Recall@5"][:] = np.array(values)  # type: ignore[index]
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [([1.0] * 40, [0.0, 1.0] * 20, "helps"), ([0.0, 1.0] * 20, [1.0] * 40, "harms"), ([1.0] * 40, [1.0] * 40, "open")],
)
def test_verdicts(ours: list[float], theirs: list[float], says: str) -> None:
    every, one, several = verdicts(told(ours, theirs))
    assert every.says == says
    assert (every.questions, one.questions, several.questions) == (40, 20, 20)
    assert (one.about, several.about) == ("one passage", "several passages")
    assert "these are few questions" in one.to_text().lower()
    assert "; 20 questions." in one.to_text()
    assert "; 1 question." in replace(one, questions=1).to_text()
    assert verdicts(evaluate(None, QUESTIONS, systems={"x": backwards})) == []
