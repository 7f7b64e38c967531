"""Exact search by torch, on a CUDA device or a processor: what the device finds near is compared again in float32."""

import importlib
import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hippo.backends.vectors.blocks import Asked, Blocks, lacks_memory, total_cuda
from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.ranking import MARGIN, check_k, check_queries, check_vectors, settle, similarities
from hippo.errors import ConfigError

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["TorchVectorIndex", "fits_cuda"]

_QUERIES = 1024
"""Questions that are compared with a block before the next one is sent."""
_NUMBERS = {"cuda": 2**26, "cpu": 2**23}
"""Similarities that are computed at once."""
_PAIRS = 2**22
"""Pairs that are compared again at once."""
_WIDER = (1, 8, 64)
"""How many times more candidates are asked for while those that were left out may be as near."""

_LOG = logging.getLogger("hippo.backends.vectors")
_Found = TypeVar("_Found")


class TorchVectorIndex:
    """Compares each query with every vector by torch, on a CUDA device or the processor: finds what NumPy finds.

    On CUDA vectors are compared in float16, half of what has to come from memory. How far such a similarity may be off
    is known, so what the device proposes is enough, or is seen not to be: then it proposes more, and of vectors that
    lie closer together than it can tell apart NumPy compares all. Similarities are computed again on the vectors, as
    `ExactVectorIndex` computes them: rows and similarities are the same, to the last bit. What else the process allows
    torch to round, TF32 or autocast, changes nothing, and none of these settings is touched. A device that runs out of
    memory is asked for less at once; where that does not help, the processor answers, and a warning is logged.

    Args:
        vectors: float32 or float16 `(n, d)`; kept, not copied in main memory; may be memory-mapped.
        device: "cpu", "cuda", or "cuda:1", for example; "auto": CUDA where torch sees a device that is not full,
            else the processor.
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
        ConfigError: A device was named that is not there or has no memory left, or `memory` is negative.
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
        self._blocks = _open(self._vectors, device, None if half == "auto" else half, memory)
        self.device, self.held, self.nbytes = self._blocks.device, self._blocks.held, self._blocks.nbytes
        self._numbers, self._warned = _NUMBERS[self.device.partition(":")[0]], False

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows, int64, and similarities, float32, both `(m, min(k, n))`, best first, ties by row.

        Raises:
            InputError: `queries` is not `(m, d)` and finite, or k is less than 1.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        kept = min(check_k(k), len(self))
        if not kept:
            return np.empty((len(queries), 0), dtype=np.int64), np.empty((len(queries), 0), dtype=np.float32)
        # More than are wanted, so that most often the last one is too far away for any that was not proposed.
        count = kept + MARGIN + kept // 4
        counts = sorted({min(count * wider, len(self)) for wider in _WIDER})
        return self._tried(
            lambda: self._nearest(queries, kept, counts), lambda: ExactVectorIndex(self._vectors).search(queries, k)
        )

    def range_search(
        self, queries: NDArray[np.float32], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every vector whose similarity to a query is at least a threshold: see `ExactVectorIndex.range_search`.

        Raises:
            InputError: `queries` is not `(m, d)` and finite.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        return self._tried(
            lambda: self._within(queries, np.float32(threshold)),
            lambda: ExactVectorIndex(self._vectors).range_search(queries, threshold),
        )

    def _tried(self, ask: Callable[[], _Found], instead: Callable[[], _Found]) -> _Found:
        """What the device finds: less at once while it has no room for more, and NumPy where it has none at all."""
        while True:
            numbers = self._numbers
            try:
                return ask()
            except RuntimeError as error:
                if not lacks_memory(self._blocks.torch, error):
                    raise
                told = str(error)
            # By now what the search had on the device is gone.
            if numbers <= self._blocks.rows:
                break
            self._numbers = min(self._numbers, numbers // 2)
        if not self._warned:
            self._warned = True
            _LOG.warning("%s has no memory left to search with; the processor searches: %s", self.device, told)
        return instead()

    def _nearest(
        self, queries: NDArray[np.float32], kept: int, counts: Sequence[int]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest of so many candidates; where more may be as near, of the next number of them, at last of all."""
        if not counts:
            return ExactVectorIndex(self._vectors).search(queries, kept)
        count, *wider = counts
        rows = np.empty((len(queries), kept), dtype=np.int64)
        values = np.empty((len(queries), kept), dtype=np.float32)
        last = np.empty(len(queries))
        step = max(1, min(_QUERIES, _PAIRS // count))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            asked = self._blocks.ask(queries[part])
            candidates, least = self._candidates(asked, count)
            rows[part], values[part] = settle(self._vectors, queries[part], candidates, kept, None)
            # What was not proposed is at most as near as the last that was.
            last[part] = least * asked.scale + asked.error
        unsure = np.flatnonzero((last >= values[:, -1]) & (count < len(self)))
        if len(unsure):
            rows[unsure], values[unsure] = self._nearest(queries[unsure], kept, wider)
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
        self, queries: NDArray[np.float32], threshold: np.float32
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        parts = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
        for begin in range(0, len(queries), _QUERIES):
            some = queries[begin : begin + _QUERIES]
            asked = self._blocks.ask(some)
            reach = (threshold - asked.error) / asked.scale
            for first, block, scale in self._blocks:
                with np.errstate(over="ignore"):  # out of reach of any product
                    low = np.nextafter((reach / scale).astype(np.float32), np.float32(-np.inf))
                low = self._blocks.put(low)
                for start, products in self._products(asked.tensor, block):
                    near = (products >= low[start : start + len(products), None]).nonzero()
                    for pairs in near.split(_PAIRS):
                        owner, row = pairs.cpu().numpy().T + np.array([[start], [first]])
                        values = similarities(self._vectors, some, owner, row)
                        keep = values >= threshold
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
    """Whether all vectors take a quarter of the CUDA device at most, in float16.

    What is free at the moment is not asked for: while a newer snapshot is opened the vectors of the one before are
    still there, and which search answers must not hang on that.
    """
    return 2 * vectors.size <= total_cuda() // 4


def _open(vectors: "Vectors", device: str, half: bool | None, memory: int | None) -> Blocks:
    """The vectors on a device, or on the processor where "auto" finds the device full."""
    try:
        return Blocks(vectors, device, half, memory)
    except RuntimeError as error:
        if not lacks_memory(importlib.import_module("torch"), error):
            raise
        if device != "auto":
            raise ConfigError(
                "vectors 'torch'", "device", f'{device!r} has no memory left: {error}; use "auto" or "cpu"'
            ) from error
        _LOG.warning("the CUDA device has no memory left for vectors; the processor searches: %s", error)
    return Blocks(vectors, "cpu", half, memory)
