"""For tests of code that uses hippo, and of back-ends written for it: real small back-ends and conformance suites.

The suites need pytest; nothing is imported before it is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hippo.testing.encoders import EncoderConformance
    from hippo.testing.hashing import HashingEncoder
    from hippo.testing.pagerank import PageRankConformance
    from hippo.testing.vectors import VectorIndexConformance

__all__ = ["EncoderConformance", "HashingEncoder", "PageRankConformance", "VectorIndexConformance"]

_MODULES = {
    "EncoderConformance": "hippo.testing.encoders",
    "HashingEncoder": "hippo.testing.hashing",
    "PageRankConformance": "hippo.testing.pagerank",
    "VectorIndexConformance": "hippo.testing.vectors",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
