"""How documents that consolidation made are told from those of users."""

from collections.abc import Mapping
from typing import Any

__all__ = ["derived_kind"]


def derived_kind(metadata: Mapping[str, Any]) -> str | None:
    """Kind of a derived document; None: it is none, even if its metadata have a key `derived` of their own.

    Examples:
        >>> derived_kind({"derived": "gist", "sources": ["a"], "passages": ["p"]})
        'gist'
        >>> derived_kind({"derived": "gist"}) is None
        True
    """
    kind = metadata.get("derived")
    made = isinstance(metadata.get("sources"), list) and isinstance(metadata.get("passages"), list)
    return kind if made and isinstance(kind, str) else None
