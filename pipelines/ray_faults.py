"""A build on a Ray cluster of three nodes that loses two of them and then its driver: is the index the same?

    python -m pipelines.ray_faults --documents 400

Every chunk is extracted by a language model over HTTP (`hippo.testing.server`, a process of its own that counts what it
is asked). One node is killed while chunks are extracted and one while texts are embedded; then the driver is killed,
its cluster with it, and a new driver with a new cluster goes on. Printed are whether the index equals one that was made
at once in one process, and how many shards and replies were made twice: no more than were under way when something
died.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from hippo import Hippo
from hippo.execution import build_index
from pipelines.common import fetch, new_parser, publish, server_process, table
from pipelines.fingerprints import differences, fingerprints

__all__ = ["run", "show"]

_PART = 8
_WORKERS = 2
_ATTEMPTS = 3
"""How often a cluster is started that does not come up in the time that Ray allows."""


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--documents", type=int, default=200, help="documents, one chunk each")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds that the language model takes")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.drive:
        _drive(arguments.drive)
        return
    result = run(arguments.documents, arguments.latency)
    publish(arguments, result, show(result))


def run(documents: int, latency: float) -> dict[str, Any]:
    """Build in peace, build among faults, compare."""
    os.environ.setdefault("OPENAI_API_KEY", "none")
    with tempfile.TemporaryDirectory(prefix="hippo-faults-") as folder:
        root = Path(folder)
        corpus = _corpus(root / "corpus.jsonl", documents)
        with server_process(latency) as (url, _):
            with Hippo.open(root / "plain", overrides=_settings(url)) as memory:
                memory.add_files(corpus)
            needed = int(fetch(f"{url}/stats")["replies"])
            (root / "url").write_text(url, "utf-8")
            events = [_driven(root, killing=True), _driven(root, killing=False)]
            asked = int(fetch(f"{url}/stats")["replies"]) - needed
        return {
            "documents": documents,
            "parts": _count(root, "extract"),
            "events": events,
            "shards": _twice(root / "work" / "trace"),
            "replies": {"needed": needed, "asked": asked},
            "differences": differences(fingerprints(root / "plain"), fingerprints(root / "index")),
        }


def show(result: dict[str, Any]) -> str:
    """The result as text."""
    rows = [[stage, one["made"], one["again"]] for stage, one in result["shards"].items()]
    replies, wrong = result["replies"], result["differences"]
    lines = [
        *(f"driver {place}: {one}" for place, one in enumerate(result["events"], 1)),
        table(["shards of", "made", "of these again"], rows),
        f"replies of the model: {replies['needed']} needed, {replies['asked']} asked for",
        f"index: {', '.join(['differs in', *wrong]) if wrong else 'the same as one that was made at once'}",
    ]
    return "\n".join(lines)


def _corpus(path: Path, documents: int) -> Path:
    rows = [
        {"id": f"{number:05d}", "text": f"Ada Arlen {number} met Boris Bremau {number % 37} in Riga {number % 11}."}
        for number in range(documents)
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def _settings(url: str) -> dict[str, Any]:
    llm = {"name": "openai:test", "openai": {"base_url": f"{url}/v1"}, "concurrency": 4}
    return {"encoder": {"name": "hashing"}, "extractor": {"name": "llm"}, "llm": llm}


def _driven(root: Path, *, killing: bool) -> str:
    """Run a driver with a cluster of its own; kill it, if wanted, once it has lost two nodes and gone on."""
    for _ in range(_ATTEMPTS):
        if told := _driven_once(root, killing=killing):
            return told
    raise SystemExit("error: no Ray cluster of three nodes comes up here in time. Try again when the machine is idle")


def _driven_once(root: Path, *, killing: bool) -> str | None:
    """What became of a driver; None where its cluster did not come up, as may be on a busy machine."""
    for name in ("lost", "killing", "pids"):
        (root / name).unlink(missing_ok=True)
    if killing:
        (root / "killing").touch()
    command = [sys.executable, "-m", "pipelines.ray_faults", "--drive", str(root)]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  (our own module)
    begun = 0
    while driver.poll() is None:
        if killing and (root / "lost").exists():
            begun = begun or _count(root, "embed")
            if _count(root, "embed") > begun:
                driver.kill()
        time.sleep(0.01)
    said = (driver.communicate()[0] or "").strip()
    if not (root / "pids").exists():
        return None
    # What a killed driver leaves of its cluster.
    for pid in json.loads((root / "pids").read_text("utf-8")):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if driver.returncode == -signal.SIGKILL:
        return "two nodes killed, one among extractions and one among embeddings; then killed itself, with its cluster"
    return said.splitlines()[-1] if said else f"ended with status {driver.returncode}"


def _drive(root: Path) -> None:
    """Build on a cluster of three nodes, of which one is killed among extractions and one among embeddings."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.cluster_utils import Cluster

    from hippo.execution import RayExecutor

    small = {"object_store_memory": 100_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **small})
    nodes = [cluster.add_node(num_cpus=2, object_store_memory=100_000_000) for _ in range(2)]
    cluster.wait_for_nodes()
    pids = [
        one.process.pid for node in cluster.list_all_nodes() for some in node.all_processes.values() for one in some
    ]
    (root / "pids").write_text(json.dumps(pids), "utf-8")

    def kill() -> None:
        for node, stage in zip(nodes, ("extract", "embed"), strict=True):
            already = _count(root, stage)
            while _count(root, stage) < already + 2:
                time.sleep(0.01)
            cluster.remove_node(node, allow_graceful=False)
        (root / "lost").touch()

    if (root / "killing").exists():
        threading.Thread(target=kill, daemon=True).start()
    url = (root / "url").read_text("utf-8")
    report = build_index(
        [root / "corpus.jsonl"],
        root / "index",
        work=root / "work",
        overrides=_settings(url),
        part_documents=_PART,
        trace=True,
        executor=RayExecutor(_WORKERS, address=cluster.address),
    )
    print(f"finished; shards made: { ({name: one.made for name, one in report.stages.items()}) }", flush=True)
    cluster.shutdown()


def _count(root: Path, stage: str) -> int:
    return sum(1 for _ in (root / "work" / stage).glob("[!.]*.parquet"))


def _twice(folder: Path) -> dict[str, dict[str, int]]:
    """By stage, how many shards were made, and how many of these had been made before."""
    found = {}
    for stage in sorted(folder.iterdir()):
        made = Counter(path.name.rpartition("-")[0] for path in stage.iterdir())
        found[stage.name] = {"made": made.total(), "again": made.total() - len(made)}
    return found


if __name__ == "__main__":
    main()
