"""A fact filter that asks a language model, the recognition memory of HippoRAG 2 (arXiv 2502.14802, section 3.3).

Where the published system matches the facts that a model writes with the nearest ones it was shown, here the model
answers with numbers: it can choose wrongly, but it cannot make up a fact.
"""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import replace

from hippo import background
from hippo.errors import ConfigError, InputError, LLMRequestError, LLMUnavailableError
from hippo.protocols import LLM, CachingLLM
from hippo.recognition.prompt import PROMPT, SCHEMA, ask, ask_again
from hippo.recognition.reply import read_reply
from hippo.types import Completion, LLMRequest, Recognition, Usage

__all__ = ["LLMFactFilter"]

_WHAT = "recognition 'llm'"
_MORE_ROOM = 4
"""Times as many tokens after a reply that was cut off: the model may have spent them on thoughts."""


class LLMFactFilter:
    """Keeps the facts whose numbers a language model names.

    Questions of a batch are asked at the same time; how many requests are under way is for the model's caller to limit.
    An explicit empty list is the outcome "none". A reply that cannot be read, or holds only numbers of no fact, is
    answered with what is wrong with it, or asked for with four times the room, once, where it was cut off. After
    `repairs` attempts more the outcome is "failed", and a `CachingLLM` forgets the replies. Numbers of no fact beside
    valid ones are ignored; how many they were stands in `Recognition.reason`.

    Args:
        llm: The language model.
        max_tokens: Most tokens of a reply, at least 16; four times as many after one that was cut off. Models that
            think before they answer need more.
        repairs: How often more is asked after an unusable reply; 0 or more.

    Raises:
        ConfigError: A value is out of range.
    """

    def __init__(self, llm: LLM, *, max_tokens: int = 256, repairs: int = 1) -> None:
        if max_tokens < 16:
            raise ConfigError(_WHAT, "max_tokens", f"must be at least 16, got {max_tokens}")
        if repairs < 0:
            raise ConfigError(_WHAT, "repairs", f"must be 0 or more, got {repairs}")
        self._llm = llm
        self._max_tokens = max_tokens
        self._repairs = repairs

    @property
    def fingerprint(self) -> str:
        """Prompt, settings and model."""
        return f"{PROMPT}:{self._max_tokens}:{self._repairs}:{self._llm.fingerprint}"

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        """What to keep of each question's facts, in order of the questions. Not for callers inside an event loop.

        Args:
            questions: m questions.
            facts: Texts of the facts of each, best first.

        Raises:
            InputError: There are not as many lists of facts as questions.
            LLMRefusedError: The model refuses every request.
            LLMBudgetError: The limit on what may be spent was reached.
        """
        if len(questions) != len(facts):
            raise InputError(f"{len(questions)} questions need as many lists of facts, got {len(facts)}")
        return background.run(self._recognize(questions, facts))

    def dialogue(self, question: str, facts: Sequence[str]) -> Generator[LLMRequest, Completion, Recognition]:
        """The conversation about one question: yields requests, is sent replies, returns the outcome without its usage.

        It does no input or output, and the same replies lead to the same requests.
        """
        if not facts:
            return Recognition("none", (), 0)
        messages, tokens = ask(question, facts), self._max_tokens
        problem: str | None = None
        for _ in range(self._repairs + 1):
            reply = yield LLMRequest(messages, tokens, PROMPT, SCHEMA)
            if reply.finish == "filtered":
                return Recognition("failed", (), len(facts), "the provider withheld the reply")
            selection = read_reply(reply.text, len(facts))
            if selection.problem is None:
                ignored = f"entries ignored that number no fact: {selection.ignored}" if selection.ignored else None
                return Recognition("kept" if selection.kept else "none", selection.kept, len(facts), ignored)
            problem = selection.problem
            if reply.finish != "length":
                messages = (*messages, *ask_again(reply.text, problem, len(facts)))
                continue
            problem = f"it was cut off at {tokens} tokens, and {problem}. Raise max_tokens, or let the model think less"
            if tokens > self._max_tokens:
                break
            tokens *= _MORE_ROOM
        return Recognition("failed", (), len(facts), f"the reply cannot be used: {problem}")

    async def _recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        tasks = [asyncio.ensure_future(self._converse(*pair)) for pair in zip(questions, facts, strict=True)]
        try:
            return await asyncio.gather(*tasks)
        except BaseException:
            # Nothing more is to be spent once the model refuses or the budget is gone.
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _converse(self, question: str, facts: Sequence[str]) -> Recognition:
        dialogue, usage = self.dialogue(question, facts), Usage()
        asked: list[LLMRequest] = []
        try:
            request = next(dialogue)
            while True:
                reply = await self._llm.complete(request)
                asked.append(request)
                usage += reply.usage
                request = dialogue.send(reply)
        except StopIteration as end:
            outcome: Recognition = end.value
            if outcome.outcome == "failed" and isinstance(self._llm, CachingLLM):
                for request in asked:
                    self._llm.forget(request)
            return replace(outcome, usage=usage)
        except (LLMUnavailableError, LLMRequestError) as error:
            return Recognition("failed", (), len(facts), str(error), usage=usage)
