"""The reader: from retrieved passages to an answer with citations."""

from collections.abc import AsyncIterator
from time import perf_counter

from hippo.config import ReaderConfig
from hippo.errors import LLMReplyError
from hippo.protocols import LLM, CachingLLM, StreamingLLM
from hippo.reader.history import History
from hippo.reader.marks import cited
from hippo.reader.prompt import Prompt, build
from hippo.reader.reply import NOT_FOUND, LiveAnswer, parse
from hippo.types import Answer, Citation, Completion, LLMRequest, Retrieval, Usage

__all__ = ["Reader"]


class Reader:
    """Lets a language model answer questions from the passages that were retrieved for them.

    Its answers cite passages of the prompt and no others, whatever stands in the passages. Their `usage` and `seconds`
    hold those of the retrieval too; its own are under "reader" and "read".

    Args:
        llm: The model; it is listened to while it writes if it is a `StreamingLLM`.
        settings: Budget, length, language, and whether the model thinks first.
        history: What was said before the questions.
    """

    def __init__(self, llm: LLM, settings: ReaderConfig, history: History = History()) -> None:  # noqa: B008  (frozen)
        self._llm = llm
        self._settings = settings
        self.history = history

    async def answer(self, retrieval: Retrieval) -> Answer:
        """The answer. A retrieval without passages is not answered, and the model is not asked.

        Raises:
            LLMReplyError: The reply was empty, withheld, or a thought without an answer. A `CachingLLM` forgets it, so
                that the question can be asked again.
            LLMError: The model could not be asked; the classes are those of `LLM.complete` and of its limits.
            QuestionError: The question leaves no room for passages in the budget of tokens.
        """
        if not retrieval.hits:
            return _no_passages(retrieval)
        began = perf_counter()
        prompt = self._prompt(retrieval)
        completion = await self._llm.complete(prompt.request)
        return self._read(completion, prompt, retrieval, perf_counter() - began)

    async def stream(self, retrieval: Retrieval) -> AsyncIterator[str | Answer]:
        """Pieces of the answer's text as the model writes them, then the `Answer`, the same that `answer` gives.

        Joined, the pieces are the answer's text, without the thought before it. They begin where the model marks its
        answer; the answer of a model that does not is one piece, since what it writes may be thoughts until the end.
        Leaving early stops the model.

        Raises:
            LLMError, QuestionError: As `answer`, the former also after some pieces.
        """
        if not retrieval.hits:
            yield NOT_FOUND
            yield _no_passages(retrieval)
            return
        began = perf_counter()
        prompt = self._prompt(retrieval)
        live = LiveAnswer()
        told = ""
        completion: Completion | None = None
        llm, request = self._llm, prompt.request
        items = llm.stream(request) if isinstance(llm, StreamingLLM) else _at_once(llm, request)
        try:
            async for item in items:
                if isinstance(item, Completion):
                    completion = item
                elif new := live.feed(item):
                    told += new
                    yield new
        finally:
            # A provider's connection must not stay open until the garbage is collected.
            close = getattr(items, "aclose", None)
            if close is not None:
                await close()
        if completion is None:
            raise self._unusable("the stream ended without the whole reply")
        answer = self._read(completion, prompt, retrieval, perf_counter() - began)
        if not answer.text.startswith(told):
            raise self._unusable("the pieces of the stream are not those of the whole reply")
        if rest := answer.text[len(told) :]:
            yield rest
        yield answer

    def _prompt(self, retrieval: Retrieval) -> Prompt:
        newest_wins = bool(retrieval.parameters.get("newest_wins"))
        return build(retrieval.question, retrieval.hits, self._settings, newest_wins=newest_wins, history=self.history)

    def _read(self, completion: Completion, prompt: Prompt, retrieval: Retrieval, seconds: float) -> Answer:
        finish = completion.finish
        if finish == "filtered":
            raise self._unusable("it was withheld by the provider")
        reply = parse(completion.text)
        if not reply.text:
            if isinstance(self._llm, CachingLLM):
                self._llm.forget(prompt.request)
            what = "it was empty" if reply.reasoning is None else "it was a thought without an answer"
            cut = (
                f", cut off at {prompt.request.max_tokens} tokens. Raise reader.max_tokens, or let the model think less"
            )
            raise self._unusable(what + (cut if finish == "length" else ""))
        numbers, unknown = cited(reply.text, len(prompt.shown))
        passages = [(number, prompt.shown[number - 1]) for number in numbers]
        own = retrieval.usage.get("reader", Usage()) + completion.usage
        return Answer(
            question=retrieval.question,
            text=reply.text,
            answered=reply.answered,
            citations=tuple(Citation(number, hit.chunk_id, hit.document_id, hit.title) for number, hit in passages),
            reasoning=reply.reasoning if self._settings.reasoning else None,
            retrieval=retrieval,
            shown=tuple(hit.chunk_id for hit in prompt.shown),
            finish=finish,
            dropped={**prompt.dropped, **({"citation of no passage shown": unknown} if unknown else {})},
            usage={**retrieval.usage, "reader": own},
            seconds={**retrieval.seconds, "read": seconds},
        )

    def _unusable(self, problem: str) -> LLMReplyError:
        return LLMReplyError(self._llm.model, "answer", problem)


async def _at_once(llm: LLM, request: LLMRequest) -> AsyncIterator[str | Completion]:
    """The reply of a model that cannot stream."""
    yield await llm.complete(request)


def _no_passages(retrieval: Retrieval) -> Answer:
    return Answer(
        question=retrieval.question,
        text=NOT_FOUND,
        answered=False,
        citations=(),
        reasoning=None,
        retrieval=retrieval,
        shown=(),
        finish="stop",
        dropped={},
        usage=retrieval.usage,
        seconds=retrieval.seconds,
    )
