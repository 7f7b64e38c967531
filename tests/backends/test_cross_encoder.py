"""The filter and the re-ranker that run a cross-encoder, with tiny models made here."""

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hippo import Hippo
from hippo.backends.recognition.cross_encoder import CrossEncoderFactFilter
from hippo.backends.reranking.cross_encoder import CrossEncoderReranker
from hippo.errors import ConfigError, InputError, ModelNotFoundError
from hippo.protocols import FactFilter
from hippo.testing import FactFilterConformance, RerankerConformance
from hippo.types import Recognition

pytestmark = [pytest.mark.needs("torch", "transformers"), pytest.mark.usefixtures("one_thread")]

WORDS = "who wrote the notes ada lived in london is a city far from paris and was born there long ago".split()
QUESTIONS = ["who wrote the notes", "who was born in london long ago and far from paris", "paris", "\ud800 who"]
FACTS = [
    ["ada wrote the notes", "london is a city", "the notes"],
    [],
    ["paris is a city far from london " * 12, "ada", "", "ada lived in paris", "unknown words \ud800 北京"],
    ["notes"],
]


Make = Callable[..., Path]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Saves a tiny BERT with random weights and a word tokenizer; returns its folder."""

    def save(labels: int = 1, head: bool = True, pickled: bool = False) -> Path:
        import torch
        from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

        folder = tmp_path_factory.mktemp("model")
        vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
        (folder / "vocab.txt").write_text("\n".join(vocabulary))
        BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=32).save_pretrained(folder)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=48,
            num_labels=labels,
            initializer_range=0.6,
        )
        torch.manual_seed(3)
        model = (BertForSequenceClassification if head else BertModel)(config)
        model.save_pretrained(folder)
        if pickled:
            torch.save(model.state_dict(), folder / "pytorch_model.bin")
            (folder / "model.safetensors").unlink()
        return folder

    return save


@pytest.fixture(scope="module")
def folder(make: Make) -> Path:
    return make()


def one_by_one(folder: Path, max_length: int = 32) -> list[list[float]]:
    """The same probabilities by plain transformers, each pair alone."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()

    def probability(question: str, fact: str) -> float:
        # As lists: of two plain texts the library drops the second where it is empty.
        texts = [[text.replace("\ud800", "?")] for text in (question, fact)]
        inputs = tokenizer(*texts, truncation=True, max_length=max_length, return_tensors="pt")
        with torch.no_grad():
            logits = model(**inputs).logits[0].double()
        return float(torch.sigmoid(logits[0]) if len(logits) == 1 else torch.softmax(logits, 0)[1])

    return [[probability(question, fact) for fact in facts] for question, facts in zip(QUESTIONS, FACTS, strict=True)]


def made(folder: Path, **options: Any) -> CrossEncoderFactFilter:
    return CrossEncoderFactFilter(model=str(folder), device="cpu", **options)


class TestConformance(FactFilterConformance):
    @pytest.fixture
    def fact_filter(self, folder: Path) -> CrossEncoderFactFilter:
        return made(folder)


class TestRerankerConformance(RerankerConformance):
    @pytest.fixture
    def reranker(self, folder: Path) -> CrossEncoderReranker:
        return CrossEncoderReranker(model=str(folder), device="cpu")


def test_a_reranker_orders_the_passages_of_a_memory(folder: Path, tmp_path: Path) -> None:
    texts = ["ada wrote the notes", "london is a city", "paris is a city far from london", "ada lived in paris"]
    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add([{"id": text, "text": text} for text in texts])
    options = {"options": {"cross-encoder": {"device": "cpu"}}, "share": 1.0}
    name = f"cross-encoder:{folder}"
    with Hippo.open(tmp_path, reranking=name, config={"reranking": options}) as memory:
        found = memory.retrieve("who wrote the notes", k=4, explain=True)
    [expected] = CrossEncoderReranker(model=str(folder), device="cpu").rerank(["who wrote the notes"], [texts])
    by_text = dict(zip(texts, expected, strict=True))
    assert [hit.text for hit in found.hits] == sorted(texts, key=lambda text: -by_text[text])
    explained = [hit.explanation.reranking for hit in found.hits if hit.explanation]
    assert explained == pytest.approx(sorted(expected, reverse=True), abs=1e-5)
    assert CrossEncoderReranker(model=str(folder)).fingerprint == found.parameters["reranker"]
    assert CrossEncoderReranker(model=str(folder), max_length=12).fingerprint != found.parameters["reranker"]


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_probabilities_are_those_of_the_library(make: Make, labels: int, batch_size: int) -> None:
    folder = make(labels)
    expected = one_by_one(folder)
    found = made(folder, batch_size=batch_size).probabilities(QUESTIONS, FACTS)
    assert [len(values) for values in found] == [3, 0, 5, 1]
    assert all(values.dtype == np.float64 for values in found)
    assert np.concatenate(found) == pytest.approx(np.concatenate(expected), abs=1e-6)
    assert np.ptp(np.concatenate(found)) > 1e-3  # the texts do make a difference


