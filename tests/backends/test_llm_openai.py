"""The OpenAI-compatible back-end against a server here: how it is made, what it sends, replies and streams."""

import asyncio
import gc
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest

from hippo.backends.llm.openai import OpenAILLM
from hippo.errors import ConfigError, LLMError, LLMRefusedError, LLMUnavailableError
from hippo.protocols import LLM, StreamingLLM
from hippo.registry import create
from hippo.testing.server import LLMServer
from hippo.types import Completion, LLMRequest, Message, Usage

pytest.importorskip("openai", reason="openai is not installed")
pytest.importorskip("uvicorn", reason="uvicorn is not installed")


def ask(text: str = "Say hello as JSON.", schema: dict[str, Any] | None = None, max_tokens: int = 50) -> LLMRequest:
    return LLMRequest((Message("system", "Be brief."), Message("user", text)), max_tokens, "test/1", schema)


def reply(text: str | None = "Hello", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": more.pop("finish", "stop"), "message": {"content": text, **more}}
    return {"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 3}}


def error(message: str, code: str | None = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, "type": "error", **more}}


def answer(llm: OpenAILLM, request: LLMRequest | None = None) -> Completion:
    return asyncio.run(llm.complete(request or ask()))


def listen(llm: OpenAILLM, request: LLMRequest | None = None) -> list[str | Completion]:
    async def items() -> list[str | Completion]:
        return [item async for item in llm.stream(request or ask())]

    return asyncio.run(items())


def event(piece: str = "", finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": finish}], **more}


class TestReplies:
    def test_is_a_language_model(self) -> None:
        llm = OpenAILLM(model="small", base_url="http://localhost:1/v1")
        assert isinstance(llm, LLM)
        assert isinstance(llm, StreamingLLM)
        assert llm.model == "small"

    def test_answers_and_counts(self) -> None:
        with LLMServer(respond=lambda request: request.messages[-1].content.upper()) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)
            completion = answer(llm, ask("three short words"))
        assert completion.text == "THREE SHORT WORDS"
        assert completion.finish == "stop"
        assert completion.usage == Usage(requests=1, input_tokens=server.stats().input_tokens, output_tokens=3)

    def test_sends_what_it_was_made_with(self, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OTHER_KEY", "letmein")
        scene.says(reply())
        options = {"model": "small", "base_url": scene.url, "seed": 7, "reasoning_effort": "low"}
        llm = create("llm", "openai", api_key_env="OTHER_KEY", extra={"top_p": 0.5}, **options)
        answer(llm, ask("a\ud800b"))
        assert scene.bodies == [
            {
                "model": "small",
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a?b"}],
                "max_tokens": 50,
                "temperature": 0.0,
                "seed": 7,
                "reasoning_effort": "low",
                "top_p": 0.5,
            }
        ]
        assert scene.headers[0]["authorization"] == "Bearer letmein"

    def test_speaks_to_azure(self, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "blue")
        scene.says(reply())
        where = scene.url.removesuffix("/v1")
        llm = OpenAILLM(model="mine", azure_endpoint=where, azure_api_version="2024-10-21")
        assert answer(llm).text == "Hello"
        assert scene.paths == ["/openai/deployments/mine/chat/completions?api-version=2024-10-21"]
        assert scene.headers[0]["api-key"] == "blue"
        assert scene.bodies[0]["max_completion_tokens"] == 50

    @pytest.mark.parametrize(
        ("body", "text", "finish"),
        [
            (reply("<think>hm</think>\n\nParis"), "Paris", "stop"),
            (reply("Par", finish="length"), "Par", "length"),
            (reply("", finish="content_filter"), "", "filtered"),
            (reply(None, refusal="I cannot."), "", "filtered"),
            (reply(None, finish="length"), "", "length"),
            (reply([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), "ab", "stop"),  # type: ignore[arg-type]
            (reply("Hello", finish="eos"), "Hello", "stop"),
        ],
    )
    def test_reads_every_shape(self, scene: Any, body: Any, text: str, finish: str) -> None:
        scene.says(body)
        completion = answer(OpenAILLM(model="small", base_url=scene.url))
        assert (completion.text, completion.finish) == (text, finish)
        assert completion.usage == Usage(requests=1, input_tokens=11, output_tokens=3)

    @pytest.mark.parametrize("usage", [None, {}, "many", {"prompt_tokens": None, "completion_tokens": -1}])
    def test_estimates_tokens_that_are_not_counted(self, scene: Any, usage: Any) -> None:
        scene.says({**reply("twelve bytes"), "usage": usage})
        assert answer(OpenAILLM(model="small", base_url=scene.url)).usage == Usage(
            requests=1, input_tokens=3 + 5 + 8, output_tokens=3
        )

    def test_many_at_once_share_a_client(self) -> None:
        with LLMServer(respond=lambda request: request.messages[-1].content, latency=0.05) as server:
            llm = OpenAILLM(model="small", base_url=server.base_url)

            async def all_of_them() -> list[Completion]:
                return await asyncio.gather(*(llm.complete(ask(f"number {n}")) for n in range(40)))

            for _ in range(2):  # another loop each
                assert [item.text for item in asyncio.run(all_of_them())] == [f"number {n}" for n in range(40)]
            assert server.stats().most_at_once > 20


class TestStreams:
    def test_comes_in_pieces_then_whole(self) -> None:
        with LLMServer(respond=lambda _: "one two three four") as server:
            items = listen(OpenAILLM(model="small", base_url=server.base_url))
            stats = server.stats()
        *pieces, last = items
        assert len(pieces) > 1
        assert isinstance(last, Completion)
        assert "".join(map(str, pieces)) == last.text == "one two three four"
        assert last.usage == Usage(requests=1, input_tokens=stats.input_tokens, output_tokens=4)

    def test_leaves_thinking_out(self, scene: Any) -> None:
        scene.streams(event("<thi"), event("nk>hm"), event("</think>\n"), event("\nPa"), event("ris", "stop"), "[DONE]")
        assert listen(OpenAILLM(model="small", base_url=scene.url))[:-1] == ["Pa", "ris"]

    def test_an_unfinished_stream_is_no_reply(self, scene: Any) -> None:
        scene.streams(event("half a"))
        with pytest.raises(LLMUnavailableError, match="its stream ended before the reply did"):
            listen(OpenAILLM(model="small", base_url=scene.url))

    @pytest.mark.parametrize("said", [error("overloaded", code="server_error"), {"error": {"message": "overloaded"}}])
    def test_an_error_in_the_middle(self, scene: Any, said: Any) -> None:
        scene.streams(event("half a"), said)
        with pytest.raises(LLMUnavailableError, match="overloaded"):
            listen(OpenAILLM(model="small", base_url=scene.url))

    def test_usage_where_the_server_can(self, scene: Any) -> None:
        def say(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
            if "stream_options" in body:
                return 400, {}, json.dumps(error("Unknown parameter: 'stream_options'")).encode()
            return 200, {"content-type": "text/event-stream"}, f"data: {json.dumps(event('Hi', 'stop'))}\n\n".encode()

        scene.say = say
        llm = OpenAILLM(model="small", base_url=scene.url)
        *pieces, last = listen(llm)
        assert pieces == ["Hi"]
        assert isinstance(last, Completion)
        assert last.usage.output_tokens == 1
        assert llm.adapted == ("no stream_options",)

    def test_may_be_left_early(self) -> None:
        async def first(llm: OpenAILLM) -> object:
            items = llm.stream(ask())
            found = await anext(items)
            await items.aclose()
            return found

        with LLMServer(respond=lambda _: "one two three four") as server:
            assert isinstance(asyncio.run(first(OpenAILLM(model="small", base_url=server.base_url))), str)


class TestConstruction:
    def test_wants_a_key_where_one_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(LLMRefusedError, match=r"OPENAI_API_KEY is not set\. Set OPENAI_API_KEY"):
            OpenAILLM(model="gpt-4o-mini")
        with pytest.raises(LLMRefusedError, match="AZURE_OPENAI_API_KEY"):
            OpenAILLM(model="mine", azure_endpoint="https://me.openai.azure.com", azure_api_version="2024-10-21")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
        assert OpenAILLM(model="gpt-4o-mini").fingerprint.startswith("openai:https://api.openai.com/v1:gpt-4o-mini:")

    @pytest.mark.parametrize(
        ("options", "part"),
        [
            ({"model": " "}, "must be the name of a model"),
            ({"temperature": 3.0}, "must be in [0, 2], got 3.0"),
            ({"timeout": 0.0}, "must be above 0"),
            ({"structured": "yes"}, "must be auto, json_schema, json_object or off"),
            ({"base_url": "http://me:pass@host/v1"}, "must not hold a user or password"),
            ({"base_url": "localhost:8000"}, "must be an address like"),
            ({"base_url": "http://h:99999/v1"}, "must be an address like"),
            ({"base_url": "http://h/v1", "azure_endpoint": "http://h"}, "only one of them"),
            ({"azure_endpoint": "http://h"}, "azure_api_version"),
        ],
    )
    def test_refuses_options(self, options: dict[str, Any], part: str) -> None:
        with pytest.raises(ConfigError) as caught:
            OpenAILLM(**{"model": "small", **options})
        assert part in str(caught.value)
        assert "pass@" not in str(caught.value)

    def test_fingerprint_is_of_what_makes_the_reply(self) -> None:
        def made(**options: Any) -> str:
            return OpenAILLM(**{"model": "small", "base_url": "http://h/v1", **options}).fingerprint

        same = [made(), made(timeout=5.0), made(base_url="http://h/v1/"), made(base_url="http://h/v1?key=secret")]
        assert len(set(same)) == 1
        other = [{"model": "m"}, {"base_url": "http://g/v1"}, {"temperature": 1.0}, {"seed": 1}, {"structured": "off"}]
        assert len({made(), *(made(**options) for options in [*other, {"extra": {"a": 1}}])}) == 7

    def test_takes_the_address_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
        assert "127.0.0.1" in OpenAILLM(model="small").fingerprint

    def test_can_be_pickled(self, scene: Any) -> None:
        scene.says(reply())
        llm = OpenAILLM(model="small", base_url=scene.url)
        answer(llm)
        copy = pickle.loads(pickle.dumps(llm))
        assert copy.fingerprint == llm.fingerprint
        assert answer(copy).text == "Hello"

    def test_takes_a_client(self, scene: Any) -> None:
        from openai import AsyncOpenAI

        async def asked() -> LLMError:
            async with AsyncOpenAI(api_key="k", base_url=scene.url) as client:
                with pytest.raises(LLMUnavailableError) as caught:
                    await OpenAILLM(model="small", client=client).complete(ask())
                return caught.value

        scene.says(error("slow down"), 429)
        assert "slow down" in str(asyncio.run(asked()))
        assert len(scene.bodies) == 1


class TestConnections:
    def test_close_when_the_model_goes(self, scene: Any) -> None:
        from hippo import background

        scene.says(reply())
        llm = OpenAILLM(model="small", base_url=scene.url)
        assert background.run(llm.complete(ask())).text == "Hello"
        connected = background.run(llm._connected())
        assert not connected.is_closed()
        del llm
        gc.collect()
        background.run(asyncio.sleep(0.05))
        assert connected.is_closed()

    def test_a_program_ends_quietly(self, scene: Any) -> None:
        scene.says(reply())
        program = (
            "from hippo import background\n"
            "from hippo.backends.llm.openai import OpenAILLM\n"
            "from hippo.types import LLMRequest, Message\n"
            f"llm = OpenAILLM(model='small', base_url={scene.url!r})\n"
            "print(background.run(llm.complete(LLMRequest((Message('user', 'Hi'),), 9, 'test'))).text)\n"
        )
        done = subprocess.run(
            [sys.executable, "-W", "always::ResourceWarning", "-c", program], capture_output=True, text=True, check=True
        )
        assert (done.stdout, done.stderr) == ("Hello\n", "")
