"""Speed of the sentence splitter beside spaCy's.

    python -m pipelines.sentences

Both read the sample corpus, in turns, in one process; printed are the best rate of each and their ratio.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

import spacy

from hippo.documents import sentence_spans
from pipelines.common import new_parser, publish, table

_CORPUS = Path(__file__).parents[1] / "data" / "sample_corpus.json"
_TURNS = 5


def main() -> None:
    """Measure and print."""
    arguments = new_parser(__doc__).parse_args()
    texts = [passage["text"] for passage in json.loads(_CORPUS.read_text(encoding="utf-8"))]
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    splitters: dict[str, Callable[[str], object]] = {
        "hippo": sentence_spans,
        "spacy": lambda text: list(pipeline(text).sents),
    }
    best = dict.fromkeys(splitters, float("inf"))
    for _ in range(_TURNS):
        for name, split in splitters.items():
            began = time.perf_counter()
            for text in texts:
                split(text)
            best[name] = min(best[name], time.perf_counter() - began)
    size = sum(map(len, texts)) / 1e6
    rates = {name: round(size / seconds, 2) for name, seconds in best.items()}
    result = {"megabytes_per_second": rates, "ratio": round(best["spacy"] / best["hippo"], 1)}
    text = table(["splitter", "megabytes per second"], list(rates.items()))
    publish(arguments, result, f"{text}\nratio: {result['ratio']}")


if __name__ == "__main__":
    main()
