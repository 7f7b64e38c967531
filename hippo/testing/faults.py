"""Faults on purpose: which request fails, and how, decided by the request itself, so that runs can be repeated."""

import hashlib
import itertools
import threading
from collections import deque
from dataclasses import dataclass

from hippo.errors import ConfigError
from hippo.types import LLMRequest

__all__ = ["GARBAGE", "KINDS", "NO_FAULTS", "STATUSES", "TRANSIENT", "FaultPlan", "Faults", "subject"]

STATUSES: dict[str, tuple[int, str, str | None, str]] = {
    "400": (400, "invalid_request_error", None, "The request could not be understood."),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    "403": (403, "invalid_request_error", None, "This project may not use the model."),
    "404": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached."),
    "quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "500": (500, "server_error", None, "The server had an error while processing your request."),
    "503": (503, "server_error", None, "The engine is currently overloaded."),
    "length": (400, "invalid_request_error", "context_length_exceeded", "The messages exceed the context length."),
}
"""Status, type, code and message of the faults that are an error reply."""

TRANSIENT = ("429", "500", "503", "cut", "html", "empty")
"""Faults that a client survives by asking again; no reply is paid for."""

KINDS = (*STATUSES, "timeout", "cut", "truncated", "filtered", "garbage", "empty", "html")
"""All kinds of faults."""

