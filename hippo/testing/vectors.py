"""What every vector index must do. Subclass, give one fixture, and pytest runs the suite.

```python
class TestMyIndex(VectorIndexConformance):
    @pytest.fixture
    def build(self):
        return MyIndex  # anything that takes vectors and returns an index
```
"""
# ruff: noqa: S101 - a test suite asserts

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from hippo.errors import InputError
from hippo.protocols import VectorIndex

__all__ = ["VectorIndexConformance", "clustered"]

Build = Callable[[NDArray[np.float32]], VectorIndex]


def clustered(count: int, dimension: int = 32, *, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around a few centres, float32 `(count, dimension)`: neighbours exist, as they do among texts."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((max(1, count // 50), dimension))
    vectors = centres[random.integers(0, len(centres), count)] + 0.7 * random.standard_normal((count, dimension))
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


class VectorIndexConformance:
    """Tests of a `VectorIndex` against brute force in float64. Needs a fixture `build`.

    Attributes:
        exact: Whether every neighbour must be found, and ties must be in order of rows.
        recall: Share of neighbours that an approximate index must find.
        size: Vectors in the larger tests.
    """

    exact: ClassVar[bool] = True
    recall: ClassVar[float] = 0.95
    size: ClassVar[int] = 2000

    @pytest.mark.parametrize("k", [1, 10, 100])
    def test_finds_the_nearest(self, build: Build, k: int) -> None:
        """Neighbours and similarities are those of brute force, best first."""
        vectors, queries = clustered(self.size), clustered(37, seed=1)
        index = build(vectors)
        assert isinstance(index, VectorIndex)
        rows, values = index.search(queries, k)
        assert rows.shape == values.shape == (37, k)
        assert rows.dtype == np.int64
        assert values.dtype == np.float32
        scores = queries.astype(float) @ vectors.astype(float).T
        best = -np.sort(-scores, axis=1)[:, :k]
        assert np.take_along_axis(scores, rows, axis=1) == pytest.approx(values, abs=1e-5)
        assert (np.diff(values, axis=1) <= 0).all()
        assert all(len(set(row)) == k for row in rows.tolist())
        found = values >= best[:, -1:] - 1e-5
        assert found.all() if self.exact else found.mean() >= self.recall

    def test_breaks_ties_by_row(self, build: Build) -> None:
        """Of equal vectors the first rows are given, in order, also where the cut falls among them."""
        vectors = clustered(300)
        vectors[20:220] = vectors[7]
        rows, _ = build(vectors).search(vectors[7:8], 50)
        equal = [7, *range(20, 220)]
        if self.exact:
            assert rows[0].tolist() == equal[:50]
        else:
            assert rows[0].tolist() == sorted(set(rows[0].tolist()) & set(equal))

    def test_gives_the_same_alone_and_among_others(self, build: Build) -> None:
        """Where it says that it is best asked for many `together`: to the last bit."""
        vectors, queries = clustered(self.size), clustered(37, seed=1)
        index = build(vectors)
        if getattr(index, "together", 1) > 1:
            rows, values = index.search(queries, 20)
            for place in range(len(queries)):
                own_rows, own_values = index.search(queries[place : place + 1], 20)
                assert own_rows.tolist() == rows[place : place + 1].tolist()
                assert own_values.tolist() == values[place : place + 1].tolist()

    def test_answers_threads_that_ask_at_the_same_time(self, build: Build) -> None:
        """As it answers one after another."""
        vectors, queries = clustered(self.size), clustered(8, seed=2)
        index = build(vectors)
        expected = [index.search(query[None], 20)[0].tolist() for query in queries]
        with ThreadPoolExecutor(4) as pool:
            found = pool.map(lambda query: index.search(query[None], 20)[0].tolist(), [*queries] * 3)
            assert list(found) == expected * 3

    def test_cuts_k_to_the_number_of_vectors(self, build: Build) -> None:
        """More neighbours than vectors: all of them."""
        vectors = clustered(5)
        rows, values = build(vectors).search(vectors[:2], 10)
        assert (rows.shape, values.shape) == ((2, 5), (2, 5))
        assert sorted(rows[1].tolist()) == [0, 1, 2, 3, 4]

    def test_takes_nothing(self, build: Build) -> None:
        """No vectors, or no queries: no rows, and the right shapes."""
        vectors = clustered(50)
        assert build(vectors[:0]).search(vectors[:3], 4)[0].shape == (3, 0)
        assert build(vectors).search(vectors[:0], 4)[1].shape == (0, 4)

    def test_reads_mapped_vectors(self, build: Build, tmp_path: Path) -> None:
        """A read-only memory map gives what memory gives."""
        vectors = clustered(400)
        np.save(tmp_path / "vectors.npy", vectors)
        mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
        rows, values = build(mapped).search(vectors[:9], 3)
        expected_rows, expected_values = build(vectors).search(vectors[:9], 3)
        assert rows.tolist() == expected_rows.tolist()
        assert values.tolist() == expected_values.tolist()

    def test_refuses_what_it_cannot_search(self, build: Build) -> None:
        """Wrong width, wrong rank, no number, no neighbours wanted: typed errors that give the values."""
        index = build(clustered(50))
        with pytest.raises(InputError, match=r"\(m, 32\), got \(2, 31\)"):
            index.search(np.ones((2, 31), dtype=np.float32), 1)
        with pytest.raises(InputError, match=r"\(m, 32\), got \(32,\)"):
            index.search(np.ones(32, dtype=np.float32), 1)
        with pytest.raises(InputError, match="finite"):
            index.search(np.full((1, 32), np.nan, dtype=np.float32), 1)
        with pytest.raises(InputError, match="k must be at least 1, got 0"):
            index.search(np.ones((1, 32), dtype=np.float32), 0)
