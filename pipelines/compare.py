"""Kinds of facts and retrieval methods side by side: one table per dataset.

    python -m pipelines.compare --datasets DIR --index runs/compare --out runs/compare.json \
        musique_train=DIR/musique_train/openie_results_ner_gpt-3.5-turbo-1106.json hotpotqa_train

Each argument is the name of a dataset, with the published triples of its passages where there are any. With triples
there are rows for hippo with facts found by rules, with the triples, and with both; the profiles of the published
systems then run on the graph that those build from the triples, otherwise on facts found by rules. Every passage is one
chunk, the encoder is the same throughout, and no language model is asked. The first row is the baseline of the
differences. Indexes are kept in --index: a run that was broken off goes on where it stood.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo import Hippo, ProgressBars, load_config
from hippo.evaluation import Dataset, Table, load_dataset, retrieval_table
from hippo.parts import make_encoder
from hippo.protocols import Encoder
from pipelines.common import new_parser, publish, write
from pipelines.replay import RememberingEncoder

_CUTS = (2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class System:
    """A row: facts found by an extractor, a graph built by rules, a retrieval profile."""

    extractor: str
    profile: str
    rules: str = "hippo"

    @property
    def name(self) -> str:
        """For the table."""
        return f"{self.profile}, {self.extractor} facts"


def systems(triples: bool) -> list[System]:
    """What is compared on a dataset with or without triples."""
    if not triples:
        return [System("pattern", name) for name in ("hippo", "hipporag2", "hipporag1", "dense", "bm25")]
    return [
        System("pattern+imported", "hippo"),
        System("pattern", "hippo"),
        System("imported", "hippo"),
        System("imported", "hipporag2", "hipporag"),
        System("imported", "hipporag1", "hipporag"),
        System("pattern", "dense"),
        System("pattern", "bm25"),
    ]


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("datasets", nargs="+", metavar="NAME[=OPENIE]", help="datasets, with their published triples")
    parser.add_argument("--datasets", dest="folder", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none: by words")
    parser.add_argument("--index", type=Path, default=Path("runs/compare"), help="folder for the indexes, used again")
    arguments = parser.parse_args()
    made = make_encoder(load_config(None, {"encoder": {"name": arguments.encoder}}))
    encoder = RememberingEncoder(made) if made else None
    results: dict[str, Any] = {}
    tables = []
    for item in arguments.datasets:
        name, _, openie = item.partition("=")
        dataset = load_dataset(arguments.folder, name)
        table = compare(dataset, encoder, arguments.index / name, openie)
        results[name] = table.to_dict()
        title = f"{name}: {len(dataset.questions)} questions, {len(dataset.documents)} passages"
        tables.append(f"{title}\n\n{table.to_markdown()}")
        if arguments.out:  # what is done stays, should a later one fail
            write(arguments.out, results)
    publish(arguments, results, "\n\n".join(tables))


def compare(dataset: Dataset, encoder: Encoder | None, folder: Path, openie: str) -> Table:
    """Index as often as it takes, retrieve with every system, compare."""
    questions = [question.text for question in dataset.questions]
    rankings = {}
    for system in systems(bool(openie)):
        if encoder is None and system.profile == "dense":
            continue
        config: dict[str, Any] = {"chunking": {"method": "document"}, "graph": {"rules": system.rules}}
        config["extractor"] = {"name": system.extractor}
        if "imported" in system.extractor:
            config["extractor"]["imported"] = {"path": openie}
        place = folder / f"{system.extractor}-{system.rules}"
        with Hippo.open(place, encoder=encoder or "none", config=config) as memory, ProgressBars() as bars:
            memory.add(dataset.documents, progress=bars)
            found = memory.retrieve_many(questions, k=max(_CUTS), profile=system.profile)
        rankings[system.name] = [[hit.document_id for hit in one.hits] for one in found]
    return retrieval_table(rankings, [question.gold for question in dataset.questions], ks=_CUTS)


if __name__ == "__main__":
    main()
