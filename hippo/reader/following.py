"""Retrieval for a question that goes on a conversation."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import perf_counter

from hippo.config import ReaderConfig
from hippo.protocols import LLM, CachingLLM
from hippo.reader.fusion import mix
from hippo.reader.history import History
from hippo.reader.prompt import build_rewrite
from hippo.reader.rounds import total_seconds, total_usage
from hippo.types import Completion, Retrieval, Usage

__all__ = ["retrieve_in_context"]


async def retrieve_in_context(
    question: str,
    history: History,
    *,
    retrieve: Callable[[Sequence[str]], Awaitable[Sequence[Retrieval]]],
    llm: LLM | None,
    k: int,
    settings: ReaderConfig,
    linear: bool = True,
) -> Retrieval:
    """Passages for a question and what was said before it.

    Args:
        question: The question.
        history: What was said; where nothing was, the question alone is looked up.
        retrieve: Finds passages for texts.
        llm: Writes the question out, to be looked up in its place; None, or where its reply is no question: what
            `History.queries` says is looked up.
        k: Most passages.
        settings: Budget and length of the request.
        linear: Whether scores are activation, which has one scale; others are taken in parts of the best of their text.

    Returns:
        The retrieval of the first text, with the passages of all, mixed by score (`hippo.reader.fusion.mix`), and their
        usage and seconds; those of the request under "reader" and "rewrite". `parameters["in_context"]` holds the
        texts.

    Raises:
        LLMError: The model could not be asked.
        QuestionError: The question leaves no room for what was said.
    """
    texts, usage, seconds = history.queries(question), dict[str, Usage](), dict[str, float]()
    if llm is not None and history.turns:
        began = perf_counter()
        request = build_rewrite(question, history, settings)
        completion = await llm.complete(request)
        usage["reader"], seconds["rewrite"] = completion.usage, perf_counter() - began
        if written := _question_in(completion):
            texts = {written: 1.0}
        elif isinstance(llm, CachingLLM):
            llm.forget(request)
    found = await retrieve(list(texts))
    if not history.turns:
        return found[0]
    best = [1.0 if linear else max((hit.score for hit in one.hits), default=0.0) for one in found]
    weights = [weight / top if top > 0.0 else weight for weight, top in zip(texts.values(), best, strict=True)]
    return replace(
        found[0],
        question=question,
        hits=mix([one.hits for one in found], weights, k),
        parameters={**found[0].parameters, "in_context": list(texts)},
        usage=total_usage(found, usage),
        seconds=total_seconds(found, seconds),
    )


def _question_in(completion: Completion) -> str | None:
    """The question that a reply is; None: it is none."""
    text = " ".join(completion.text.split())
    return text if completion.finish == "stop" and any(map(str.isalnum, text)) else None
