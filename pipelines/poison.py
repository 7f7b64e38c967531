"""What a hundred poisonous documents do to the rankings of a corpus, with and without a cap on sources.

    python -m pipelines.poison --dataset data --name sample --out runs/poison.json
    python -m pipelines.poison --dataset data --name sample --sources 10

Indexes the corpus alone and with the documents of `pipelines.poison_documents`, which are written against it by
--sources sources, and prints recall@5 of its questions for each profile: alone, poisoned, and poisoned with a
`source_cap` of --cap.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hippo import Hippo
from hippo.evaluation import Dataset, load_dataset, recall_at
from hippo.retrieval.profiles import PROFILES, Profile
from pipelines.common import new_parser, publish, table
from pipelines.poison_documents import poisoned

__all__ = ["measure"]

_K = 5
_PROFILES = ("hippo", "hybrid", "dense", "bm25")


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of NAME.json and NAME_corpus.json")
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument("--encoder", default="hashing", help="name of the encoder, or none")
    parser.add_argument("--sources", type=int, default=1, help="under how many names the documents are given")
    parser.add_argument("--cap", type=float, default=0.25, help="share that one source may bring")
    arguments = parser.parse_args()
    dataset = load_dataset(arguments.dataset, arguments.name)
    result = measure(dataset, arguments.encoder, arguments.sources, arguments.cap)
    rows = [[name, *(f"{100 * value:.1f}" for value in found.values())] for name, found in result.items()]
    header = [f"recall@{_K}", *next(iter(result.values()))]
    publish(arguments, result, table(header, rows))


def measure(
    dataset: Dataset, encoder: str, sources: int, cap: float, profiles: Sequence[str] = _PROFILES
) -> dict[str, dict[str, float]]:
    """Mean recall@5 by profile: of the corpus alone, with the poison, and with the poison under a cap.

    Args:
        dataset: Corpus and questions.
        encoder: Name of the encoder.
        sources: Under how many names the poison is given.
        cap: Share that one source may bring, in (0, 1].
        profiles: Names of those to measure.
    """
    poison = poisoned(dataset.documents, [question.text for question in dataset.questions], sources)
    result: dict[str, dict[str, float]] = {name: {} for name in profiles}
    with tempfile.TemporaryDirectory() as folder, Hippo.open(Path(folder) / "index", encoder=encoder) as memory:
        memory.add(dataset.documents)
        for name in profiles:
            result[name]["alone"] = _recall(memory, dataset, PROFILES[name])
        memory.add(poison)
        for name in profiles:
            result[name]["poisoned"] = _recall(memory, dataset, PROFILES[name])
            capped = replace(PROFILES[name], source_cap=cap, source_field="by")
            result[name]["capped"] = _recall(memory, dataset, capped)
    return result


def _recall(memory: Hippo, dataset: Dataset, profile: Profile) -> float:
    found = memory.retrieve_many([question.text for question in dataset.questions], k=_K, profile=profile)
    rankings = [[hit.document_id for hit in one.hits] for one in found]
    return float(recall_at(_K, rankings, [question.gold for question in dataset.questions]).mean())


if __name__ == "__main__":
    main()
