"""Exact search by torch, on a CUDA device or a processor: what the device finds near is compared again in float32."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hippo.backends.vectors.blocks import Asked, Blocks, free_cuda
from hippo.backends.vectors.ranking import MARGIN, check_k, check_queries, check_vectors, settle, similarities

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["TorchVectorIndex", "fits_cuda"]

_QUERIES = 1024
"""Questions that are compared with a block before the next one is sent."""
_NUMBERS = {"cuda": 2**26, "cpu": 2**23}
"""Similarities that are computed at once."""


class TorchVectorIndex:
    """Compares each query with every vector by torch, on a CUDA device or the processor: finds what NumPy finds.

    On CUDA vectors are compared in float16, half of what has to come from memory. How far such a similarity may be off
    is known, so what the device proposes is enough, or is seen not to be: then all vectors that may be among the
    nearest are asked for. Their similarities are computed again on the vectors, as `ExactVectorIndex` computes them:
    rows and similarities are the same, to the last bit. What else the process allows torch to round, TF32 or autocast,
    changes nothing.

    Args:
        vectors: float32 or float16 `(n, d)`; kept, not copied in main memory; may be memory-mapped.
        device: "cpu", "cuda", or "cuda:1", for example; "auto": CUDA where torch sees a device, else the processor.
        half: Whether the device compares in float16; "auto": on CUDA.
        memory: Bytes of the device that vectors may take for good; the others are sent to it for each search. None:
            half of those that are free on CUDA.

    Attributes:
        together: Queries that are best searched for at once.
        device: The device in use.
        held: Vectors that stay on it; on a processor none of float32 needs to be sent.
        nbytes: Bytes that a search reads on the device, once for up to 1,024 queries.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: A device was named that is not there, or `memory` is negative.
        InputError: `vectors` is no matrix of float32 or float16, or not finite.

    Examples:
        >>> index = TorchVectorIndex(np.array([[1, 0], [0, 1], [1, 0]], dtype=np.float32), device="cpu")
        >>> rows, values = index.search(np.array([[1, 0]], dtype=np.float32), k=2)
        >>> rows.tolist(), values.tolist()
        ([[0, 2]], [[1.0, 1.0]])
    """

    together = _QUERIES

    def __init__(
        self,
        vectors: "Vectors",
        *,
        device: str = "auto",
        half: bool | Literal["auto"] = "auto",
        memory: int | None = None,
    ) -> None:
        self._vectors = check_vectors(vectors)
        self._blocks = Blocks(self._vectors, device, None if half == "auto" else half, memory)
        self.device, self.held, self.nbytes = self._blocks.device, self._blocks.held, self._blocks.nbytes
        self._numbers = _NUMBERS[self.device.partition(":")[0]]

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows, int64, and similarities, float32, both `(m, min(k, n))`, best first, ties by row.

        Raises:
            InputError: `queries` is not `(m, d)` and finite, or k is less than 1.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        kept = min(check_k(k), len(self))
        rows = np.empty((len(queries), kept), dtype=np.int64)
        values = np.empty((len(queries), kept), dtype=np.float32)
        if kept:
            # More than are wanted, so that most often the last one is too far away for any that was not proposed.
            count = min(kept + MARGIN + kept // 4, len(self))
            step = max(1, min(_QUERIES, self._numbers // count))
            for start in range(0, len(queries), step):
                part = slice(start, start + step)
                rows[part], values[part] = self._nearest(queries[part], kept, count)
        return rows, values

    def range_search(
        self, queries: NDArray[np.float32], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every vector whose similarity to a query is at least a threshold: see `ExactVectorIndex.range_search`.

        Raises:
            InputError: `queries` is not `(m, d)` and finite.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        return self._within(queries, np.full(len(queries), threshold, dtype=np.float32))

    def _nearest(
        self, queries: NDArray[np.float32], kept: int, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        asked = self._blocks.ask(queries)
        candidates, last = self._candidates(asked, count)
        rows, values = settle(self._vectors, queries, candidates, kept, None)
        if count < len(self):
            # What was not proposed is on the device at most as near as the last that was.
            unsure = np.flatnonzero(last * asked.scale + asked.error >= values[:, -1])
            if len(unsure):
                limits, near, theirs = self._within(queries[unsure], values[unsure, -1])
                for place, query in enumerate(unsure):
                    part = slice(limits[place], limits[place + 1])
                    best = np.lexsort((near[part], -theirs[part]))[:kept]
                    rows[query], values[query] = near[part][best], theirs[part][best]
        return rows, values

    def _candidates(self, asked: Asked, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The `count` rows of each query with the greatest products, in no order, and the least of these products."""
        torch = self._blocks.torch
        found: dict[int, tuple[Any, Any]] = {}
        for first, block, scale in self._blocks:
            for start, products in self._products(asked.tensor, block):
                values, rows = torch.topk(products, min(count, len(block)), dim=1, sorted=False)
                values, rows = values.float() * scale, rows + first
                if start in found:
                    values, rows = (torch.cat(pair, dim=1) for pair in zip(found[start], (values, rows), strict=True))
                    values, places = torch.topk(values, min(count, values.shape[1]), dim=1, sorted=False)
                    rows = rows.gather(1, places)
                found[start] = values, rows
        values, rows = (torch.cat(parts).cpu().numpy() for parts in zip(*found.values(), strict=True))
        return rows, values.min(axis=1).astype(np.float64)

    def _within(
        self, queries: NDArray[np.float32], least: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """What `range_search` returns, with a threshold for each query, float32 `(m,)`."""
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for begin in range(0, len(queries), _QUERIES):
            some, bounds = queries[begin : begin + _QUERIES], least[begin : begin + _QUERIES]
            asked = self._blocks.ask(some)
            reach = (bounds - asked.error) / asked.scale
            for first, block, scale in self._blocks:
                with np.errstate(over="ignore"):  # out of reach of any product
                    low = np.nextafter((reach / scale).astype(np.float32), np.float32(-np.inf))
                low = self._blocks.put(low)
                for start, products in self._products(asked.tensor, block):
                    found = (products >= low[start : start + len(products), None]).nonzero().cpu().numpy()
                    owner, row = found[:, 0] + start, found[:, 1] + first
                    values = similarities(self._vectors, some, owner, row)
                    keep = values >= bounds[owner]
                    parts.append((owner[keep] + begin, row[keep], values[keep]))
        owner, row, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((row, owner))
        limits = np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(queries)))]).astype(np.int64)
        return limits, row[order], values[order]

    def _products(self, asked: Any, block: Any) -> Iterator[tuple[int, Any]]:
        """Some queries at a time with all vectors of a block: the first of these queries, and the products."""
        step = max(1, self._numbers // self._blocks.rows)
        for start in range(0, len(asked), step):
            yield start, self._blocks.products(asked[start : start + step], block)


def fits_cuda(vectors: "Vectors") -> bool:
    """Whether `TorchVectorIndex` would keep all vectors on the CUDA device."""
    return 2 * vectors.size <= free_cuda("cuda") // 2