def test_max_length_cuts_pairs(folder: Path) -> None:
    short = made(folder, max_length=12).probabilities(QUESTIONS, FACTS)
    assert np.concatenate(short) == pytest.approx(np.concatenate(one_by_one(folder, 12)), abs=1e-6)
    assert abs(short[2][0] - made(folder).probabilities(QUESTIONS, FACTS)[2][0]) > 1e-4


def test_keeps_what_reaches_the_threshold(folder: Path) -> None:
    expected = one_by_one(folder)
    middle = float(np.median(np.concatenate(expected))) + 1e-4
    found = made(folder, threshold=middle).recognize(QUESTIONS, FACTS)
    assert [item.kept for item in found] == [
        tuple(place for place, value in enumerate(values) if value >= middle) for values in expected
    ]
    assert {item.outcome for item in found} == {"kept", "none"}
    assert found[1] == Recognition("none", (), 0)
    assert [item.shown for item in found] == [3, 0, 5, 1]
    assert [item.kept for item in made(folder, threshold=0).recognize(QUESTIONS, FACTS)][2] == (0, 1, 2, 3, 4)
    nothing = made(folder, threshold=1).recognize(QUESTIONS, FACTS)
    assert {(item.outcome, item.kept, item.reason) for item in nothing} == {("none", (), None)}


def test_keeps_the_best_at_least(folder: Path) -> None:
    expected = one_by_one(folder)
    found = made(folder, threshold=1, least=2).recognize(QUESTIONS, FACTS)
    assert [item.kept for item in found] == [tuple(sorted(np.argsort(-np.array(v))[:2].tolist())) for v in expected]
    assert [item.outcome for item in found] == ["kept", "none", "kept", "kept"]
    assert all(type(place) is int for item in found for place in item.kept)
    ties = made(folder, threshold=1, least=2).recognize(["paris"], [["ada"] * 4])
    assert ties[0].kept == (0, 1)


def test_same_call_same_result_from_any_thread(folder: Path) -> None:
    fact_filter = made(folder, batch_size=2)
    first = fact_filter.probabilities(QUESTIONS, FACTS)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: fact_filter.probabilities(QUESTIONS, FACTS), range(8)))
    assert all(np.array_equal(a, b) for result in again for a, b in zip(first, result, strict=True))
    copy = pickle.loads(pickle.dumps(fact_filter))
    assert np.array_equal(np.concatenate(copy.probabilities(QUESTIONS, FACTS)), np.concatenate(first))


def test_nothing_to_read_loads_nothing(folder: Path) -> None:
    fact_filter = made(folder)
    assert fact_filter.recognize([], []) == []
    assert fact_filter.recognize(["a", "b"], [[], []]) == [Recognition("none", (), 0)] * 2
    assert fact_filter._loaded is None
    assert isinstance(fact_filter, FactFilter)
    with pytest.raises(InputError, match="1 questions need as many lists of texts, got 2"):
        fact_filter.recognize(["a"], [[], []])


def test_scores_that_are_no_numbers_are_a_failure(make: Make) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = make()
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "classifier.bias": torch.full((1,), float("nan"))}, folder / "model.safetensors")
    found = made(folder, least=1).recognize(QUESTIONS, FACTS)
    assert [item.outcome for item in found] == ["failed", "none", "failed", "failed"]
    assert found[0].reason == f"model {str(folder)!r} gave a score that is no number"
    assert found[0].kept == ()


