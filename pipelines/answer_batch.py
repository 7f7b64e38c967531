"""Answers to a file of questions, on this machine or on a Ray cluster; what is answered is not asked again.

    python -m pipelines.answer_batch questions.jsonl --index my-index --answers answers.jsonl --llm openai:gpt-4o-mini
    python -m pipelines.answer_batch data/sample.json --index my-index --answers passages.jsonl --no-read --workers 2
    python -m pipelines.answer_batch s3://bucket/questions.jsonl --index s3://bucket/index \
        --answers s3://bucket/answers.jsonl --llm openai:gpt-4o-mini --executor ray --address auto --workers 16

A line of the input is {"id": …, "question": …}; a line of the output, in the same order, holds id, question, answer,
citations and passages, or the error of a question that failed, which the next run tries again. In Python:
`hippo.execution.answer_batch`.
"""

import json

from hippo import ProgressBars
from hippo.evaluation.questions import load_questions
from hippo.execution import answer_batch
from pipelines.common import publish
from pipelines.jobs import add_vllm, executor_of, fetched, job_parser, llm_of, put, show_batch, told

__all__ = ["main"]


def main() -> None:
    """Parse arguments, run, write."""
    parser = job_parser(__doc__)
    parser.add_argument("questions", help=".jsonl or .json file of questions, or its URL")
    parser.add_argument("--index", required=True, help="folder of the index, or URL of a published one")
    parser.add_argument("--answers", required=True, help="JSON lines file for the answers, or its URL")
    parser.add_argument("--work", help="folder or URL of the shards (default: ANSWERS.work)")
    parser.add_argument("--no-read", action="store_true", help="passages alone, no language model")
    parser.add_argument("--llm", help="language model, NAME:MODEL")
    add_vllm(parser)
    parser.add_argument("--profile", help="profile (default: the configuration's)")
    parser.add_argument("--k", type=int, default=5, help="passages for a question")
    parser.add_argument("--batch", type=int, default=32, help="questions that a worker takes at a time")
    arguments = parser.parse_args()
    with told(), ProgressBars(quiet=arguments.quiet) as bars:
        with fetched(arguments.questions) as path:
            questions = load_questions(path)
        answers, report = answer_batch(
            questions,
            arguments.index,
            work=arguments.work or f"{arguments.answers}.work",
            executor=executor_of(arguments),
            config=arguments.config,
            overrides=llm_of(arguments),
            read=not arguments.no_read,
            k=arguments.k,
            profile=arguments.profile,
            batch=arguments.batch,
            progress=bars,
        )
        put(arguments.answers, "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in answers))
    publish(arguments, report.to_dict(), show_batch(report))


if __name__ == "__main__":
    main()
