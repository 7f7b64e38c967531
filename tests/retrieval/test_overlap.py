"""Blocks of questions under way at the same time."""

import threading
from contextvars import ContextVar

import pytest

from hippo import Hippo
from hippo.retrieval.overlap import overlapped, started

PARTS = [slice(start, start + 2) for start in range(0, 12, 2)]
TOLD: ContextVar[str] = ContextVar("TOLD", default="nothing")


@pytest.mark.parametrize(("most", "threads"), [(1, 4), (2, 2), (3, 1), (100, 3)])
def test_blocks_come_in_order_and_few_are_under_way(most, threads):
    begun, taken, ahead = [], 0, []

    def begin(part, later):
        begun.append(part)
        ahead.append(len(begun) - taken)
        return part, later(lambda: part.start)

    for part, found in overlapped(PARTS, begin, most, threads):
        assert part == PARTS[taken]
        assert found() == found() == part.start
        taken += 1
    assert taken == len(PARTS)
    assert max(ahead) <= min(most, threads + 1)


def test_what_is_left_for_later_runs_beside_with_the_context_of_its_caller():
    # Either would wait for the other for ever if they did not run at the same time.
    meeting = threading.Barrier(3, timeout=60)

    def work():
        meeting.wait()
        return threading.get_ident(), TOLD.get()

    TOLD.set("a trace")
    found = [one() for one in overlapped(PARTS[:3], lambda _, later: later(work), 3, 3)]
    assert len({thread for thread, _ in found}) == 3
    assert {told for _, told in found} == {"a trace"}


def test_an_error_of_what_was_left_is_raised_where_it_is_waited_for():
    def work():
        raise ValueError("broken")

    blocks = overlapped(PARTS[:3], lambda _, later: later(work), 3, 2)
    with pytest.raises(ValueError, match="broken"):
        next(blocks)()
    blocks.close()


def test_many_blocks_give_what_single_questions_give(sample_path, questions):
    many = [*questions, *(f"{question} And why?" for question in questions)] * 2
    assert len(many) > 3 * 16
    with Hippo.open(sample_path) as memory:
        together = memory.retrieve_many(many, k=7)
        for question, result in zip(many, together, strict=True):
            assert result.question == question
            assert [hit.chunk_id for hit in memory.retrieve(question, k=7).hits] == [
                hit.chunk_id for hit in result.hits
            ]


def test_facts_and_passages_are_looked_for_at_the_same_time_where_there_are_many(sample_path, questions, monkeypatch):
    with Hippo.open(sample_path) as memory:
        expected = memory.retrieve_many(questions, k=7)
        begun = []
        monkeypatch.setattr("hippo.retrieval.retrieve._MANY_PASSAGES", 1)
        monkeypatch.setattr("hippo.retrieval.retrieve.started", lambda work: begun.append(1) or started(work))
        for one, other in zip(memory.retrieve_many(questions, k=7), expected, strict=True):
            assert [hit.chunk_id for hit in one.hits] == [hit.chunk_id for hit in other.hits]
        assert begun
