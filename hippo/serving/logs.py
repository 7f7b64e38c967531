"""Log lines on standard error, as text or as one JSON object each, with the id of the request that they belong to.

Texts of questions and documents, tokens and query strings are not written.
"""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from hippo.tracing import trace_id

__all__ = ["RequestIds", "ids", "set_up"]

RequestIds = tuple[str, str | None]
"""Id of a request, and of the trace that it belongs to."""

ids: ContextVar[RequestIds | None] = ContextVar("hippo_request", default=None)
"""Those of the request that is being answered."""


class _Ids(logging.Filter):
    """Adds the ids to every record."""

    def filter(self, record: logging.LogRecord) -> bool:
        request_id, trace = ids.get() or (None, None)
        record.request_id = getattr(record, "request_id", None) or request_id
        record.trace_id = getattr(record, "trace_id", None) or trace or trace_id()
        return True


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", None),
            "trace_id": getattr(record, "trace_id", None),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({key: value for key, value in line.items() if value is not None})


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        told = "".join(f" {key}={value}" for key, value in fields.items() if value is not None)
        request_id = getattr(record, "request_id", None)
        record.told = told + (f" request_id={request_id}" if request_id else "")
        return super().format(record)


def set_up(kind: str) -> None:
    """Send the logs of hippo and of the server below it to standard error.

    Args:
        kind: "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Ids())
    handler.setFormatter(_Json() if kind == "json" else _Text("%(asctime)s %(levelname)s %(message)s%(told)s"))
    for name in ("hippo", "uvicorn", "py.warnings"):  # of the latter two what is wrong
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO if name == "hippo" else logging.WARNING)
    logging.captureWarnings(True)
