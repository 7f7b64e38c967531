"""From questions to seeds: the facts or the names that each touches, and where they put activation into the graph."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.deferred import kept
from hippo.retrieval.link import Linked
from hippo.retrieval.linkers import Linkers
from hippo.retrieval.names import NameLinker
from hippo.retrieval.profiles import Profile
from hippo.retrieval.recognize import Recognized
from hippo.retrieval.results import Results
from hippo.retrieval.seeds import Seeds, choose, entity_counts, seed, seed_entities
from hippo.retrieval.sources import Owners
from hippo.snapshot.contents import Contents
from hippo.tracing import traced
from hippo.types import Recognition

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recognize", "Seeding"]

Recognize = Callable[[Sequence[str], Sequence[Sequence[str]]], list[Recognized]]
"""From questions and the texts of the facts that each touches, best first, to what is kept of them."""


LinkedFacts = tuple[list[Linked], list["NDArray[np.int64]"]]
"""Candidates of each question, and the positions of those that may seed."""


class Seeding:
    """Finds seeds in one index.

    Args:
        contents: The index.
        linkers: Its linkers.
        owners: Its sources.
        results: Knows the texts of facts.
        names: Finds the names in a question.
        encode: Makes their unit vectors, float32 `(n, d)`; None: names are linked by words.
    """

    def __init__(
        self,
        contents: Contents,
        linkers: Linkers,
        owners: Owners,
        results: Results,
        names: Callable[[str], Sequence[str]],
        encode: "Callable[[Sequence[str]], NDArray[np.float32]] | None",
    ) -> None:
        self._contents = contents
        self._linkers = linkers
        self._sources = owners
        self._texts = results.texts
        self._names = names
        self._encode = encode

    @kept
    def _counts(self) -> "NDArray[np.float64]":
        return entity_counts(self._contents)

    @kept
    def entities(self) -> NameLinker:
        """What finds the entities of names."""
        return NameLinker(self._contents, self._encode)

    @traced("hippo.retrieve.seed")
    def of(
        self,
        questions: Sequence[str],
        queries: "NDArray[np.float32] | None",
        passages: Sequence[Linked],
        profile: Profile,
        recognition: Recognize | None = None,
        linked: "Callable[[], LinkedFacts] | None" = None,
    ) -> tuple[list[Seeds], list[dict[str, Any]], list[Recognition] | None]:
        """Seeds of each question, what there is to be said of how they were found, and what recognition made of them.

        No seeds at all: recognition memory wants a ranking by vectors alone.

        Args:
            questions: m questions.
            queries: Their unit vectors, to be compared with facts, float32 `(m, d)`; None: by words alone.
            passages: Passages that each touches.
            profile: How to seed.
            recognition: Looks at the facts that each question touches before they seed.
            linked: Gives what `facts` gives, where somebody has it looked for already.
        """
        contents, counts, sources = self._contents, self._counts, self._sources(profile)
        if profile.linking == "entities":
            rows_of = self.entities.link([self._names(question) for question in questions])
            rows = [np.array(list(own.values()), np.int64) for own in rows_of]
            seeds = seed_entities(contents, counts, rows, passages, profile, sources)
            return seeds, [{"names": self._entity_names(rows)} for rows in rows_of], None
        facts, best_of = linked() if linked else self.facts(questions, queries, profile)
        chosen: list[NDArray[np.int64] | None] = [*best_of]
        recognized = None
        if recognition is not None:
            shown = [self._texts(fact.rows[kept]) for fact, kept in zip(facts, best_of, strict=True)]
            answers = recognition(questions, shown)
            recognized = [answer.recognition for answer in answers]
            chosen = [
                None if answer.seeds is None else kept[list(answer.seeds)]
                for answer, kept in zip(answers, best_of, strict=True)
            ]
        seeds = [Seeds.none() for _ in questions]
        kept_of = {place: kept for place, kept in enumerate(chosen) if kept is not None}
        if kept_of:
            named = None
            if profile.name_share:
                named = [self.entities.exact(self._names(questions[place])) for place in kept_of]
            touched, near = ([column[place] for place in kept_of] for column in (facts, [*passages]))
            found = seed(contents, counts, touched, near, profile, list(kept_of.values()), named, sources)
            for place, one in zip(kept_of, found, strict=True):
                seeds[place] = one
        return seeds, [{} for _ in seeds], recognized

    def facts(self, questions: Sequence[str], queries: "NDArray[np.float32] | None", profile: Profile) -> "LinkedFacts":
        """Candidates of each question, and the positions of those that may seed."""
        # The lowest score of all is known only where all are.
        reach = profile.facts if profile.weighting == "softmax" else None
        facts = self._linkers.facts.link(questions, queries, profile.lexical_weight, best=reach)
        sources = self._sources(profile)
        chosen = [choose(self._contents, fact, profile, sources) for fact in facts]
        while reach:
            pairs = enumerate(zip(facts, chosen, strict=True))
            few = [place for place, (fact, kept) in pairs if fact.sure is not None and len(kept) < profile.facts]
            if not few:
                break
            # The best candidates say the same: look further.
            reach *= 4
            vectors = None if queries is None else queries[few]
            again = self._linkers.facts.link(
                [questions[place] for place in few], vectors, profile.lexical_weight, best=reach
            )
            for place, fact in zip(few, again, strict=True):
                facts[place], chosen[place] = fact, choose(self._contents, fact, profile, sources)
        return facts, chosen

    def _entity_names(self, rows: Mapping[str, int]) -> dict[str, str]:
        names = self._contents.entities.column("name")
        return {name: names[row].as_py() for name, row in rows.items()}
