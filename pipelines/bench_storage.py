"""One index with its vectors in float32 and in float16, and without those in 8 bits: disk, memory, times, recall.

    python -m pipelines.bench_storage --index my-index --questions data/sample.json
    python -m pipelines.bench_storage --passages 10000 --processes 4

Each way is a copy of the index, published anew from its store: nothing is encoded again but the questions. Of a copy
are printed the size of its snapshot and of the vectors in it; what one reader process takes, and each further one, as
`pipelines.life.memory` measures it; processor time from opening to the first answer, and of a question after that, each
the median of all readers; and Recall@5 where questions have gold passages. Readers repeat vectors of questions that
were made before, so that no model is in their memory. "without codes" is float32 as older versions wrote it: each
reader makes the vectors of facts in 8 bits by itself. Without --index, made-up passages with hashed vectors are asked.
"""

import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np

from hippo import Hippo
from hippo.config import load_config
from hippo.evaluation import RawQuestion, evaluate, load_questions, match_questions
from hippo.maintenance.backup import copy_index
from hippo.parts import make_encoder
from hippo.snapshot import Snapshot
from pipelines.common import new_parser, publish, table
from pipelines.life.built import built
from pipelines.life.corpus import question
from pipelines.life.memory import held
from pipelines.machine import measured
from pipelines.replay import ReplayEncoder, TimedEncoder

__all__ = ["main", "measure"]

_WAYS = {"without codes": "float32", "float32": "float32", "float16": "float16"}


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--index", type=Path, help="folder of the index; it is left as it is")
    parser.add_argument("--questions", type=Path, help="questions, as `hippo eval` reads them")
    parser.add_argument("--limit", type=int, help="first questions only")
    parser.add_argument("--passages", type=int, default=2000, help="that are made up without --index")
    parser.add_argument("--encoder", default="minilm", help="the one that the index was made with")
    parser.add_argument("--profile", default="hippo", help="how to rank")
    parser.add_argument("--processes", type=int, default=4, help="readers beside each other; 1: one alone")
    arguments = parser.parse_args()
    if (arguments.index is None) != (arguments.questions is None):
        parser.error("--index and --questions go together")
    result = measured(measure(arguments))
    publish(arguments, result, report(result))


def measure(arguments: Namespace) -> dict[str, Any]:
    """All ways, on copies."""
    with tempfile.TemporaryDirectory(prefix="hippo-storage-") as folder:
        raw: Sequence[RawQuestion] = ()
        if arguments.index is None:
            root, name = built(Path(folder), arguments.passages), "hashing"
            texts = [question(number) for number in range(20)]
        else:
            root, name = arguments.index, arguments.encoder
            raw = load_questions(arguments.questions, limit=arguments.limit)
            texts = [one.text for one in raw]
        encoder = make_encoder(load_config(None, {"encoder": {"name": name}}))
        if encoder is None:
            raise SystemExit("--encoder none: there would be no vectors to store")
        timed = TimedEncoder(encoder)
        with Hippo.open(root, encoder=timed) as memory:
            memory.retrieve_many(texts, profile=arguments.profile)
            counts = {kind: len(vectors) for kind, vectors in memory.contents().vectors.items()}
        known = [*timed.queries]
        replay = ReplayEncoder(encoder.fingerprint, known, np.stack([timed.queries[text] for text in known]))
        ways = {way: _measured(root, Path(folder) / way, way, replay, raw, texts, arguments) for way in _WAYS}
    return {"vectors": counts, "questions": len(texts), "processes": arguments.processes, "ways": ways}


def _measured(
    root: Path,
    copy: Path,
    way: str,
    encoder: ReplayEncoder,
    raw: Sequence[RawQuestion],
    texts: Sequence[str],
    arguments: Namespace,
) -> dict[str, Any]:
    """One way."""
    copy_index(root, copy)
    stored = _WAYS[way]
    with _codes(way):
        # Nothing is published where nothing changes: so first the other type.
        for storage in ("float16" if stored == "float32" else "float32", stored):
            with Hippo.open(copy, encoder=encoder, config={"encoder": {"storage": storage}}) as memory:
                memory.add([])
    with Hippo.open(copy, encoder=encoder) as memory:
        recall = _recall(memory, raw, arguments.profile) if raw else None
    with Snapshot.open(copy) as snapshot:
        sizes = {name: size / 2**20 for name, (size, _) in snapshot.sums.items()}
    given = (copy, encoder, texts, arguments.profile)
    alone, times = held(1, _read, *given)
    many, more = held(arguments.processes, _read, *given) if arguments.processes > 1 else (alone, [])
    times += more
    first, later = (median(column) for column in zip(*times, strict=True))
    return {
        "snapshot_mib": round(sum(sizes.values()), 3),
        "vectors_mib": round(sum(size for name, size in sizes.items() if name.startswith(("vectors.", "codes."))), 3),
        "resident_mib": alone["rss_mib"],
        "each_more_mib": round((many["pss_mib"] - alone["pss_mib"]) / max(1, arguments.processes - 1), 1),
        "first_ms": round(1e3 * first, 1),
        "question_ms": round(1e3 * later, 2),
        "recall_at_5": recall,
    }


def _codes(way: str) -> AbstractContextManager[object]:
    """Publish snapshots without vectors in 8 bits, if that is the way."""
    if way != "without codes":
        return nullcontext()
    return patch("hippo.indexing.publish.build_codes", lambda *_: None)


def _recall(memory: Hippo, raw: Sequence[RawQuestion], profile: str) -> float:
    """Recall@5, in percent."""
    found = evaluate(memory, match_questions(memory, raw), systems=[profile], ks=[5])
    [measured] = found.systems.values()
    return round(100.0 * float(measured.scores["Recall@5"].mean()), 2)


def _read(
    stack: ExitStack, root: Path, encoder: ReplayEncoder, questions: Sequence[str], profile: str
) -> tuple[float, float]:
    """Seconds of the processor to the first answer, and of a question after it."""
    began = process_time()
    memory = stack.enter_context(Hippo.open(root, encoder=encoder))
    memory.retrieve(questions[0], profile=profile)
    first, taken = process_time() - began, []
    for text in questions:
        began = process_time()
        memory.retrieve(text, profile=profile)
        taken.append(process_time() - began)
    return first, median(taken)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    names = {
        "snapshot_mib": "snapshot MiB",
        "vectors_mib": "vectors MiB",
        "resident_mib": "a reader MiB",
        "each_more_mib": "each more MiB",
        "first_ms": "first answer ms",
        "question_ms": "a question ms",
        "recall_at_5": "Recall@5",
    }
    rows = [[way, *(_shown(one[key]) for key in names)] for way, one in result["ways"].items()]
    counts = ", ".join(f"{count} {kind}s" for kind, count in result["vectors"].items())
    return f"vectors of {counts}; {result['questions']} questions\n{table(['', *names.values()], rows)}"


if __name__ == "__main__":
    main()
