import asyncio
import re
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.background import iterate, run
from hippo.errors import ConfigError, LLMError, LLMRefusedError, LLMRequestError, LLMUnavailableError
from hippo.protocols import LLM
from hippo.registry import create
from hippo.testing import Faults, LLMConformance, ScriptedLLM
from hippo.testing.faults import KINDS, FaultPlan, subject
from hippo.testing.tokens import count, half, limit, pieces
from hippo.types import Completion, LLMRequest, Message, Usage


def request(text: str, max_tokens: int = 50) -> LLMRequest:
    return LLMRequest((Message("system", "Be brief."), Message("user", text)), max_tokens, "test/1")


class TestScripted(LLMConformance):
    @pytest.fixture
    def llm(self) -> LLM:
        return ScriptedLLM(replies=lambda asked: "The river is called " + asked.messages[-1].content[:20])

    @pytest.fixture
    def unavailable(self) -> LLM:
        return ScriptedLLM(faults=Faults(rate=1.0, kinds=("503",)))


class TestRules(LLMConformance):
    @pytest.fixture
    def llm(self) -> LLM:
        return ScriptedLLM()


def test_is_found_by_name() -> None:
    assert create("llm", "scripted", model="other", replies=["a"]).model == "other"


def test_a_list_is_given_in_order_and_ends() -> None:
    whole = Completion("half", "length", Usage(1, 0, 7, 8))
    llm = ScriptedLLM(replies=["one two", whole, LLMRequestError("m", "too long")])
    assert run(llm.complete(request("a b"))) == Completion("one two", "stop", Usage(1, 0, 4, 2))
    assert run(llm.complete(request("c"))) is whole
    with pytest.raises(LLMRequestError, match="too long"):
        run(llm.complete(request("d")))
    with pytest.raises(LLMRequestError, match="model 'scripted' refused the request: all of its 3 replies"):
        run(llm.complete(request("e")))
    assert llm.calls == 4
    assert [asked.messages[-1].content for asked in llm.requests] == ["a b", "c", "d", "e"]


def test_a_table_is_looked_up_by_the_last_user_message() -> None:
    texts = ScriptedLLM(replies={"river": "Loire", "brief": "never"})
    assert run(texts.complete(request("a river"))).text == "Loire"
    with pytest.raises(LLMRequestError, match="none of its 2 replies is for 'a lake'"):
        run(texts.complete(request("a lake")))
    patterns = ScriptedLLM(replies={re.compile(r"^a l.ke$"): "Geneva"})
    assert run(patterns.complete(request("a lake"))).text == "Geneva"


def test_replies_are_cut_at_the_limit() -> None:
    completion = run(ScriptedLLM(replies=["one two three"]).complete(request("x", max_tokens=2)))
    assert (completion.text, completion.finish, completion.usage.output_tokens) == ("one two", "length", 2)


def test_another_script_is_another_fingerprint() -> None:
    scripts = [None, ["a"], ["b"], {"a": "a"}, count]
    prints = {ScriptedLLM(replies=script).fingerprint for script in scripts}
    assert len(prints) == len(scripts)
    assert ScriptedLLM(replies=["a"]).fingerprint == ScriptedLLM(replies=["a"]).fingerprint
    assert ScriptedLLM(model="x").fingerprint != ScriptedLLM(model="y").fingerprint


def test_one_text_is_no_list_of_replies() -> None:
    with pytest.raises(ConfigError, match="must be a list of texts, got 'yes'"):
        ScriptedLLM(replies="yes")


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("429", LLMUnavailableError, "Rate limit"),
        ("500", LLMUnavailableError, "status 500"),
        ("503", LLMUnavailableError, "overloaded"),
        ("cut", LLMUnavailableError, "in the middle"),
        ("empty", LLMUnavailableError, "no choices"),
        ("html", LLMUnavailableError, "proxy"),
        ("timeout", LLMUnavailableError, "too long"),
        ("400", LLMRequestError, "understood"),
        ("length", LLMRequestError, "context length"),
        ("401", LLMRefusedError, "key"),
        ("403", LLMRefusedError, "may not"),
        ("404", LLMRefusedError, "does not exist"),
        ("quota", LLMRefusedError, "quota"),
    ],
)
def test_each_fault_is_its_error(kind: str, error: type[LLMError], said: str) -> None:
    llm = ScriptedLLM(replies=["one two three four"] * 2, faults=Faults(rate=0.0, hang=0.01, retry_after=0.5))
    llm.fail_next(kind)
    with pytest.raises(error, match=said) as raised:
        run(llm.complete(request("x")))
    if kind in ("429", "503"):
        assert raised.value.args[2] == 0.5
    assert run(llm.complete(request("x"))).text == "one two three four"