def test_fingerprint_follows_content_and_settings(folder: Path, make: Make, tmp_path: Path) -> None:
    base = made(folder).fingerprint
    assert base.startswith("BertForSequenceClassification:")
    assert made(Path(shutil.copytree(folder, tmp_path / "copy")), batch_size=2).fingerprint == base
    others = [made(folder, threshold=0.4), made(folder, least=1), made(folder, max_length=16), made(make(2))]
    assert len({base, *(other.fingerprint for other in others)}) == 5


def test_models_that_are_no_re_ranker_are_refused(make: Make, tmp_path: Path) -> None:
    with pytest.raises(
        ModelNotFoundError, match=r"no trained re-ranker: it lacks classifier\.bias, classifier\.weight"
    ):
        made(make(head=False)).recognize(QUESTIONS, FACTS)
    with pytest.raises(ConfigError, match=r"has 1 or 2 labels, .* has 3"):
        made(make(3)).recognize(QUESTIONS, FACTS)
    with pytest.raises(ModelNotFoundError, match=r"no \*\.safetensors weights"):
        made(make(pickled=True)).recognize(QUESTIONS, FACTS)
    with pytest.raises(ModelNotFoundError, match="there is no such folder"):
        made(tmp_path / "gone").recognize(QUESTIONS, FACTS)
    damaged = make()
    (damaged / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelNotFoundError, match="cannot be loaded"):
        made(damaged).recognize(QUESTIONS, FACTS)


def test_code_of_authors_is_not_run(make: Make) -> None:
    folder = make()
    ran = folder / "ran"
    (folder / "theirs.py").write_text(f"open({str(ran)!r}, 'w')")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "theirs",
        "auto_map": {"AutoConfig": "theirs.C", "AutoModelForSequenceClassification": "theirs.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelNotFoundError, match="need code of their authors are not supported"):
        made(folder).recognize(QUESTIONS, FACTS)
    assert not ran.exists()


def test_settings_are_checked(folder: Path) -> None:
    for options, problem in (
        ({"threshold": 1.5}, "threshold: must be between 0 and 1, got 1.5"),
        ({"threshold": float("nan")}, "threshold: must be between 0 and 1, got nan"),
        ({"least": -1}, "least: must be at least 0, got -1"),
        ({"batch_size": 0}, "batch_size: must be at least 1, got 0"),
        ({"max_length": 4}, "max_length: must be at least 8, got 4"),
    ):
        with pytest.raises(ConfigError, match=problem):
            made(folder, **options)
    with pytest.raises(ConfigError, match="max_length: the model reads at most 48, got 49"):
        made(folder, max_length=49).recognize(QUESTIONS, FACTS)


def test_loading_is_silent_and_offline(folder: Path) -> None:
    code = f"""
import sys
from hippo.backends.recognition.cross_encoder import CrossEncoderFactFilter
fact_filter = CrossEncoderFactFilter(model={str(folder)!r}, device="cpu", threshold=0)
fact_filter.fingerprint
print(sorted({{"torch", "transformers"}} & set(sys.modules)))
print(fact_filter.recognize(["paris"], [["ada"]])[0].kept)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["[]", "(0,)"], "")


def test_a_name_that_is_nowhere(tmp_path: Path) -> None:
    code = """
from hippo.backends.recognition.cross_encoder import CrossEncoderFactFilter
from hippo.errors import ModelNotFoundError
try:
    CrossEncoderFactFilter().recognize(["paris"], [["ada"]])
except ModelNotFoundError as error:
    print(error)
"""
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.startswith(
        "model 'cross-encoder/ms-marco-MiniLM-L6-v2' is not available: it is not in the model"
    )
    assert "Give the path of a folder that holds it" in done.stdout


def test_the_threshold_itself_is_enough(make: Make) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    folder = make()
    weights = load_file(folder / "model.safetensors")
    flat = {name: torch.zeros_like(value) for name, value in weights.items() if name.startswith("classifier")}
    save_file({**weights, **flat}, folder / "model.safetensors")
    assert made(folder).recognize(["paris"], [["ada", "london"]])[0].kept == (0, 1)
    assert made(folder, threshold=0.501).recognize(["paris"], [["ada", "london"]])[0].outcome == "none"
