"""Exact search by torch: what `ExactVectorIndex` finds, to the last bit, however its vectors lie on the device."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo.backends import devices
from hippo.backends import vectors as choice
from hippo.backends.vectors import blocks as blocks_of
from hippo.backends.vectors import exact_index, open_vectors
from hippo.backends.vectors.blocks import Blocks
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.torch import TorchVectorIndex
from hippo.errors import ConfigError, InputError, MissingExtraError
from hippo.graph.synonyms import Similar, find_similar
from hippo.testing.vectors import VectorIndexConformance, clustered

pytestmark = [pytest.mark.needs("torch"), pytest.mark.usefixtures("one_thread")]

WAYS = {
    "single": {"half": False},
    "half": {"half": True},
    "half, some kept": {"half": True, "memory": 40_000},
}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of some dozens of vectors, and few similarities at once."""
    monkeypatch.setattr("hippo.backends.vectors.blocks._BLOCK", {"cuda": 4096, "cpu": 4096})
    monkeypatch.setattr("hippo.backends.vectors.torch._NUMBERS", {"cuda": 300, "cpu": 300})
    monkeypatch.setattr("hippo.backends.vectors.torch._QUERIES", 5)
    monkeypatch.setattr("hippo.backends.vectors.torch._PAIRS", 300)


def assert_same(index: TorchVectorIndex, array: Any, queries: Any, ks: tuple[int, ...] = (1, 20, 400)) -> None:
    """The index finds what NumPy finds."""
    exact = ExactVectorIndex(array)
    for k in ks:
        for one, other in zip(index.search(queries, k), exact.search(queries, k), strict=True):
            np.testing.assert_array_equal(one, other)
    for threshold in (-1.0, 0.3, 0.95, 1.5):
        pairs = zip(index.range_search(queries, threshold), exact.range_search(queries, threshold), strict=True)
        for one, other in pairs:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


class TestSingle(VectorIndexConformance):
    @pytest.fixture
    def build(self) -> Any:
        return lambda array: TorchVectorIndex(array, device="cpu")


@pytest.mark.usefixtures("tiny")
class TestHalfInBlocks(VectorIndexConformance):
    size = 800

    @pytest.fixture
    def build(self) -> Any:
        return lambda array: TorchVectorIndex(array, device="cpu", half=True, memory=20_000)


@pytest.mark.parametrize("stored", [np.float32, np.float16])
@pytest.mark.parametrize("way", WAYS)
def test_finds_what_numpy_finds(way: str, stored: Any, tmp_path: Path) -> None:
    array = clustered(3000, 48)
    array[700:1000] = array[3]
    np.save(tmp_path / "vectors.npy", array.astype(stored))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    queries = np.concatenate([clustered(12, 48, seed=1), array[2:5]])
    index = TorchVectorIndex(mapped, device="cpu", **WAYS[way])  # type: ignore[arg-type]
    assert len(index) == 3000
    assert index.nbytes == 3000 * 48 * (2 if "half" in way else 4)
    assert_same(index, mapped, queries)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("way", WAYS)
def test_blocks_are_sent_and_merged(way: str) -> None:
    array = clustered(1500, 48)
    array[::7] = array[3]
    index = TorchVectorIndex(array, device="cpu", **WAYS[way])  # type: ignore[arg-type]
    assert index.held == {"single": 1500, "half": 0, "half, some kept": 9 * 42 + 30}[way]
    assert_same(index, array, np.concatenate([clustered(12, 48, seed=1), array[2:5]]))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 70), st.booleans(), st.integers(0, 1000))
def test_top_k_is_the_head_of_the_full_sort(count: int, distinct: int, k: int, half: bool, seed: int) -> None:
    # Whole numbers have exact inner products, and few distinct vectors have many ties. Rows differ in length.
    random = np.random.default_rng(seed)
    array = random.integers(-2, 3, (distinct, 4)).astype(np.float32)[random.integers(0, distinct, count)]
    query = random.integers(-2, 3, (3, 4)).astype(np.float32)
    scores = query @ array.T
    expected = np.array([np.lexsort((np.arange(count), -row))[:k] for row in scores])
    rows, values = TorchVectorIndex(array, device="cpu", half=half).search(query, k)
    assert rows.tolist() == expected.tolist()
    assert values.tolist() == np.take_along_axis(scores, expected, axis=1).tolist()
    limits, near, _ = TorchVectorIndex(array, device="cpu", half=half).range_search(query, 1.0)
    assert near.tolist() == np.nonzero(scores >= 1.0)[1].tolist()
    assert limits.tolist() == [0, *np.cumsum((scores >= 1.0).sum(axis=1)).tolist()]


