"""An index from files, on this machine or on a Ray cluster; a run that was broken off goes on where it stood.

    python -m pipelines.build_index notes/ --index my-index --work runs/notes --workers 4
    python -m pipelines.build_index s3://bucket/corpus --index my-index --work s3://bucket/work --executor ray \
        --address auto --workers 64 --resource embed.gpus=1 --publish s3://bucket/index
    python -m pipelines.build_index notes/ --index my-index --work runs/notes --executor ray --address auto \
        --extractor llm --vllm Qwen/Qwen3-32B --vllm-servers 4 --vllm-gpus 2

What workers make are shards in --work, whose names say what they were made from: equal work is never done twice, and
the index is the same whatever the number of workers. With --vllm, vLLM servers run on the cluster while passages are
extracted; [llm.endpoints.vllm] of a --config does the same. In Python: `hippo.execution.build_index`.
"""

from pathlib import Path

from hippo import ProgressBars
from hippo.execution import build_index
from hippo.snapshot.remote import publish_to
from pipelines.common import publish
from pipelines.jobs import add_sources, build_options, job_parser, show_build, told

__all__ = ["main"]


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = job_parser(__doc__)
    add_sources(parser)
    parser.add_argument("--index", type=Path, required=True, help="folder of the index")
    parser.add_argument("--publish", metavar="URL", help="copy the snapshot there, as hippo publish does")
    parser.add_argument("--trace", action="store_true", help="leave a small file for every shard that is made")
    arguments = parser.parse_args()
    with told(), ProgressBars(quiet=arguments.quiet) as bars:
        options = build_options(arguments)
        report = build_index(arguments.sources, arguments.index, **options, trace=arguments.trace, progress=bars)
        if arguments.publish:
            publish_to(arguments.index, arguments.publish)
    publish(arguments, report.to_dict(), show_build(report))


if __name__ == "__main__":
    main()
