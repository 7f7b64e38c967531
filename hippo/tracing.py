"""Spans and durations of stages, for whoever has configured OpenTelemetry; for everybody else nothing, at no cost.

Nothing is imported, made or sent here by itself. A process that wants traces sets a provider of the package
`opentelemetry-sdk` (extra `otel`), which decides where they go. Names of spans begin with `hippo.`; the histogram
`hippo.stage.duration` (seconds) has a series for each. No text of a document or question goes into a span.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache, wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram

__all__ = ["annotate", "continued", "span", "trace_id", "traced"]

P = ParamSpec("P")
T = TypeVar("T")

_NOTHING: AbstractContextManager[None] = nullcontext()


def span(name: str, **attributes: str | int | float | bool) -> AbstractContextManager[None]:
    """A span around a block, and its duration in the histogram; an error that passes through is recorded.

    Args:
        name: Name of the stage, such as "hippo.retrieve.walk".
        attributes: Of the span alone.

    Examples:
        >>> with span("hippo.example", questions=1):
        ...     pass
    """
    return _recorded(name, attributes) if _configured() else _NOTHING


def traced(name: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function whose calls are spans.

    Args:
        name: Name of the stage.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            if not _configured():
                return function(*args, **kwargs)
            with _recorded(name, {}):
                return function(*args, **kwargs)

        return run

    return decorate


def annotate(**attributes: str | int | float | bool) -> None:
    """Say something of the span that is open."""
    if _configured():
        from opentelemetry import trace

        trace.get_current_span().set_attributes({f"hippo.{key}": value for key, value in attributes.items()})


def continued(headers: Mapping[str, str]) -> AbstractContextManager[None]:
    """A block whose spans belong to the trace that a caller names in the headers of a request (W3C Trace Context).

    Args:
        headers: Headers, names in lower case.
    """
    return _continued(headers) if _configured() else _NOTHING


def trace_id() -> str | None:
    """Id of the trace that is being recorded, 32 hexadecimal digits; None: none is."""
    if not _configured():
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def _configured() -> bool:
    """Whether this process has set a provider of traces or measures, which takes the package `opentelemetry-sdk`."""
    if "opentelemetry.sdk" not in sys.modules:  # Others import the interface too, and set nothing.
        return False
    return _set_up()


def _set_up() -> bool:
    from opentelemetry import metrics, trace

    proxies = ("ProxyTracerProvider", "_ProxyMeterProvider")
    return any(type(one).__name__ not in proxies for one in (trace.get_tracer_provider(), metrics.get_meter_provider()))


@contextmanager
def _recorded(name: str, attributes: Mapping[str, Any]) -> Iterator[None]:
    from opentelemetry import trace

    named = {f"hippo.{key}": value for key, value in attributes.items()}
    began = perf_counter()
    try:
        with trace.get_tracer("hippo").start_as_current_span(name, attributes=named):
            yield
    finally:
        _durations().record(perf_counter() - began, {"hippo.stage": name})


@contextmanager
def _continued(headers: Mapping[str, str]) -> Iterator[None]:
    from opentelemetry import context
    from opentelemetry.propagate import extract

    token = context.attach(extract(headers))
    try:
        yield
    finally:
        context.detach(token)


@lru_cache(maxsize=1)
def _durations() -> "Histogram":
    from opentelemetry import metrics

    return metrics.get_meter("hippo").create_histogram(
        "hippo.stage.duration", unit="s", description="Time that a stage takes"
    )
