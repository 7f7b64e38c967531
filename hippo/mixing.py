"""The side of a memory that serves readers: facts by themselves, and the best mixture of all that it knows."""

from collections.abc import Collection
from dataclasses import replace

from hippo.asking import Asking
from hippo.checks import AsOf, Where, condition, moment, whole, within
from hippo.deferred import in_thread_of
from hippo.errors import InputError
from hippo.renewing import Renewing
from hippo.retrieval.profiles import Profile
from hippo.searching import check_question
from hippo.tracing import traced
from hippo.types import Context, FactHit

__all__ = ["Mixing"]

_LEAST = 32
"""Tokens of the smallest budget."""


class Mixing(Renewing, Asking):
    """Facts, gists and passages, alone or together."""

    def facts(
        self,
        question: str,
        *,
        k: int = 10,
        triples: bool | None = None,
        session: str | None = None,
        profile: str | Profile | None = None,
        where: Where = None,
        as_of: AsOf = None,
    ) -> list[FactHit]:
        """Rank facts for a question: sentences and triples that passages say, each with its date and source.

        Args:
            question: The question.
            k: Number of facts; there may be fewer.
            triples: Only facts with a triple, or only sentences; None: both.
            session: Only what was said in this session.
            profile: As for `retrieve`, for the weight of words; so are the next two.
            where: Which documents count.
            as_of: What was known then counts.

        Raises:
            IndexEmptyError: Nothing has been added yet. The other errors are those of `retrieve`.
        """
        from hippo.retrieval.facts import rank_facts

        check_question(question)
        chosen, count = self._profile(profile), whole("k", k)
        retriever = self._retriever_of(chosen, condition(within(session, where)), moment(as_of))
        query = None if self._encoder is None else self._encode(self._encoder, [question], "query_to_fact")[0]
        return rank_facts(retriever, question, query, chosen, count, triples=triples)

    @traced("hippo.context")
    def context(
        self,
        question: str,
        *,
        budget_tokens: int = 2000,
        k: int = 20,
        kinds: Collection[str] | None = None,
        session: str | None = None,
        profile: str | Profile | None = None,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
    ) -> Context:
        """Pack what is known about a question for a reader: facts with dates and sources, then gists, then passages.

        Facts take half of the budget at most and gists a quarter, unless passages are left out. No language model is
        asked. Texts in it are data: a prompt should say so.

        Args:
            question: The question.
            budget_tokens: Most tokens of the text, estimated from words, at least 32.
            k: Passages that are considered, and as many facts.
            kinds: What may be in it, some of "facts" (sentences), "triples", "gists", "passages"; None: all.
            session: Only what was said in this session.
            profile: As for `retrieve`; so are the next four.
            where: Which documents count.
            as_of: What was known then counts.
            recency_half_life: Days after which a passage counts half.
            newest_wins: Whether passages rank after newer ones that replace what they say.

        Raises:
            InputError: The budget is too small, or there is no such kind. The other errors are those of `retrieve`.
        """
        from hippo.reader.mixture import KINDS, pack

        if type(budget_tokens) is not int or budget_tokens < _LEAST:
            raise InputError(f"budget_tokens must be a whole number of at least {_LEAST}, got {budget_tokens!r}")
        wanted = KINDS if kinds is None else tuple(kinds)
        if isinstance(kinds, str) or not set(wanted) <= set(KINDS):
            raise InputError(f"kinds must be some of {', '.join(KINDS)}, got {kinds!r}")
        self.refresh()
        chosen = within(session, where)
        reading = replace(self._profile(profile), derived="gists" in wanted)
        found = self.retrieve(
            question,
            k=k,
            profile=reading,
            where=chosen,
            as_of=as_of,
            recency_half_life=recency_half_life,
            newest_wins=newest_wins,
        )
        facts = self.facts(question, k=k, profile=reading, where=chosen, as_of=as_of)
        return pack(found, facts, budget=budget_tokens, kinds=wanted)

    afacts = in_thread_of(facts)
    """`facts` without blocking the event loop."""
    acontext = in_thread_of(context)
    """`context` without blocking the event loop."""
