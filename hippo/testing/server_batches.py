"""Files and batches of the test server."""

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from time import monotonic, time
from typing import Any

from hippo.testing.server_rules import RefusalError, bad

__all__ = ["Batches"]

_ENDPOINT = "/v1/chat/completions"
_Item = Callable[[Any], tuple[int, Mapping[str, Any]] | None]


@dataclass(slots=True)
class _Batch:
    """A batch: as the API shows it, what it is to do, and when that is done."""

    shown: dict[str, Any]
    items: list[dict[str, Any]] = field(default_factory=list)
    ready: float = 0.0


class Batches:
    """Uploaded files, and the batches made of them.

    A batch is answered as a whole once its delay is over, when somebody next asks for it. Its results are in another
    order than its requests, as the API allows itself; failed requests are in a file of their own.

    Args:
        answer: Status and body of the answer to one request; None: the batch expired before its turn came.
        delay: Seconds that a batch takes.
        limits: Most requests of a batch, and most bytes of its file.
    """

    def __init__(self, answer: _Item, *, delay: float, limits: tuple[int, int]) -> None:
        self._answer, self._delay, self._limits = answer, delay, limits
        self._files: dict[str, tuple[str, str, bytes]] = {}
        self._batches: dict[str, _Batch] = {}
        self._number = itertools.count(1)

    def upload(self, content_type: str, body: bytes) -> dict[str, Any]:
        """Keep the file of a multipart form; its description.

        Raises:
            RefusalError: The form lacks the file or its purpose.
        """
        form = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body, policy=HTTP)
        parts = {str(part.get_param("name", header="content-disposition")): part for part in form.iter_parts()}
        if "file" not in parts or "purpose" not in parts:
            raise bad("the form needs a file and its purpose", "file")
        purpose = str(parts["purpose"].get_payload()).strip()
        content = parts["file"].get_payload(decode=True)
        name = parts["file"].get_filename() or "upload"
        if purpose == "batch" and not name.endswith(".jsonl"):
            raise bad(f"the file of a batch must be .jsonl, got {name!r}", "file")
        return self.file(self._keep(name, purpose, content if isinstance(content, bytes) else b""))

    def file(self, file_id: str) -> dict[str, Any]:
        """Description of a file.

        Raises:
            RefusalError: There is no such file.
        """
        name, purpose, content = self._found(self._files, "File", file_id)
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time()),
            "filename": name,
            "purpose": purpose,
            "status": "processed",
        }

    def content(self, file_id: str) -> bytes:
        """What is in a file.

        Raises:
            RefusalError: There is no such file.
        """
        content: bytes = self._found(self._files, "File", file_id)[2]
        return content

    def create(self, body: Any) -> dict[str, Any]:
        """Begin a batch. One whose file cannot be used fails at once, as a batch.

        Raises:
            RefusalError: The request itself cannot be used.
        """
        if not isinstance(body, dict) or body.get("endpoint") != _ENDPOINT:
            raise bad(f"the endpoint of a batch must be {_ENDPOINT}", "endpoint")
        if body.get("completion_window") != "24h":
            raise bad("the completion window must be 24h", "completion_window")
        _, purpose, content = self._found(self._files, "File", str(body.get("input_file_id")))
        if purpose != "batch":
            raise bad(f"the purpose of the file must be batch, got {purpose}", "input_file_id")
        now = int(time())
        shown = {
            "id": f"batch_{next(self._number)}",
            "object": "batch",
            "endpoint": _ENDPOINT,
            "errors": None,
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "status": "in_progress",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": now,
            "in_progress_at": now,
            "expires_at": now + 86400,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": body.get("metadata"),
        }
        batch = self._batches[shown["id"]] = _Batch(shown, ready=monotonic() + self._delay)
        try:
            batch.items = _items(content, *self._limits)
            shown["request_counts"]["total"] = len(batch.items)
        except RefusalError as refusal:
            message, _, _, code, _ = refusal.args
            error = {"code": code or "invalid_request", "line": None, "message": message, "param": None}
            shown.update(status="failed", failed_at=now, errors={"object": "list", "data": [error]})
        return shown

    def get(self, batch_id: str) -> dict[str, Any]:
        """A batch as it stands.

        Raises:
            RefusalError: There is no such batch.
        """
        batch: _Batch = self._found(self._batches, "Batch", batch_id)
        if batch.shown["status"] == "in_progress" and monotonic() >= batch.ready:
            self._finish(batch)
        return batch.shown

    def all(self) -> list[dict[str, Any]]:
        """All batches, the newest first."""
        return [self.get(batch_id) for batch_id in reversed(self._batches)]

    def cancel(self, batch_id: str) -> dict[str, Any]:
        """End a batch that is still under way, without results.

        Raises:
            RefusalError: There is no such batch, or it has ended.
        """
        shown = self.get(batch_id)
        if shown["status"] != "in_progress":
            raise RefusalError(f"Batch is {shown['status']}", 409, "invalid_request_error", None, None)
        shown.update(status="cancelled", cancelled_at=int(time()))
        return shown

    def _finish(self, batch: _Batch) -> None:
        good: list[dict[str, Any]] = []
        bad: list[dict[str, Any]] = []
        expired = False
        for item in reversed(batch.items):
            answer = self._answer(item["body"])
            line = {"id": f"batch_req_{next(self._number)}", "custom_id": item["custom_id"], "response": None}
            if answer is None:
                expired = True
                message = "This request could not be executed before the completion window expired."
                bad.append({**line, "error": {"code": "batch_expired", "message": message}})
                continue
            line["response"] = {"status_code": answer[0], "request_id": line["id"], "body": answer[1]}
            (good if answer[0] == 200 else bad).append({**line, "error": None})
        batch.shown.update(
            status="expired" if expired else "completed",
            output_file_id=self._keep("output.jsonl", "batch_output", _lines(good)) if good else None,
            error_file_id=self._keep("errors.jsonl", "batch_output", _lines(bad)) if bad else None,
            request_counts={"total": len(batch.items), "completed": len(good), "failed": len(bad)},
        )
        batch.shown["expired_at" if expired else "completed_at"] = int(time())

    def _keep(self, name: str, purpose: str, content: bytes) -> str:
        file_id = f"file-{next(self._number)}"
        self._files[file_id] = (name, purpose, content)
        return file_id

    @staticmethod
    def _found(held: dict[str, Any], kind: str, key: str) -> Any:
        if key not in held:
            raise RefusalError(f"No such {kind} object: {key}", 404, "invalid_request_error", None, "id")
        return held[key]


