"""Questions that wait together are ranked together: nobody waits for company, and errors find their own."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo
from hippo.serving.batcher import Batcher

OPTIONS: dict[str, Any] = {"k": 4, "profile": None, "explain": False, "steps": 1, "where": None}


class Ranking:
    """Gives each question back; holds the first block until it is let go."""

    def __init__(self) -> None:
        self.blocks: list[list[str]] = []
        self.go = threading.Event()

    def __call__(self, questions: list[str], options: Mapping[str, Any]) -> Any:
        self.blocks.append(questions)
        if questions[0] == "first":
            self.go.wait(20)
        if "bad" in questions:
            raise ValueError("bad")
        return [(question, options["k"]) for question in questions]


async def test_what_waits_is_ranked_in_blocks_of_equal_options() -> None:
    ranking, sizes = Ranking(), []
    batcher = Batcher(ranking, most=3, threads=1, tell=sizes.append)
    asked = [("first", 1), ("a", 1), ("b", 2), ("bad", 1), ("c", 1), ("d", 1)]
    tasks = [asyncio.ensure_future(batcher.retrieve([text], {"k": k})) for text, k in asked]
    many = asyncio.ensure_future(batcher.retrieve(["p", "q", "r", "s"], {"k": 2}))
    gone = asyncio.ensure_future(batcher.retrieve(["gone"], {"k": 1}))
    await asyncio.sleep(0.05)
    assert ranking.blocks == [["first"]]
    gone.cancel()
    ranking.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert await many == [("p", 2), ("q", 2), ("r", 2), ("s", 2)]
    assert [type(one).__name__ if isinstance(one, Exception) else one for one in results] == [
        [("first", 1)],
        [("a", 1)],
        [("b", 2)],
        "ValueError",
        [("c", 1)],
        [("d", 1)],
    ]
    blocks = [["first"], ["a", "bad", "c"], ["a"], ["bad"], ["c"], ["b"], ["d"], ["p", "q", "r"], ["s"]]
    assert ranking.blocks == blocks
    assert sizes == [len(block) for block in blocks]
    batcher.close()


async def test_ranks_do_not_depend_on_company(index: Path) -> None:
    questions = [
        f"{who} {what}?" for who in ("Who is", "Where is") for what in ("Ada Smith", "Riga", "Iron Bridge", "Hull")
    ]
    with Hippo.open(index) as memory:
        batcher = Batcher(
            lambda texts, options: memory.retrieve_many(texts, **options), most=5, threads=1, tell=lambda _: None
        )
        shared = await asyncio.gather(*(batcher.retrieve([text], OPTIONS) for text in questions))
        alone = [memory.retrieve(text, k=4) for text in questions]
        batcher.close()
    for [one], other in zip(shared, alone, strict=True):
        assert [hit.chunk_id for hit in one.hits] == [hit.chunk_id for hit in other.hits]
        assert [hit.score for hit in one.hits] == pytest.approx([hit.score for hit in other.hits], abs=1e-7)
