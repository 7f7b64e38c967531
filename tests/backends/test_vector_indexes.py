"""Vector indexes: conformance, range search, saving, choice by size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hippo.backends import vectors as choice
from hippo.backends.vectors import Earlier, open_vectors
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.faiss import FaissVectorIndex
from hippo.errors import ConfigError, IndexCorruptError, InputError, UnknownNameError
from hippo.testing.vectors import VectorIndexConformance, clustered

pytest.importorskip("faiss", reason="faiss is not installed")


class TestExact(VectorIndexConformance):
    @pytest.fixture
    def build(self) -> Any:
        return ExactVectorIndex


class TestFlat(VectorIndexConformance):
    @pytest.fixture
    def build(self) -> Any:
        return lambda array: FaissVectorIndex(array, kind="flat")


class TestLists(VectorIndexConformance):
    exact = False

    @pytest.fixture
    def build(self) -> Any:
        return lambda array: FaissVectorIndex(array, kind="ivf-sq8")


class TestGraph(VectorIndexConformance):
    exact = False
    size = 800

    @pytest.fixture
    def build(self) -> Any:
        return lambda array: FaissVectorIndex(array, kind="hnsw")


@pytest.mark.parametrize("kind", ["numpy", "flat", "ivf-sq8", "hnsw"])
def test_halves_are_searched_as_the_same_numbers_in_float32(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hippo.backends.vectors.faiss._BLOCK", 128)
    monkeypatch.setattr("hippo.backends.vectors.exact._VECTORS", 128)

    def made(array: Any) -> Any:
        return ExactVectorIndex(array) if kind == "numpy" else FaissVectorIndex(array, kind=kind)  # type: ignore[arg-type]

    halves, queries = clustered(500).astype(np.float16), clustered(9, seed=1)
    halves[300] = halves[7]
    queries[0] = halves[7]
    for k in (1, 20, 400):
        found, wide = (made(array).search(queries, k) for array in (halves, halves.astype(np.float32)))
        np.testing.assert_array_equal(found[0], wide[0])
        np.testing.assert_array_equal(found[1], wide[1])
    if kind in ("numpy", "flat"):
        found, wide = (made(array).range_search(queries, 0.5) for array in (halves, halves.astype(np.float32)))
        for one, other in zip(found, wide, strict=True):
            np.testing.assert_array_equal(one, other)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 8), st.integers(1, 70), st.integers(0, 1000))
def test_top_k_is_the_head_of_the_full_sort(count: int, distinct: int, k: int, seed: int) -> None:
    # Whole numbers have exact inner products, and few distinct vectors have many ties.
    random = np.random.default_rng(seed)
    array = random.integers(-2, 3, (distinct, 4)).astype(np.float32)[random.integers(0, distinct, count)]
    query = random.integers(-2, 3, (3, 4)).astype(np.float32)
    scores = query @ array.T
    expected = np.array([np.lexsort((np.arange(count), -row))[:k] for row in scores])
    for index in (ExactVectorIndex(array), FaissVectorIndex(array, kind="flat")):
        rows, values = index.search(query, k)
        assert rows.tolist() == expected.tolist()
        assert values.tolist() == np.take_along_axis(scores, expected, axis=1).tolist()


def test_blocks_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    array = clustered(1500)
    array[700:720] = array[3]
    whole = ExactVectorIndex(array)
    rows, values = whole.search(array[:40], 12)
    limits, near, _ = whole.range_search(array[:40], 0.6)
    monkeypatch.setattr("hippo.backends.vectors.exact._QUERIES", 7)
    monkeypatch.setattr("hippo.backends.vectors.exact._VECTORS", 64)
    assert whole.search(array[:40], 12)[0].tolist() == rows.tolist()
    assert whole.search(array[:40], 12)[1].tolist() == values.tolist()
    assert whole.range_search(array[:40], 0.6)[0].tolist() == limits.tolist()
    assert whole.range_search(array[:40], 0.6)[1].tolist() == near.tolist()


@pytest.mark.parametrize("build", [ExactVectorIndex, FaissVectorIndex])
def test_range_search_finds_all(build: Any) -> None:
    array, queries = clustered(900), clustered(20, seed=3)
    scores = queries.astype(float) @ array.astype(float).T
    threshold = float(np.quantile(scores, 0.97)) + 1e-4
    limits, rows, values = build(array).range_search(queries, threshold)
    assert limits.shape == (21,)
    assert limits[-1] == len(rows) == len(values) > 100
    for query in range(20):
        part = slice(limits[query], limits[query + 1])
        expected = np.flatnonzero(scores[query] >= threshold)
        assert set(rows[part].tolist()) ^ set(expected.tolist()) <= {
            row for row in range(900) if abs(scores[query, row] - threshold) < 1e-6
        }
        assert rows[part].tolist() == sorted(rows[part].tolist())
        assert values[part] == pytest.approx(scores[query][rows[part]], abs=1e-5)


def test_range_search_of_nothing() -> None:
    array = clustered(10)
    limits, rows, _ = ExactVectorIndex(array).range_search(array[:3], 1.5)
    assert limits.tolist() == [0, 0, 0, 0]
    assert rows.dtype == np.int64
    assert ExactVectorIndex(array).range_search(array[:0], 0.5)[0].tolist() == [0]


def test_approximate_range_search_is_refused() -> None:
    index = FaissVectorIndex(clustered(400), kind="ivf-sq8")
    with pytest.raises(InputError, match="range search needs an exact index, got 'ivf-sq8'"):
        index.range_search(clustered(1), 0.5)


@pytest.mark.parametrize("kind", ["flat", "ivf-sq8", "hnsw"])
def test_saved_index_finds_the_same(kind: Any, tmp_path: Path) -> None:
    array = clustered(700)
    index = FaissVectorIndex(array, kind=kind)
    index.save(tmp_path)
    again = FaissVectorIndex.load(tmp_path, array)
    assert (again.kind, again.effort, again.recall) == (index.kind, index.effort, index.recall)
    assert again.search(array[:30], 5)[0].tolist() == index.search(array[:30], 5)[0].tolist()


def test_effort_is_the_least_that_suffices() -> None:
    index = FaissVectorIndex(clustered(3000, 16), kind="ivf-sq8")
    assert index.recall >= 0.98
    assert index.effort >= 4
    index._set_effort(1)
    queries = clustered(3000, 16)[::50]
    exact = ExactVectorIndex(clustered(3000, 16)).search(queries, 10)[0]
    found = index.search(queries, 10)[0]
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact.tolist(), found.tolist(), strict=True)]) < 0.98


def test_lists_grow_by_what_is_new_and_shrink_to_what_they_were(tmp_path: Path) -> None:
    whole = clustered(3000)
    mask = np.random.default_rng(0).permutation(3000) >= 40
    before, after = whole[mask], whole
    paths = [tmp_path / name for name in ("before", "after", "back")]
    for path in paths:
        path.mkdir()
    first = FaissVectorIndex(before, kind="ivf-sq8")
    first.save(paths[0])
    rows = np.where(mask, np.cumsum(mask) - 1, -1)
    more = FaissVectorIndex(after, kind="ivf-sq8", earlier=Earlier(paths[0], before, rows))
    assert (first.trained, first.added, more.trained, more.added) == (2960, 2960, 2960, 40)
    assert more.recall >= 0.98
    assert (more.search(whole[~mask], 5)[0][:, 0] == np.flatnonzero(~mask)).mean() > 0.9
    more.save(paths[1])
    again = FaissVectorIndex.load(paths[1], after)
    assert again.search(whole[:50], 5)[0].tolist() == more.search(whole[:50], 5)[0].tolist()
    back = FaissVectorIndex(before, kind="ivf-sq8", earlier=Earlier(paths[1], after, np.flatnonzero(mask)))
    assert (back.trained, back.added) == (2960, 0)
    back.save(paths[2])
    for name in ("faiss.index", "faiss.json"):
        assert (paths[0] / name).read_bytes() == (paths[2] / name).read_bytes()


def test_lists_are_trained_anew_where_they_no_longer_suit(tmp_path: Path) -> None:
    array = clustered(800, 8)
    FaissVectorIndex(array, kind="ivf-sq8").save(tmp_path)

    def trained(vectors: Any, rows: Any) -> int:
        return FaissVectorIndex(vectors, kind="ivf-sq8", earlier=Earlier(tmp_path, array, rows)).added

    assert trained(array[:760], np.arange(760)) == 0
    assert trained(array[:360], np.arange(360)) == 360  # fewer than half
    assert trained(array[:760], np.where(np.arange(760) < 360, np.arange(760), -1)) == 760  # most are new
    # Rows that are said to be the same and are not are found out.
    assert trained(np.concatenate([array[100:102], array[2:]]), np.arange(800)) == 2
    (tmp_path / "faiss.index").write_bytes(b"nothing")
    assert trained(array[:760], np.arange(760)) == 760
    # Many that are alike fall into few lists.
    array = clustered(2000, 8)
    FaissVectorIndex(array, kind="ivf-sq8").save(tmp_path)
    alike = array[:1] + 0.05 * clustered(900, 8, seed=5)
    alike /= np.linalg.norm(alike, axis=1, keepdims=True)
    rows = np.concatenate([np.arange(1000), np.full(900, -1)])
    assert trained(np.concatenate([array[:1000], alike]).astype(np.float32), rows) == 1900


def test_damaged_files_are_reported(tmp_path: Path) -> None:
    array = clustered(300)
    FaissVectorIndex(array, kind="ivf-sq8").save(tmp_path)
    with pytest.raises(IndexCorruptError, match=r"made for vectors \(300, 32\), got \(299, 32\)"):
        FaissVectorIndex.load(tmp_path, array[:299])
    (tmp_path / "faiss.index").write_bytes(b"nothing")
    with pytest.raises(IndexCorruptError, match="cannot be opened"):
        FaissVectorIndex.load(tmp_path, array)
    with pytest.raises(IndexCorruptError, match="cannot be opened"):
        FaissVectorIndex.load(tmp_path / "absent", array)


def test_refuses_wrong_settings() -> None:
    with pytest.raises(ConfigError, match="kind: must be auto, flat, hnsw or ivf-sq8, got 'pq'"):
        FaissVectorIndex(clustered(10), kind="pq")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"float32 or float16 matrix \(n, d\), got float64 \(3, 3\)"):
        ExactVectorIndex(np.eye(3))  # type: ignore[arg-type]


def test_demanding_a_gpu_without_one() -> None:
    import faiss

    if faiss.get_num_gpus():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match="FAISS sees no GPU"):
        FaissVectorIndex(clustered(10), gpu=True)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["flat", "ivf-sq8"])
def test_gpu_agrees(kind: Any) -> None:
    import faiss

    if not faiss.get_num_gpus():
        pytest.skip("FAISS sees no GPU")
    array = clustered(5000)
    rows, values = FaissVectorIndex(array, kind=kind, gpu=True).search(array[:50], 10)
    exact_rows, exact_values = ExactVectorIndex(array).search(array[:50], 10)
    assert (rows == exact_rows).mean() > 0.9
    assert values[:, 0].tolist() == exact_values[:, 0].tolist()


def test_choice_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    array = clustered(60)
    assert isinstance(open_vectors(array), ExactVectorIndex)
    assert isinstance(open_vectors(array, "faiss"), FaissVectorIndex)
    monkeypatch.setattr(choice, "APPROXIMATE_FROM", 60)
    assert isinstance(open_vectors(array), FaissVectorIndex)
    assert isinstance(open_vectors(array, "numpy"), ExactVectorIndex)
    with pytest.raises(UnknownNameError, match=r"unknown vector index 'annoy'. Known: auto, faiss, numpy, torch"):
        open_vectors(array, "annoy")  # type: ignore[arg-type]
