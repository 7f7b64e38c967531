"""Answers to a file of questions, on this machine or on a Ray cluster; what is answered is not asked again.

    python -m pipelines.answer_batch questions.jsonl --index my-index --answers answers.jsonl --llm openai:gpt-4o-mini
    python -m pipelines.answer_batch data/sample.json --index my-index --answers passages.jsonl --no-read --workers 2

A line of the input is {"id": …, "question": …}; a line of the output, in the same order, holds id, question, answer,
citations and passages, or the error of a question that failed, which the next run tries again. In Python:
`hippo.execution.answer_batch`.
"""

import json
from pathlib import Path

from hippo import ProgressBars
from hippo.durable import replace_text
from hippo.evaluation.questions import load_questions
from hippo.execution import answer_batch
from pipelines.common import publish
from pipelines.jobs import executor_of, job_parser, show_batch, told

__all__ = ["main"]


def main() -> None:
    """Parse arguments, run, write."""
    parser = job_parser(__doc__)
    parser.add_argument("questions", type=Path, help=".jsonl or .json file of questions")
    parser.add_argument("--index", required=True, help="folder of the index")
    parser.add_argument("--answers", type=Path, required=True, help="JSON lines file for the answers")
    parser.add_argument("--work", help="folder or URL of the shards (default: ANSWERS.work)")
    parser.add_argument("--no-read", action="store_true", help="passages alone, no language model")
    parser.add_argument("--llm", help="language model, NAME:MODEL")
    parser.add_argument("--profile", help="profile (default: the configuration's)")
    parser.add_argument("--k", type=int, default=5, help="passages for a question")
    parser.add_argument("--batch", type=int, default=32, help="questions that a worker takes at a time")
    arguments = parser.parse_args()
    with told(), ProgressBars(quiet=arguments.quiet) as bars:
        answers, report = answer_batch(
            load_questions(arguments.questions),
            arguments.index,
            work=arguments.work or f"{arguments.answers}.work",
            executor=executor_of(arguments),
            config=arguments.config,
            overrides={"llm": {"name": arguments.llm}} if arguments.llm else None,
            read=not arguments.no_read,
            k=arguments.k,
            profile=arguments.profile,
            batch=arguments.batch,
            progress=bars,
        )
        lines = [json.dumps(one, ensure_ascii=False) for one in answers]
        arguments.answers.parent.mkdir(parents=True, exist_ok=True)
        replace_text(arguments.answers, "".join(f"{line}\n" for line in lines))
    publish(arguments, report.to_dict(), show_batch(report))


if __name__ == "__main__":
    main()
