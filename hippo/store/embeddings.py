"""The cache of embeddings: vectors by encoder and text hash. What was encoded once is never encoded again."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa

from hippo.errors import EncodingError, IndexCorruptError, IndexStateError, InputError
from hippo.scratch import Scratch, release
from hippo.store import journal
from hippo.store.columns import strings
from hippo.store.part import Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Vectors

__all__ = ["Asked", "Embeddings"]

_SLICE_BYTES = 64 * 2**20

_numbers = itertools.count()


class Embeddings(Part):
    """The table `embeddings`. Vectors of one encoder have one length."""

    def missing_embeddings(self, encoder: str, hashes: Sequence[str]) -> list[int]:
        """Positions in `hashes` that are not cached, ascending; of equal hashes the first position only."""
        found: list[int] = self._missing(encoder, strings(hashes)).tolist()
        return found

    def put_embeddings(self, encoder: str, hashes: Sequence[str] | pa.Array, vectors: "Float32") -> None:
        """Cache vectors. One transaction. What is cached already stays as it is.

        Args:
            encoder: Fingerprint of the encoder.
            hashes: Hashes of the texts.
            vectors: float32 `(len(hashes), d)`, finite; row i belongs to `hashes[i]`.

        Raises:
            EncodingError: Wrong dtype or shape, values that are not finite, or another length than before.
            InputError: A hash or the fingerprint holds a lone surrogate.
        """
        _check(encoder, vectors, len(hashes))
        keys = hashes if isinstance(hashes, pa.Array) else strings(hashes)
        with self._connection.transaction():
            known = self._dimension(encoder)
            if known is not None and known != vectors.shape[1]:
                raise EncodingError(encoder, f"vectors of length {vectors.shape[1]}; those cached before have {known}")
            new = self._missing(encoder, keys)
            if len(new) < len(keys):
                keys, vectors = keys.take(pa.array(new)), vectors[new]
            offsets = np.arange(len(keys) + 1, dtype=np.int64) * vectors.shape[1]
            columns = {
                "encoder": pa.repeat(strings([encoder])[0], len(keys)),
                "hash": keys,
                "vector": pa.LargeListArray.from_arrays(offsets, np.ascontiguousarray(vectors).reshape(-1)),
            }
            journal.insert(self._connection, "embeddings", pa.table(columns))

    def get_embeddings(self, encoder: str, hashes: Sequence[str]) -> "Float32":
        """Cached vectors, in the order of `hashes`.

        Returns:
            float32 `(len(hashes), d)`, C-contiguous, owned by the caller; `(0, 0)` when nothing was ever cached.

        Raises:
            IndexCorruptError: A hash is not cached.
        """
        with self.asking([strings(hashes)]) as asked:
            return cast("Float32", asked.vectors(encoder, Scratch()))

    @contextmanager
    def asking(self, hashes: Iterable[pa.Array]) -> "Iterator[Asked]":
        """Ask for the vectors of many texts, whose hashes come in blocks and wait on DuckDB's side, not in memory.

        Args:
            hashes: Hashes of texts, string, block by block.
        """
        name = f"asked_{next(_numbers)}"
        self._connection.run(f"CREATE TEMP TABLE {name} (hash VARCHAR)")
        try:
            count = 0
            for block in hashes:
                self._connection.run(f"INSERT INTO {name} SELECT hash FROM given", given=pa.table({"hash": block}))  # noqa: S608
                count += len(block)
            yield Asked(self, name, count)
        finally:
            if not self._connection.closed:
                with suppress(IndexStateError):  # A store that failed meanwhile says so where it did.
                    self._connection.run(f"DROP TABLE {name}")

    def _missing(self, encoder: str, hashes: pa.Array) -> "NDArray[np.int64]":
        """Positions that are not cached, ascending; of equal hashes the first."""
        codes = hashes.dictionary_encode()
        _, first = np.unique(codes.indices.to_numpy(), return_index=True)
        asked = pa.table({"hash": codes.dictionary, "position": pa.array(first)})
        rows = self._connection.table(
            "SELECT a.position FROM asked a ANTI JOIN (SELECT hash FROM embeddings WHERE encoder = ?) e "
            "ON a.hash = e.hash ORDER BY a.position",
            [encoder],
            asked=asked,
        )
        found: NDArray[np.int64] = rows.column("position").to_numpy()
        return found

    def keep_embeddings(self, encoder: str | None, hashes: Sequence[str]) -> int:
        """Remove all vectors but those of one encoder and some texts. One transaction.

        Returns:
            Number of removed vectors.
        """
        kept = pa.table({"hash": strings(list(dict.fromkeys(hashes)))})
        unused = self._connection.table(
            "SELECT rowid AS key FROM embeddings "
            "WHERE encoder IS DISTINCT FROM ? OR hash NOT IN (SELECT hash FROM kept)",
            [encoder],
            kept=kept,
        )
        with self._connection.transaction():
            return journal.delete(self._connection, "embeddings", "rowid", unused)

    def _dimension(self, encoder: str) -> int | None:
        rows = self._connection.rows("SELECT len(vector) FROM embeddings WHERE encoder = ? LIMIT 1", [encoder])
        return int(rows[0][0]) if rows else None


class Asked:
    """Texts whose vectors were asked for, by hash. Their rows are those in which the hashes came.

    Made by `Embeddings.asking`.
    """

    def __init__(self, store: Embeddings, name: str, count: int) -> None:
        self._store, self._name, self._count = store, name, count
        self._connection = store._connection

    def missing(self, encoder: str) -> "tuple[NDArray[np.int64], pa.Array]":
        """What is not cached: rows, of equal hashes the first one alone, and their hashes; by hash."""
        found = self._connection.table(
            f"SELECT min(a.rowid) AS row, a.hash FROM {self._name} a ANTI JOIN "  # noqa: S608
            "(SELECT hash FROM embeddings WHERE encoder = ?) e ON a.hash = e.hash GROUP BY a.hash ORDER BY a.hash",
            [encoder],
        )
        return found.column("row").to_numpy(), found.column("hash").combine_chunks()

    def vectors(self, encoder: str, scratch: Scratch, storage: str = "float32") -> "Vectors":
        """All vectors: `(n, d)`, a row for each hash that was asked for; `(0, 0)` when nothing was ever cached.

        Args:
            encoder: Fingerprint of the encoder.
            scratch: Where they are put.
            storage: What as, "float32" or "float16"; they are kept in float32 here.

        Raises:
            IndexCorruptError: A hash is not cached.
        """
        dimension = self._store._dimension(encoder) or 0
        vectors: Vectors = scratch.empty((self._count, dimension), np.dtype(storage))
        places = self._connection.table(
            f"SELECT e.rowid AS place, a.rowid AS position FROM {self._name} a "  # noqa: S608
            "JOIN embeddings e ON a.hash = e.hash WHERE e.encoder = ? ORDER BY place",
            [encoder],
        )
        if places.num_rows != self._count:
            problem = f"{self._count - places.num_rows} of {self._count} embeddings of {encoder!r} are not in the cache"
            raise IndexCorruptError(str(self._connection.path), problem)
        step = max(1, _SLICE_BYTES // (4 * max(1, dimension)))
        for begin in range(0, self._count, step):
            self._fill(vectors, places.slice(begin, step))
        release(vectors)
        return vectors

    def _fill(self, vectors: "Vectors", places: pa.Table) -> None:
        """Read the vectors at some places, ascending, into their rows. Only this part of the table is read."""
        bounds = [places["place"][0].as_py(), places["place"][-1].as_py()]
        found = self._connection.table(
            "SELECT p.position, e.vector FROM embeddings e JOIN places p ON e.rowid = p.place "
            "WHERE e.rowid BETWEEN ? AND ?",
            bounds,
            places=places,
        )
        for batch in found.to_batches():
            values = batch.column("vector").flatten().to_numpy(zero_copy_only=True)
            vectors[batch.column("position").to_numpy()] = values.reshape(-1, vectors.shape[1])


def _check(encoder: str, vectors: "Float32", count: int) -> None:
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32 or vectors.ndim != 2:
        shape, dtype = getattr(vectors, "shape", None), getattr(vectors, "dtype", type(vectors).__name__)
        raise EncodingError(encoder, f"embeddings must be a 2-D float32 array, got shape {shape} of {dtype}")
    if len(vectors) != count:
        raise InputError(f"{count} hashes for {len(vectors)} vectors")
    if not np.isfinite(vectors).all():
        raise EncodingError(encoder, f"vector {int(np.argwhere(~np.isfinite(vectors))[0, 0])} is not finite")
