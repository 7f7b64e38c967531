"""FAISS: exact search on CPU or GPU, and approximate search of many vectors with a recall that was measured."""

import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.backends.vectors.grown import Earlier, grown, lists_read, stayed
from hippo.backends.vectors.ranking import MARGIN, check_k, check_queries, check_vectors, settle
from hippo.errors import ConfigError, IndexCorruptError, InputError, MissingExtraError

if TYPE_CHECKING:
    from hippo.protocols import Vectors

__all__ = ["FaissVectorIndex", "count_gpus"]

_LOG = logging.getLogger("hippo.backends.vectors")

Kind = Literal["auto", "flat", "hnsw", "ivf-sq8"]

_APPROXIMATE_FROM = 200_000
_RECALL = 0.98
_WIDEN = 4  # candidates per neighbour asked of a quantised index; their true similarities decide
_GPU_MOST = 2048  # neighbours that FAISS gives on a GPU
_HNSW_LINKS = 32
_BLOCK = 65_536
_GROWN = 2.0
"""What was trained serves until there are so many times more or fewer vectors, or a question is compared with so many
times the share of them. The number of lists that suits goes with the root of the number of vectors: within this it is
off by less than half."""
_SETTINGS, _DATA = "faiss.json", "faiss.index"


class FaissVectorIndex:
    """Search by inner product with FAISS. What it proposes is scored again on the vectors themselves.

    So similarities are exact for every kind and their order is that of `ExactVectorIndex`; only an approximate kind may
    miss a neighbour.

    Args:
        vectors: float32 or float16 `(n, d)`, unit rows; kept, not copied; may be memory-mapped.
        kind: "flat": exact. "ivf-sq8": inverted lists of vectors in 8 bits a dimension. "hnsw": a navigable graph
            over the same, slower to build. "auto": flat below 200,000 vectors, else ivf-sq8.
        gpu: Whether to search on a CUDA device; "auto": if FAISS was built for it and there is one. HNSW never does.
        earlier: A search of ivf-sq8 of other vectors, whose centroids, quantizer and codes are taken over where at
            least half of the vectors were among them. It is trained anew where that no longer suits: where there are
            twice as many vectors as it was trained for, or half, where the recall is not reached, or where reaching
            it takes comparing twice the share of them. None: everything is trained.

    Attributes:
        kind: The kind in use.
        trained: Number of vectors that there were when centroids and quantizer were trained; 0 for flat.
        added: Vectors that were assigned and encoded; the codes of the others were taken over.
        effort: Lists probed (ivf-sq8) or candidates followed (hnsw), the least with a recall@100 of 0.98 against
            exact search on a sample of the vectors and of points near them; 0 for flat.
        recall: The recall@100 that was measured, 0 to 1; 1 for flat.

    Raises:
        MissingExtraError: faiss is not installed.
        ConfigError: The kind is unknown, or a GPU was demanded and there is none.
        InputError: `vectors` is no matrix of float32 or float16.
    """

    def __init__(
        self,
        vectors: "Vectors",
        *,
        kind: Kind = "auto",
        gpu: bool | Literal["auto"] = "auto",
        earlier: Earlier | None = None,
    ) -> None:
        if kind not in ("auto", "flat", "hnsw", "ivf-sq8"):
            raise ConfigError("vectors 'faiss'", "kind", f"must be auto, flat, hnsw or ivf-sq8, got {kind!r}")
        self._prepare(vectors, gpu)
        automatic = "flat" if len(vectors) < _APPROXIMATE_FROM else "ivf-sq8"
        self.kind: str = automatic if kind == "auto" else kind
        self.effort = 0
        self.recall = 1.0
        self.trained = self.added = 0
        self._work = 1.0
        self._index: Any = None
        if self.kind == "flat" or not len(vectors):
            self.kind = "flat"
            self._place()
        elif self.kind == "hnsw" or earlier is None or not self._take_over(earlier):
            self._index = self._build()
            self._place()
            self._tune()
            self.trained = self.added = len(vectors)
            self._work = self._compared()

    def __len__(self) -> int:
        return len(self._vectors)

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows, int64, and similarities, float32, both `(m, min(k, n))`, best first, ties by row.

        Where an approximate kind finds fewer than k neighbours of a query, that query is searched exactly.

        Raises:
            InputError: `queries` is not `(m, d)` and finite, or k is less than 1.
        """
        queries = check_queries(queries, self._vectors.shape[1])
        kept = min(check_k(k), len(self))
        if not kept or not len(queries):
            return np.zeros((len(queries), kept), dtype=np.int64), np.zeros((len(queries), kept), dtype=np.float32)
        count = kept + MARGIN if self.kind == "flat" else _WIDEN * kept + MARGIN
        candidates = self._candidates(queries, min(count, len(self)))
        resolve = self._exact.range_search if self.kind == "flat" else None
        rows, values = settle(self._vectors, queries, candidates, kept, resolve)
        short = np.flatnonzero(rows[:, -1] < 0)
        if len(short):
            rows[short], values[short] = self._exact.search(queries[short], kept)
        return rows, values

    def range_search(
        self, queries: NDArray[np.float32], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Every vector whose similarity to a query is at least a threshold: see `ExactVectorIndex.range_search`.

        Raises:
            InputError: The kind is approximate, which cannot promise all; or `queries` is not `(m, d)` and finite.
        """
        if self.kind != "flat":
            raise InputError(
                f"range search needs an exact index, got {self.kind!r}; use kind='flat' or ExactVectorIndex"
            )
        return self._exact.range_search(queries, threshold)

    def save(self, folder: str | Path) -> None:
        """Write `faiss.json` and, unless flat, `faiss.index` into an existing folder. The vectors are not written."""
        folder = Path(folder)
        if self._index is not None:
            self._faiss.write_index(self._index, str(folder / _DATA))
        settings = {
            "kind": self.kind,
            "vectors": len(self),
            "dimension": self._vectors.shape[1],
            "effort": self.effort,
            "recall": self.recall,
            "trained": self.trained,
            "work": self._work,
        }
        (folder / _SETTINGS).write_text(json.dumps(settings, indent=2) + "\n", "utf-8")

    @classmethod
    def load(cls, folder: str | Path, vectors: "Vectors", *, gpu: bool | Literal["auto"] = "auto") -> Self:
        """Open what `save` wrote, over the same vectors.

        Raises:
            IndexCorruptError: A file is missing, damaged, or of other vectors.
            MissingExtraError: faiss is not installed.
        """
        folder = Path(folder)
        index = cls.__new__(cls)
        index._prepare(vectors, gpu)
        try:
            settings = json.loads((folder / _SETTINGS).read_text("utf-8"))
            index.kind, index.effort, index.recall = settings["kind"], settings["effort"], settings["recall"]
            index.trained, index._work = settings.get("trained", 0), settings.get("work", 1.0)
            index.added = 0
            shape = (settings["vectors"], settings["dimension"])
            data = folder / _DATA
            index._index = None if index.kind == "flat" else index._read(data)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise IndexCorruptError(str(folder / _SETTINGS), f"cannot be opened ({error})") from error
        if shape != vectors.shape or (index._index is not None and index._index.ntotal != len(vectors)):
            raise IndexCorruptError(str(folder / _SETTINGS), f"made for vectors {shape}, got {vectors.shape}")
        index._place()
        index._set_effort(index.effort)
        return index

    def _read(self, data: Path) -> Any:
        """What was written; inverted lists stay in the file, which is mapped, unless they go to a GPU."""
        faiss = self._faiss
        if self.kind == "ivf-sq8" and not self._use_gpu:
            return faiss.read_index(str(data), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
        return faiss.read_index(str(data))

    def _prepare(self, vectors: "Vectors", gpu: bool | Literal["auto"]) -> None:
        self._faiss = _import_faiss()
        self._vectors = check_vectors(vectors)
        self._exact = ExactVectorIndex(vectors)
        devices = count_gpus()
        if gpu is True and not devices:
            raise ConfigError("vectors 'faiss'", "gpu", "FAISS sees no GPU; install faiss-gpu-cu12 on a CUDA machine")
        self._use_gpu = bool(devices) and gpu is not False

    def _build(self) -> Any:
        """An empty-handed index would be useless: trained on a sample, filled with all vectors."""
        faiss, (count, width) = self._faiss, self._vectors.shape
        inner = faiss.METRIC_INNER_PRODUCT
        if self.kind == "hnsw":
            index = faiss.IndexHNSWSQ(width, faiss.ScalarQuantizer.QT_8bit, _HNSW_LINKS, inner)
            index.hnsw.efConstruction = 100
            sample = min(count, 65_536)
        else:
            lists = max(1, min(int(4 * np.sqrt(count)), count // 39))
            coarse = faiss.IndexFlatIP(width)
            index = faiss.IndexIVFScalarQuantizer(coarse, width, lists, faiss.ScalarQuantizer.QT_8bit, inner)
            index.own_fields = True
            coarse.this.disown()
            sample = min(count, 64 * lists)
        index.train(np.ascontiguousarray(self._vectors[_spread(count, sample)], np.float32))
        for block in self._blocks():
            index.add(block)
        return index

    def _take_over(self, earlier: Earlier) -> bool:
        """Search by what was trained for other vectors; whether that suits these."""
        try:
            settings = json.loads((earlier.folder / _SETTINGS).read_text("utf-8"))
            trained, work = int(settings["trained"]), float(settings["work"])
            same = settings["kind"] == "ivf-sq8" and settings["vectors"] == len(earlier.vectors)
            suits = same and trained / _GROWN <= len(self) <= trained * _GROWN
        except (OSError, ValueError, KeyError, TypeError):
            return False  # of another version, or damaged: what can be trained need not be mended
        rows = stayed(earlier, self._vectors) if suits else np.full(len(self), -1, np.int64)
        added = int((rows < 0).sum())
        if 2 * added > len(self):
            return False
        try:
            self._index = grown(self._faiss, earlier.folder / _DATA, self._vectors, rows)
        except RuntimeError as error:
            _LOG.warning("%s cannot be taken over, so a search is trained anew: %s", earlier.folder / _DATA, error)
            return False
        self._place()
        self._tune()
        self.trained, self.added, self._work = trained, added, work
        return self.recall >= _RECALL and self._compared() <= _GROWN * work

    def _compared(self) -> float:
        """Share of the vectors that a question is compared with, in expectation, 0 to 1."""
        return min(1.0, round(self.effort * lists_read(self._index), 6)) if self.kind == "ivf-sq8" else 1.0

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        """The vectors, some at a time."""
        for start in range(0, len(self), _BLOCK):
            yield self._vectors[start : start + _BLOCK].astype(np.float32, copy=False)

    def _place(self) -> None:
        """Copy to the GPU what can be searched there."""
        self._device_index: Any = None
        if not self._use_gpu or self.kind == "hnsw":
            return
        self._resources = self._faiss.StandardGpuResources()
        if self.kind == "flat":
            options = self._faiss.GpuIndexFlatConfig()
            options.useFloat16 = self._vectors.dtype == np.float16
            self._device_index = self._faiss.GpuIndexFlatIP(self._resources, self._vectors.shape[1], options)
            for block in self._blocks():
                self._device_index.add(block)
        else:
            self._device_index = self._faiss.index_cpu_to_gpu(self._resources, 0, self._index)

    def _candidates(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        rows: NDArray[np.int64]
        if self._device_index is not None and count <= _GPU_MOST:
            rows = self._device_index.search(queries, count)[1]
        elif self._index is not None:
            rows = self._index.search(queries, count)[1]
        elif self._vectors.dtype == np.float32:
            metric = self._faiss.METRIC_INNER_PRODUCT
            rows = self._faiss.knn(queries, np.asarray(self._vectors), count, metric=metric)[1]
        else:
            rows = self._candidates_of_halves(queries, count)
        return rows

    def _candidates_of_halves(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """Exact search of blocks, which are widened one after the other, and the best of all of them."""
        best = self._faiss.ResultHeap(len(queries), count, keep_max=True)
        first = 0
        for block in self._blocks():
            most = min(count, len(block))
            values, rows = self._faiss.knn(queries, block, most, metric=self._faiss.METRIC_INNER_PRODUCT)
            best.add_result(values, rows + first)
            first += len(block)
        best.finalize()
        found: NDArray[np.int64] = best.I
        return found

    def _set_effort(self, effort: int) -> None:
        self.effort = effort
        if self.kind == "hnsw":
            self._index.hnsw.efSearch = effort
        elif self.kind == "ivf-sq8":
            self._index.nprobe = effort
            if self._device_index is not None:
                self._device_index.nprobe = min(effort, _GPU_MOST)

    def _tune(self, neighbours: int = 100, sample: int = 256) -> None:
        """Find the effort, to an eighth, at which the neighbours of a sample of queries are found.

        Questions do not lie where the vectors lie, so every other query is a vector moved at random, to a cosine of
        about 0.6 with itself, as far as questions are from their passages. The rest are vectors, whose own row does not
        count.
        """
        places = _spread(len(self), sample)
        queries = np.array(self._vectors[places], np.float32)
        moved = slice(1, None, 2)
        noise = np.random.default_rng(0).standard_normal(queries[moved].shape, dtype=np.float32)
        noise *= np.linalg.norm(queries[moved], axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
        queries[moved] = 0.6 * queries[moved] + 0.8 * noise
        places[moved] = -1
        wanted = min(neighbours + 1, len(self))
        truth, _ = self._exact.search(queries, wanted)
        others = truth != places[:, None]
        most = self._index.nlist if self.kind == "ivf-sq8" else len(self)

        def recall(effort: int) -> float:
            self._set_effort(effort)
            found, _ = self.search(queries, wanted)
            hit = (truth[:, :, None] == found[:, None, :]).any(axis=2)
            return float(hit[others].mean()) if others.any() else 1.0

        few, enough = 0, min(4, most)
        while (reached := recall(enough)) < _RECALL and enough < most:
            few, enough = enough, min(2 * enough, most)
        for _ in range(2 if few else 0):
            middle = (few + enough) // 2
            if (found := recall(middle)) >= _RECALL:
                enough, reached = middle, found
            else:
                few = middle
        self._set_effort(enough)
        self.recall = reached


def count_gpus() -> int:
    """CUDA devices that FAISS sees; 0 where it was built without them."""
    return int(_import_faiss().get_num_gpus())


def _spread(count: int, sample: int) -> NDArray[np.int64]:
    """Up to `sample` rows, evenly over all: the same every time."""
    return np.unique(np.linspace(0, count - 1, min(count, sample)).astype(np.int64))


def _import_faiss() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # SWIG's types, nothing that a caller can change
            return importlib.import_module("faiss")
    except ImportError as error:
        raise MissingExtraError("vectors 'faiss'", "faiss-cpu", "local") from error