GARBAGE = (
    "I am sorry, but I would rather talk about the weather today.",
    '{"id": 17, "result": {"status": "par',
    '{"answer": [{"answer": [{"answer": [',
    "```\n<response></response>\n```",
)
"""Replies that answer nothing: the fault "garbage" gives them in turn."""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often requests fail, and how.

    Attributes:
        rate: Share of the arriving requests that fail, 0 to 1.
        kinds: What happens to them, each as often as the others; of `KINDS`: a status ("429" with a Retry-After header,
            "500", "503", "400", "401", "403", "404", "quota" and "length" for the codes of these names), "timeout" (a
            good reply after `hang` seconds), "cut" (the connection ends in the middle of the reply), "truncated" and
            "filtered" (half of the reply, with the finish reason "length" or "content_filter"), "garbage" (a reply
            that answers nothing), "empty" (no choices), "html" (the error page of a proxy, with status 502 and 200 in
            turn).
        retry_after: Seconds in the Retry-After header of a 429 and a 503; None: no header.
        hang: Seconds that a "timeout" takes.
        only: Only requests whose messages hold this text fail; None: all may.
        lasting: Those of `kinds` that are a matter of what is asked and not of the moment: the same text fails so each
            time, also when it is asked about with a complaint about an earlier reply, as a model that runs out of
            tokens over a passage does each time. The others hit an arrival, and the next one may go well.
        instead_wait: None: requests fail. Otherwise none does; each takes as long as it would take a client that asks
            again at once, waits as long as it is told to and no longer, and gives a "timeout" up after this many
            seconds. What a client makes of faults is measured against this: its own waiting and work are the rest.

    Raises:
        ConfigError: A value is out of its range.
    """

    rate: float = 0.2
    kinds: tuple[str, ...] = TRANSIENT
    retry_after: float | None = 0.1
    hang: float = 5.0
    only: str | None = None
    lasting: tuple[str, ...] = ()
    instead_wait: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kinds", tuple(self.kinds))
        object.__setattr__(self, "lasting", tuple(self.lasting))
        if not 0 <= self.rate <= 1:
            raise ConfigError("faults", "rate", f"must be 0 to 1, got {self.rate}")
        if self.instead_wait is not None and (self.rate == 1 or self.instead_wait <= 0):
            raise ConfigError("faults", "instead_wait", "must be above 0, and needs a rate below 1")
        if not self.kinds:
            raise ConfigError("faults", "kinds", "must name at least one kind of fault")
        for kind in self.kinds:
            check_kind(kind)
        if strange := set(self.lasting) - set(self.kinds):
            problem = f"must be some of the kinds {list(self.kinds)}, got {min(strange)!r}"
            raise ConfigError("faults", "lasting", problem)


def check_kind(kind: str) -> None:
    """Raise `ConfigError` unless there is such a fault."""
    if kind not in KINDS:
        raise ConfigError("faults", "kinds", f"unknown fault {kind!r}. Known: {', '.join(KINDS)}")


NO_FAULTS = Faults(rate=0.0)
"""Nothing fails, but for what `fail_next` is told."""


class FaultPlan:
    """Decides for each arriving request whether it fails.

    The decision depends on the seed, the request and how often it has arrived, not on the order in which requests
    arrive: many at once fail as they would one by one.

    Args:
        faults: How often and how; None: never, but for `fail_next`.
        seed: Another seed makes other requests fail.

    Examples:
        >>> plan = FaultPlan(Faults(rate=0.5, kinds=("500",)))
        >>> [plan.draw("a request", arrival) for arrival in (1, 2, 3, 4)]
        ['500', '500', None, None]
    """

    def __init__(self, faults: Faults | None = None, seed: int = 0) -> None:
        self.faults = faults or NO_FAULTS
        self._key = str(seed).encode()
        self._next: deque[str] = deque()
        self._lock = threading.Lock()

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Let the next `times` requests fail with `kind`, whatever the rate.

        Raises:
            ConfigError: There is no such kind.
        """
        check_kind(kind)
        with self._lock:
            self._next.extend([kind] * times)

    def clear(self) -> None:
        """Forget what `fail_next` was told."""
        with self._lock:
            self._next.clear()

    def draw(self, key: str, arrival: int, text: str = "", about: str | None = None) -> str | None:
        """The fault of a request, or None.

        Args:
            key: What tells requests apart.
            arrival: How often this one has arrived, this time included.
            text: Its messages, which `Faults.only` looks at.
            about: What `subject` says of it, which `Faults.lasting` looks at; None: the key.
        """
        if self._next:
            with self._lock:
                if self._next:
                    return self._next.popleft()
        return None if self.faults.instead_wait is not None else self._drawn(key, arrival, text, about)

    def wait(self, key: str, text: str, latency: float, about: str | None = None) -> float:
        """Seconds that a request takes more where faults are waited for: see `Faults.instead_wait`.

        Args:
            key: What tells requests apart.
            text: Its messages.
            latency: Seconds before any answer, those of failures included.
            about: As for `draw`. A lasting fault is asked about once more, in other words.
        """
        faults = self.faults
        if faults.instead_wait is None:
            return 0.0
        seconds = 0.0
        for arrival in itertools.count(1):
            kind = self._drawn(key, arrival, text, about)
            if kind in faults.lasting:
                seconds += latency
            if kind is None or kind in faults.lasting:
                break
            if kind == "timeout":
                seconds += min(latency + faults.hang, faults.instead_wait)
            else:
                seconds += latency + (faults.retry_after or 0.0 if kind in ("429", "503") else 0.0)
        return seconds

    def _drawn(self, key: str, arrival: int, text: str, about: str | None) -> str | None:
        faults = self.faults
        if not faults.rate or (faults.only is not None and faults.only not in text):
            return None
        kind = self._chosen(f"{arrival}:{key}")
        if not faults.lasting or (kind is not None and kind not in faults.lasting):
            return kind
        kind = self._chosen(f"lasting:{key if about is None else about}")
        return kind if kind in faults.lasting else None

    def _chosen(self, name: str) -> str | None:
        """One of the kinds, or mostly None, always the same for a name."""
        faults = self.faults
        digest = hashlib.blake2b(name.encode(), key=self._key, digest_size=16).digest()
        if int.from_bytes(digest[:8], "big") >= faults.rate * 2**64:
            return None
        return faults.kinds[int.from_bytes(digest[8:], "big") % len(faults.kinds)]


def subject(request: LLMRequest) -> str:
    """Hash of what a request is about: its first question and its limit of tokens, without what was said since.

    Examples:
        >>> from hippo.types import Message
        >>> asked = (Message("user", "Who met whom?"),)
        >>> again = (*asked, Message("assistant", "{"), Message("user", "That is no JSON."))
        >>> subject(LLMRequest(asked, 9, "test/1")) == subject(LLMRequest(again, 9, "test/1"))
        True
    """
    first = next((number for number, message in enumerate(request.messages, 1) if message.role == "user"), None)
    said = [str(request.max_tokens), *(f"{message.role}:{message.content}" for message in request.messages[:first])]
    return hashlib.blake2b("\0".join(said).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
