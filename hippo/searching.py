"""One round of retrieval: its options checked, the questions encoded, passages ranked."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from hippo.checks import AsOf, Where, condition, moment, whole
from hippo.config import Config
from hippo.deferred import once
from hippo.errors import ConfigError, QuestionError
from hippo.models import Models
from hippo.protocols import Encoder
from hippo.retrieval.profiles import Profile, resolve_profile
from hippo.tracing import annotate, traced
from hippo.types import Retrieval, TextKind

if TYPE_CHECKING:
    from hippo.filters import Condition
    from hippo.protocols import Float32
    from hippo.recalls import Recalls
    from hippo.retrieval.rank import Walked
    from hippo.retrieval.retrieve import Retriever
    from hippo.retrieval.seeding import Recognize

__all__ = ["Choice", "Search", "Searching", "check_question", "listed", "problem_of"]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a question asks of the documents that count, as it was given: see `hippo.asking.Asking.retrieve`."""

    as_of: AsOf = None
    recency_half_life: float | None = None
    newest_wins: bool | None = None
    derived: bool | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """How passages are looked for: the options of one call, checked, and where: in one snapshot from end to end.

    `counted` says whether what is found counts as recalled: not where it is a part of what is shown.
    """

    k: int
    profile: Profile
    explain: bool
    steps: int
    where: "Condition | None"
    as_of: datetime | None
    retriever: "Callable[[], Retriever]"
    counted: bool = True


