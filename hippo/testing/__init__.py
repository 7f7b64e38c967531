"""For tests of code that uses hippo, and of back-ends written for it: real small back-ends and conformance suites.

The suites need pytest, the server Starlette and uvicorn; nothing is imported before it is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hippo.testing.encoders import EncoderConformance
    from hippo.testing.faults import Faults
    from hippo.testing.hashing import HashingEncoder
    from hippo.testing.llms import FactFilterConformance, LLMConformance
    from hippo.testing.pagerank import PageRankConformance
    from hippo.testing.rerankers import RerankerConformance
    from hippo.testing.responder import respond
    from hippo.testing.scripted import ScriptedLLM
    from hippo.testing.server import LLMServer
    from hippo.testing.server_stats import RequestStats, ServerStats
    from hippo.testing.vectors import VectorIndexConformance

__all__ = [
    "EncoderConformance",
    "FactFilterConformance",
    "Faults",
    "HashingEncoder",
    "LLMConformance",
    "LLMServer",
    "PageRankConformance",
    "RequestStats",
    "RerankerConformance",
    "ScriptedLLM",
    "ServerStats",
    "VectorIndexConformance",
    "respond",
]

_MODULES = {
    "EncoderConformance": "hippo.testing.encoders",
    "FactFilterConformance": "hippo.testing.llms",
    "Faults": "hippo.testing.faults",
    "HashingEncoder": "hippo.testing.hashing",
    "LLMConformance": "hippo.testing.llms",
    "LLMServer": "hippo.testing.server",
    "PageRankConformance": "hippo.testing.pagerank",
    "RequestStats": "hippo.testing.server_stats",
    "RerankerConformance": "hippo.testing.rerankers",
    "ScriptedLLM": "hippo.testing.scripted",
    "ServerStats": "hippo.testing.server_stats",
    "VectorIndexConformance": "hippo.testing.vectors",
    "respond": "hippo.testing.responder",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