def _items(content: bytes, most: int, most_bytes: int) -> list[dict[str, Any]]:
    """The requests in a file, each with an id of its own, all for one model.

    Raises:
        RefusalError: A line is no such request, or there are none, or too many.
    """
    if len(content) > most_bytes:
        raise bad(f"the file must have at most {most_bytes} bytes, got {len(content)}", "file", "file_too_large")
    items: dict[str, dict[str, Any]] = {}
    models = set()
    for number, line in enumerate(content.splitlines(), 1):
        item = _item(number, line)
        if item["custom_id"] in items:
            raise bad(f"line {number} repeats the custom_id {item['custom_id']!r}", "file", "duplicate_custom_id")
        items[item["custom_id"]] = item
        models.add(str(item["body"].get("model")))
    if not items:
        raise bad("the file holds no requests", "file", "empty_file")
    if len(items) > most:
        raise bad(f"the file must hold at most {most} requests, got {len(items)}", "file", "too_many_tasks")
    if len(models) > 1:
        named = ", ".join(sorted(models))
        raise bad(f"all requests of a file must be for one model, got {named}", "file", "mismatched_model")
    return list(items.values())


def _item(number: int, line: bytes) -> dict[str, Any]:
    """The request in a line.

    Raises:
        RefusalError: There is none.
    """
    try:
        item = json.loads(line)
    except ValueError as error:
        raise bad(f"line {number} is no JSON", "file", "invalid_json_line") from error
    if not isinstance(item, dict) or not {"custom_id", "method", "url", "body"} <= item.keys():
        raise bad(f"line {number} needs custom_id, method, url and body", "file")
    if item["method"] != "POST" or item["url"] != _ENDPOINT:
        raise bad(f"line {number} must be for POST {_ENDPOINT}", "file")
    if not isinstance(item["custom_id"], str) or not item["custom_id"]:
        raise bad(f"line {number}: custom_id must be a text, got {item['custom_id']!r}", "file")
    if not isinstance(item["body"], dict):
        raise bad(f"line {number}: body must be a JSON object", "file")
    return item


def _lines(values: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)
