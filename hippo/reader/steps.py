"""Multi-step retrieval: search, think, search for the thought, and so on.

Trivedi et al., "Interleaving retrieval with chain-of-thought reasoning for knowledge-intensive multi-step questions",
ACL 2023 (arXiv 2212.10509), with prompts for no data set in particular.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import perf_counter

from hippo.config import ReaderConfig
from hippo.errors import QuestionError
from hippo.protocols import LLM, CachingLLM
from hippo.reader.fusion import K0, fuse
from hippo.reader.history import History
from hippo.reader.marks import ENOUGH, without_citations
from hippo.reader.prompt import build_thought
from hippo.reader.rounds import total_seconds, total_usage
from hippo.types import Completion, Retrieval, Step, Usage

__all__ = ["retrieve_in_steps"]

_UNUSABLE = "no usable thought"


async def retrieve_in_steps(
    question: str,
    *,
    retrieve: Callable[[str], Awaitable[Retrieval]],
    llm: LLM,
    steps: int,
    k: int,
    settings: ReaderConfig,
    history: History = History(),  # noqa: B008  (frozen)
) -> Retrieval:
    """Retrieve the question, then in turn what the model thinks should be found next.

    It ends after `steps` rounds, or earlier where the model says that it has enough, repeats itself or gives no usable
    thought. The passages of all rounds are fused by rank (`hippo.reader.fusion`), since scores of two questions do not
    compare. With one step the result is that of `retrieve`, cut to k.

    Args:
        question: The question.
        retrieve: Finds passages for a text, by whatever profile; k of them or more.
        llm: The model that thinks.
        steps: Most rounds, at least 1.
        k: Most passages of the result, at least 1.
        settings: Budget of tokens of the prompt, and of a thought.
        history: What was said before the question.

    Returns:
        Profile, seeds and recognition are those of the question itself; usage and seconds are summed over the rounds,
        the thoughts' under "reader" and "think". `steps` holds every round; where a reply was no thought, the thought
        says so. `parameters` also has `steps` (rounds made), `fusion`, `stopped` (why it ended before its last round,
        or None) and, where there is recognition memory, `recognition_outcomes` of every round.

    Raises:
        QuestionError: `steps` or `k` is below 1, or the question leaves no room for passages.
        LLMError: The model could not be asked.
    """
    for name, value in (("steps", steps), ("k", k)):
        if value < 1:
            raise QuestionError(f"{name} must be at least 1", value)
    first = await retrieve(question)
    if steps == 1:
        return replace(first, hits=first.hits[:k])
    rounds, queries, thoughts = [first], [question], list[str]()
    usage, seconds, stopped = Usage(), 0.0, None
    while len(rounds) < steps:
        best = fuse([found.hits for found in rounds], k)
        newest_wins = bool(first.parameters.get("newest_wins"))
        prompt = build_thought(question, best, thoughts, settings, newest_wins=newest_wins, history=history)
        began = perf_counter()
        completion = await llm.complete(prompt.request)
        seconds += perf_counter() - began
        usage += completion.usage
        thought, query, stopped = _judge(completion, queries)
        thoughts.append(thought)
        if stopped == _UNUSABLE and isinstance(llm, CachingLLM):
            llm.forget(prompt.request)
        if stopped:
            break
        queries.append(query)
        rounds.append(await retrieve(query))
    return replace(
        first,
        hits=fuse([found.hits for found in rounds], k),
        parameters={**first.parameters, **_parameters(rounds, stopped)},
        steps=_steps(rounds, queries, thoughts),
        usage=total_usage(rounds, {"reader": usage}),
        seconds=total_seconds(rounds, {"think": seconds}),
    )


def _judge(completion: Completion, queries: Sequence[str]) -> tuple[str, str, str | None]:
    """The thought in a reply, what to search for, and why to stop: None where it goes on."""
    thought = " ".join(completion.text.split())
    query = without_citations(thought).strip()
    if completion.finish == "filtered":
        return "(no thought: the reply was withheld by the provider)", "", _UNUSABLE
    if ENOUGH.search(thought):
        return thought, "", "enough"
    if not any(map(str.isalnum, query)):
        return f"(no thought in the reply {thought!r})", "", _UNUSABLE
    if _bare(query) in map(_bare, queries):
        return thought, "", "repeated thought"
    return thought, query, None


def _bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())


def _parameters(rounds: Sequence[Retrieval], stopped: str | None) -> dict[str, object]:
    made: dict[str, object] = {"steps": len(rounds), "fusion": f"reciprocal rank, k0 = {K0}", "stopped": stopped}
    outcomes = [found.recognition.outcome for found in rounds if found.recognition]
    return made | ({"recognition_outcomes": outcomes} if outcomes else {})


def _steps(rounds: Sequence[Retrieval], queries: Sequence[str], thoughts: Sequence[str]) -> tuple[Step, ...]:
    ended = [*thoughts, None][: len(rounds)]
    return tuple(
        Step(query, tuple(hit.chunk_id for hit in found.hits), tuple(hit.score for hit in found.hits), thought)
        for found, query, thought in zip(rounds, queries, ended, strict=True)
    )
