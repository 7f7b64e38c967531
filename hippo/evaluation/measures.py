"""Any measure of rankings that ir-measures knows, by name, such as nDCG@10, MRR, AP, P@5, Success@1.

The formulas are those of trec_eval, through ir-measures (MacAvaney, Macdonald and Ounis, ECIR 2022).
"""

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64 = NDArray[np.float64]

__all__ = ["check_measures", "ranked_measures"]

_NAME = re.compile(r"([A-Za-z_]\w*)(?:@(\d{1,6}))?")


def check_measures(names: Sequence[str]) -> None:
    """Refuse measures that cannot be computed, before anything is asked.

    Args:
        names: Names of measures.

    Raises:
        InputError: ir-measures knows no such measure.
        MissingExtraError: There are names, and ir-measures is not installed.
    """
    measures = [_parsed(name) for name in names]
    if measures:
        _calculated(measures, {"0": {"d": 1}}, {"0": {"d": 1.0}})


def ranked_measures(
    names: Sequence[str], rankings: Sequence[Sequence[str]], golds: Sequence[Collection[str]]
) -> "dict[str, Float64]":
    """Measures of rankings, one value per question.

    Args:
        names: Of ir-measures, such as "nDCG@10" (Järvelin and Kekäläinen, TOIS 20(4), 2002) and "MRR".
        rankings: One ranking of document ids per question, best first; of repeats the first one counts.
        golds: Gold document ids of each question; all count alike.

    Returns:
        By name: float64 `(len(rankings),)`, higher is better; 0 for a question without a ranking.

    Raises:
        InputError: There is no such measure, or there are more or fewer rankings than golds.
        MissingExtraError: ir-measures is not installed.

    Examples:
        >>> ranked_measures([], [["a"]], [{"a"}])
        {}
    """
    if len(rankings) != len(golds):
        raise InputError(f"rankings and golds must be as many, got {len(rankings)} and {len(golds)}")
    measures = {name: _parsed(name) for name in names}
    scores = {name: np.zeros(len(rankings), dtype=np.float64) for name in names}
    if not measures or not len(rankings):
        return scores
    # Numbers stand for ids, which may be any text; places for scores, so that nothing ties.
    gold_of: dict[str, dict[str, int]] = {}
    score_of: dict[str, dict[str, float]] = {}
    for row, (ranking, gold) in enumerate(zip(rankings, golds, strict=True)):
        ranked = list(dict.fromkeys(ranking))
        numbers = {identity: f"d{number}" for number, identity in enumerate([*ranked, *sorted({*gold} - {*ranked})])}
        gold_of[str(row)] = {numbers[identity]: 1 for identity in gold}
        score_of[str(row)] = {numbers[identity]: float(len(ranked) - place) for place, identity in enumerate(ranked)}
    for metric in _calculated(list(measures.values()), gold_of, score_of):
        for name, measure in measures.items():
            if measure == metric.measure:
                scores[name][int(metric.query_id)] = metric.value
    return scores


def _parsed(name: str) -> Any:
    """A measure by its name: the library's own parser takes Python expressions, which names need not be."""
    try:
        from ir_measures.measures import registry
    except ImportError as error:
        raise MissingExtraError(f"the measure {name!r}", "ir-measures", "eval") from error
    found = _NAME.fullmatch(name)
    if not found or found[1] not in registry:
        raise InputError(f"unknown measure {name!r}. Known are those of ir-measures, such as nDCG@10, MRR, AP, P@5")
    try:
        return registry[found[1]] @ int(found[2]) if found[2] else registry[found[1]]
    except (TypeError, ValueError) as error:
        raise InputError(f"measure {name!r} takes no cut-off") from error


def _calculated(
    measures: list[Any], gold_of: dict[str, dict[str, int]], score_of: dict[str, dict[str, float]]
) -> list[Any]:
    """What ir-measures gives for each question and measure."""
    import ir_measures

    try:
        return list(ir_measures.iter_calc(measures, gold_of, score_of))
    except (AssertionError, ValueError, RuntimeError) as error:
        named = ", ".join(map(str, measures))
        raise InputError(f"of {named} one needs more than gold documents, or a cut-off as in P@5: {error}") from error
