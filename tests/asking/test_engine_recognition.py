"""Recognition memory in a memory: what is kept, and what is done where nothing is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import ConfigError, LLMRefusedError, LLMReplyError, ModelNotFoundError
from hippo.testing import LLMServer, ScriptedLLM, respond
from hippo.types import LLMRequest

BORN = "Where was Ada Smith born?"
Open = Callable[..., Hippo]

REPLIES = {"kept": '{"keep": [1]}', "none": '{"keep": []}', "failed": "I like all of them."}


def test_a_model_filters_the_facts(index: Path, over_http: Open, server: LLMServer) -> None:
    with over_http(server, recognition={"name": "llm"}) as memory:
        found = memory.retrieve(BORN, k=4).recognition
        assert found is not None
        assert (found.outcome, found.fallback, found.reason) == ("kept", None, None)
        assert 0 < len(found.kept) <= found.shown
        assert memory.retrieve(BORN, profile="dense").recognition is None
        again = memory.retrieve(BORN, k=4)
        assert again.recognition is not None
        assert (again.recognition.usage.requests, again.recognition.usage.replayed) == (0, 1)
    assert server.stats().arrived == 1
    with Hippo.open(index) as memory:
        assert memory.retrieve(BORN).recognition is None


@pytest.mark.parametrize("policy", ["dense", "unfiltered", "error"])
@pytest.mark.parametrize("outcome", ["kept", "none", "failed"])
def test_every_outcome_with_every_policy(index: Path, outcome: str, policy: str) -> None:
    llm = ScriptedLLM(replies=lambda request: REPLIES[outcome])
    policies = {f"when_{name}": policy for name in ("none", "failed")}
    with Hippo.open(index, llm=llm, overrides={"recognition": {"name": "llm", **policies}}) as memory:
        plain = memory.retrieve(BORN, k=4, profile="dense")
        with Hippo.open(index) as without:
            unfiltered = without.retrieve(BORN, k=4)
        if outcome != "kept" and policy == "error":
            problem = {"none": r"kept none of \d+ facts", "failed": "the reply cannot be used"}[outcome]
            with pytest.raises(LLMReplyError, match=problem):
                memory.retrieve(BORN, k=4)
            return
        found = memory.retrieve(BORN, k=4)
    recognition = found.recognition
    assert recognition is not None
    assert (recognition.outcome, recognition.fallback) == (outcome, None if outcome == "kept" else policy)
    assert recognition.kept == ((0,) if outcome == "kept" else ())
    assert (recognition.reason is not None) == (outcome == "failed")
    assert recognition.usage.requests == (2 if outcome == "failed" else 1)
    ids = [hit.document_id for hit in found.hits]
    if outcome == "kept":
        assert len(found.seeds) == 1
    elif policy == "dense":
        assert ids == [hit.document_id for hit in plain.hits]
        assert found.seeds == ()
    else:
        assert ids == [hit.document_id for hit in unfiltered.hits]
        assert len(found.seeds) == len(unfiltered.seeds) > 1


def test_a_model_that_does_not_answer_is_an_outcome(over_http: Open, server: LLMServer) -> None:
    with over_http(server, recognition={"name": "llm"}) as memory:
        server.fail_next("503")
        found = memory.retrieve(BORN).recognition
        assert found is not None
        assert (found.outcome, found.fallback) == ("failed", "unfiltered")
        assert "did not answer" in str(found.reason)
        server.fail_next("401")
        with pytest.raises(LLMRefusedError):
            memory.retrieve(BORN)
        assert memory.retrieve(BORN).recognition.outcome == "kept"  # type: ignore[union-attr]


def test_models_by_use(over_http: Open, server: LLMServer) -> None:
    seen: list[str] = []

    def note(request: LLMRequest) -> str:
        seen.append(json.dumps([message.content for message in request.messages]))
        return respond(request)

    with LLMServer(respond=note) as other:
        uses = {"recognition": {"openai": {"base_url": other.base_url}}}
        with over_http(server, recognition={"name": "llm"}, llm={"uses": uses}) as memory:
            answer = memory.ask(BORN)
    assert (len(seen), server.stats().arrived) == (1, 1)
    assert "Facts:" in seen[0]
    assert answer.usage.keys() == {"recognition", "reader"}
    assert [used.requests for used in answer.usage.values()] == [1, 1]


def test_a_filter_without_a_model(index: Path) -> None:
    with Hippo.open(index, overrides={"recognition": {"name": "llm"}}) as memory:
        with pytest.raises(ConfigError, match="recognition needs a language model, and none is set"):
            memory.retrieve(BORN)
        assert memory.retrieve(BORN, profile="bm25").hits


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny re-ranker with random weights."""
    torch = pytest.importorskip("torch", reason="torch is not installed", exc_type=ImportError)
    transformers = pytest.importorskip("transformers", reason="transformers is not installed", exc_type=ImportError)
    folder = tmp_path_factory.mktemp("reranker")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"where was ada smith born riga berlin latvia".split()]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
    torch.manual_seed(3)
    transformers.BertForSequenceClassification(
        transformers.BertConfig(
            vocab_size=len(words),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=48,
            num_labels=1,
            initializer_range=0.6,
        )
    ).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("threshold", "least", "outcome", "fallback"),
    [(0.0, 0, "kept", None), (1.0, 0, "none", "dense"), (1.0, 2, "kept", None)],
)
def test_a_cross_encoder_needs_no_language_model(
    index: Path, reranker: Path, threshold: float, least: int, outcome: str, fallback: str | None
) -> None:
    options = {"threshold": threshold, "least": least, "device": "cpu"}
    recognition = {"name": f"cross-encoder:{reranker}", "cross-encoder": options}
    with Hippo.open(index, overrides={"recognition": recognition}) as memory:
        found = memory.retrieve(BORN, k=4)
    assert found.recognition is not None
    assert (found.recognition.outcome, found.recognition.fallback) == (outcome, fallback)
    assert len(found.recognition.kept) == {"none": 0, "kept": least or found.recognition.shown}[outcome]
    assert len(found.seeds) == len(found.recognition.kept)
    assert found.recognition.usage.requests == 0


def test_a_cross_encoder_that_is_not_there(index: Path, tmp_path: Path) -> None:
    recognition = {"name": f"cross-encoder:{tmp_path / 'none'}"}
    with (
        Hippo.open(index, overrides={"recognition": recognition}) as memory,
        pytest.raises(ModelNotFoundError, match="none"),
    ):
        memory.retrieve(BORN)
