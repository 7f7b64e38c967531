from collections.abc import Iterator

import pytest

from hippo.testing import LLMServer
from hippo.types import LLMRequest


def echo(request: LLMRequest) -> str:
    """Eight words that hold the last one of the question."""
    return f"this is what I say to you: {request.messages[-1].content.split()[-1]}"


@pytest.fixture(scope="session")
def _running() -> Iterator[LLMServer]:
    with LLMServer(respond=echo) as running:
        yield running


@pytest.fixture
def server(_running: LLMServer) -> LLMServer:
    """A server that answers at once and fails when told to; its counters are at 0."""
    _running.reset()
    _running.faults = None
    return _running
