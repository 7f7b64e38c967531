"""What language models are asked, and what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from hippo.types.plain import Plain

__all__ = ["Completion", "LLMRequest", "Message", "Usage"]


@dataclass(frozen=True, slots=True)
class Message(Plain):
    """One turn of a conversation with a language model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class LLMRequest(Plain):
    """What a language model is asked.

    Attributes:
        messages: The conversation so far; the last turn is the user's.
        max_tokens: Most tokens that the reply may have, at least 1.
        prompt: Name and version of the prompt, such as "triples/1"; another version is another request.
        schema: JSON schema of the reply, for models that can be held to one; its `title` names it. None: free text.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    prompt: str
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Usage(Plain):
    """What language models were asked for and what it cost. Usages can be added up.

    Attributes:
        requests: Replies that were paid for.
        replayed: Replies that came from the cache, for nothing.
        input_tokens: Tokens sent, as the provider counts them.
        output_tokens: Tokens received, those of hidden reasoning included.
        cost: US dollars, as far as prices are known.
        unpriced: Requests among `requests` whose price is not known, so that `cost` lacks them.
    """

    requests: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, item.name) + getattr(other, item.name) for item in fields(self)))


@dataclass(frozen=True, slots=True)
class Completion(Plain):
    """A reply of a language model.

    Attributes:
        text: The reply, without hidden reasoning.
        finish: "stop": complete; "length": cut off at `max_tokens`; "filtered": withheld by the provider.
        usage: What it took.
    """

    text: str
    finish: Literal["stop", "length", "filtered"] = "stop"
    usage: Usage = field(default_factory=Usage)
