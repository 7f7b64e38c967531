"""The cache of embeddings: vectors by encoder and text hash. What was encoded once is never encoded again."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from hippo.errors import EncodingError, IndexCorruptError, InputError
from hippo.store import journal
from hippo.store.columns import strings
from hippo.store.part import Part

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Embeddings"]

_SLICE_BYTES = 64 * 2**20


class Embeddings(Part):
    """The table `embeddings`. Vectors of one encoder have one length."""

    def missing_embeddings(self, encoder: str, hashes: Sequence[str]) -> list[int]:
        """Positions in `hashes` that are not cached, ascending; of equal hashes the first position only."""
        first: dict[str, int] = {}
        for position, text_hash in enumerate(hashes):
            first.setdefault(text_hash, position)
        asked = pa.table({"hash": strings(list(first)), "position": pa.array(first.values(), pa.int64())})
        rows = self._connection.rows(
            "SELECT a.position FROM asked a ANTI JOIN (SELECT hash FROM embeddings WHERE encoder = ?) e "
            "ON a.hash = e.hash ORDER BY a.position",
            [encoder],
            asked=asked,
        )
        return [position for (position,) in rows]

    def put_embeddings(self, encoder: str, hashes: Sequence[str], vectors: "Float32") -> None:
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
        with self._connection.transaction():
            known = self._dimension(encoder)
            if known is not None and known != vectors.shape[1]:
                raise EncodingError(encoder, f"vectors of length {vectors.shape[1]}; those cached before have {known}")
            new = self.missing_embeddings(encoder, hashes)
            if len(new) < len(hashes):
                hashes, vectors = [hashes[position] for position in new], vectors[new]
            offsets = np.arange(len(hashes) + 1, dtype=np.int64) * vectors.shape[1]
            columns = {
                "encoder": strings([encoder] * len(hashes)),
                "hash": strings(hashes),
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
        dimension = self._dimension(encoder) or 0
        vectors = np.empty((len(hashes), dimension), dtype=np.float32)
        asked = pa.table({"hash": strings(hashes), "position": np.arange(len(hashes))})
        places = self._connection.table(
            "SELECT e.rowid AS place, a.position FROM asked a JOIN embeddings e ON a.hash = e.hash "
            "WHERE e.encoder = ? ORDER BY place",
            [encoder],
            asked=asked,
        )
        if places.num_rows != len(hashes):
            problem = f"{len(hashes) - places.num_rows} of {len(hashes)} embeddings of {encoder!r} are not in the cache"
            raise IndexCorruptError(str(self._connection.path), problem)
        step = max(1, _SLICE_BYTES // (4 * max(1, dimension)))
        for begin in range(0, len(hashes), step):
            self._fill(vectors, places.slice(begin, step))
        return vectors

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

    def _fill(self, vectors: "Float32", places: pa.Table) -> None:
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

    def _dimension(self, encoder: str) -> int | None:
        rows = self._connection.rows("SELECT len(vector) FROM embeddings WHERE encoder = ? LIMIT 1", [encoder])
        return int(rows[0][0]) if rows else None


def _check(encoder: str, vectors: "Float32", count: int) -> None:
    if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32 or vectors.ndim != 2:
        shape, dtype = getattr(vectors, "shape", None), getattr(vectors, "dtype", type(vectors).__name__)
        raise EncodingError(encoder, f"embeddings must be a 2-D float32 array, got shape {shape} of {dtype}")
    if len(vectors) != count:
        raise InputError(f"{count} hashes for {len(vectors)} vectors")
    if not np.isfinite(vectors).all():
        raise EncodingError(encoder, f"vector {int(np.argwhere(~np.isfinite(vectors))[0, 0])} is not finite")
