"""The model behind the test server: what it says to a call, and what goes wrong with it. No HTTP in here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hippo.testing.faults import GARBAGE, STATUSES, FaultPlan, subject
from hippo.testing.responder import Respond, respond
from hippo.testing.server_calls import Call, Reply, read_call
from hippo.testing.server_rules import RefusalError, bad
from hippo.testing.server_stats import Ledger
from hippo.testing.tokens import half, limit

__all__ = ["Model", "Options"]

_SPOILED: dict[str | None, Literal["length", "content_filter"]] = {"truncated": "length", "filtered": "content_filter"}
"""Faults that leave half of the reply, and the reason that is given for its end."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `LLMServer` was told; its arguments are described there."""

    respond: Respond = respond
    latency: float = 0.0
    api_key: str | None = field(default=None, repr=False)
    models: Sequence[str] | None = None
    reject: Mapping[str, str] = field(default_factory=dict)
    structured: bool = True
    strict: bool = True
    batch_delay: float = 0.0
    batch_limits: tuple[int, int] = (50_000, 200_000_000)
    pace: float = 0.0


class Model:
    """Reads calls and answers them, and counts both.

    Args:
        options: How to answer.
        plan: Which calls fail.
        ledger: Where everything is counted.
    """

    def __init__(self, options: Options, plan: FaultPlan, ledger: Ledger) -> None:
        self.options, self.plan, self.ledger = options, plan, ledger

    def read(self, body: Any) -> Call:
        """A call from its JSON value.

        Raises:
            RefusalError: It cannot be one.
        """
        options = self.options
        return read_call(
            body, models=options.models, reject=options.reject, structured=options.structured, strict=options.strict
        )

    def draw(self, call: Call) -> tuple[str | None, int]:
        """Count the arrival of a call: its fault or None, and how many faults of this kind there were before."""
        kind = self.plan.draw(call.key, self.ledger.arrive(call.key), self._text(call), subject(call.request))
        return kind, self.ledger.fault(kind) if kind else 0

    def seconds(self, call: Call, kind: str | None) -> float:
        """How long the answer to a call takes."""
        latency = self.options.latency
        hang = self.plan.faults.hang if kind == "timeout" else 0.0
        return latency + hang + self.plan.wait(call.key, self._text(call), latency, subject(call.request))

    def _text(self, call: Call) -> str:
        """What `Faults.only` looks at."""
        messages = call.request.messages if self.plan.faults.only is not None else ()
        return "\n".join(message.content for message in messages)

    def reply(self, call: Call, kind: str | None, turn: int) -> Reply:
        """What the model says.

        Args:
            call: The call.
            kind: Its fault; only those that change the reply do something here.
            turn: How many faults of this kind there were before.

        Raises:
            RefusalError: The fault is an error reply, or the function that replies has raised an error.
        """
        if kind in STATUSES:
            raise RefusalError(STATUSES[kind][3], *STATUSES[kind][:3], None)
        if kind == "empty":
            return Reply(call, "", good=False, choices=False)
        if kind == "garbage":
            return Reply(call, *limit(GARBAGE[turn % len(GARBAGE)], call.request.max_tokens), good=False)
        try:
            text, finish = limit(self.options.respond(call.request), call.request.max_tokens)
        except Exception as error:
            problem = f"the function that replies raised {type(error).__name__}: {error}"
            raise RefusalError(problem, 500, "server_error", "responder_failed", None) from error
        if kind in _SPOILED:
            return Reply(call, half(text), _SPOILED[kind], good=False)
        return Reply(call, text, finish, good=finish == "stop")

    def pay(self, reply: Reply) -> None:
        """Count a reply that was sent; one without choices costs nothing."""
        if reply.choices:
            self.ledger.pay(reply.call.key, *reply.tokens, good=reply.good)

    def batch_item(self, body: Any) -> tuple[int, Mapping[str, Any]] | None:
        """Status and body of the answer to an item of a batch; None: the batch ended before its turn came."""
        try:
            call = self.read(body)
            if call.stream:
                raise bad("a request of a batch cannot be streamed", "stream")
        except RefusalError as refusal:
            self.ledger.refuse()
            return refusal.status, refusal.body()
        kind, turn = self.draw(call)
        if kind in ("timeout", "cut", "html"):
            return None
        try:
            reply = self.reply(call, kind, turn)
        except RefusalError as refusal:
            return refusal.status, refusal.body()
        self.pay(reply)
        return 200, reply.body()
