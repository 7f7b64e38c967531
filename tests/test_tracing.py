"""Spans of stages, where OpenTelemetry is configured; nothing where it is not."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hippo

SCRIPT = """
import asyncio, json, sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))

from hippo import Hippo
from hippo.testing import LLMServer
from hippo.tracing import continued, span, trace_id

with LLMServer() as server:
    llm = {"name": "openai:test", "openai": {"base_url": server.base_url}}
    with Hippo.open(sys.argv[1], encoder="hashing", overrides={"llm": llm}) as memory:
        memory.add(["Secretive Ada Smith was born in Riga."])
        with continued({"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}), span("caller"):
            told = trace_id()
            asyncio.run(memory.aask("Where was Secretive Ada Smith born?"))
        with span("listener"):
            "".join(memory.ask_stream("Where was Ada Smith born?"))
        memory.remember("Boris Smith was born in Hull.")
        memory.context("Where was Boris born?")
        memory.consolidate()
        try:
            memory.retrieve("Who?", profile="hippo", where="a = 1 or b = 2")
            with span("broken"):
                raise ValueError("no")
        except ValueError:
            pass
spans = exporter.get_finished_spans()
names = {one.context.span_id: one.name for one in spans}
series = [
    point.attributes["hippo.stage"]
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics if metric.name == "hippo.stage.duration"
    for point in metric.data.data_points
]
print(json.dumps({
    "told": told,
    "spans": [
        [one.name, names.get(one.parent.span_id, "remote") if one.parent else None,
         f"{one.context.trace_id:032x}", one.status.status_code.name, dict(one.attributes)]
        for one in spans
    ],
    "series": sorted(series),
}))
"""


def recorded(path: Path) -> dict[str, Any]:
    import os

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, "OPENAI_API_KEY": "none"},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_stage_is_a_span_in_its_place(tmp_path: Path) -> None:
    found = recorded(tmp_path / "index")
    pairs = {(name, parent) for name, parent, *_ in found["spans"]}
    assert {
        ("hippo.index", None),
        *(
            (f"hippo.index.{stage}", "hippo.index")
            for stage in ("read", "chunk", "extract", "embed", "graph", "publish")
        ),
        ("hippo.ask", "caller"),
        ("hippo.ask", "listener"),
        ("hippo.retrieve", "hippo.ask"),
        ("hippo.remember", None),
        ("hippo.context", None),
        ("hippo.retrieve", "hippo.context"),
        ("hippo.consolidate", None),
        ("hippo.index", "hippo.consolidate"),
        *((f"hippo.retrieve.{stage}", "hippo.retrieve") for stage in ("encode", "link", "seed", "walk", "rank")),
        ("hippo.retrieve.link", "hippo.retrieve.seed"),
        ("hippo.llm", "hippo.ask"),
        ("caller", "remote"),
    } <= pairs
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    assert found["told"] == trace
    assert {name for name, _, id_, *_ in found["spans"] if id_ == trace} >= {"hippo.retrieve.walk", "hippo.llm"}
    assert [status for name, _, _, status, _ in found["spans"] if name == "broken"] == ["ERROR"]
    [attributes, *_] = [told for name, *_, told in found["spans"] if name == "hippo.retrieve"]
    assert attributes == {"hippo.questions": 1, "hippo.profile": "hippo", "hippo.k": 5}
    assert {name for name, *_ in found["spans"]} == set(found["series"])
    assert "Secretive" not in json.dumps(found["spans"])


def test_the_documentation_names_every_span() -> None:
    sources = "\n".join(one.read_text("utf-8") for one in Path(hippo.__file__).parent.rglob("*.py"))
    stages = (name.replace(" ", "_") for name in re.findall(r'\.stage\("([\w ]+)"\)', sources))
    used = {
        *re.findall(r'(?:traced|with .*span)\("(hippo\.[\w.]+)"', sources),
        *(f"hippo.index.{one}" for one in stages),
    }
    page = (Path(__file__).parents[1] / "docs" / "observability.md").read_text("utf-8")
    rows = re.findall(r"^\| `(hippo\.[\w.]+)` \|(.*)\|$", page, re.MULTILINE)
    named = {name for name, _ in rows} | {
        f"{name}{one}" for name, told in rows for one in re.findall(r"`(\.\w+)`", told)
    }
    assert named == used - {"hippo.example"}


def test_nothing_is_loaded_where_nothing_is_configured(tmp_path: Path) -> None:
    code = (
        "import sys; from hippo import Hippo\n"
        "with Hippo.open(sys.argv[1], encoder='hashing') as memory:\n"
        "    memory.add(['Ada Smith was born in Riga.']); memory.retrieve('Where was Ada Smith born?')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "index")], capture_output=True, text=True, check=True, timeout=200
    )
    assert done.stdout == "[]\n"


COST = """
import sys, timeit
from hippo import Hippo, tracing

@tracing.traced("hippo.example")
def nothing():
    pass

with Hippo.open(sys.argv[1], encoder="hashing") as memory:
    memory.add([f"Town {number} lies on the river {number % 7} of Latvia." for number in range(50)])
    retrieval = min(timeit.repeat(lambda: memory.retrieve("Where is Town 7?"), number=1, repeat=50))
call = min(timeit.repeat(nothing, number=20, repeat=500)) / 20
print(10 * call / retrieval)
"""


def test_without_traces_it_costs_less_than_a_hundredth_of_a_retrieval(tmp_path: Path) -> None:
    """Of ten calls, in a process in which nobody has configured any."""
    command = [sys.executable, "-c", COST, str(tmp_path / "index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    assert float(done.stdout) < 0.01
