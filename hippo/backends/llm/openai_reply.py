"""Replies of the chat completions API, whole or in events, read the same way wherever they come from."""

from collections.abc import Mapping
from typing import Any

from hippo.backends.llm.reply import Thinking, finish_of, usage_of, without_thinking
from hippo.backends.llm.translate import Refusal, classify
from hippo.errors import LLMReplyLostError, LLMUnavailableError
from hippo.types import Completion, LLMRequest

__all__ = ["Listener", "read_reply"]

_COUNTS = ("prompt_tokens", "completion_tokens")


def read_reply(model: str, body: object, request: LLMRequest) -> Completion:
    """The completion in the body of a reply. Tokens that it does not count are estimated.

    Raises:
        LLMUnavailableError: The body is no JSON object; or, as an `LLMReplyLostError`, it holds no message.
        LLMRequestError: It is an error in spite of its status.
        LLMRefusedError: The same.
    """
    if not isinstance(body, Mapping):
        raise LLMUnavailableError(model, f"its reply is not a JSON object: {str(body)[:100]!r}", None)
    choice = _first_choice(body)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        if body.get("error"):
            raise classify(model, Refusal.read(None, body))
        raise LLMReplyLostError(model, "its reply holds no message", None)
    text = content_text(message.get("content"))
    refused = bool(message.get("refusal")) and not text
    return Completion(
        without_thinking(text),
        "filtered" if refused else finish_of(choice.get("finish_reason")),
        usage_of(body.get("usage"), request, text, names=_COUNTS),
    )


class Listener:
    """Puts a completion together from the events of a stream.

    Args:
        model: Name for messages.
        request: What was asked.
    """

    def __init__(self, model: str, request: LLMRequest) -> None:
        self._model = model
        self._request = request
        self._thinking = Thinking()
        self._text: list[str] = []
        self._reason: object = None
        self._refused = False
        self._usage: object = None

    def hear(self, event: object) -> str:
        """Take in an event; the text in it that may be shown, often "".

        Raises:
            LLMUnavailableError: The event is no JSON object.
        """
        if not isinstance(event, Mapping):
            raise LLMUnavailableError(self._model, "an event of its stream is not a JSON object", None)
        self._usage = event.get("usage") or self._usage
        choice = _first_choice(event)
        delta = choice.get("delta")
        self._reason = choice.get("finish_reason") or self._reason
        if not isinstance(delta, Mapping):
            return ""
        self._refused = self._refused or bool(delta.get("refusal"))
        piece = content_text(delta.get("content"))
        self._text.append(piece)
        return self._thinking.feed(piece)

    def rest(self) -> str:
        """Text that was held back to the end."""
        return self._thinking.end()

    def completion(self) -> Completion:
        """The whole reply.

        Raises:
            LLMReplyLostError: The stream ended before the reply did.
        """
        if self._reason is None:
            raise LLMReplyLostError(self._model, "its stream ended before the reply did", None)
        text = "".join(self._text)
        finish = "filtered" if self._refused and not text else finish_of(self._reason)
        return Completion(without_thinking(text), finish, usage_of(self._usage, self._request, text, names=_COUNTS))


def content_text(content: object) -> str:
    """The text of a message's content: a text, or a list of parts of which some are texts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    return "".join(part for part in parts if isinstance(part, str))


def _first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}
