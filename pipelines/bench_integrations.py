"""What a question costs through LangChain and LlamaIndex, beside a direct call; and in a batch, beside single calls.

    python -m pipelines.bench_integrations
    python -m pipelines.bench_integrations --encoder hashing --rounds 3 --json
    python -m pipelines.bench_integrations --index my-index --questions questions.json --replay

The sample corpus is indexed with the real encoder, or an index is asked that is there already. Ways to ask take turns,
question by question, another one first each time; what is printed is the median, over all questions, of what a way
takes more than the direct call for the same question: by the clock, and in processor time, which other work on the
machine disturbs less. A batch and as many single calls take turns likewise; of each, the time in the encoder is told
apart, since what it computes for every question no batch can save. With `--replay` questions are encoded before, and
their vectors repeated: no model runs meanwhile, whose threads and memory would disturb the rest. What hippo remembers
of questions is forgotten before each turn.
"""

import statistics
import tempfile
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from hippo import Hippo
from hippo.cli.sample import NAME, sample_folder
from hippo.config import load_config
from hippo.evaluation import load_dataset, load_questions
from hippo.evaluation.latency import in_turns
from hippo.integrations.langchain import HippoRetriever
from hippo.integrations.llamaindex import HippoRetriever as HippoNodeRetriever
from hippo.parts import make_encoder
from hippo.protocols import Encoder
from pipelines.asked import forget
from pipelines.common import new_parser, publish, table
from pipelines.machine import measured, spread
from pipelines.replay import TimedEncoder, replayed

__all__ = ["main", "measure"]

_K = 5
_DIRECT = "Hippo.retrieve"
_SINGLY = "LangChain, single calls"
_TOGETHER = "LangChain batch"
_BLOCK = "Hippo.retrieve_many"


def main() -> None:
    """Parse arguments, measure, print."""
    parser = new_parser(__doc__)
    parser.add_argument("--encoder", default="minilm", help="encoder of the index")
    parser.add_argument("--rounds", type=int, default=5, help="times that a batch and single calls take turns")
    parser.add_argument("--batch", type=int, default=64, help="questions of a batch")
    parser.add_argument("--index", type=Path, help="folder of an index; without: the sample corpus is indexed")
    parser.add_argument("--questions", type=Path, help="questions for it, as `hippo eval` reads them")
    parser.add_argument("--config", type=Path, help="hippo.toml, where there is one")
    parser.add_argument("--replay", action="store_true", help="encode the questions before")
    arguments = parser.parse_args()
    if (arguments.index is None) != (arguments.questions is None):
        parser.error("--index and --questions belong together")
    encoder = make_encoder(load_config(arguments.config, {"encoder": {"name": arguments.encoder}}))
    if encoder is None:
        parser.error("--encoder none: there is nothing to encode questions with")
    with tempfile.TemporaryDirectory() as folder, sample_folder() as sample:
        if arguments.index is None:
            data = load_dataset(sample, NAME)
            questions = [question.text for question in data.questions]
            index = Path(folder) / "index"
            with Hippo.open(index, encoder=encoder, config=arguments.config) as memory:
                memory.add(data.documents)
        else:
            index, questions = arguments.index, [one.text for one in load_questions(arguments.questions)]
        asked = replayed(index, encoder, questions, arguments.config) if arguments.replay else encoder
        result = measured(measure(index, asked, questions, arguments))
    publish(arguments, result, _text(result))


