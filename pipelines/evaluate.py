"""Profiles of an index compared on a file of questions, on this machine or on a Ray cluster.

    python -m pipelines.evaluate data/sample.json --index my-index --work runs/eval --profiles hippo,dense,bm25
    python -m pipelines.evaluate questions.json --index /mnt/index --work /mnt/eval --executor ray --workers 16

The same figures as `hippo eval`; rankings are kept in --work, so that a run that was broken off goes on where it stood.
In Python: `hippo.execution.evaluate_batch`.
"""

from hippo import Hippo, ProgressBars
from hippo.evaluation.questions import load_questions
from hippo.evaluation.run import match_questions
from hippo.execution import evaluate_batch
from pipelines.common import publish
from pipelines.jobs import executor_of, fetched, job_parser, show_batch, told

__all__ = ["main"]


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = job_parser(__doc__)
    parser.add_argument("questions", help=".json or .jsonl file of questions with their gold passages, or its URL")
    parser.add_argument("--index", required=True, help="folder of the index, or URL of a published one")
    parser.add_argument("--work", required=True, help="folder or URL of the shards")
    parser.add_argument("--profiles", default="hippo,dense,bm25", help="comma-separated; the first is the baseline")
    parser.add_argument("--ks", default="2,5,10", help="cut-offs, comma-separated")
    parser.add_argument("--batch", type=int, default=64, help="questions that a worker takes at a time")
    arguments = parser.parse_args()
    with told(), ProgressBars(quiet=arguments.quiet) as bars:
        with (
            fetched(arguments.questions) as path,
            Hippo.open(arguments.index, config=arguments.config) as memory,
        ):
            questions = match_questions(memory, load_questions(path))
        table, report = evaluate_batch(
            questions,
            arguments.index,
            work=arguments.work,
            executor=executor_of(arguments),
            config=arguments.config,
            profiles=arguments.profiles.split(","),
            ks=[int(one) for one in arguments.ks.split(",")],
            batch=arguments.batch,
            progress=bars,
        )
    result = {**table.to_dict(), "run": report.to_dict()}
    publish(arguments, result, f"{table.to_text()}\n\n{show_batch(report)}")


if __name__ == "__main__":
    main()
