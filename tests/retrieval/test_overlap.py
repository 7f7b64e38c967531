"""Blocks of questions under way at the same time."""

import threading
import time
from contextvars import ContextVar

import pytest

from hippo import Hippo
from hippo.retrieval.overlap import shared, started

PARTS = [slice(start, start + 2) for start in range(0, 12, 2)]
TOLD: ContextVar[str] = ContextVar("TOLD", default="nothing")


@pytest.mark.parametrize(("most", "threads"), [(1, 4), (2, 2), (3, 1), (100, 3)])
def test_blocks_come_in_order_once_each_and_few_are_under_way(most, threads):
    begun, taken, ahead = [], 0, []

    def work(part):
        begun.append(part)
        ahead.append(len(begun) - taken)
        return part.start

    for found in shared(PARTS, work, most, threads):
        assert found == PARTS[taken].start
        taken += 1
    assert sorted(part.start for part in begun) == [part.start for part in PARTS]
    assert max(ahead) <= min(most, threads + 1)


def test_threads_work_at_the_same_time_in_the_context_of_the_caller():
    # Either would wait for the other for ever if they did not run at the same time.
    meeting = threading.Barrier(3, timeout=60)

    def work(part):
        meeting.wait()
        return threading.get_ident(), TOLD.get()

    TOLD.set("a trace")
    found = list(shared(PARTS[:3], work, 3, 3))
    assert len({thread for thread, _ in found}) == 3
    assert threading.get_ident() in {thread for thread, _ in found}
    assert {told for _, told in found} == {"a trace"}


def test_the_caller_goes_on_with_later_blocks_while_one_is_under_way():
    own, late = threading.get_ident(), threading.Event()

    def work(part):
        if part != PARTS[0] and threading.get_ident() != own:
            # Done only once the caller, who needs it next, has done another one.
            assert late.wait(timeout=60)
        elif part != PARTS[0]:
            late.set()
        else:
            time.sleep(0.01)
        return part

    assert list(shared(PARTS, work, 3, 2)) == PARTS


def test_an_error_is_raised_and_what_has_not_begun_is_dropped():
    def work(part):
        if part == PARTS[1]:
            raise ValueError("broken")
        return part

    with pytest.raises(ValueError, match="broken"):
        list(shared(PARTS, work, 3, 2))


@pytest.mark.parametrize("least", [1, 10**9])
def test_many_blocks_give_what_single_questions_give(sample_path, questions, monkeypatch, least):
    monkeypatch.setattr("hippo.retrieval.retrieve._SHARED_FROM", least)
    monkeypatch.setattr("hippo.retrieval.overlap._cores", lambda: 2)
    many = [*questions, *(f"{question} And why?" for question in questions)] * 2
    assert len(many) > 3 * 16
    with Hippo.open(sample_path) as memory:
        for profile in ("hippo", "hipporag2"):
            together = memory.retrieve_many(many, k=7, profile=profile)
            for question, result in zip(many, together, strict=True):
                alone = memory.retrieve(question, k=7, profile=profile)
                assert result.question == question
                assert [(hit.chunk_id, hit.score) for hit in alone.hits] == [
                    (hit.chunk_id, hit.score) for hit in result.hits
                ]
                assert result.seeds == alone.seeds


def test_facts_and_passages_are_looked_for_at_the_same_time_where_there_are_many(sample_path, questions, monkeypatch):
    with Hippo.open(sample_path) as memory:
        expected = memory.retrieve_many(questions, k=7)
        begun = []
        monkeypatch.setattr("hippo.retrieval.retrieve._MANY_PASSAGES", 1)
        monkeypatch.setattr("hippo.retrieval.retrieve.started", lambda work: begun.append(1) or started(work))
        for one, other in zip(memory.retrieve_many(questions, k=7), expected, strict=True):
            assert [hit.chunk_id for hit in one.hits] == [hit.chunk_id for hit in other.hits]
        assert begun
