"""What fails a passage, what ends a run, and options that an extractor refuses."""

import asyncio
import json
import re
import time
from collections.abc import Callable

import pytest

from hippo.errors import (
    ConfigError,
    LLMBudgetError,
    LLMRefusedError,
    LLMReplyError,
    LLMRequestError,
    LLMUnavailableError,
)
from hippo.extraction.llm import LLMExtractor
from hippo.types import Chunk, Completion, Extraction, ExtractionFailure, LLMRequest


class Model:
    """Finds that Ada met Cleo; answers about a passage with Bob by an error. Counts the requests under way."""

    fingerprint = "tests/model"
    model = "small"

    def __init__(self, error: Exception, wait: Callable[[], float] = lambda: 0.0) -> None:
        self.error = error
        self.wait = wait
        self.under_way = 0

    async def complete(self, request: LLMRequest) -> Completion:
        bad = "Ada met Bob." in request.messages[-1].content
        self.under_way += 1
        try:
            await asyncio.sleep(0.0 if bad else self.wait())
        finally:
            self.under_way -= 1
        if bad:
            raise self.error
        lists = {"entities": ["Ada", "Cleo"], "triples": [["Ada", "met", "Cleo"]]}
        return Completion(json.dumps({key: lists[key] for key in request.schema["required"]}))


def chunk_of(text: str) -> Chunk:
    return Chunk("c", "d", 0, text, 0, len(text))


@pytest.mark.parametrize(
    "error",
    [
        LLMUnavailableError("small", "overloaded", None),
        LLMRequestError("small", "too long"),
        LLMReplyError("small", "reply", "empty"),
    ],
)
def test_a_request_that_fails_fails_its_chunk_alone(error: Exception) -> None:
    bad, good = LLMExtractor(Model(error)).extract([chunk_of("Ada met Bob."), chunk_of("Ada met Cleo.")])
    assert isinstance(bad, ExtractionFailure)
    assert bad.reason == str(error)
    assert isinstance(good, Extraction)
    assert [fact.text for fact in good.facts] == ["Ada met Cleo"]


@pytest.mark.parametrize(
    "error", [LLMRefusedError("small", "bad key", "Set another"), LLMBudgetError("extraction", 2.0, 1.0)]
)
def test_what_fails_every_request_ends_the_run(error: Exception) -> None:
    model = Model(error)
    with pytest.raises(type(error), match=re.escape(str(error))):
        LLMExtractor(model).extract([chunk_of("Ada met Cleo."), chunk_of("Ada met Bob.")])
    assert model.under_way == 0


def test_the_end_of_the_run_does_not_wait_for_other_requests() -> None:
    model = Model(LLMRefusedError("small", "bad key", "Set another"), wait=lambda: 60.0)
    start = time.perf_counter()
    with pytest.raises(LLMRefusedError):
        LLMExtractor(model).extract([chunk_of("Ada met Cleo."), chunk_of("Ada met Bob.")])
    assert time.perf_counter() - start < 30
    assert model.under_way == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"calls": 3}, "calls: must be 1 or 2, got 3"),
        ({"entity_tokens": 0}, "entity_tokens: must be at least 1, got 0"),
        ({"triple_tokens": -1}, "triple_tokens: must be at least 1, got -1"),
        ({"repairs": -1}, "repairs: must be at least 0, got -1"),
        ({"max_depth": -1}, "max_depth: must be at least 0, got -1"),
    ],
)
def test_numbers_out_of_range_are_errors(options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        LLMExtractor(Model(LLMRequestError()), **options)