@pytest.mark.parametrize("length", [1e-30, 1e-6, 1.0, 3e4, 1e15])
def test_vectors_of_any_length_are_ranked(length: float) -> None:
    """Float16 ends at 65,504; lengths differ a millionfold within one index."""
    random = np.random.default_rng(5)
    array = clustered(2000) * np.exp(random.uniform(-7, 7, (2000, 1)).astype(np.float32)) * np.float32(length)
    queries = clustered(9, seed=1) * np.float32(1 / length)
    rows, values = TorchVectorIndex(array, device="cpu", half=True).search(queries, 10)
    scores = queries.astype(float) @ array.astype(float).T
    expected = np.argsort(-scores, axis=1)[:, :10]
    assert rows.tolist() == expected.tolist()
    np.testing.assert_allclose(values, np.take_along_axis(scores, expected, axis=1), rtol=1e-4)


def test_a_question_of_nothing_is_near_to_all_alike() -> None:
    array = clustered(600)
    for half in (False, True):
        index = TorchVectorIndex(array, device="cpu", half=half)
        assert index.search(np.zeros((1, 32), np.float32), 5)[0].tolist() == [[0, 1, 2, 3, 4]]
        assert index.range_search(np.full((1, 32), 1e-40, np.float32), 0.5)[0].tolist() == [0, 0]


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("stored", [np.float32, np.float16])
def test_products_are_within_their_bound(half: bool, stored: Any) -> None:
    array, queries = clustered(4000, 64).astype(stored), clustered(50, 64, seed=1)
    blocks = Blocks(array, "cpu", half, None)
    asked = blocks.ask(queries)
    real = queries.astype(float) @ array.astype(float).T
    for first, block, scale in blocks:
        found = blocks.products(asked.tensor, block).double().numpy() * scale * asked.scale[:, None]
        assert (np.abs(found - real[:, first : first + len(block)]) <= asked.error[:, None]).all()
    assert asked.error.max() < (2e-3 if half else 5e-5)


def test_what_the_process_allows_to_round_changes_nothing() -> None:
    import torch

    array, queries = clustered(2000, 64), clustered(20, 64, seed=1)
    index = TorchVectorIndex(array, device="cpu")
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert_same(index, array, queries, (20,))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_no_setting_that_threads_share_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread encodes meanwhile must not depend on whether something is searched for."""
    import torch

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} was set")

    index = TorchVectorIndex(clustered(600), device="cpu", half=True)
    for owner in (torch.backends.mkldnn.matmul, torch.backends.cuda.matmul):
        monkeypatch.setattr(type(owner), "__setattr__", lambda self, name, value: refuse(name))
    with pytest.raises(AssertionError, match="was set"):
        torch.backends.cuda.matmul.allow_fp16_accumulation = True
    assert_same(index, clustered(600), clustered(4, seed=1), (5,))
    # A device, as far as settings go: torch has no wide product on a processor, so halves are widened.
    index._blocks._cuda = True
    assert_same(index, clustered(600), clustered(4, seed=1), (5,))


def cut(array: Any) -> Any:
    """Float32 as TF32 holds it: 10 bits after the point."""
    return (array.astype(np.float32).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def test_what_a_gpu_cuts_off_is_in_the_bound() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    every = every[np.isfinite(every)]
    assert (cut(every) == every).all()  # so halves lose nothing
    # The worst case: all bits that are cut are set, and all products are positive.
    array = cut(np.random.default_rng(4).uniform(0.01, 1, (500, 64)))
    array = (array.view(np.uint32) | np.uint32(0x1FFF)).view(np.float32)
    blocks = Blocks(array, "cpu", False, None)
    blocks._cuda = True
    asked = blocks.ask(array[:50])
    found = cut(asked.tensor.numpy()).astype(float) @ cut(array).astype(float).T * asked.scale[:, None]
    off = np.abs(found - array[:50].astype(float) @ array.astype(float).T)
    assert (off <= asked.error[:, None]).all()
    blocks._cuda = False
    assert (off > blocks.ask(array[:50]).error[:, None]).any()


@pytest.mark.parametrize("way", WAYS)
def test_what_lies_too_close_for_the_device_is_found(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of vectors that float16 cannot tell apart."""
    random = np.random.default_rng(6)
    array = clustered(5000, 32)
    array[1000:4500] = array[0] + 1e-5 * random.standard_normal((3500, 32)).astype(np.float32)
    array[4500:4600] = array[1] + 1e-5 * random.standard_normal((100, 32)).astype(np.float32)
    queries = np.concatenate([array[:2], array[1000:1004], clustered(6, 32, seed=1)])
    asked: list[int] = []

    class Counted(ExactVectorIndex):
        def search(self, queries: Any, k: int) -> Any:
            asked.append(len(queries))
            return super().search(queries, k)

    monkeypatch.setattr("hippo.backends.vectors.torch.ExactVectorIndex", Counted)
    monkeypatch.setattr("hippo.backends.vectors.torch._PAIRS", 500)
    index = TorchVectorIndex(array, device="cpu", **WAYS[way])  # type: ignore[arg-type]
    assert_same(index, array, queries, (10, 5000))
    if "half" in way:  # the great cluster alone; the small one is found by asking for more
        assert asked == [5]