def test_spoiled_replies_look_like_replies() -> None:
    llm = ScriptedLLM(replies=['{"a": [1, 2]}'] * 4)
    for kind in ("truncated", "filtered", "garbage"):
        llm.fail_next(kind)
    truncated, filtered, garbage, good = (run(llm.complete(request("x"))) for _ in range(4))
    assert (truncated.text, truncated.finish) == ('{"a": [1,'[:5], "length")
    assert (filtered.text, filtered.finish) == ('{"a": [1,'[:5], "filtered")
    assert garbage.finish == "stop"
    assert garbage.text != good.text == '{"a": [1, 2]}'


def test_a_cut_stream_has_begun() -> None:
    llm = ScriptedLLM(replies=["one two three four"])
    llm.fail_next("cut")
    words = iterate(llm.stream(request("x")))
    assert [next(words), next(words)] == ["one", " two"]
    with pytest.raises(LLMUnavailableError, match="in the middle"):
        next(words)


def test_all_kinds_are_covered_above() -> None:
    [mark] = test_each_fault_is_its_error.pytestmark  # type: ignore[attr-defined]
    assert {row[0] for row in mark.args[1]} | {"truncated", "filtered", "garbage"} == set(KINDS)


def test_latency_passes_side_by_side() -> None:
    llm = ScriptedLLM(latency=0.1)

    async def ask() -> float:
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.gather(*(llm.complete(request(str(number))) for number in range(20)))
        return clock() - began

    assert 0.1 <= run(ask()) < 1.0


def test_faults_hold_their_rate_in_any_order() -> None:
    plan, again = FaultPlan(Faults(rate=0.2), seed=3), FaultPlan(Faults(rate=0.2), seed=3)
    keys = [str(number) for number in range(5000)]
    drawn = {key: plan.draw(key, 1) for key in keys}
    assert 0.18 < sum(kind is not None for kind in drawn.values()) / len(keys) < 0.22
    assert {key: again.draw(key, 1) for key in reversed(keys)} == drawn
    kinds = Counter(kind for kind in drawn.values() if kind)
    assert set(kinds) == set(Faults().kinds)
    assert min(kinds.values()) > 0.6 * max(kinds.values())
    assert {key: FaultPlan(Faults(rate=0.2), seed=4).draw(key, 1) for key in keys} != drawn
    assert {key: plan.draw(key, 2) for key in keys} != drawn


def test_faults_can_be_for_some_requests_only() -> None:
    plan = FaultPlan(Faults(rate=1.0, kinds=("500",), only="river"))
    assert plan.draw("k", 1, "a river") == "500"
    assert plan.draw("k", 1, "a lake") is None


def test_lasting_faults_belong_to_what_is_asked() -> None:
    """However often a text is asked about, and whatever was said meanwhile, the same thing goes wrong."""
    faults = Faults(rate=0.3, kinds=("500", "truncated"), lasting=("truncated",))
    plan = FaultPlan(faults, seed=5)
    lasting = 0
    for number in range(2000):
        first = request(f"About {number}")
        complaint = (Message("assistant", "{"), Message("user", f"No JSON, {number}."))
        again = replace(first, messages=(*first.messages, *complaint))
        assert subject(first) == subject(again) != subject(replace(first, max_tokens=7))
        drawn = {plan.draw(str(number), arrival, about=subject(first)) for arrival in range(1, 9)}
        drawn |= {plan.draw(f"{number} again", arrival, about=subject(again)) for arrival in range(1, 9)}
        assert "truncated" not in drawn or drawn <= {"truncated", "500"}
        assert not {"truncated", None} <= drawn
        lasting += "truncated" in drawn
    assert 0.12 < lasting / 2000 < 0.18  # half of the rate


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lasting": ("truncated",)}, "lasting: must be some of the kinds .*, got 'truncated'"),
        ({"rate": 1.5}, "must be 0 to 1, got 1.5"),
        ({"kinds": ()}, "at least one"),
        ({"kinds": ("500", "flood")}, "unknown fault 'flood'. Known: 400"),
    ],
)
def test_impossible_faults_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Faults(**values)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=said):
        ScriptedLLM(faults=values)


@given(st.text(), st.integers(1, 5))
def test_pieces_are_the_text(text: str, most: int) -> None:
    assert "".join(pieces(text)) == text
    kept, finish = limit(text, most)
    assert count(kept) == min(count(text), most)
    assert text.startswith(kept)
    assert (finish == "stop") == (kept == text)
    assert text.startswith(half(text))
    assert len(half(text)) < max(len(text), 1)
