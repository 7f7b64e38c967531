"""How long a question takes: profiles in turns on the same questions, one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from hippo.evaluation.outcome import Latency
from hippo.retrieval.profiles import Profile

if TYPE_CHECKING:
    from hippo.engine import Hippo

__all__ = ["in_turns", "measure_latency"]

T = TypeVar("T")


def in_turns(questions: Sequence[str], profiles: Sequence[T]) -> Iterator[tuple[str, T]]:
    """Every question with every profile; at each question another profile comes first.

    So none of them finds warm what another has paid for: pages of the index, connections, a provider's prompt cache.

    Examples:
        >>> list(in_turns(["why", "who"], ["a", "b"]))
        [('why', 'a'), ('why', 'b'), ('who', 'b'), ('who', 'a')]
    """
    for row, question in enumerate(questions):
        first = row % len(profiles)
        for profile in (*profiles[first:], *profiles[:first]):
            yield question, profile


def measure_latency(
    memory: "Hippo", questions: Sequence[str], profiles: Mapping[str, str | Profile], *, k: int
) -> dict[str, Latency]:
    """Milliseconds of retrieval for each profile, the encoding of the question included.

    Args:
        memory: The index.
        questions: What to ask, at least one.
        profiles: Which to ask, by name.
        k: Number of passages.
    """
    seconds: dict[str, list[float]] = {name: [] for name in profiles}
    for name in profiles:  # not counted: what is loaded or compiled at the first question
        memory.retrieve(questions[0], k=k, profile=profiles[name])
    for question, name in in_turns(questions, list(profiles)):
        began = perf_counter()
        memory.retrieve(question, k=k, profile=profiles[name])
        seconds[name].append(perf_counter() - began)
    return {name: Latency.of(values) for name, values in seconds.items()}
