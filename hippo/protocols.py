"""What a part must do to take another's place: one or two methods each, values or arrays in and out.

Conformance suites for these Protocols are in `hippo.testing`; every back-end of hippo runs them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hippo.types import Chunk, Document, Extraction, ExtractionFailure, Progress, TextKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]
    Int64 = NDArray[np.int64]

__all__ = [
    "Chunker",
    "Encoder",
    "Extractor",
    "PageRank",
    "PageRankResult",
    "ProgressCallback",
    "RangeIndex",
    "TokenCounter",
    "VectorIndex",
    "Walk",
]

ProgressCallback = Callable[[Progress], None]
"""Is told of the progress of long work. Called from the thread that does the work."""


@runtime_checkable
class TokenCounter(Protocol):
    """Counts tokens as an encoder would."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens not counted."""


@runtime_checkable
class Chunker(Protocol):
    """Cuts a document into chunks."""

    def chunk(self, document: Document) -> list[Chunk]:
        """Chunks in order; they cover the text without gaps or overlaps. `document.id` must be set."""


@runtime_checkable
class Extractor(Protocol):
    """Finds facts in chunks."""

    @property
    def fingerprint(self) -> str:
        """Name, version and settings: another fingerprint means another result."""

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        """One outcome per chunk, in order. A failure is an outcome, never an empty extraction."""


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors."""

    @property
    def fingerprint(self) -> str:
        """Model and settings: vectors of two fingerprints never mix."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """One unit vector per text: float32, C-contiguous, `(len(texts), dimension)`, rows of L2 norm 1."""


@runtime_checkable
class VectorIndex(Protocol):
    """Finds nearest vectors by inner product (cosine similarity for unit vectors)."""

    def search(self, queries: "Float32", k: int) -> "tuple[Int64, Float32]":
        """Rows and similarities of the k nearest vectors of each query.

        Args:
            queries: `(m, d)`.
            k: Number of neighbours; cut to the number of vectors n.

        Returns:
            Rows, int64 `(m, min(k, n))`, and similarities, float32 of the same shape, in descending order; ties by row.
        """


@runtime_checkable
class RangeIndex(Protocol):
    """Finds all vectors above a similarity, exactly."""

    def range_search(self, queries: "Float32", threshold: float) -> "tuple[Int64, Int64, Float32]":
        """Rows with a similarity of at least `threshold` to each query.

        Args:
            queries: `(m, d)`.
            threshold: Least inner product.

        Returns:
            Limits, int64 `(m + 1,)`: the rows of query i are `rows[limits[i]:limits[i + 1]]`; rows, int64 `(total,)`,
            in no order; similarities, float32 `(total,)`.
        """


@dataclass(frozen=True, slots=True)
class Walk:
    """A random walk with restart on a weighted undirected graph.

    The transition probability from u to v is `w_uv g_v / Σ_v' w_uv' g_v'`: with `gain` all ones the plain walk,
    otherwise one that prefers nodes of high gain. It is reversible for every g > 0.

    Attributes:
        adjacency: Symmetric CSR `(n, n)`, float64 or float32, non-negative, zero diagonal, indices sorted.
        damping: Probability of following an edge, in (0, 1); 1 - damping is the probability of a restart.
        gain: g: float64 `(n, m)` or `(n, 1)` or None for ones; positive. One column per question.
    """

    adjacency: "csr_array"
    damping: float
    gain: "Float64 | None" = None


@dataclass(frozen=True, slots=True)
class PageRankResult:
    """Scores of a walk and how they were found.

    Attributes:
        scores: float64 `(n, m)`, non-negative, each column sums to 1 (up to `residual`).
        residual: L1 bound on the error of each column, float64 `(m,)`.
        certified: Whether the order asked for (`top`) is proven, bool `(m,)`.
        engine: Name of the engine that did the work.
        iterations: Sweeps or pushes per column, int `(m,)`.
    """

    scores: "Float64"
    residual: "Float64"
    certified: "NDArray[Any]"
    engine: str
    iterations: "Int64"


@runtime_checkable
class PageRank(Protocol):
    """Solves `x = d Pᵀ x + (1 - d) r`, mass at nodes without edges returning to r."""

    def rank(
        self,
        walk: Walk,
        restart: "Float64",
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: "slice | None" = None,
    ) -> PageRankResult:
        """Personalized PageRank of a block of restart vectors.

        Args:
            walk: The walk.
            restart: r: float64 `(n, m)`, non-negative, each column sums to 1.
            tolerance: Stop when the L1 error of every column is proven to be at most this.
            top: Stop earlier, once the order of the `top` best among `candidates` is proven.
            candidates: Nodes among which `top` counts; None: all.
        """
