"""The cache of embeddings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hippo.errors import EncodingError, IndexCorruptError, InputError
from hippo.store import Store
from hippo.store import embeddings as embeddings_module
from hippo.store.turns import changing


def vectors_of(count: int, dimension: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)


def test_embeddings_come_back_in_the_order_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings_module, "_SLICE_BYTES", 40)  # three vectors a slice
    vectors = vectors_of(10)
    hashes = [f"h{number}" for number in range(10)]
    store.put_embeddings("e", hashes[:6], vectors[:6])
    store.put_embeddings("e", hashes[6:], vectors[6:])
    order = [7, 0, 9, 9, 3, 0, 8, 1]
    got = store.get_embeddings("e", [hashes[place] for place in order])
    np.testing.assert_array_equal(got, vectors[order])
    assert (got.dtype, got.flags.c_contiguous, got.flags.writeable) == (np.float32, True, True)
    assert store.get_embeddings("e", []).shape == (0, 3)
    assert store.get_embeddings("never", []).shape == (0, 0)


def test_missing_names_the_first_of_equal_hashes(store: Store) -> None:
    store.put_embeddings("e", ["b"], vectors_of(1))
    assert store.missing_embeddings("e", ["a", "b", "a", "c", "b", "c"]) == [0, 3]
    assert store.missing_embeddings("other", ["b", "b"]) == [0]
    assert store.missing_embeddings("e", []) == []


def test_encoders_never_mix(store: Store) -> None:
    store.put_embeddings("e", ["a"], vectors_of(1, 3))
    store.put_embeddings("f", ["a"], vectors_of(1, 5))
    assert store.get_embeddings("e", ["a"]).shape == (1, 3)
    assert store.get_embeddings("f", ["a"]).shape == (1, 5)
    with pytest.raises(EncodingError, match="length 5; those cached before have 3"):
        store.put_embeddings("e", ["b"], vectors_of(1, 5))


def test_what_is_cached_stays(store: Store) -> None:
    first, second = vectors_of(2), vectors_of(3, seed=1)
    store.put_embeddings("e", ["a", "b"], first)
    store.put_embeddings("e", ["b", "c", "c"], second)
    expected = np.stack([first[0], first[1], second[1]])
    np.testing.assert_array_equal(store.get_embeddings("e", ["a", "b", "c"]), expected)
    store.verify()


def test_views_and_fortran_order_are_stored_by_value(store: Store) -> None:
    vectors = vectors_of(6, 4)
    store.put_embeddings("e", ["a", "b", "c"], vectors[::2])
    store.put_embeddings("e", ["d"], np.asfortranarray(vectors)[1:2])
    np.testing.assert_array_equal(store.get_embeddings("e", list("abcd")), vectors[[0, 2, 4, 1]])


def test_a_missing_embedding_is_an_error(store: Store) -> None:
    store.put_embeddings("e", ["a"], vectors_of(1))
    with pytest.raises(IndexCorruptError, match="1 of 2 embeddings of 'e' are not in the cache"):
        store.get_embeddings("e", ["a", "b"])
    with pytest.raises(IndexCorruptError, match="1 of 1 embeddings of 'f'"):
        store.get_embeddings("f", ["a"])


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((2, 3)), "2-D float32 array, got shape \\(2, 3\\) of float64"),
        (np.zeros(3, np.float32), "got shape \\(3,\\)"),
        (np.array([[1, 2], [np.nan, 1]], np.float32), "vector 1 is not finite"),
        (np.array([[np.inf, 2], [0, 1]], np.float32), "vector 0 is not finite"),
    ],
)
def test_refused_vectors(store: Store, vectors: np.ndarray, message: str) -> None:
    with pytest.raises(EncodingError, match=message):
        store.put_embeddings("e", ["a", "b"], vectors)
    assert store.missing_embeddings("e", ["a", "b"]) == [0, 1]


def test_hashes_and_vectors_must_match(store: Store) -> None:
    with pytest.raises(InputError, match="1 hashes for 2 vectors"):
        store.put_embeddings("e", ["a"], vectors_of(2))


def test_the_connection_is_taken_before_the_folder(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By everybody: of two threads that took them in another order, each would wait for the other for ever."""
    held: list[bool] = []

    @contextmanager
    def watched(folder: Path) -> Iterator[None]:
        held.append(store._connection._lock._is_owned())
        with changing(folder):
            yield

    monkeypatch.setattr("hippo.store.connection.changing", watched)
    store.put_embeddings("e", ["h"], vectors_of(1))
    store.checkpoint()
    store.close()
    assert held == [True] * 3


def test_a_thousand_embeddings_take_a_moment(store: Store) -> None:
    vectors = vectors_of(1000, 384)
    seconds = []
    for batch in range(8):
        begin = time.process_time()
        store.put_embeddings("e", [f"{batch} {row}" for row in range(1000)], vectors)
        seconds.append(time.process_time() - begin)
    assert sorted(seconds)[2] < 0.5  # 0.06 s on an idle machine: this finds a change of order, not of percent
