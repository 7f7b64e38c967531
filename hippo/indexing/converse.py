"""Conversations of an extractor with a language model about many chunks at once.

They run in the background event loop; chunks go in and outcomes come out in the thread that owns the store.
"""

import queue
from concurrent.futures import Future
from time import monotonic
from types import TracebackType
from typing import Self

from hippo.background import begin
from hippo.errors import LLMBudgetError, LLMError, LLMRefusedError, LLMUnavailableError
from hippo.extraction.dated import dated
from hippo.extraction.llm import converse
from hippo.llm import Caller
from hippo.protocols import Dialogue, DialogueExtractor
from hippo.types import Chunk, Completion, Extraction, ExtractionFailure, LLMRequest

__all__ = ["Conversations"]

Outcome = Extraction | ExtractionFailure

_GATHER = 0.25
"""Seconds that outcomes are gathered before they are committed together; a reply is in the cache long before."""
_WINDOW = 4
"""Conversations under way for each request that the model takes at a time, so that waits for a retry do not idle it."""


class Conversations:
    """Conversations under way. Leaving the context cancels those that are still open.

    A reply that led to a failure is forgotten, so that the next attempt asks for another one. When a whole window of
    requests was given up one after another, that is an outage: going on would only take longer.

    Args:
        extractor: Knows what to ask.
        caller: Is asked.

    Attributes:
        window: How many are under way at most.
        stopped: Why no more are begun, because the limit on spending was reached; None: it was not.
        unanswered: Ids of the chunks about which the model did not answer, after all its attempts.
    """

    def __init__(self, extractor: DialogueExtractor, caller: Caller) -> None:
        self._extractor, self._caller = extractor, caller
        self.window = _WINDOW * caller.settings.concurrency
        self._watch = _Watch(self.window)
        self._open: set[Future[Outcome]] = set()
        self._finished: queue.SimpleQueue[Future[Outcome]] = queue.SimpleQueue()
        self._since = monotonic()
        self._refused = False
        self.stopped: str | None = None
        self.unanswered: set[str] = set()

    @property
    def outage(self) -> bool:
        """Whether the model has not answered any request, of one at least."""
        return bool(self.unanswered) and not self._watch.heard

    @property
    def open(self) -> int:
        """Number of conversations whose outcome has not been handed out."""
        return len(self._open)

    def start(self, chunk: Chunk) -> list[Outcome]:
        """Begin a conversation about a chunk, once there is room; after a stop this does nothing.

        Returns:
            Outcomes that are due to be committed, maybe none. Errors are those of `wait`.
        """
        if self._refused:
            return self.wait()
        outcomes = self._gather([], 0.0) if monotonic() - self._since >= _GATHER else []
        while self.open >= self.window:
            outcomes += self.wait()
        if self.stopped is None:
            # Begun here: what an extractor does before it asks must not hold up the event loop.
            dialogue = self._extractor.dialogue(chunk)
            future = begin(self._talk(chunk, dialogue))
            self._open.add(future)
            future.add_done_callback(self._finished.put)
        return outcomes

    def wait(self) -> list[Outcome]:
        """Outcomes as they come, at least one and as many as arrive within a moment; none if none is open.

        Raises:
            LLMRefusedError: The model refuses every request, or has not answered many in a row.
        """
        if not self.open:
            return []
        return self._gather(self._outcome(self._finished.get()), _GATHER)

    def _gather(self, outcomes: list[Outcome], seconds: float) -> list[Outcome]:
        """Outcomes, and those that are there or arrive within some time; all of them if that is sooner."""
        end = monotonic() + seconds
        while self.open:
            try:
                future = self._finished.get(timeout=max(end - monotonic(), 0.0))
            except queue.Empty:
                break
            problem = future.exception()
            self._refused = isinstance(problem, LLMRefusedError)
            if problem is not None and not isinstance(problem, LLMBudgetError) and outcomes:
                self._finished.put(future)  # for the next call: what came before it is to be committed first
                break
            outcomes += self._outcome(future)
        self._since = monotonic()
        return outcomes

    def _outcome(self, future: "Future[Outcome]") -> list[Outcome]:
        """One outcome; none for a chunk that was left undone because the money ran out."""
        self._open.remove(future)
        try:
            return [future.result()]
        except LLMBudgetError as error:
            self.stopped = self.stopped or str(error)
            return []

    async def _talk(self, chunk: Chunk, dialogue: Dialogue) -> Outcome:
        listener = _Listener(self._caller, self._watch)
        outcome = await converse(dialogue, listener)
        if isinstance(outcome, ExtractionFailure):
            listener.forget_last()
            if listener.unanswered:
                self.unanswered.add(chunk.id)
        return dated(chunk, outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for future in self._open:
            future.cancel()


class _Watch:
    """Counts requests given up one after another, in all conversations together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._unanswered = 0
        self.heard = False

    def answered(self) -> None:
        self._unanswered, self.heard = 0, True

    def given_up(self, error: LLMUnavailableError) -> None:
        self._unanswered += 1
        if self._unanswered >= self._most:
            reason = f"{self._unanswered} requests in a row were given up, the last one because {error.args[1]}"
            remedy = "What was done is kept: run the same command again once the model answers"
            raise LLMRefusedError(error.args[0], reason, remedy) from error


class _Listener:
    """The model as one conversation sees it; remembers what was asked last."""

    def __init__(self, caller: Caller, watch: _Watch) -> None:
        self._caller, self._watch = caller, watch
        self._asked: list[LLMRequest] = []
        self.unanswered = False
        self.fingerprint, self.model = caller.fingerprint, caller.model

    async def complete(self, request: LLMRequest) -> Completion:
        try:
            completion = await self._caller.complete(request)
        except LLMUnavailableError as error:
            self._asked.clear()
            self.unanswered = True
            self._watch.given_up(error)
            raise
        except LLMError:
            self._asked.clear()
            raise
        if not completion.usage.replayed:  # the cache says nothing about the model
            self._watch.answered()
        self._asked.append(request)
        return completion

    def forget_last(self) -> None:
        """Forget the replies to the last prompt. Nothing is forgotten after an error: the replies were fine."""
        for request in self._asked:
            if request.prompt == self._asked[-1].prompt:
                self._caller.forget(request)
