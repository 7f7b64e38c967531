"""Local causal models: a small one with random weights, made here."""

import asyncio
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

from hippo.backends.llm import causal
from hippo.backends.llm.transformers import TransformersLLM
from hippo.errors import ConfigError, LLMRequestError, ModelNotFoundError
from hippo.protocols import LLM, StreamingLLM
from hippo.testing.llms import LLMConformance
from hippo.types import Completion, LLMRequest, Message, Usage

pytestmark = [pytest.mark.needs("torch", "transformers"), pytest.mark.usefixtures("one_thread")]

WORDS = "where was marie curie born in warsaw and who else lived there for a long time before she left it".split()
LENGTHS = (1, 5, 2, 9, 3, 14, 4)
PLAIN_TEMPLATE = "{% for m in messages %}[{{ m.role }}] {{ m.content }} {% endfor %}[reply]"
STRICT_TEMPLATE = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "[{{ m.role }}] {{ m.content }} {% endfor %}"
)


def save(folder: Path, *, template: str | None = None, seed: int = 0, positions: int = 128) -> Path:
    """A model of two layers with random weights, and a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<unk>", "<s>", "</s>", "<pad>"]
    tokenizer.train_from_iterator(
        [" ".join(WORDS), "User System Assistant : [ ] user system reply"],
        trainers.WordLevelTrainer(special_tokens=special),
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    fast.chat_template = template
    fast.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=positions,
        initializer_range=0.6,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=3,
    )
    LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("models") / "small")


def ask(words: int = 5, max_tokens: int = 12) -> LLMRequest:
    return LLMRequest((Message("user", " ".join((WORDS * 20)[:words])),), max_tokens, "test/1")


def together(llm: TransformersLLM, requests: list[LLMRequest]) -> list[Completion]:
    async def all_of_them() -> list[Completion]:
        return await asyncio.gather(*(llm.complete(request) for request in requests))

    return asyncio.run(all_of_them())


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that are generated."""
    sizes: list[int] = []
    write = causal.CausalModel.write

    def counted(self: Any, prompts: Any, streamer: Any = None) -> Any:
        sizes.append(len(prompts))
        return write(self, prompts, streamer)

    monkeypatch.setattr(causal.CausalModel, "write", counted)
    return sizes


def test_is_a_language_model(folder: Path) -> None:
    llm = TransformersLLM(model=str(folder))
    assert isinstance(llm, LLM)
    assert isinstance(llm, StreamingLLM)
    assert llm.price == (0.0, 0.0)


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> TransformersLLM:
    return TransformersLLM(model=str(save(tmp_path_factory.mktemp("models") / "longer", positions=8192)))


class TestConformance(LLMConformance):
    @pytest.fixture
    def llm(self, longer: TransformersLLM) -> LLM:
        return longer


def test_a_batch_says_what_each_says_alone(folder: Path, batches: list[int]) -> None:
    requests = [ask(words, 6 + words) for words in LENGTHS]
    alone = [together(TransformersLLM(model=str(folder), max_wait=0.0), [request])[0] for request in requests]
    assert len({item.text for item in alone}) > 3
    batches.clear()
    both = together(TransformersLLM(model=str(folder), batch_size=4, max_wait=0.3), requests)
    assert both == alone
    assert sorted(batches) == [3, 4]


def test_agrees_with_the_library(folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    ids = tokenizer("User: where was\n\nAssistant:", return_tensors="pt")["input_ids"]
    new = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=10, do_sample=False)[
        0, ids.shape[1] :
    ]
    completion = together(TransformersLLM(model=str(folder)), [ask(2, 10)])[0]
    ended = 2 in new.tolist()
    assert completion.text == tokenizer.decode(new, skip_special_tokens=True)
    assert completion.finish == ("stop" if ended else "length")
    assert completion.usage == Usage(requests=1, input_tokens=ids.shape[1], output_tokens=len(new))


def test_says_how_a_reply_ended(folder: Path) -> None:
    requests = [ask(words, 40) for words in range(1, 30)]
    finishes = {item.finish: item for item in together(TransformersLLM(model=str(folder), batch_size=32), requests)}
    assert set(finishes) == {"stop", "length"}
    assert finishes["length"].usage.output_tokens == 40
    assert finishes["stop"].usage.output_tokens < 40


def test_keeps_to_the_limit_of_each(folder: Path) -> None:
    requests = [ask(5, limit) for limit in (1, 2, 3, 20)]
    replies = together(TransformersLLM(model=str(folder), max_wait=0.2), requests)
    words = [item.text.split() for item in replies]
    assert [item.usage.output_tokens for item in replies][:3] == [1, 2, 3]
    assert all(words[3][: len(short)] == short for short in words)


def test_streams_what_it_completes(folder: Path) -> None:
    llm = TransformersLLM(model=str(folder))

    async def items() -> list[str | Completion]:
        return [item async for item in llm.stream(ask())]

    *pieces, last = asyncio.run(items())
    assert last == together(llm, [ask()])[0]
    assert isinstance(last, Completion)
    assert len(pieces) > 1
    assert "".join(map(str, pieces)) == last.text


