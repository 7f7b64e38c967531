"""`hippo mcp` as a process of its own, asked by the client of the SDK."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

QUESTION = "Where was the founder of the company born that built the Iron Bridge?"
START = [sys.executable, "-m", "hippo", "mcp"]


def arguments(passage_id: str) -> dict[str, dict[str, Any]]:
    """A call of every tool."""
    return {
        "search": {"question": QUESTION, "k": 2},
        "get_passage": {"passage_id": passage_id, "before": 1, "after": 1},
        "find_entities": {"name": "smith"},
        "entity_neighbors": {"entity": "Ada Smith"},
        "paths_between": {"source": "Steelworks Smith", "target": "Riga"},
        "index_stats": {},
        "context": {"question": QUESTION, "max_tokens": 100},
        "recall": {"question": QUESTION, "k": 2},
        "remember": {"text": "Eve met Ada Smith.", "session": "s1"},
        "link": {"first": "Ada Smith", "second": "Riga", "kind": "note"},
        "list_links": {"name": "Riga"},
        "unlink": {"first": "Ada Smith", "second": "Riga"},
        "forget": {"ids": ["s1/000000000"]},
        "add_documents": {"documents": [{"id": "new", "text": "Eve lives in Bergen."}]},
        "delete_documents": {"ids": ["new"]},
    }


async def call_every_tool(client: Client) -> None:
    names = [tool.name for tool in (await client.list_tools()).tools]
    first: Any = await client.call_tool("search", {"question": QUESTION})
    calls = arguments(first.structured_content["passages"][0]["passage_id"])
    assert sorted(names) == sorted(calls)
    for name, given in calls.items():
        result: Any = await client.call_tool(name, given)
        assert not result.is_error, (name, result.content)
        assert result.structured_content


async def test_every_tool_over_standard_input_and_output(writable: Path) -> None:
    server = StdioServerParameters(command=START[0], args=[*START[1:], str(writable), "--write"], env={**os.environ})
    async with Client(server) as client:
        await call_every_tool(client)


async def test_nothing_but_the_protocol_on_standard_output(index_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *START,
        str(index_path),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    client = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    messages: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "index_stats", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "none such", "arguments": {}}},
    ]
    assert process.stdin is not None
    assert process.stdout is not None
    lines = []
    for message in messages:
        process.stdin.write(json.dumps(message).encode() + b"\n")
        await process.stdin.drain()
        if "id" in message:
            lines.append(await asyncio.wait_for(process.stdout.readline(), 120))
    process.stdin.close()
    rest = await asyncio.wait_for(process.stdout.read(), 60)
    replies = [json.loads(line) for line in lines]
    assert [(reply["jsonrpc"], reply["id"]) for reply in replies] == [("2.0", 1), ("2.0", 2), ("2.0", 3)]
    assert replies[1]["result"]["structuredContent"]["documents"] == 5
    assert rest == b""
    assert await asyncio.wait_for(process.wait(), 60) == 0


@asynccontextmanager
async def http_server(index: Path, *options: str) -> AsyncIterator[str]:
    """Address of a server over HTTP; it ends at Ctrl-C, without an error."""
    process = await asyncio.create_subprocess_exec(
        *START,
        str(index),
        "--http",
        "--port",
        "0",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), 120)).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/mcp", line)
        assert found, line
        yield found[0]
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert await process.stdout.read() == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_every_tool_over_http(writable: Path) -> None:
    async with http_server(writable, "--write") as address:
        async with Client(address) as client:
            await call_every_tool(client)
        await refuse_strangers(address)


async def refuse_strangers(address: str) -> None:
    """Requests for another host, or from a page of another origin, are refused."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
        stranger = await client.post(address, json=body, headers={"Host": "evil.example"})
        page = await client.post(address, json=body, headers={"Origin": "http://evil.example"})
        large = await client.post(address, content=b"x" * (5 << 20), headers={"Content-Type": "application/json"})
    assert stranger.status_code == 421
    assert page.status_code == 403
    assert large.status_code == 413


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--http", "--host", "0.0.0.0"], "--allow-host NAME"),
        (["--max-tokens", "3"], "max_tokens must be a whole number of at least 50"),
    ],
)
async def test_errors_are_one_line(index_path: Path, options: list[str], message: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *START, str(index_path), *options, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 120)
    assert (process.returncode, out) == (1, b"")
    assert message in err.decode()
