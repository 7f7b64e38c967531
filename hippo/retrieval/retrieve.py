"""From questions to ranked passages: link, seed, walk, rank, explain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import Lock
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.deferred import kept
from hippo.protocols import PageRank, Walk
from hippo.retrieval.derived import hiding_derived
from hippo.retrieval.explain import Paths, given, step_costs
from hippo.retrieval.link import Linked, minmax
from hippo.retrieval.linkers import Linkers
from hippo.retrieval.names import names_in
from hippo.retrieval.opened import Opened, link_passages, open_texts
from hippo.retrieval.overlap import shared, started
from hippo.retrieval.priors import Prior, Priors
from hippo.retrieval.profiles import Profile
from hippo.retrieval.rank import Walked, gains_everywhere, levels, namings, single, spread
from hippo.retrieval.results import Results
from hippo.retrieval.retention import Recalled
from hippo.retrieval.seeding import Recognize, Seeding
from hippo.retrieval.seeds import Seeds
from hippo.retrieval.sources import Owners
from hippo.retrieval.timeline import Asked
from hippo.snapshot.contents import Contents
from hippo.tracing import traced
from hippo.types import Recognition, Retrieval

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

__all__ = ["Retriever"]

_BLOCK_BYTES = 256 << 20
"""Memory that the dense columns of one block of questions may take."""
_SHARED_FROM = 10_000
"""Nodes from which threads gain by sharing blocks: below, nearly all of the work is Python, done by one at a time."""
_MANY_PASSAGES = 100_000
"""From so many on, facts and passages are looked for at the same time: a question then takes long beside a thread."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """Questions that were linked, and walked for.

    Attributes:
        questions: m questions.
        passages: Scores of passages for each.
        priors: Of each.
        seconds: What a question took so far.
        walks: By place of the question, where there are seeds, and the seconds that each took; None: passages are
            ranked without a walk.
        told: What there is to be said of how the seeds of each were found.
        recognized: What recognition memory made of each; None: it was not asked.
    """

    questions: Sequence[str]
    passages: Sequence[Linked]
    priors: Sequence[Prior]
    seconds: float
    walks: tuple[Mapping[int, Walked], float] | None = None
    told: Sequence[Mapping[str, Any]] = ()
    recognized: Sequence[Recognition] | None = None


class Retriever:
    """Answers questions from one snapshot. Any number of threads may use it.

    Args:
        contents: The snapshot's contents.
        engine: PageRank engine.
        tolerance: Bound on the L1 error of a walk whose order is not proven earlier.
        vectors: Name of the vector search for facts.
        names: Finds the names in a question, for profiles that link entities.
        encode: Makes their unit vectors, float32 `(n, d)`; None: names are linked by words.
        over: The retriever of the snapshot alone, where the contents hold more.
    """

    def __init__(
        self,
        contents: Contents,
        engine: PageRank,
        *,
        tolerance: float,
        vectors: str = "auto",
        names: Callable[[str], Sequence[str]] = names_in,
        encode: "Callable[[Sequence[str]], NDArray[np.float32]] | None" = None,
        over: "Retriever | None" = None,
    ) -> None:
        self.contents = contents
        self.linkers: Linkers = Linkers(contents, vectors, over.linkers if over else None)
        self._engine = engine
        self._tolerance = tolerance
        self._names = names
        self._encode = encode
        self._weighing = Lock()
        self._adjacencies: dict[tuple[tuple[str, float], ...], csr_array] = {}
        owners = Owners(contents)
        self._priors = Priors(contents)
        self._results = Results(contents, self.linkers, self._priors, owners, names)
        self._seeding = Seeding(contents, self.linkers, owners, self._results, names, encode)

    @kept
    def _namings(self) -> "csr_array":
        return namings(self.contents)

    def showing(self, *, derived: bool) -> "Retriever":
        """The retriever of the same index, with derived documents as seeds and results, or without; made once."""
        return self if derived or self._underived is None else self._underived

    @kept
    def _underived(self) -> "Retriever | None":
        """None: it is this one, since nothing is derived."""
        contents = hiding_derived(self.contents)
        if contents is self.contents:
            return None
        names, encode = self._names, self._encode
        return Retriever(contents, self._engine, tolerance=self._tolerance, names=names, encode=encode, over=self)

    def _adjacency(self, profile: Profile) -> "csr_array":
        key = tuple(sorted(profile.kind_weights.items()))
        with self._weighing:
            if key not in self._adjacencies:
                self._adjacencies[key] = self.contents.graph.adjacency(profile.kind_weights)
            return self._adjacencies[key]

    def asked(self, questions: Sequence[str], profile: Profile, reference: datetime) -> Asked | None:
        """Times that questions ask about, counted from a time, UTC without a zone; None: none that counts."""
        return self._priors.asked(questions, profile, reference)

    def opened(self, questions: Sequence[str], profile: Profile) -> list[str] | None:
        """What each question leaves open once the names that the index knows are found; None: nothing asks for it."""
        return open_texts(questions, profile, self._names, self._seeding.entities)

    def retrieve(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        profile: Profile,
        *,
        k: int,
        explain: bool = False,
        recognition: Recognize | None = None,
        fact_queries: "NDArray[np.float32] | None" = None,
        as_of: datetime | None = None,
        opened: Opened | None = None,
        asked: Asked | None = None,
        recalled: Recalled = MappingProxyType({}),
        trace: "Callable[[Sequence[Walked]], None] | None" = None,
    ) -> list[Retrieval]:
        """Rank passages for every question.

        Args:
            questions: The questions.
            queries: Their unit vectors, float32 `(m, d)`, to be compared with passages; None: by words alone.
            profile: How to rank.
            k: Number of passages, at least 1; cut to the size of the index.
            explain: Whether hits carry an explanation.
            recognition: Looks at the facts that each question touches before they seed the walk; None: all of them do.
            fact_queries: Their unit vectors, to be compared with facts; None: `queries`.
            as_of: Where age counts, from when it does, UTC without a zone; None: from the newest timestamp.
            opened: What the questions leave open, texts from `Retriever.opened`; None: all of them.
            asked: Times that the questions ask about; None: none.
            recalled: What was recalled before, and how often.
            trace: Is told of the walks, block by block.
        """
        fact_queries = queries if fact_queries is None else fact_queries
        held = max(1, _BLOCK_BYTES // (48 * max(self.contents.graph.n_nodes, 1)))
        together = getattr(self._engine, "together", None) or held
        # A language model is asked about many questions at once; what one block alone may hold is walked by all cores.
        width = held if recognition is not None or held < 2 * together else together
        prior = self._priors.common(profile, as_of, recalled)
        k = min(k, self.linkers.shown)

        def block(part: slice) -> tuple[list[Walked], list[Retrieval]]:
            vectors, for_facts = (None if one is None else one[part] for one in (queries, fact_queries))
            begun = self._begin(
                questions[part],
                vectors,
                for_facts,
                opened.part(part) if opened else None,
                profile,
                k,
                recognition,
                prior,
                asked.part(part) if asked else None,
                everywhere=trace is not None,
            )
            # Walks are large: whoever does not ask for them does not hold them.
            walks = [] if trace is None or begun.walks is None else list(begun.walks[0].values())
            return walks, self._finish(begun, profile, k, explain)

        parts = [slice(start, start + width) for start in range(0, len(questions), width)]
        found: list[Retrieval] = []
        # Encoders, language models and whatever else finds names need not bear several threads.
        alone = recognition is not None or profile.linking != "facts" or self._names is not names_in
        alone = alone or self.contents.graph.n_nodes < _SHARED_FROM
        for walks, results in shared(parts, block, 1 if alone else held // width):
            if trace is not None and walks:
                trace(walks)
            found += results
        return found

    def _begin(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        fact_queries: "NDArray[np.float32] | None",
        opened: Opened | None,
        profile: Profile,
        k: int,
        recognition: Recognize | None,
        prior: Prior,
        asked: Asked | None,
        *,
        everywhere: bool,
    ) -> "_Begun":
        """A block of questions up to the ends of its walks."""
        began = perf_counter()
        beta, linked = profile.lexical_weight, None
        walks = profile.ranking == "walk" and k > 0
        if walks and profile.linking == "facts" and self.contents.n_chunks >= _MANY_PASSAGES:
            linked = started(partial(self._seeding.facts, questions, fact_queries, profile))
        passages, favoured = link_passages(self.linkers.passages, questions, queries, opened, beta)
        priors = self._priors.of_questions(prior, asked, profile, self.linkers.passages, len(questions))
        if not walks:
            return _Begun(questions, passages, priors, (perf_counter() - began) / len(questions))
        seeds, found, recognized = self._seeding.of(questions, fact_queries, passages, profile, recognition, linked)
        seconds = (perf_counter() - began) / len(questions)
        walked = self._walked(seeds, favoured, priors, profile, k, everywhere=everywhere)
        return _Begun(questions, passages, priors, seconds, walked, found, recognized)

    def _walked(
        self,
        seeds: Sequence[Seeds],
        favoured: Sequence[Linked],
        priors: Sequence[Prior],
        profile: Profile,
        k: int,
        *,
        everywhere: bool,
    ) -> tuple[dict[int, Walked], float]:
        """Walks by place of the question, where there are seeds, and the seconds that each took."""
        began = perf_counter()
        walking = [column for column, one in enumerate(seeds) if len(one.nodes)]
        by_column: dict[int, Walked] = {}
        # What reorders one question must not make another one walk farther.
        for reordered in (False, True):
            some = [column for column in walking if (priors[column].factors is not None) is reordered]
            if some:
                begun = [seeds[one] for one in some], [favoured[one] for one in some]
                walks = self._walks(*begun, profile, k, reordered=reordered, everywhere=everywhere)
                by_column |= dict(zip(some, walks, strict=True))
        return by_column, (perf_counter() - began) / len(seeds)

    def _finish(self, begun: "_Begun", profile: Profile, k: int, explain: bool) -> list[Retrieval]:
        """Results of a block of questions."""
        seconds = {"link": begun.seconds}
        if begun.walks is None:
            singles = [single(linked, profile) for linked in begun.passages]
            return [
                self._results.of(
                    question, profile, score, linked, k, seconds=seconds, parameters={}, prior=one, explain=explain
                )
                for question, score, linked, one in zip(
                    begun.questions, singles, begun.passages, begun.priors, strict=True
                )
            ]
        by_column, seconds["walk"] = begun.walks
        results = []
        for column, question in enumerate(begun.questions):
            walked, passages = by_column.get(column), begun.passages[column]
            scores = levels(passages) if walked is None else self._scores(walked, profile)
            parameters = {"fallback": "dense"} if walked is None else walked.parameters
            retrieval = self._results.of(
                question,
                profile,
                scores,
                passages,
                k,
                seconds=seconds,
                parameters={**parameters, **begun.told[column]},
                walked=walked,
                prior=begun.priors[column],
                explain=explain,
                paths=None if walked is None else partial(self.paths, question, walked, profile),
            )
            if begun.recognized is not None:
                one = begun.recognized[column]
                retrieval = replace(retrieval, recognition=one, usage={"recognition": one.usage})
            results.append(retrieval)
        return results

    @traced("hippo.retrieve.walk")
    def _walks(
        self,
        seeds: Sequence[Seeds],
        favoured: Sequence[Linked],
        profile: Profile,
        k: int,
        *,
        reordered: bool,
        everywhere: bool,
    ) -> "list[Walked]":
        return spread(
            self._engine,
            self._adjacency(profile),
            seeds,
            favoured,
            profile,
            passages=self.contents.graph.passages,
            k=k,
            tolerance=self._tolerance,
            reordered=reordered,
            everywhere=everywhere,
        )

    def _scores(self, walked: "Walked", profile: Profile) -> "NDArray[np.float64]":
        """Scores of passages after a walk, float64 `(P,)`."""
        if profile.scoring == "facts" and walked.activation is not None:
            return minmax(self._namings @ walked.activation[: self.contents.graph.n_entities])
        return walked.passages

    def walk(self, walked: "Walked", profile: Profile) -> Walk:
        """The walk of a question."""
        favoured = gains_everywhere([walked.favoured], profile, self.contents.graph.n_entities)
        return Walk(self._adjacency(profile), profile.damping, favoured, symmetric=True)

    def paths(self, question: str, walked: "Walked", profile: Profile) -> Paths:
        """The strongest paths from a question to its passages."""
        walk = self.walk(walked, profile)
        costs = step_costs(walk.adjacency, walk.damping, None if walk.gain is None else walk.gain[:, 0])
        through = None
        if profile.scoring == "facts" and walked.activation is not None:
            through = given(self._namings, walked.activation)
        return Paths(self.contents, costs, profile, walked.seeds, question, through)
