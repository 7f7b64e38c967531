import json

import pytest

from hippo.errors import InputError
from hippo.evaluation import comparison_table, retrieval_table

GOLDS = [{"a"}, {"b", "c"}]
RANKINGS = {"dense": [["x", "a"], ["b", "x", "c"]], "hippo": [["a", "x"], ["b", "c", "x"]]}


def test_markdown() -> None:
    table = retrieval_table(RANKINGS, GOLDS, ks=(1, 2))
    lines = table.to_markdown().split("\n")
    assert lines[:3] == ["| profile | Recall@1 | Recall@2 |", "| --- | ---: | ---: |", "| dense | 25.0 | 75.0 |"]
    assert lines[3] == "| hippo | 75.0 (+50.0 [0.0, 100.0]) | 100.0 (+25.0 [0.0, 50.0]) |"
    assert table.questions == 2


def test_text_is_aligned() -> None:
    lines = retrieval_table(RANKINGS, GOLDS, ks=(1, 2)).to_text().split("\n")
    assert lines[1].split() == ["dense", "25.0", "75.0"]
    assert len({len(line) for line in lines}) == 1


def test_json_holds_every_number() -> None:
    data = json.loads(retrieval_table(RANKINGS, GOLDS).to_json())
    assert data["questions"] == 2
    assert data["confidence"] == 0.95
    assert list(data["profiles"]["dense"]) == ["Recall@2", "Recall@5", "Recall@10", "Recall@20"]
    assert data["profiles"]["dense"]["Recall@2"]["difference"] is None
    assert data["profiles"]["dense"]["Recall@2"]["mean"] == 0.75
    change = data["profiles"]["hippo"]["Recall@2"]["difference"]
    assert (change["mean"], change["low"], change["high"]) == (0.25, 0.0, 0.5)
    assert change["p_value"] == pytest.approx(0.5, abs=0.05)  # a quarter of the resamples holds only the equal question


def test_any_measure_and_a_name_with_a_bar() -> None:
    table = comparison_table({"a|b": {"F1": [0.5, 1.0]}}, samples=10)
    assert table.to_markdown().endswith("| a\\|b | 75.0 |")


def test_wrong_arguments() -> None:
    with pytest.raises(InputError, match="no results"):
        comparison_table({})
    with pytest.raises(InputError, match="same measures"):
        comparison_table({"a": {"F1": [1.0]}, "b": {"EM": [1.0]}})
    with pytest.raises(InputError, match=r"same questions, got \[1, 2\] values"):
        comparison_table({"a": {"F1": [1.0]}, "b": {"F1": [1.0, 0.0]}})
