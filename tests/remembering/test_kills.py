"""Nothing that was acknowledged is lost, whenever the process is killed."""

from argparse import Namespace
from pathlib import Path

import pytest

from pipelines.remember import kill, measure


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    result = kill(Namespace(kills=10, seed=1), tmp_path)
    assert result["said"] > 0
    assert (result["lost"], result["doubled"]) == ([], 0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_is_remembered_is_seen_by_the_next_recall(tmp_path: Path) -> None:
    result = measure(Namespace(turns=200, calls=20, rounds=1), tmp_path)
    assert result["first_recall_that_sees_it"]["p99_ms"] < float("inf")
    assert set(result["recall"]) == {"nobody writes", "50 writes a second"}
