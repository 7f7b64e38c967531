"""Measures of ir-measures: by hand, and ours beside theirs."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo.errors import InputError
from hippo.evaluation import ranked_measures, recall_at
from hippo.evaluation.measures import check_measures

pytest.importorskip("ir_measures", reason="ir-measures is not installed; it comes with hippo-memory[eval]")

RANKINGS = [["a", "b", "b", "c", "d"], ["x", "a"], []]
GOLDS = [{"b", "d"}, {"a"}, {"z"}]
LETTERS = st.sampled_from("abcdef")


def test_by_hand() -> None:
    scores = ranked_measures(["nDCG@4", "MRR", "P@2"], RANKINGS, GOLDS)
    ideal = 1 + 1 / math.log2(3)
    assert scores["nDCG@4"] == pytest.approx([(1 / math.log2(3) + 1 / math.log2(5)) / ideal, 1 / math.log2(3), 0])
    assert scores["MRR"].tolist() == [0.5, 0.5, 0]
    assert scores["P@2"].tolist() == [0.5, 0.5, 0]
    assert all(values.dtype == np.float64 for values in scores.values())
    both = ranked_measures(["MRR", "RR"], RANKINGS, GOLDS)  # two names of one measure
    assert both["MRR"].tolist() == both["RR"].tolist()


def test_ids_may_be_any_text() -> None:
    strange = ["", "\x00", "\ud800", "a b", "d0"]
    assert ranked_measures(["MRR"], [strange], [{"d0"}])["MRR"].tolist() == [0.2]


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from("abcdef"), max_size=8), st.sets(st.sampled_from("abcdef"), min_size=1), st.integers(1, 8)
)
def test_recall_is_theirs(ranking: list[str], gold: set[str], k: int) -> None:
    theirs = ranked_measures([f"R@{k}"], [ranking], [gold])[f"R@{k}"]
    assert recall_at(k, [ranking], [gold]) == pytest.approx(theirs)


def test_what_cannot_be_measured() -> None:
    for name in ("nonsense", "nDCG@", "nDCG@0x5", "__class__", "nDCG(dcg='log2')@5"):
        with pytest.raises(InputError, match="unknown measure"):
            check_measures([name])
    with pytest.raises(InputError, match="cut-off"):
        check_measures(["P"])
    with pytest.raises(InputError, match="as many, got 1 and 2"):
        ranked_measures(["MRR"], [["a"]], [{"a"}, {"b"}])
