"""Order of ranked passages some of which newer ones replace."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

__all__ = ["newest_first"]

Key = TypeVar("Key", bound=Hashable)


def newest_first(order: Sequence[Key], newer: Mapping[Key, Key]) -> list[Key]:
    """Passages in their order, but each after the one that replaces it, which then comes right before it.

    Args:
        order: Passages, best first.
        newer: By passage, the newer one that replaces it: from `hippo.retrieval.replaced.replacements`.

    Examples:
        >>> newest_first([7, 5, 3], {7: 3})
        [3, 7, 5]
    """
    placed: dict[Key, None] = {}
    for row in order:
        chain = [row]
        while (after := newer.get(chain[-1])) is not None and after not in placed:
            chain.append(after)
        placed.update(dict.fromkeys(reversed(chain)))
    return list(placed)