def measure(index: Path, encoder: Encoder, questions: Sequence[str], arguments: Namespace) -> dict[str, Any]:
    """Ask the questions of an index in every way.

    Returns:
        "single": milliseconds of a direct call, and what the others take more, as medians; "batch": milliseconds per
        question of each way, as medians over the rounds.
    """
    rounds, size = arguments.rounds, arguments.batch
    timed = TimedEncoder(encoder)
    with Hippo.open(index, encoder=timed, config=arguments.config) as memory:
        retriever, nodes = HippoRetriever(index=memory, k=_K), HippoNodeRetriever(index=memory, k=_K)
        single: dict[str, Callable[[str], Any]] = {
            _DIRECT: lambda question: memory.retrieve(question, k=_K),
            "LangChain invoke": retriever.invoke,
            "LlamaIndex retrieve": nodes.retrieve,
        }
        block = [questions[place % len(questions)] for place in range(size)]
        many: dict[str, Callable[[str], Any]] = {
            _SINGLY: lambda _: [retriever.invoke(question) for question in block],
            _TOGETHER: lambda _: retriever.batch(block),
            _BLOCK: lambda _: memory.retrieve_many(block, k=_K),
        }
        passages = memory.contents().n_chunks
        for ask in (*single.values(), *many.values()):
            ask(questions[0])  # loads what is loaded once
        seconds, _, processor = _timed(single, questions, timed)
        batches, encoding, work = _timed(many, [questions[0]] * rounds, timed)
    direct = seconds[_DIRECT]
    more = {name: _differences(taken, direct) for name, taken in seconds.items() if name != _DIRECT}
    more_work = {name: _differences(processor[name], processor[_DIRECT]) for name in more}
    beside = {name: _differences(taken, encoding[name]) for name, taken in batches.items()}
    return {
        "encoder": "replayed" if arguments.replay else arguments.encoder,
        "passages": passages,
        "questions": len(questions),
        "batch_size": size,
        "rounds": rounds,
        "single_ms": {_DIRECT: _milliseconds(direct)},
        "more_ms": {name: _milliseconds(taken) for name, taken in more.items()},
        "more_processor_ms": {name: _milliseconds(taken) for name, taken in more_work.items()},
        "more_spread_ms": {name: spread([1000 * one for one in taken]) for name, taken in more.items()},
        "batch_ms_per_question": {name: _milliseconds(taken) / size for name, taken in batches.items()},
        "beside_encoder_ms_per_question": {name: _milliseconds(taken) / size for name, taken in beside.items()},
        "batch_times_less": spread(
            [one / other for one, other in zip(batches[_SINGLY], batches[_TOGETHER], strict=True)]
        ),
        "processor_times_less": _times(work),
        "of_direct_batch": _ratio(work, _TOGETHER, _BLOCK),
        "beside_encoder_times_less": _times(beside),
    }


def _timed(
    ways: dict[str, Callable[[str], Any]], questions: Sequence[str], encoder: TimedEncoder
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, list[float]]]:
    """Seconds of each way for each question, in turns; those of them that the encoder took; seconds of processor."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    encoding: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for question, name in in_turns(questions, [*ways]):
        forget()
        before, worked, began = encoder.seconds, process_time(), perf_counter()
        ways[name](question)
        seconds[name].append(perf_counter() - began)
        processor[name].append(process_time() - worked)
        encoding[name].append(encoder.seconds - before)
    return seconds, encoding, processor


def _differences(taken: Sequence[float], base: Sequence[float]) -> list[float]:
    return [one - other for one, other in zip(taken, base, strict=True)]


def _times(batches: dict[str, list[float]]) -> float:
    """How many times less a batch takes than single calls of the same round: the median."""
    return _ratio(batches, _SINGLY, _TOGETHER)


def _ratio(taken: dict[str, list[float]], above: str, below: str) -> float:
    """What one way takes to what another takes in the same round: the median."""
    return round(statistics.median(one / other for one, other in zip(taken[above], taken[below], strict=True)), 2)


def _milliseconds(seconds: Sequence[float]) -> float:
    return round(1000 * statistics.median(seconds), 3)


def _text(result: dict[str, Any]) -> str:
    rows = [[name, value, "", "", ""] for name, value in result["single_ms"].items()]
    work, spreads = result["more_processor_ms"], result["more_spread_ms"]
    rows += [
        [name, "", f"{value:+}", f"{spreads[name]['p10']:+.2f} to {spreads[name]['p90']:+.2f}", f"{work[name]:+}"]
        for name, value in result["more_ms"].items()
    ]
    heading = f"{result['questions']} questions, one at a time (medians; encoder {result['encoder']})"
    beside = result["beside_encoder_ms_per_question"]
    batch = [[name, f"{value:.2f}", f"{beside[name]:.2f}"] for name, value in result["batch_ms_per_question"].items()]
    less, without = result["batch_times_less"], result["beside_encoder_times_less"]
    ending = (
        f"A batch takes {less['median']:.2f} times less per question than single calls ({less['p10']:.2f} to "
        f"{less['p90']:.2f}), {result['processor_times_less']} times less processor time, and {without} times less "
        f"without encoder. Of the processor time of a direct block it takes {result['of_direct_batch']} times."
    )
    several = f"{result['batch_size']} questions (medians of {result['rounds']} rounds)"
    asked = table(["way", "ms", "ms more than direct", "10 to 90 %", "of processor time"], rows)
    return "\n".join(
        [heading, asked, "", several, table(["way", "ms a question", "encoder not counted"], batch), ending]
    )


if __name__ == "__main__":
    main()
