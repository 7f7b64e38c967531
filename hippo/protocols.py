"""What a part must do to take another's place: one or two methods each, values or arrays in and out.

Conformance suites for these Protocols are in `hippo.testing`; every back-end of hippo runs them.
"""

from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from hippo.errors import LLMError
from hippo.types import (
    Chunk,
    Completion,
    Document,
    Extraction,
    ExtractionFailure,
    LLMRequest,
    Progress,
    Recognition,
    TextKind,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Float32 = NDArray[np.float32]
    Float64 = NDArray[np.float64]
    Int64 = NDArray[np.int64]
    Vectors = NDArray[np.float32 | np.float16]
    """As snapshots keep them (`encoder.storage`). Similarities are float32, whatever it is."""

__all__ = [
    "LLM",
    "BatchLLM",
    "CachingLLM",
    "Chunker",
    "Dialogue",
    "DialogueExtractor",
    "Encoder",
    "Extractor",
    "FactFilter",
    "InstructedEncoder",
    "PageRank",
    "PageRankResult",
    "ProgressCallback",
    "RangeIndex",
    "SeededPageRank",
    "StreamingLLM",
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


Dialogue = Generator[LLMRequest, Completion, Extraction | ExtractionFailure]
"""An extraction as a conversation: yields what a model is to be asked, is sent its reply, returns the outcome.

It does no input or output of its own, so the same dialogue runs live, against a cache, in a provider's batch, or only
far enough to estimate what it would cost. It is deterministic: the same replies lead to the same requests.
"""


@runtime_checkable
class DialogueExtractor(Extractor, Protocol):
    """An extractor that asks a language model."""

    @property
    def requests_per_chunk(self) -> int:
        """Requests that a chunk takes where all goes well."""

    def dialogue(self, chunk: Chunk) -> Dialogue:
        """The conversation about one chunk. An unusable reply leads to an `ExtractionFailure`, not to an error."""


@runtime_checkable
class LLM(Protocol):
    """A language model, asked once: no retries, limits or cache, which `hippo.llm.Caller` adds to any.

    One that computes in this process says so by an attribute `in_process` that is true; while any other is waited for,
    texts are embedded.
    """

    @property
    def fingerprint(self) -> str:
        """Endpoint, model and parameters: all but the request that makes a reply what it is. No secrets."""

    @property
    def model(self) -> str:
        """Name of the model, for messages and prices."""

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request; `usage` holds one request and its tokens, without cost.

        Many calls run at once, in one event loop.

        Raises:
            LLMUnavailableError: No answer; trying again may help. An `LLMReplyLostError` where the request was sent and
                may be charged for.
            LLMRequestError: This request is refused.
            LLMRefusedError: Every request is refused.
        """


@runtime_checkable
class StreamingLLM(LLM, Protocol):
    """A language model that can be listened to while it writes."""

    def stream(self, request: LLMRequest) -> AsyncIterator[str | Completion]:
        """Pieces of the reply as they come, then the whole of it as the last item. Errors are those of `complete`."""


@runtime_checkable
class CachingLLM(LLM, Protocol):
    """A language model that keeps its replies, as `hippo.llm.Caller` does."""

    def forget(self, request: LLMRequest) -> None:
        """Keep the reply to a request no longer: it could not be used, and the request is to be asked anew."""


@runtime_checkable
class BatchLLM(LLM, Protocol):
    """A language model that also takes many requests at once, to be answered within a day at a lower price."""

    async def submit(self, requests: Mapping[str, LLMRequest], *, label: str) -> str:
        """Hand requests over.

        Args:
            requests: By a key of the caller's, of at most 64 characters; at least one.
            label: Of the caller's, of at most 64 characters, for `find`.

        Returns:
            Name of the batch, to be kept: `collect` finds it again, in another process too.

        Raises:
            LLMRequestError: There are none, or more than a batch may hold.
            LLMUnavailableError: No answer; trying again may help.
            LLMRefusedError: Every request is refused.
        """

    async def find(self, label: str) -> str | None:
        """Name of the batch that was handed over with a label; None: there is none.

        Raises:
            LLMUnavailableError: No answer; trying again may help.
            LLMRefusedError: Every request is refused.
        """

    async def collect(self, batch: str) -> Mapping[str, Completion | LLMError] | None:
        """What became of a batch: by key the reply, or the error that `complete` would have raised.

        Requests that the batch ended without, because its time was over, are missing: they can be handed over again.

        Returns:
            None while it is being worked on.

        Raises:
            LLMRequestError: There is no such batch, or it failed as a whole.
            LLMUnavailableError: No answer; trying again may help.
            LLMRefusedError: Every request is refused.
        """


@runtime_checkable
class FactFilter(Protocol):
    """Recognition memory: which of the facts that a question touched help to answer it."""

    @property
    def fingerprint(self) -> str:
        """Method, model and prompt."""

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        """What to keep of each question's facts, in order of the questions.

        A model that cannot be asked or understood is an outcome ("failed", with the reason), not an error; a question
        without facts has the outcome "none".

        Args:
            questions: m questions.
            facts: Texts of the facts of each, best first.

        Raises:
            LLMRefusedError: The model refuses every request.
            LLMBudgetError: The limit on what may be spent was reached.
        """


@runtime_checkable
class Reranker(Protocol):
    """Reads the best passages once more, each together with the question."""

    @property
    def fingerprint(self) -> str:
        """Method and model."""

    def rerank(self, questions: Sequence[str], passages: Sequence[Sequence[str]]) -> Sequence[Sequence[float]]:
        """How well each passage answers, higher is better; only the order within a question counts.

        Args:
            questions: m questions.
            passages: Texts of the passages of each, with their titles, best first.

        Returns:
            For each question one finite number per passage.
        """


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors. A change of an index may ask it in a thread of its own, though in one at a time."""

    @property
    def fingerprint(self) -> str:
        """Model and settings: vectors of two fingerprints never mix."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "Float32":
        """One unit vector per text: float32, C-contiguous, `(len(texts), dimension)`, rows of L2 norm 1."""


@runtime_checkable
class InstructedEncoder(Encoder, Protocol):
    """An encoder for which kinds of texts differ by an instruction in front of them, and by nothing else."""

    def instruction(self, kind: TextKind) -> str:
        """What goes in front of a text of this kind: texts of kinds with the same one get the same vector."""


@runtime_checkable
class VectorIndex(Protocol):
    """Finds nearest vectors by inner product (cosine similarity for unit vectors).

    An index that gives a query the same among others as alone, to the last bit, and many at less cost, says with an
    attribute `together` how many it is best asked for at once; others are asked for one at a time. Several threads may
    ask at the same time.
    """

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
        symmetric: Whether the adjacency is known to be as it has to be, since it was built so: an engine need not
            compare it with its mirror image, which takes seconds where there are many edges.
    """

    adjacency: "csr_array"
    damping: float
    gain: "Float64 | None" = None
    symmetric: bool = False


@dataclass(frozen=True, slots=True)
class PageRankResult:
    """Scores of a walk and how they were found.

    Attributes:
        scores: float64 `(n, m)`, non-negative, each column sums to 1 (up to `residual`).
        residual: L1 bound on the error of each column, float64 `(m,)`.
        certified: Whether the order asked for (`top`) is proven, bool `(m,)`.
        engine: Name of the engine that did the work.
        iterations: Sweeps or pushes per column, int `(m,)`.
        stopped: What ended each column: "proven" (the order), "tolerance", "slack" (it can be trusted, though it is
            not proven, where an engine was told that this is enough), or "limit" (none was reached in time). Engines
            that do not say leave it empty.
    """

    scores: "Float64"
    residual: "Float64"
    certified: "NDArray[Any]"
    engine: str
    iterations: "Int64"
    stopped: tuple[str, ...] = ()


@runtime_checkable
class PageRank(Protocol):
    """Solves `x = d Pᵀ x + (1 - d) r`, mass at nodes without edges returning to r.

    Several threads may ask at the same time.
    """

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


@runtime_checkable
class SeededPageRank(PageRank, Protocol):
    """An engine that takes sparse seeds as they are, and gains of candidates alone: retrieval prefers it."""

    def rank_seeds(
        self,
        walk: Walk,
        seeds: "Sequence[tuple[Int64, Float64]]",
        *,
        tolerance: float = 1e-9,
        top: int | None = None,
        candidates: "slice | None" = None,
        everywhere: bool = False,
    ) -> PageRankResult:
        """Personalized PageRank of a block of questions.

        Args:
            walk: The walk; its gain, if any, is that of the candidates, float64 `(c, m)` or `(c, 1)`: all other nodes
                have 1.
            seeds: Of each question, the nodes of its restart vector, int64 `(s,)`, each once, and their parts of it,
                float64 `(s,)`, positive, summing to 1.
            tolerance: As for `rank`.
            top: As for `rank`.
            candidates: As for `rank`.
            everywhere: Whether the scores of all nodes are wanted; else those of the candidates are returned, `(c, m)`.
        """