def fill(index: TorchVectorIndex, most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Leave the device room for the products of so many questions with a block; the list is of those refused."""
    import torch

    refused: list[int] = []
    products = Blocks.products

    def limited(asked: Any, block: Any) -> Any:
        if len(asked) > most:
            refused.append(len(asked))
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return products(index._blocks, asked, block)

    monkeypatch.setattr(index._blocks, "products", limited)
    return refused


def test_a_full_device_is_asked_for_less_at_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    array, queries = clustered(2000), clustered(100, seed=1)
    index = TorchVectorIndex(array, device="cpu", half=True)
    refused = fill(index, 7, monkeypatch)
    assert_same(index, array, queries, (20,))
    assert len(refused) > 3
    refused.clear()
    assert_same(index, array, queries, (20,))
    assert not refused
    assert not caplog.records
    fill(index, 0, monkeypatch)
    assert_same(index, array, queries, (20,))
    [record] = caplog.records
    assert record.message.startswith("cpu has no memory left to search with; the processor searches: CUDA out of")


def test_other_errors_of_a_device_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    index = TorchVectorIndex(clustered(60), device="cpu")

    def broken(asked: Any, block: Any) -> Any:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(index._blocks, "products", broken)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        index.search(clustered(2), 3)


@pytest.mark.parametrize("free", [0, 100 * 2**20])
def test_vectors_do_not_go_to_a_full_device(
    free: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    array = clustered(600)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(blocks_of, "_free_cuda", lambda torch, device: free)
    with pytest.raises(ConfigError, match=f"'cuda' has no memory left: {free >> 20} MiB of cuda are free; use \"auto"):
        TorchVectorIndex(array, device="cuda")
    assert not caplog.records
    index = TorchVectorIndex(array)
    assert index.device == "cpu"
    assert len(caplog.records) == 1
    assert "the processor searches" in caplog.text
    assert_same(index, array, clustered(4, seed=1), (5,))


def test_what_cannot_be_searched_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    array = clustered(10)
    for device in ("gpu", "cuda:", "cuda:first", "mps", ""):
        with pytest.raises(ConfigError, match=f'device: must be "auto", "cpu", "cuda" or "cuda:0", got {device!r}'):
            TorchVectorIndex(array, device=device)
    with pytest.raises(ConfigError, match="memory: must be 0 or more, got -1"):
        TorchVectorIndex(array, device="cpu", memory=-1)
    with pytest.raises(InputError, match=r"float32 or float16 matrix \(n, d\), got float64 \(3, 3\)"):
        TorchVectorIndex(np.eye(3), device="cpu")  # type: ignore[arg-type]
    for wrong in (np.nan, np.inf, 1e38):
        bad = array.copy()
        bad[4] = wrong
        with pytest.raises(InputError, match="finite and of a length that float32 can hold; row 4 is not"):
            TorchVectorIndex(bad, device="cpu")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(ConfigError, match=f'torch sees none, got \'{device}\'; use "auto" or "cpu"'):
            TorchVectorIndex(array, device=device)
    assert TorchVectorIndex(array).device == "cpu"
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"vectors 'torch' needs the package 'torch'.*hippo-memory\[local\]"):
        open_vectors(array, "torch")


def test_pairs_are_found_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Similar names, by whatever index many comparisons are made with."""
    array = clustered(2100)
    known, every = (Similar.none(), np.zeros(2100, bool)), np.ones(2100, bool)
    assert exact_index(2**40) is ExactVectorIndex or devices.sees_cuda()
    monkeypatch.setattr(choice, "sees_cuda", lambda: True)
    assert exact_index(2**20) is ExactVectorIndex
    assert exact_index(2**40) is TorchVectorIndex
    expected = find_similar(array, 0.7, known, ExactVectorIndex, every)
    assert len(expected.low) > 500
    for half in (False, True):
        found = find_similar(array, 0.7, known, lambda some: TorchVectorIndex(some, device="cpu", half=half), every)  # noqa: B023
        for name in ("low", "high", "similarity"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@pytest.fixture
def cuda() -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA device")


@pytest.mark.gpu
@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize("stored", [np.float32, np.float16])
@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("memory", [None, 300_000, 0])
def test_cuda_agrees(half: bool, stored: Any, memory: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr("hippo.backends.vectors.blocks._BLOCK", {"cuda": 2**18, "cpu": 2**18})
    array = clustered(5000, 96)
    array[700:1000] = array[3]
    array = array.astype(stored)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", True)
    index = TorchVectorIndex(array, device="cuda", half=half, memory=memory)
    assert (index.held == 5000) is (memory is None)
    assert_same(index, array, np.concatenate([clustered(40, 96, seed=1), array[2:5].astype(np.float32)]))


@pytest.mark.gpu
@pytest.mark.usefixtures("cuda")
def test_products_on_cuda_are_within_their_bound() -> None:
    array, queries = clustered(20_000, 384), clustered(50, 384, seed=1)
    blocks = Blocks(array, "cuda", None, None)
    asked = blocks.ask(queries)
    real = queries.astype(float) @ array.astype(float).T
    for first, block, scale in blocks:
        found = blocks.products(asked.tensor, block).double().cpu().numpy() * scale * asked.scale[:, None]
        assert (np.abs(found - real[:, first : first + len(block)]) <= asked.error[:, None]).all()
