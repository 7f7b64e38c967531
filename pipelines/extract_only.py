"""Facts of files as shards, without an index: the part of the work that is paid for, done ahead of the rest.

    python -m pipelines.extract_only corpus/ --work runs/corpus --extractor pattern+llm --llm openai:gpt-4o-mini
    python -m pipelines.extract_only s3://bucket/corpus --work s3://bucket/work --executor ray --workers 32
    python -m pipelines.extract_only notes/ --work runs/notes --executor ray --extractor llm --vllm Qwen/Qwen3-8B

`pipelines.build_index` with the same settings and the same --work finds them there. In Python:
`hippo.execution.extract_only`.
"""

from hippo import ProgressBars
from hippo.execution import extract_only
from pipelines.common import publish
from pipelines.jobs import add_sources, build_options, job_parser, show_build, told

__all__ = ["main"]


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = job_parser(__doc__)
    add_sources(parser)
    arguments = parser.parse_args()
    with told(), ProgressBars(quiet=arguments.quiet) as bars:
        report = extract_only(arguments.sources, **build_options(arguments), progress=bars)
    publish(arguments, report.to_dict(), show_build(report))


if __name__ == "__main__":
    main()
