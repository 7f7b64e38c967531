"""The server keeps to the schema that it shows: schemathesis makes requests from it, fitting ones and others."""

from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
]


OPERATIONS = 26


@pytest.mark.timeout(900)
def test_the_schema_is_kept(server: Any) -> None:
    try_all(server, GenerationMode.POSITIVE, 2)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_schema_is_kept_by_many_requests(server: Any, mode: GenerationMode) -> None:
    try_all(server, mode, 10)


def try_all(server: Any, mode: GenerationMode, examples: int) -> None:
    """Send requests of one kind to every operation."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == OPERATIONS
    for operation in operations:
        try_out(operation, mode, examples)
    assert server.is_healthy()


def try_out(operation: Any, mode: GenerationMode, examples: int) -> None:
    """Send requests of one kind, and check what comes back."""

    @settings(max_examples=examples, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    with suppress(Unsatisfiable):  # What has no parameters cannot be asked in a wrong way.
        send()


def test_every_operation_has_an_example_or_no_body(server: Any) -> None:
    told = server.client.get("/openapi.json").json()
    assert {path for path in told["paths"] if not path.endswith("}")} == {
        "/retrieve",
        "/retrieve_many",
        "/ask",
        "/documents",
        "/documents/delete",
        "/remember",
        "/recall",
        "/forget",
        "/merge",
        "/consolidate",
        "/prune",
        "/links",
        "/context",
        "/links/delete",
        "/status",
        "/health",
        "/ready",
        "/metrics",
        "/v1/models",
        "/v1/chat/completions",
    }
    for path, methods in told["paths"].items():
        for operation in methods.values():
            if "requestBody" in operation:
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                properties = told["components"]["schemas"][name]["properties"].values()
                assert any("examples" in one or "$ref" in one.get("items", {}) for one in properties), path
    assert server.is_healthy()
