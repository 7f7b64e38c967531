"""Where retrieval loses gold passages: for each that is not among the first k, the stage that lost it.

    python -m pipelines.diagnose musique_train hotpotqa_train --datasets DIR --index runs/diagnose --show outranked

Stages: a name that joins the passage to its chain was not extracted; it was, but under another key (an alias, a
surname, an abbreviation); no seed fact touches the chain; the seeds do not lead to the passage within two steps; they
do, but other passages come first. The table counts lost passages; --show lists the questions behind a row, and --out
writes all of them. Every passage is one chunk. Indexes are kept in --index and used again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hippo import Hippo, ProgressBars
from hippo.evaluation import Dataset, load_dataset
from pipelines.common import new_parser, publish, table
from pipelines.losses import STAGES, Examiner, Loss

__all__ = ["diagnose", "show"]

_REACH = 100
"""Passages that are ranked, to say how far down a lost one is, and what is more like the question."""


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME", help="datasets")
    parser.add_argument("--datasets", type=Path, required=True, help="folder of the datasets")
    parser.add_argument("--profile", default="hippo", help="profile that is examined")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none")
    parser.add_argument("--extractor", default="pattern", help="name of the extractor")
    parser.add_argument("--k", type=int, default=5, help="number of passages that count")
    parser.add_argument("--index", type=Path, default=Path("runs/diagnose"), help="folder for the indexes, used again")
    parser.add_argument("--show", choices=STAGES, help="list the questions of a stage")
    arguments = parser.parse_args()
    config = {
        "chunking": {"method": "document"},
        "encoder": {"name": arguments.encoder},
        "extractor": {"name": arguments.extractor},
    }
    results = {}
    for name in arguments.names:
        dataset = load_dataset(arguments.datasets, name)
        with Hippo.open(arguments.index / name, config=config) as memory:
            with ProgressBars() as bars:
                memory.add(dataset.documents, progress=bars)
            results[name] = summary(dataset, diagnose(memory, dataset, arguments.profile, arguments.k))
    publish(arguments, results, show(results, arguments.show))


def diagnose(memory: Hippo, dataset: Dataset, profile: str, k: int) -> list[Loss]:
    """Every gold passage that is not among the first k, with the stage that lost it.

    Args:
        memory: An index of the data set, every document one chunk.
        dataset: The data set.
        profile: Name of the profile.
        k: Number of passages that count.
    """
    contents = memory.contents()
    texts = [question.text for question in dataset.questions]
    found = memory.retrieve_many(texts, k=max(k, _REACH), profile=profile)
    likeness = "hybrid" if contents.vectors else "bm25"
    alike = memory.retrieve_many(texts, k=max(k, _REACH), profile=likeness)
    examiner = Examiner(contents, k)
    return [
        loss
        for question, one, other in zip(dataset.questions, found, alike, strict=True)
        for loss in examiner.losses(question.text, question.gold, one, [hit.document_id for hit in other.hits])
    ]


def summary(dataset: Dataset, losses: Sequence[Loss]) -> dict[str, Any]:
    """Losses as plain data, with their numbers by stage."""
    return {
        "questions": len(dataset.questions),
        "gold": sum(len(question.gold) for question in dataset.questions),
        "stages": {stage: sum(loss.stage == stage for loss in losses) for stage in STAGES},
        "losses": [asdict(loss) for loss in losses],
    }


def show(results: Mapping[str, Mapping[str, Any]], stage: str | None = None) -> str:
    """Lost passages by stage and data set, and what outranked those that were within reach.

    Args:
        results: From `summary`, by data set.
        stage: A stage whose questions are listed.
    """
    rows = [[STAGES[name], *(one["stages"][name] for one in results.values())] for name in STAGES]
    rivals = [
        Counter(loss["detail"] for loss in one["losses"] if loss["stage"] == "outranked") for one in results.values()
    ]
    rows += [[f"  by passages {detail}", *(one[detail] for one in rivals)] for detail in sorted(set().union(*rivals))]
    rows.append(["lost", *(len(one["losses"]) for one in results.values())])
    rows.append(["gold passages", *(one["gold"] for one in results.values())])
    parts = [table(["stage", *results], rows)]
    for name, one in results.items() if stage else ():
        lines = [
            f"  {loss['title']} (rank {loss['rank'] or '–'}; {loss['detail']}): {loss['question']}"
            for loss in one["losses"]
            if loss["stage"] == stage
        ]
        parts.append("\n".join([f"{name}, {STAGES[stage]}:", *lines]) if stage else "")
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
