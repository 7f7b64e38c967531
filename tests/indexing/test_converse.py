"""Indexing with a language model: what is found, what fails, what is paid, what goes on after a stop."""

import pytest

from hippo import Document, Hippo
from hippo.errors import IndexEmptyError, LLMRefusedError
from hippo.store import Store
from hippo.testing import Faults, HashingEncoder, LLMServer, respond
from hippo.types import LLMRequest, Progress

SOBER = {"concurrency": 1, "attempts": 1}
PRICED = {"input_price": 1000.0, "output_price": 0.0, "concurrency": 1}


class Moody:
    """Answers well, but for passages that hold `sulks_at`; counts what it was asked about them."""

    def __init__(self, sulks_at: str) -> None:
        self.sulks_at, self.sulking, self.asked = sulks_at, True, 0

    def __call__(self, request: LLMRequest) -> str:
        about = any(self.sulks_at in message.content for message in request.messages)
        self.asked += about
        return "I would rather not." if about and self.sulking else respond(request)


class CountingEncoder(HashingEncoder):
    """The hashing encoder; notes what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[str, str]] = []

    def encode(self, texts, *, kind="passage"):  # type: ignore[no-untyped-def]
        self.given += [(kind, text) for text in texts]
        return super().encode(texts, kind=kind)


def test_an_index_holds_what_all_of_its_extractors_find(server, open_with, facts_of, documents) -> None:
    found = {}
    for extractor in ("pattern", "llm", "pattern+llm"):
        with open_with(server, extractor, extractor=extractor) as memory:
            report = memory.add(documents)
            assert (report.failed, report.pending, report.stopped) == ((), 0, None)
            found[extractor] = facts_of(memory)
            requests = report.usage["extraction"].requests if extractor != "pattern" else 0
            assert requests == (0 if extractor == "pattern" else 16)
            assert ("extraction" in report.usage) == (extractor != "pattern")
    assert ("thames", "Thames flows into the North Sea") in found["llm"] - found["pattern"]
    assert found["pattern"] - found["llm"]
    assert found["pattern+llm"] == found["pattern"] | found["llm"]
    assert server.stats().arrived == 32


def test_what_is_found_is_committed_as_it_arrives(open_with, documents, tmp_path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.stage == "extract" and 0 < progress.done < len(documents):
            raise KeyboardInterrupt

    with LLMServer(latency=0.3) as server:
        with open_with(server, concurrency=1) as memory, pytest.raises(KeyboardInterrupt):
            memory.add(documents, progress=interrupt)
        with Store.open(tmp_path / "index") as store:
            assert 0 < len(set(store.facts_table()["chunk_id"].to_pylist())) < len(documents)
        with open_with(server) as memory:
            report = memory.add([])
        assert (report.pending, report.failed) == (0, ())
        # The reply that was on its way when the run was interrupted may have been paid for.
        assert len(server.stats().paid_twice) <= 1
        assert server.stats().replies == 16 + len(server.stats().paid_twice)


def test_a_passage_that_gets_no_usable_reply_is_asked_about_again(open_with, facts_of, documents) -> None:
    moody = Moody("Thames flows")
    with LLMServer(respond=moody) as server:
        with open_with(server) as memory:
            report = memory.add(documents)
            [failure] = report.failed
            assert "gave no usable entities" in failure.reason
            assert "I would rather not" not in failure.reason
            assert memory.status().failed == {failure.reason: 1}
            assert not [text for owner, text in facts_of(memory) if owner == "thames"]
            assert len({owner for owner, _ in facts_of(memory)}) == 7
            # Two requests, the second a complaint about the first reply, in each of three rounds.
            assert (moody.asked, server.stats().arrived) == (6, 6 + 14)
            again = memory.add([])
            assert [item.chunk_id for item in again.failed] == [failure.chunk_id]
            assert (moody.asked, server.stats().arrived) == (12, 12 + 14)
            assert memory.retrieve("Where does the Thames flow?", k=8).hits
        moody.sulking = False
        with open_with(server) as memory:
            mended = memory.add([])
            assert (mended.failed, mended.usage["extraction"].requests) == ((), 2)
            assert ("thames", "Thames flows into the North Sea") in facts_of(memory)
            assert server.stats().arrived == 12 + 2 + 14
            assert memory.status().failed == {}


def test_one_bad_reply_is_mended_at_once(server, open_with, documents) -> None:
    server.fail_next("garbage")
    with open_with(server) as memory:
        report = memory.add(documents)
    assert (report.failed, server.stats().spoiled, server.stats().arrived) == ((), 1, 17)


@pytest.mark.parametrize("outage", ["nobody listens", "503"])
def test_an_outage_is_never_taken_for_passages_without_facts(open_with, facts_of, documents, outage: str) -> None:
    many = [
        Document(f"{item.text} It is number {n}.", f"{item.id} {n}", item.title) for item in documents for n in (1, 2)
    ]
    server = LLMServer(faults=Faults(rate=1.0, kinds=("503",), retry_after=None)).start()
    if outage == "nobody listens":
        server.stop()
    with open_with(server, **SOBER) as memory:
        with pytest.raises(LLMRefusedError, match=r"4 requests in a row were given up, .* run the same command again"):
            memory.add(many)
        with pytest.raises(IndexEmptyError):
            facts_of(memory)
        assert server.stats().arrived in ((0,) if outage == "nobody listens" else range(4, 8))
        assert memory.estimate([]).chunks == len(many)
    server.stop()
    server.faults = None
    with server, open_with(server) as memory:
        report = memory.add([])
        assert (report.failed, report.pending, report.chunks) == ((), 0, 16)
        assert {owner for owner, _ in facts_of(memory)} == {item.id for item in many}
        assert server.stats().paid_twice == ()


def test_fewer_passages_than_make_an_outage_are_asked_about_once(server, open_with, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("503",), retry_after=None)
    with open_with(server, **SOBER) as memory:
        report = memory.add(documents[:3])
        assert (len(report.failed), report.outage, server.stats().arrived) == (3, True, 3)
        server.faults = None
        mended = memory.add([])
        assert (mended.failed, mended.outage) == ((), False)


def test_cached_replies_do_not_hide_an_outage(server, open_with, documents) -> None:
    with open_with(server, max_cost=0.5, **PRICED) as memory:
        memory.add(documents)
    server.stop()
    with open_with(server, **SOBER) as memory:
        many = [Document(f"{item.text} Again.", f"{item.id} again", item.title) for item in documents]
        with pytest.raises(LLMRefusedError, match="4 requests in a row"):
            memory.add(many)


def test_what_came_before_a_refusal_is_committed(open_with, documents, tmp_path) -> None:
    def refuse_later(request: LLMRequest) -> str:
        asked.append(request)
        if len(asked) == 6:
            server.fail_next("401", 100)
        return respond(request)

    asked: list[LLMRequest] = []
    with LLMServer(respond=refuse_later) as server:
        with open_with(server, **SOBER) as memory, pytest.raises(LLMRefusedError):
            memory.add(documents)
        with Store.open(tmp_path / "index") as store:
            assert len(set(store.facts_table()["chunk_id"].to_pylist())) >= 2


def test_a_few_unanswered_requests_are_failures(server, open_with, facts_of, documents) -> None:
    server.faults = Faults(rate=1.0, kinds=("503",), retry_after=None, only="Thames flows")
    with open_with(server, **SOBER) as memory:
        report = memory.add(documents)
        [failure] = report.failed
        assert "did not answer" in failure.reason
        assert "(1 attempt)" in failure.reason
        assert "thames" not in {owner for owner, _ in facts_of(memory)}
        server.faults = None
        assert memory.add([]).failed == ()
        assert "thames" in {owner for owner, _ in facts_of(memory)}


def test_a_wrong_key_stops_at_once_and_the_right_one_goes_on(open_with, documents, monkeypatch) -> None:
    with LLMServer(api_key="right-key") as server:
        monkeypatch.setenv("OPENAI_API_KEY", "wrong-key")
        with open_with(server, concurrency=1) as memory:
            with pytest.raises(LLMRefusedError, match="Check the key") as caught:
                memory.add(documents)
            assert "wrong-key" not in str(caught.value)
        assert (server.stats().replies, server.stats().refused < 8) == (0, True)
        monkeypatch.setenv("OPENAI_API_KEY", "right-key")
        with open_with(server) as memory:
            report = memory.add([])
        assert (report.failed, report.pending, report.chunks) == ((), 0, 8)


def test_a_limit_on_cost_stops_and_a_higher_one_goes_on(server, open_with, facts_of, documents) -> None:
    with open_with(server, "clean", **PRICED) as memory:
        whole = memory.add(documents).usage["extraction"]
        everything = facts_of(memory)
    server.reset()
    limit = 0.6 * whole.cost
    with open_with(server, max_cost=limit, **PRICED) as memory:
        stopped = memory.add(documents)
        assert stopped.stopped is not None
        assert f"of at most ${limit:.4f}" in stopped.stopped
        assert 0 < stopped.pending < 8
        assert stopped.failed == ()
        assert 0.2 * whole.cost < stopped.usage["extraction"].cost <= limit
        some = facts_of(memory)
        assert some < everything
        assert len({owner for owner, _ in some}) == 8 - stopped.pending
        assert memory.retrieve("Who met Charles Babbage?").hits
    with open_with(server, max_cost=2 * whole.cost, **PRICED) as memory:
        rest = memory.add([])
        assert (rest.stopped, rest.pending, rest.failed) == (None, 0, ())
        assert facts_of(memory) == everything
    assert server.stats().paid_twice == ()
    both = stopped.usage["extraction"] + rest.usage["extraction"]
    assert both.requests == whole.requests == server.stats().replies
    assert both.cost == pytest.approx(whole.cost)


def test_an_index_made_by_rules_is_upgraded_in_place(server, open_with, facts_of, documents) -> None:
    encoder = CountingEncoder()
    with open_with(server, extractor="pattern", encoder=encoder) as memory:
        memory.add(documents)
        by_rules = facts_of(memory)
        assert server.stats().arrived == 0
    with open_with(server, "clean", encoder="hashing", **PRICED) as memory:
        whole = memory.add(documents).usage["extraction"].cost
        by_model = facts_of(memory)
    with open_with(server, encoder=encoder, max_cost=0.6 * whole, cache=False, **PRICED) as memory:
        mixed = memory.add([])
        owners = {owner for owner, _ in facts_of(memory) - by_rules}
        assert (mixed.chunks, len(owners)) == (8, 8 - mixed.pending)
        assert 0 < mixed.pending < 8
        # Each passage has the facts of one or the other.
        assert facts_of(memory) == {item for item in by_model if item[0] in owners} | {
            item for item in by_rules if item[0] not in owners
        }
        assert memory.retrieve("Which river flows into the North Sea?", k=1).hits[0].document_id == "thames"
    with open_with(server, encoder=encoder) as memory:
        done = memory.add([])
        assert (done.added, done.changed, done.pending, done.failed) == (0, 0, 0, ())
        assert facts_of(memory) == by_model
        assert str(memory.status().extractor).startswith("llm/")
    given = [item for item in encoder.given if item != ("passage", "hippo")]
    assert len(given) == len(set(given))
    assert len([kind for kind, _ in given if kind == "passage"]) == 8
    with Hippo.open(memory.path, encoder=encoder) as plain:
        assert plain.retrieve("Which river flows into the North Sea?").hits
