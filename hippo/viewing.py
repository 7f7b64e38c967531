"""The showing side of a memory: pictures of questions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hippo.checks import AsOf, Where, whole
from hippo.errors import InputError
from hippo.retrieval.profiles import Profile
from hippo.searching import Choice, Searching, check_question
from hippo.types import View

if TYPE_CHECKING:
    from hippo.retrieval.rank import Walked

__all__ = ["MOST_NODES", "Viewing"]

MOST_NODES = 5_000
"""Nodes of a picture."""
_MOST_STEPS = 100


class Viewing(Searching):
    """Pictures of questions to a memory, for `hippo explore` and programs of one's own."""

    def view(
        self,
        question: str,
        *,
        k: int = 5,
        profiles: Sequence[str | Profile | None] = (None,),
        nodes: int = 150,
        steps: int = 12,
        sentences: int = 0,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
    ) -> View:
        """Passages for a question, the graph around them, and the activation of every node sweep by sweep.

        The same question to the same index gives the same picture, node for node at the same place.

        Args:
            question: The question.
            k: Number of passages.
            profiles: One profile, or two to compare; None: the configuration's.
            nodes: Most nodes of the picture, at most 5,000.
            steps: Sweeps whose activation is given, at most 100, between the seeds and the end.
            sentences: Most sentences of each edge; 0: none.
            where: Which documents count, as for `retrieve`.
            as_of: What was known then counts, as for `retrieve`.
            recency_half_life: As for `retrieve`.
            newest_wins: As for `retrieve`.
            derived: As for `retrieve`.

        Raises:
            InputError: There are more than two profiles or none, or a number is out of range.
            QuestionError: The question is empty, or k or nodes is less than 1. Other errors are those of `retrieve`.
        """
        check_question(question)
        if isinstance(profiles, str) or len(profiles) not in (1, 2):
            raise InputError(f"profiles must be a list of one or two, got {profiles!r}")
        for name, value, most in (("nodes", nodes, MOST_NODES), ("steps", steps, _MOST_STEPS)):
            if whole(name, value) > most:
                raise InputError(f"{name} must be at most {most}, got {value}")
        if type(sentences) is not int or sentences < 0:
            raise InputError(f"sentences must be a whole number of at least 0, got {sentences!r}")
        from hippo.exploration.view import Asked, view_of

        choice = Choice(as_of, recency_half_life, newest_wins, derived)
        searches = [self._search(k, profile, True, 1, where, choice) for profile in profiles]
        asked = []
        # All of them see one snapshot.
        for search in (replace(one, retriever=searches[0].retriever) for one in searches):
            walks: list[Walked] = []
            [retrieval] = self._ranked([question], search, walks.extend)
            asked.append(Asked(retrieval, search.profile, walks[0] if walks else None))
        retriever = searches[0].retriever()
        return view_of(retriever, question, asked, nodes=nodes, steps=steps, sentences=sentences)
