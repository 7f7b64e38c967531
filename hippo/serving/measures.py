"""Figures of a server for Prometheus, in a registry of its own: nothing is sent, they are there to be asked for."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hippo.types import BackgroundWork, Usage

__all__ = ["CONTENT_TYPE", "Measures"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Measures:
    """What a server counts."""

    def __init__(self) -> None:
        self.registry = own = CollectorRegistry()
        ProcessCollector(registry=own)
        labels = ("method", "path", "status")
        self.requests = Counter("hippo_requests", "Requests by endpoint and status.", labels, registry=own)
        self.seconds = Histogram(
            "hippo_request_seconds",
            "Seconds from request to the end of its answer.",
            labels[:2],
            buckets=_SECONDS,
            registry=own,
        )
        self.under_way = Gauge("hippo_requests_under_way", "Requests under way.", registry=own)
        self.stages = Histogram(
            "hippo_stage_seconds",
            "Seconds by stage, for each question.",
            ("stage",),
            buckets=_SECONDS,
            registry=own,
        )
        self.blocks = Histogram(
            "hippo_block_questions",
            "Questions ranked together.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=own,
        )
        self.refresh_failures = Counter(
            "hippo_refresh_failures", "Newer snapshots that could not be opened.", registry=own
        )

    def took(self, seconds: Mapping[str, float]) -> None:
        """Count the stages of a question."""
        for stage, value in seconds.items():
            self.stages.labels(stage).observe(value)

    def watch(
        self,
        usage: Callable[[], Mapping[str, Usage]],
        work: Callable[[], Mapping[str, BackgroundWork]],
        ready: Callable[[], bool],
    ) -> None:
        """Count what language models take and what is done in the background, and say whether the server is ready."""
        self.registry.register(_Watched(usage, work, ready))

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self.registry)


class _Watched(Collector):
    def __init__(
        self,
        usage: Callable[[], Mapping[str, Usage]],
        work: Callable[[], Mapping[str, BackgroundWork]],
        ready: Callable[[], bool],
    ) -> None:
        self._usage, self._work, self._ready = usage, work, ready

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("hippo_ready", "Whether questions can be answered.", value=float(self._ready()))
        done = CounterMetricFamily("hippo_background", "Merges and consolidations.", labels=["work", "outcome"])
        for kind, work in self._work().items():
            done.add_metric([kind, "done"], work.done)
            done.add_metric([kind, "failed"], work.failed)
        yield done
        figures = {
            "requests": "Replies of language models that were paid for.",
            "replayed": "Replies that came from the cache.",
            "input_tokens": "Tokens sent.",
            "output_tokens": "Tokens received.",
            "cost": "US dollars, as far as prices are known.",
        }
        usage = self._usage()
        for name, meaning in figures.items():
            family = CounterMetricFamily(f"hippo_llm_{name}", meaning, labels=["use"])
            for use, one in usage.items():
                family.add_metric([use], getattr(one, name))
            yield family
