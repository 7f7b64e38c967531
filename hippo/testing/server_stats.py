"""What a test server counts, so that a test can prove that each reply was paid for once."""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

__all__ = ["Ledger", "RequestStats", "ServerStats"]


@dataclass(frozen=True, slots=True)
class RequestStats:
    """One distinct request: how often it arrived, got a complete good reply, or a spoiled one."""

    arrived: int = 0
    replies: int = 0
    spoiled: int = 0


@dataclass(frozen=True, slots=True)
class ServerStats:
    """What a server has seen since it started or was reset.

    A provider is paid for `replies` and `spoiled`, with their tokens. A reply counts when its last
    part is handed to the operating system while the client is connected: who has it all finds it counted.

    Attributes:
        arrived: Requests for completions that could be read, those in batches included.
        distinct: Different ones among them: other model, messages or limit of tokens.
        replies: Complete good replies that were sent.
        spoiled: Replies that were sent truncated or filtered, or were garbage.
        refused: Requests refused as the options say: parameter, key, model, form.
        abandoned: Requests whose client left before the reply.
        faults: Faults, by kind.
        most_at_once: Largest number of requests under way at a time.
        delay_seconds: Seconds of injected delay, summed over requests.
        delay_wall: Seconds during which at least one request was being delayed.
        input_tokens: Tokens of what was paid for.
        output_tokens: The same of its replies.
        paid_twice: Keys of requests that got more than one complete good reply.
        requests: Each distinct request, by its key (`hippo.testing.server_calls.request_key`).
    """

    arrived: int
    distinct: int
    replies: int
    spoiled: int
    refused: int
    abandoned: int
    faults: Mapping[str, int]
    most_at_once: int
    delay_seconds: float
    delay_wall: float
    input_tokens: int
    output_tokens: int
    paid_twice: tuple[str, ...]
    requests: Mapping[str, RequestStats]


@dataclass(slots=True)
class _Counts:
    refused: int = 0
    abandoned: int = 0
    most_at_once: int = 0
    delay_seconds: float = 0.0
    delay_wall: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    arrived: Counter[str] = field(default_factory=Counter)
    replies: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)


class Ledger:
    """The counters of a running server. Written in its thread, read from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = _Counts()
        self._under_way = 0
        self._delayed = 0
        self._delay_began = 0.0

    def reset(self) -> None:
        """Begin anew; requests under way stay so."""
        with self._lock:
            self._counts = _Counts(most_at_once=self._under_way)
            self._delay_began = perf_counter()

    def arrive(self, key: str) -> int:
        """Count an arrival; how often the request has arrived by now."""
        with self._lock:
            self._counts.arrived[key] += 1
            return self._counts.arrived[key]

    def refuse(self) -> None:
        """Count a request that is refused."""
        with self._lock:
            self._counts.refused += 1

    def abandon(self) -> None:
        """Count a request whose client has left."""
        with self._lock:
            self._counts.abandoned += 1

    def fault(self, kind: str) -> int:
        """Count a fault; how many of its kind there were before."""
        with self._lock:
            self._counts.faults[kind] += 1
            return self._counts.faults[kind] - 1

    def pay(self, key: str, input_tokens: int, output_tokens: int, *, good: bool) -> None:
        """Count a reply that was sent."""
        with self._lock:
            (self._counts.replies if good else self._counts.spoiled)[key] += 1
            self._counts.input_tokens += input_tokens
            self._counts.output_tokens += output_tokens

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Hold while a request is being answered."""
        with self._lock:
            self._under_way += 1
            self._counts.most_at_once = max(self._counts.most_at_once, self._under_way)
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    @contextmanager
    def delayed(self) -> Iterator[None]:
        """Hold while a request is made to wait."""
        began = perf_counter()
        with self._lock:
            self._delayed += 1
            if self._delayed == 1:
                self._delay_began = began
        try:
            yield
        finally:
            ended = perf_counter()
            with self._lock:
                self._counts.delay_seconds += ended - began
                self._delayed -= 1
                if not self._delayed:
                    self._counts.delay_wall += ended - self._delay_began

    def stats(self) -> ServerStats:
        """The counters as they are now."""
        with self._lock:
            counts = self._counts
            open_delay = perf_counter() - self._delay_began if self._delayed else 0.0
            return ServerStats(
                arrived=counts.arrived.total(),
                distinct=len(counts.arrived),
                replies=counts.replies.total(),
                spoiled=counts.spoiled.total(),
                refused=counts.refused,
                abandoned=counts.abandoned,
                faults=dict(counts.faults),
                most_at_once=counts.most_at_once,
                delay_seconds=counts.delay_seconds,
                delay_wall=counts.delay_wall + open_delay,
                input_tokens=counts.input_tokens,
                output_tokens=counts.output_tokens,
                paid_twice=tuple(key for key, replies in counts.replies.items() if replies > 1),
                requests={
                    key: RequestStats(arrived, counts.replies[key], counts.spoiled[key])
                    for key, arrived in counts.arrived.items()
                },
            )
