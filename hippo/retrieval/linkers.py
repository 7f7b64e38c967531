"""What scores the facts and passages of one index, made when it is first needed."""

from typing import TYPE_CHECKING, cast

import numpy as np

from hippo import registry
from hippo.backends.scoring import ARRAYS, scoring
from hippo.backends.vectors import APPROXIMATE_FROM, open_vectors
from hippo.deferred import kept
from hippo.protocols import VectorIndex
from hippo.retrieval.link import Linker
from hippo.snapshot.contents import Contents
from hippo.types import TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.backends.scoring.codes import Codes

__all__ = ["Linkers"]


class Linkers:
    """Linkers of one index.

    Args:
        contents: The index.
        vectors: Name of the vector search for facts.
        over: Those of the snapshot alone, where the contents hold more: its search is used.
    """

    def __init__(self, contents: Contents, vectors: str, over: "Linkers | None" = None) -> None:
        self._contents = contents
        self._vectors = vectors
        self._over = over
        self.hidden = hidden = contents.hidden_passages
        """Passages that may be neither seeds nor results, bool `(P,)`; None: none."""
        self.shown = contents.n_chunks - (0 if hidden is None else int(hidden.sum()))
        """Number of passages that may be results."""
        self.scoring = scoring(max(contents.n_chunks, contents.facts.num_rows))
        """What scores both."""

    @kept
    def index(self) -> VectorIndex | None:
        """The search over the vectors of the snapshot's facts; None: every one is compared."""
        if self._over is not None:
            return self._over.index
        vectors = self._contents.vectors.get("fact")
        if vectors is None or not len(vectors):
            return None
        saved = self._contents.searches.get("fact")
        if self._vectors == "faiss":
            return open_vectors(vectors, "faiss", saved)
        if self._vectors == "torch":
            return open_vectors(vectors, "torch")
        if self._vectors not in ("auto", "numpy"):
            # Others are promised float32.
            wide = vectors.astype(np.float32, copy=False)
            return cast("VectorIndex", registry.create("vectors", self._vectors, vectors=wide))
        # Below, comparing every vector is the fastest exact search.
        if len(vectors) < APPROXIMATE_FROM:
            return None
        return open_vectors(vectors, "auto" if self._vectors == "auto" else "numpy", saved)

    @kept
    def codes(self) -> "Codes | None":
        """The vectors of the snapshot's facts in 8 bits; None: there is another search, or few are compared as fast."""
        if self._over is not None:
            return self._over.codes
        vectors = self._contents.vectors.get("fact")
        if vectors is None or self.index is not None or self.scoring is ARRAYS:
            return None
        if "fact" in self._contents.codes:
            return self._contents.codes["fact"]
        from hippo.backends.scoring.codes import Codes

        return Codes.of(vectors)

    @kept
    def facts(self) -> Linker:
        """Of facts."""
        hidden = None if self.hidden is None else self.hidden[self._contents.facts.column("chunk").to_numpy()]
        return self._linker("fact", self.index, self.codes, hidden)

    @kept
    def passages(self) -> Linker:
        """Of passages."""
        return self._linker("passage", None, None, self.hidden)

    def _linker(
        self, kind: TextKind, index: VectorIndex | None, codes: "Codes | None", hidden: "NDArray[np.bool_] | None"
    ) -> Linker:
        contents = self._contents
        more = contents.fresh.vectors.get(kind) if contents.fresh else None
        vectors, moments = contents.vectors.get(kind), contents.moments.get(kind)
        words = contents.words_of(kind)
        return Linker(words, vectors, moments, index, more=more, hidden=hidden, scoring=self.scoring, codes=codes)
