"""What several retrievals for one question took together."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hippo.types import Retrieval, Usage

__all__ = ["total_seconds", "total_usage"]


def total_usage(rounds: Sequence[Retrieval], own: Mapping[str, Usage] = MappingProxyType({})) -> dict[str, Usage]:
    """What language models took for all rounds, by use, with what came on top."""
    total = dict(own)
    for found in rounds:
        for use, usage in found.usage.items():
            total[use] = total.get(use, Usage()) + usage
    return total


def total_seconds(rounds: Sequence[Retrieval], own: Mapping[str, float] = MappingProxyType({})) -> dict[str, float]:
    """Wall time of all rounds by stage, with what came on top."""
    total = dict(own)
    for found in rounds:
        for stage, seconds in found.seconds.items():
            total[stage] = total.get(stage, 0.0) + seconds
    return total