class Searching(ABC):
    """Ranks passages. `hippo.asking.Asking` adds the questions that people ask."""

    config: Config
    _encoder: Encoder | None
    _models: Models
    path: Path

    @cached_property
    def _recalls(self) -> "Recalls":
        from hippo.recalls import Recalls

        return Recalls(self.path, counting=self.config.retrieval.count_recalls)

    @property
    def encoder(self) -> Encoder | None:
        """What makes the vectors of questions; None: the index is asked by words alone."""
        return self._encoder

    @abstractmethod
    def _retriever_now(self, where: "Condition | None", as_of: datetime | None, *, apart: bool = False) -> "Retriever":
        """The retriever of the documents of the open snapshot that satisfy a condition; of those known at a time."""

    def _search(
        self,
        k: object,
        profile: str | Profile | None,
        explain: bool,
        steps: object,
        where: Where,
        choice: Choice,
    ) -> Search:
        """The options of a retrieval.

        Raises:
            FilterError: The condition is wrong.
            ConfigError: An option of the profile is out of range.
            QuestionError: `k` or `steps` is no whole number of at least 1, or `as_of` is no time.
            UnknownNameError: No such profile.
        """
        chosen = self._profile(profile)
        given = {name: getattr(choice, name) for name in ("recency_half_life", "newest_wins", "derived")}
        if own := {name: value for name, value in given.items() if value is not None}:
            chosen = resolve_profile(replace(chosen, **own))
        allowed, as_of = condition(where), moment(choice.as_of)
        retriever = once(partial(self._retriever_of, chosen, allowed, as_of, apart=explain))
        return Search(whole("k", k), chosen, explain, whole("steps", steps), allowed, as_of, retriever)

    def _retriever_of(
        self, profile: Profile, where: "Condition | None", as_of: datetime | None, *, apart: bool = False
    ) -> "Retriever":
        return self._retriever_now(where, as_of, apart=apart).showing(derived=profile.derived)

    def filters_facts(self, profile: str | Profile | None = None) -> bool:
        """Whether retrieval with a profile asks a fact filter: it may then wait for a language model.

        Raises:
            UnknownNameError: No such profile.
        """
        chosen = self._profile(profile)
        walks = chosen.ranking == "walk" and chosen.linking == "facts"
        return walks and self._models.has_filter(chosen.recognition)

    def _profile(self, profile: str | Profile | None = None) -> Profile:
        """The profile of a name or itself; None: that of the configuration."""
        settings = self.config.retrieval
        return resolve_profile(profile or settings.profile, settings.profiles)

    @traced("hippo.retrieve")
    def _ranked(
        self, questions: Sequence[str], search: Search, trace: "Callable[[Sequence[Walked]], None] | None" = None
    ) -> list[Retrieval]:
        """Passages of one round. It computes, and waits for fact filters: not for an event loop."""
        retriever, profile = search.retriever(), search.profile
        annotate(questions=len(questions), profile=profile.name, k=search.k)
        if profile.ranking in ("dense", "hybrid") and self._encoder is None:
            problem = "needs vectors, and this index has none; use bm25 or hippo, or index with an encoder"
            raise ConfigError(f"profile {profile.name!r}", "ranking", problem)
        recognition = self._recognition(profile)
        if not questions:
            return []
        vectors = fact_vectors = open_vectors = None
        # "Last May" is counted from the time asked for, or else from now: that is what whoever asks means.
        given, now = questions, search.as_of or datetime.now(UTC).replace(tzinfo=None)
        asked = retriever.asked(questions, profile, now)
        questions = asked.rests if asked else questions
        opened = retriever.opened(questions, profile)
        if self._encoder is not None and profile.ranking != "bm25":
            texts = list(dict.fromkeys([*questions, *(opened or ()), *(asked.events if asked else ())]))
            encoded = self._encode(self._encoder, texts)
            places = {text: place for place, text in enumerate(texts)}
            vectors = encoded[[places[question] for question in questions]]
            open_vectors = None if opened is None else encoded[[places[text] for text in opened]]
            if asked is not None:
                asked = replace(asked, vectors={text: encoded[places[text]] for text in asked.events})
            if profile.ranking == "walk" and profile.linking == "facts":
                fact_vectors = self._encode_for_facts(self._encoder, questions, vectors)
        from hippo.retrieval.opened import Opened

        reranker = self._models.reranker(profile.reranking)
        found = retriever.retrieve(
            list(questions),
            vectors,
            profile,
            k=search.k if reranker is None else self._read_again(search),
            explain=search.explain,
            recognition=recognition,
            fact_queries=fact_vectors,
            as_of=search.as_of,
            opened=None if opened is None else Opened(opened, open_vectors),
            asked=asked,
            recalled=self._recalls.counts() if profile.retention else {},
            trace=trace,
        )
        if asked is not None:
            found = [replace(one, question=question) for one, question in zip(found, given, strict=True)]
        if reranker is not None:
            from hippo.retrieval.rerank import rerank

            found = rerank(reranker, found, k=search.k, share=self.config.reranking.share)
        if search.counted:
            self._recalls.add([hit.chunk_id for one in found for hit in one.hits])
        options = {"where": search.where and str(search.where), "as_of": search.as_of and search.as_of.isoformat()}
        told = {name: value for name, value in options.items() if value}
        if not told:
            return found
        return [replace(one, parameters={**one.parameters, **told}) for one in found]

    def _read_again(self, search: Search) -> int:
        """How many passages a re-ranker reads. Where sources are capped, the cap is on those that are asked for."""
        return search.k if search.profile.source_cap < 1 else max(search.k, self.config.reranking.passages)

    def _recognition(self, profile: Profile) -> "Recognize | None":
        """How the facts that a question touched are filtered; None: they are not."""
        if profile.ranking != "walk" or profile.linking != "facts":
            return None
        settings = self.config.recognition
        fact_filter = self._models.filter(profile.recognition)
        if fact_filter is None:
            return None
        from hippo.retrieval.recognize import recognize

        return partial(recognize, fact_filter, when_none=settings.when_none, when_failed=settings.when_failed)

    def _encode_for_facts(self, encoder: Encoder, questions: Sequence[str], vectors: "Float32") -> "Float32":
        """Vectors of questions that are looked up among facts, given those for passages."""
        from hippo.encoding import alike

        if alike(encoder, "query_to_passage", "query_to_fact"):
            return vectors
        return self._encode(encoder, questions, "query_to_fact")

    @staticmethod
    @traced("hippo.retrieve.encode")
    def _encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = "query_to_passage") -> "Float32":
        from hippo.encoding import checked

        return checked(encoder, encoder.encode(list(texts), kind=kind), len(texts))


def check_question(question: object) -> None:
    """Raise an error if a question cannot be asked."""
    if problem := problem_of(question):
        raise problem


def problem_of(question: object) -> QuestionError | None:
    """Why a question cannot be asked."""
    if isinstance(question, str) and question.strip():
        return None
    return QuestionError("a question must be a text that is not empty", question)


def listed(questions: object) -> list[str]:
    """Questions as a list; one text is no list of them."""
    if isinstance(questions, str) or not isinstance(questions, Iterable):
        raise QuestionError("questions must be a list of texts", questions)
    return list(questions)
