"""Tokens a second of all-MiniLM-L6-v2: plain SentenceTransformer.encode, the encoder `minilm`, and the same in int8.

    python -m pipelines.bench_encoder --corpus benchmarks/musique_corpus.json --facts 1000
    python -m pipelines.bench_encoder --passages 128 --rounds 3 --threads 1

Texts are passages of files that `hippo index` reads, made up where there are too few, and facts that rules find in
them. The three take turns in one process, --rounds times after once that does not count. Seconds are those of the
processor in all threads, and the ratios are medians of rounds. Vectors of int8 are compared with those in float32, and
with themselves, made in another order and in small batches. Questions, for which the shortest of the texts stand, are
encoded by `minilm` in NumPy and by torch in turns, two at a time and many.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo import Document
from hippo.backends.encoders.minilm import MiniLM
from hippo.config import load_config
from hippo.documents import iter_documents
from hippo.parts import make_chunker, make_extractor
from hippo.types import Extraction
from pipelines.common import new_parser, publish, table
from pipelines.life.corpus import documents
from pipelines.machine import measured, spread

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["main", "measure"]

_SMALL = 7
"""Texts of a small batch."""
_QUESTIONS = (2, 128)
"""Questions that are encoded together."""
_COMPARED = 64
"""Texts that are encoded in small batches."""


def main() -> None:
    """Parse arguments, measure, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--corpus", type=Path, nargs="*", default=[], help="files of passages; without: made up")
    parser.add_argument("--passages", type=int, default=512, help="how many passages")
    parser.add_argument("--facts", type=int, default=0, help="how many facts of these")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured")
    parser.add_argument("--threads", type=int, help="threads of torch (default: as torch sees fit)")
    arguments = parser.parse_args()
    result = measured(measure(arguments))
    publish(arguments, result, report(result))


def measure(arguments: Namespace) -> dict[str, Any]:
    """Encode the same texts in three ways, in turns."""
    import torch
    from sentence_transformers import SentenceTransformer

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    exact, small = MiniLM(device="cpu"), MiniLM(device="cpu", dtype="int8")
    plain = SentenceTransformer(str(exact.folder.path), device="cpu", local_files_only=True)
    plain.max_seq_length = exact.max_tokens
    texts = _texts(arguments)
    ways: dict[str, Callable[[Sequence[str]], Float32]] = {
        "SentenceTransformer.encode": lambda some: plain.encode(list(some), show_progress_bar=False),
        "minilm": exact.encode,
        "minilm, int8": small.encode,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Float32] = {}
    for turn in range(arguments.rounds + 1):
        for name, encode in ways.items():
            began = process_time()
            vectors[name] = encode(texts)
            if turn:
                seconds[name].append(process_time() - began)
    first = next(iter(ways))
    tokens = sum(exact.count(texts))
    return {
        "texts": len(texts),
        "tokens": tokens,
        "threads": torch.get_num_threads(),
        "tokens_per_second": {name: round(tokens / median(spent)) for name, spent in seconds.items()},
        "seconds": {name: [round(one, 3) for one in spent] for name, spent in seconds.items()},
        "times_plain": {
            name: spread([a / b for a, b in zip(seconds[first], spent, strict=True)], 2)
            for name, spent in seconds.items()
        },
        "cosine": _cosines(vectors["minilm"], vectors["minilm, int8"]),
        "cosine_minilm_plain": _cosines(vectors["minilm"], vectors[first]),
        "questions_in_numpy_to_torch": _questions(exact, sorted(texts, key=len), arguments.rounds),
        "largest_difference_by_batch": _by_batch(small, texts, vectors["minilm, int8"]),
    }


def _texts(arguments: Namespace) -> list[str]:
    items = iter_documents(arguments.corpus) if arguments.corpus else ()
    corpus = [one for one in items if isinstance(one, Document)][: arguments.passages]
    corpus += documents(range(arguments.passages - len(corpus)))
    config = load_config({"chunking": {"method": "document"}})
    chunker = make_chunker(config, None)
    chunks = [chunk for number, one in enumerate(corpus) for chunk in chunker.chunk(replace(one, id=str(number)))]
    found = make_extractor(config).extract(chunks) if arguments.facts else []
    facts = (fact.text for one in found if isinstance(one, Extraction) for fact in one.facts)
    return [*(chunk.text for chunk in chunks), *list(dict.fromkeys(facts))[: arguments.facts]]


def _cosines(one: "Float32", other: "Float32") -> dict[str, float]:
    found = (one * other).sum(axis=1)
    return {"mean": round(float(found.mean()), 5), "least": round(float(found.min()), 5)}


def _questions(torch: MiniLM, texts: Sequence[str], rounds: int) -> dict[int, float]:
    """Processor time of NumPy to that of torch, by how many questions there are: medians over the rounds."""
    light = MiniLM()
    ratios: dict[int, float] = {}
    for size in _QUESTIONS:
        spent: dict[MiniLM, list[float]] = {light: [], torch: []}
        for start in range(rounds + 1):
            block = [texts[(start * size + place) % len(texts)] for place in range(size)]
            for encoder, taken in spent.items():
                began = process_time()
                encoder.encode(block, kind="query_to_passage")
                taken.append(process_time() - began)
        # The first round loads the weights.
        ratios[size] = round(median(a / b for a, b in zip(spent[light][1:], spent[torch][1:], strict=True)), 2)
    return ratios


def _by_batch(encoder: MiniLM, texts: Sequence[str], vectors: "Float32") -> float:
    """Largest difference of a component where texts are encoded backwards, a few at a time."""
    some, few = texts[: -_COMPARED - 1 : -1], range(0, min(_COMPARED, len(texts)), _SMALL)
    again = np.concatenate([encoder.encode(some[start : start + _SMALL]) for start in few])
    return float(np.abs(again[::-1] - vectors[-len(some) :]).max())


def report(result: dict[str, Any]) -> str:
    """The result as text."""
    rows = [
        (name, f"{result['tokens_per_second'][name]:,}", f"{min(spent):.2f} to {max(spent):.2f}", _times(times))
        for (name, spent), times in zip(result["seconds"].items(), result["times_plain"].values(), strict=True)
    ]
    cosine = result["cosine"]
    return "\n".join(
        [
            f"{result['texts']} texts, {result['tokens']:,} tokens, {result['threads']} threads",
            table(["encoder", "tokens a second", "seconds", "times plain, 10 to 90 %"], rows),
            f"cosine of int8 to float32: {cosine['mean']:.4f} in the mean, {cosine['least']:.4f} at least",
            "questions in NumPy, processor time to torch's: "
            + ", ".join(f"{ratio} for {size}" for size, ratio in result["questions_in_numpy_to_torch"].items()),
            f"int8 in small batches: vectors differ by at most {result['largest_difference_by_batch']:.1e}",
        ]
    )


def _times(found: dict[str, float]) -> str:
    return f"{found['median']} ({found['p10']} to {found['p90']})"


if __name__ == "__main__":
    main()