def test_a_stream_may_be_left_early(folder: Path) -> None:
    llm = TransformersLLM(model=str(folder))

    async def left() -> Completion:
        async for _ in (items := llm.stream(ask(3, 90))):
            break
        await items.aclose()
        return await llm.complete(ask())

    assert asyncio.run(left()) == together(llm, [ask()])[0]


def test_leaves_off_what_nobody_waits_for(folder: Path, batches: list[int]) -> None:
    llm = TransformersLLM(model=str(folder), max_wait=0.1)

    async def cancelled() -> Completion:
        task = asyncio.create_task(llm.complete(ask(3)))
        await asyncio.sleep(0.02)
        task.cancel()
        return await llm.complete(ask(4))

    assert asyncio.run(cancelled()).usage.requests == 1
    assert batches == [1]


class TestTemplates:
    def test_render_the_messages(self, tmp_path: Path) -> None:
        llm = TransformersLLM(model=str(save(tmp_path, template=PLAIN_TEMPLATE)))
        request = LLMRequest((Message("system", "born in"), Message("user", "warsaw")), 5, "test/1")
        completion = together(llm, [request])[0]
        assert completion.usage.input_tokens == len("[ system ] born in [ user ] warsaw [ reply ]".split())

    def test_without_a_system_role(self, tmp_path: Path) -> None:
        llm = TransformersLLM(model=str(save(tmp_path, template=STRICT_TEMPLATE)))
        request = LLMRequest((Message("system", "born in"), Message("user", "warsaw")), 5, "test/1")
        completion = together(llm, [request])[0]
        assert completion.usage.input_tokens == len("[ user ] born in warsaw".split())
        with pytest.raises(LLMRequestError, match="its chat template refuses the messages"):
            together(llm, [LLMRequest((Message("system", "alone"),), 5, "test/1")])


class TestLimits:
    def test_too_long_a_request(self, folder: Path) -> None:
        llm = TransformersLLM(model=str(folder))
        with pytest.raises(LLMRequestError, match="longer than the model's context of 128"):
            together(llm, [ask(200)])

    def test_others_are_answered(self, folder: Path) -> None:
        llm = TransformersLLM(model=str(folder), max_wait=0.2)

        async def both() -> list[Any]:
            return await asyncio.gather(llm.complete(ask(200)), llm.complete(ask()), return_exceptions=True)

        bad, good = asyncio.run(both())
        assert isinstance(bad, LLMRequestError)
        assert isinstance(good, Completion)

    def test_the_context_ends(self, folder: Path) -> None:
        completion = together(TransformersLLM(model=str(folder)), [ask(110, 500)])[0]
        assert completion.usage.input_tokens + completion.usage.output_tokens <= 128


class TestModels:
    def test_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ModelNotFoundError, match="there is no such folder"):
            together(TransformersLLM(model=str(tmp_path / "none")), [ask()])
        with pytest.raises(ModelNotFoundError, match=r"holds no \*.safetensors weights"):
            _ = TransformersLLM(model=str(tmp_path)).fingerprint

    def test_that_cannot_be_loaded(self, tmp_path: Path) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"nothing")
        with pytest.raises(ModelNotFoundError, match="it cannot be loaded"):
            together(TransformersLLM(model=str(tmp_path)), [ask()])

    def test_read_their_files_once_for_it(self, folder: Path, tmp_path: Path) -> None:
        shutil.copytree(folder, tmp_path / "model")
        llm = TransformersLLM(model=str(tmp_path / "model"))
        first = llm.fingerprint
        again = pickle.loads(pickle.dumps(llm))
        assert again.fingerprint == first
        shutil.rmtree(tmp_path / "model")
        assert llm.fingerprint == first  # what replies is what was read
        with pytest.raises(ModelNotFoundError):
            _ = pickle.loads(pickle.dumps(llm)).fingerprint

    def test_have_a_fingerprint_of_their_weights(self, folder: Path, tmp_path: Path) -> None:
        same, other = save(tmp_path / "a" / "small"), save(tmp_path / "b" / "small", seed=1)
        found = TransformersLLM(model=str(folder)).fingerprint
        assert found.startswith("transformers:small:")
        assert TransformersLLM(model=str(same), batch_size=2, device="cpu").fingerprint == found
        assert TransformersLLM(model=str(other)).fingerprint != found
        assert TransformersLLM(model=str(folder), temperature=0.5).fingerprint != found

    def test_may_be_random(self, folder: Path) -> None:
        llm = TransformersLLM(model=str(folder), temperature=5.0)
        assert len({item.text for item in together(llm, [ask(4, 20)] * 8)}) > 1

    def test_can_be_pickled(self, folder: Path) -> None:
        llm = TransformersLLM(model=str(folder))
        first = together(llm, [ask()])
        assert together(pickle.loads(pickle.dumps(llm)), [ask()]) == first


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"model": ""}, "must be a folder or the name of a model"),
        ({"batch_size": 0}, "must be at least 1, got 0"),
        ({"max_wait": -1.0}, r"must be in \[0, 60\]"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_refuses_options(options: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        TransformersLLM(**{"model": "small", **options})
