"""What indexing costs beside its encoder calls: the same add, all that is not the encoder over what is.

    python -m pipelines.bench_index --corpus benchmarks/musique_corpus.json
    python -m pipelines.bench_index --passages 2000 --every 50
    python -m pipelines.bench_index --extractor llm --latency 0.05 --passages 600

An index is built in a temporary folder, --rounds times. Passages come from files that `hippo index` reads, and are
made up where there are too few. With --every N only one of N texts goes through the encoder, and the time that this
takes counts N times; the other vectors are made by hashing, which counts as indexing. Of indexing, "writing" is what
the store takes to commit chunks, extractions and vectors, the last while the encoder works on the next ones. Seconds
are those of the processor in all threads, and of the clock; the ratio is that of the processor, the median of the
rounds.

With --extractor llm a scripted language model finds the facts, and answers --latency seconds after it was asked, with
--concurrency requests at a time. What is compared then is the time by the clock of extraction and embedding when they
go on beside each other, as they do, with each of them alone, in turns.
"""

import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

from hippo import Document, Hippo
from hippo.config import load_config
from hippo.documents import iter_documents
from hippo.parts import make_encoder
from hippo.protocols import Encoder
from hippo.store import Store
from pipelines.common import new_parser, publish, table
from pipelines.life.corpus import documents
from pipelines.machine import measured, spread
from pipelines.overlap import measure_overlap, report_overlap
from pipelines.replay import MeteredEncoder, clocks

__all__ = ["main", "measure"]

_WRITES = ("put_documents", "put_extractions", "put_embeddings", "checkpoint")
"""Methods of the store that commit what indexing has found."""


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="files of passages; without: made up")
    parser.add_argument("--passages", type=int, help="how many (default: those of the files, or 2000)")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder")
    parser.add_argument("--every", type=int, default=1, help="encode one of so many texts")
    parser.add_argument("--rounds", type=int, default=3, help="times that the index is built")
    parser.add_argument("--extractor", choices=["pattern", "llm"], default="pattern", help="what finds facts")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds until a reply of the language model")
    parser.add_argument("--concurrency", type=int, default=4, help="requests that it takes at a time")
    arguments = parser.parse_args()
    result = measured(measure(arguments))
    publish(arguments, result, report_overlap(result) if arguments.extractor == "llm" else report(result))


def measure(arguments: Namespace) -> dict[str, Any]:
    """Build the index, each time anew."""
    encoder = make_encoder(load_config({"encoder": {"name": arguments.encoder}}))
    if encoder is None:
        sys.exit("an encoder is needed: its work is what indexing is compared with")
    encoder.encode(["Its model is loaded by now."] * 64)
    items = iter_documents(arguments.corpus) if arguments.corpus else ()
    corpus = [one for one in items if isinstance(one, Document)][: arguments.passages]
    corpus += documents(range((arguments.passages or len(corpus) or 2000) - len(corpus)))
    if arguments.extractor == "llm":
        return measure_overlap(arguments, corpus, encoder)
    rounds = [_built(corpus, encoder, arguments.every) for _ in range(arguments.rounds)]
    ratio = spread([one["indexing"]["cpu"] / one["encoder"]["cpu"] for one in rounds])
    return {
        "encoder": encoder.fingerprint,
        **{name: rounds[0][name] for name in ("passages", "facts", "entities", "encoded")},
        "encoded_one_of": arguments.every,
        "rounds": rounds,
        "ratio": ratio["median"],
        "ratio_spread": ratio,
        "seconds": {
            name: {clock: spread([one[name][clock] for one in rounds]) for clock in ("cpu", "wall")}
            for name in ("encoder", "indexing")
        }
        | {"writing": {"wall": spread([one["writing"]["wall"] for one in rounds])}},
        "stages": {name: spread([one["stages"][name] for one in rounds]) for name in rounds[0]["stages"]},
    }


def _built(corpus: list[Document], encoder: Encoder, every: int) -> dict[str, Any]:
    meter = MeteredEncoder(encoder, every)
    with tempfile.TemporaryDirectory(prefix="hippo-bench-") as scratch:
        config = {"chunking": {"method": "document"}}
        with Hippo.open(Path(scratch) / "index", encoder=meter, config=config) as memory:
            began = clocks()
            with _metered() as writing:
                found = memory.add(corpus)
            taken = {clock: now - began[clock] for clock, now in clocks().items()}
    spent = {clock: meter.seconds[clock] - meter.left_out[clock] for clock in taken}
    return {
        "passages": found.chunks,
        "facts": found.facts,
        "entities": found.entities,
        "encoded": meter.texts,
        "encoder": {clock: round(value, 3) for clock, value in meter.seconds.items()},
        "indexing": {clock: round(taken[clock] - spent[clock], 3) for clock in taken},
        "writing": {"wall": round(sum(writing), 3)},
        "stages": {name: round(value, 3) for name, value in found.seconds.items()},
    }


@contextmanager
def _metered() -> Iterator[list[float]]:
    """Seconds by the clock of everything that the store writes meanwhile; the encoder may work beside."""
    spent: list[float] = []

    def metered(write: Callable[..., object]) -> Callable[..., object]:
        def run(*given: Any, **named: Any) -> object:
            began = perf_counter()
            try:
                return write(*given, **named)
            finally:
                spent.append(perf_counter() - began)

        return run

    with ExitStack() as stack:
        for name in _WRITES:
            stack.enter_context(patch.object(Store, name, metered(getattr(Store, name))))
        yield spent


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    counts = (f"{result[name]} {name}" for name in ("passages", "facts", "entities"))
    rows = [
        (name, *(_cell(result["seconds"][name][clock]) for clock in ("cpu", "wall")))
        for name in ("encoder", "indexing")
    ]
    rows += [("writing, partly beside the encoder", "", _cell(result["seconds"]["writing"]["wall"]))]
    rows += [(f"  {name}", "", _cell(value)) for name, value in result["stages"].items()]
    ratio = "{median:.4f} ({p10:.4f} to {p90:.4f})".format(**result["ratio_spread"])
    return "\n".join(
        [
            f"{', '.join(counts)}; {result['encoded']} texts encoded with {result['encoder']}",
            table(["seconds, 10 to 90 %", "processor", "clock"], rows),
            f"indexing without encoder calls, to these: {ratio}",
        ]
    )


def _cell(value: dict[str, float]) -> str:
    return f"{value['median']:.2f} ({value['p10']:.2f} to {value['p90']:.2f})"


if __name__ == "__main__":
    main()
