"""Documents that an index finds for questions, whatever becomes of the language models that help it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hippo.errors import LLMBudgetError, LLMError, LLMRefusedError, QuestionError
from hippo.retrieval.profiles import Profile
from hippo.types import Retrieval

if TYPE_CHECKING:
    from hippo.engine import Hippo

__all__ = ["Failure", "rank_documents", "retrieve_each"]

Failure = LLMError | QuestionError
"""Why there is nothing for a question, where that is its own affair."""


def rank_documents(
    memory: "Hippo",
    questions: Sequence[str],
    *,
    k: int,
    profile: str | Profile,
    steps: int = 1,
    found: Mapping[int, Retrieval] | None = None,
) -> list[list[str] | Failure]:
    """Ids of the k best documents of each question, best first, each at the rank of its best passage.

    Where documents have several passages, as many passages are retrieved as it takes.

    Args:
        memory: The index.
        questions: The questions.
        k: Number of documents; an index that holds fewer gives all.
        profile: A profile or its name.
        steps: Rounds of retrieving and reasoning.
        found: Retrievals of this profile that are there already, by position of their question: nothing is retrieved
            again for those that hold k documents.

    Returns:
        One ranking per question, in order; in the place of one that could not be had, the error.

    Raises:
        LLMRefusedError: The language model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached.
    """
    contents = memory.contents()
    enough = min(k, contents.documents.num_rows)
    held: dict[int, Retrieval | Failure] = dict(found or {})
    wanted = k
    while short := [row for row in range(len(questions)) if _lacks(held.get(row), enough)]:
        rows = [row for row in short if _passages(held.get(row)) < wanted]
        more = retrieve_each(memory, [questions[row] for row in rows], k=wanted, profile=profile, steps=steps)
        held |= dict(zip(rows, more, strict=True))
        if wanted >= contents.n_chunks:
            break
        wanted *= 2
    ranked = [held[row] for row in range(len(questions))]
    return [_documents(one)[:k] if isinstance(one, Retrieval) else one for one in ranked]


def retrieve_each(
    memory: "Hippo", questions: Sequence[str], *, k: int, profile: str | Profile, steps: int = 1
) -> list[Retrieval | Failure]:
    """`Hippo.retrieve_many`, with an error in the place of a retrieval that failed: one does not end all.

    Args:
        memory: The index.
        questions: The questions.
        k: Number of passages.
        profile: A profile or its name.
        steps: Rounds of retrieving and reasoning.

    Raises:
        LLMRefusedError: The language model refuses every request.
        LLMBudgetError: The limit on what may be spent was reached.
        QuestionError: `k` or `steps` is below 1.
    """

    def alone(question: str) -> Retrieval | Failure:
        try:
            return memory.retrieve(question, k=k, profile=profile, steps=steps)
        except (LLMRefusedError, LLMBudgetError):
            raise
        except (LLMError, QuestionError) as error:
            return error

    memory.retrieve_many([], k=k, profile=profile, steps=steps)
    if steps == 1:  # all at once are fast, and a filter has asked about all of them before it fails for one
        try:
            return list(memory.retrieve_many(questions, k=k, profile=profile))
        except (LLMRefusedError, LLMBudgetError):
            raise
        except (LLMError, QuestionError):
            pass
    with ThreadPoolExecutor(memory.config.llm.concurrency) as pool:
        return list(pool.map(alone, questions))


def _lacks(held: Retrieval | Failure | None, enough: int) -> bool:
    """Whether more passages may bring more documents; what failed is not tried again."""
    return held is None or (isinstance(held, Retrieval) and len(_documents(held)) < enough)


def _passages(held: Retrieval | Failure | None) -> int:
    return len(held.hits) if isinstance(held, Retrieval) else 0


def _documents(found: Retrieval) -> list[str]:
    return list(dict.fromkeys(hit.document_id for hit in found.hits))
