"""Requests handed over as a file and answered within a day, at a lower price: the batch API of OpenAI and Azure."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hippo.backends.llm.openai_reply import read_reply
from hippo.backends.llm.translate import Refusal, classify
from hippo.errors import LLMError, LLMRequestError
from hippo.types import Completion, LLMRequest

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["MOST_BYTES", "MOST_REQUESTS", "Batches", "read_lines"]

MOST_REQUESTS = 50_000
"""Requests that a batch may hold."""
MOST_BYTES = 200_000_000
"""Bytes that its file may have."""

_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_LABEL = "hippo"
"""Key of the label among a batch's metadata."""


class Batches:
    """Batches of one endpoint. Exceptions are those of the SDK.

    Args:
        model: Name for messages.
        client: A client of the running event loop.
        azure: Whether it is Azure's API, which names its paths in another way.
    """

    def __init__(self, model: str, client: "AsyncOpenAI", *, azure: bool) -> None:
        self._model = model
        self._client = client
        self._path: Any = "/chat/completions" if azure else "/v1/chat/completions"

    async def submit(self, bodies: Mapping[str, Mapping[str, Any]], label: str) -> str:
        """Upload bodies of requests and start work on them; the name of the batch.

        Raises:
            LLMRequestError: There are none, or more than a batch may hold.
        """
        if not 0 < len(bodies) <= MOST_REQUESTS:
            raise LLMRequestError(self._model, f"a batch holds 1 to {MOST_REQUESTS} requests, got {len(bodies)}")
        lines = [self._line(key, body) for key, body in bodies.items()]
        size = sum(map(len, lines))
        if size > MOST_BYTES:
            raise LLMRequestError(self._model, f"a batch holds at most {MOST_BYTES} bytes, got {size}")
        file = await self._client.files.create(file=("requests.jsonl", b"".join(lines)), purpose="batch")
        batch = await self._client.batches.create(
            input_file_id=file.id, endpoint=self._path, completion_window="24h", metadata={_LABEL: label}
        )
        return batch.id

    async def find(self, label: str) -> str | None:
        """Name of the batch with a label; None: there is none."""
        async for batch in self._client.batches.list(limit=100):
            if (batch.metadata or {}).get(_LABEL) == label:
                return batch.id
        return None

    async def collect(self, name: str) -> dict[str, Completion | LLMError] | None:
        """Results of a batch by key; None until it has ended. Requests whose turn never came are missing.

        Raises:
            LLMRequestError: There is no such batch, it failed as a whole, or its replies are gone.
        """
        import openai

        try:
            batch = await self._client.batches.retrieve(name)
        except openai.NotFoundError as error:
            raise LLMRequestError(self._model, f"there is no batch {name!r} at this endpoint") from error
        if batch.status not in _ENDED:
            return None
        try:
            lines = await self._lines(batch.output_file_id)
        except openai.NotFoundError as error:
            problem = f"the replies of batch {name!r} are gone. Run it again to hand its requests over anew"
            raise LLMRequestError(self._model, problem) from error
        with suppress(openai.NotFoundError):  # Requests whose errors are gone are missing, and handed over again.
            lines |= await self._lines(batch.error_file_id)
        found = {key: self._result(line) for key, line in lines.items()}
        results = {key: result for key, result in found.items() if result is not None}
        if not results and batch.status in ("failed", "cancelled"):
            raise self._failure(name, batch)
        return results

    def _line(self, key: str, body: Mapping[str, Any]) -> bytes:
        line = {"custom_id": key, "method": "POST", "url": self._path, "body": body}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    async def _lines(self, file: str | None) -> dict[str, Mapping[str, Any]]:
        """Lines of a file by key."""
        if not file:
            return {}
        content = await self._client.files.content(file)
        return {
            line["custom_id"]: line for line in read_lines(content.content) if isinstance(line.get("custom_id"), str)
        }

    def _result(self, line: Mapping[str, Any]) -> Completion | LLMError | None:
        """What a request got; None: the batch ended before its turn came."""
        response = line.get("response")
        if not isinstance(response, Mapping):
            refusal = Refusal.read(None, line)
            return None if "batch_" in refusal.code else classify(self._model, refusal)
        status, body = response.get("status_code"), response.get("body")
        if isinstance(status, int) and status >= 400:
            return classify(self._model, Refusal.read(status, body))
        try:
            # What was asked would only serve to estimate tokens, and batches count them.
            return read_reply(self._model, body, LLMRequest((), 1, "batch"))
        except LLMError as error:
            return error

    def _failure(self, name: str, batch: Any) -> LLMError:
        """Why a batch ended without a reply, in the provider's words."""
        reasons = getattr(batch.errors, "data", None) or []
        said = "; ".join(dict.fromkeys(str(reason.message) for reason in reasons if reason.message))
        problem = f"its batch {name!r} {'was ' if batch.status == 'cancelled' else ''}{batch.status}"
        remedy = "None of its requests was answered: run it again to hand them over anew"
        return LLMRequestError(self._model, f"{problem}{f': {said}' if said else ''}. {remedy}")


def read_lines(content: bytes) -> Iterator[Mapping[str, Any]]:
    """Objects of a file of results; a line that holds none counts as missing, so its request is handed over again."""
    # Lines end with a newline only: texts may hold other characters that Python takes for the end of a line.
    for line in content.split(b"\n"):
        with suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value
