"""Causal language models of `transformers` on this machine, many requests in one batch.

```toml
[llm]
name = "transformers"

[llm.transformers]
model = "Qwen/Qwen3-1.7B"
```
"""

import asyncio
import hashlib
import json
import threading
import time
from collections.abc import AsyncGenerator
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hippo.backends.folder import find_folder
from hippo.backends.llm.causal import CausalModel, Prompt, Written
from hippo.backends.llm.reply import Thinking, without_thinking
from hippo.backends.llm.translate import one_line
from hippo.backends.llm.weights import digest
from hippo.errors import ConfigError, HippoError, LLMRequestError
from hippo.types import Completion, LLMRequest, Usage

__all__ = ["TransformersLLM"]

_WHAT = "language model 'transformers'"
_SORTED = 8  # batches whose requests are sorted by length together, so that little is padded


class TransformersLLM:
    """Asks a local causal model. Requests that wait at the same time are answered together, in a thread of its own.

    Constructing is cheap; the model is found when its fingerprint is asked for and loaded with the first request. Code
    of a model's authors is never run, and weights are read from safetensors only. A request that nobody waits for any
    more is left off. A reply may be cut off where the model's context ends: "length". In float32 and at temperature 0 a
    reply does not depend on what it shares a batch with, up to rounding.

    Args:
        model: Folder, or name on the hub. The model cache is looked at before the hub.
        device: As torch names it; "auto": CUDA where there is one, else MPS, else the CPU.
        dtype: As torch names it; "auto": float32 on a CPU, elsewhere as the weights are stored.
        batch_size: Requests answered together, at least 1.
        max_wait: Seconds that the first request of a batch waits for others, 0 or more.
        temperature: Randomness; 0: always the likeliest token.

    Attributes:
        price: US dollars for a million tokens of input and of output: nothing.
        in_process: Whether it computes in this process: it does.

    Raises:
        ConfigError: An option is out of its range.
    """

    price: tuple[float, float] = (0.0, 0.0)
    in_process = True
    _folder: Path | None
    _loaded: CausalModel | None
    _waiting: "list[_Job]"
    _working: bool
    _arrived: threading.Condition
    _worker: ThreadPoolExecutor

    def __init__(
        self,
        *,
        model: str,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int = 8,
        max_wait: float = 0.02,
        temperature: float = 0.0,
    ) -> None:
        if not model.strip():
            raise ConfigError(_WHAT, "model", "must be a folder or the name of a model, got ''")
        if batch_size < 1:
            raise ConfigError(_WHAT, "batch_size", f"must be at least 1, got {batch_size}")
        for name, value, most in (("max_wait", max_wait, 60.0), ("temperature", temperature, 10.0)):
            if not 0 <= value <= most:
                raise ConfigError(_WHAT, name, f"must be in [0, {most:g}], got {value}")
        self._model = model
        self._device = device
        self._dtype = dtype
        self._batch_size = batch_size
        self._max_wait = max_wait
        self._temperature = temperature
        self._start()

    @property
    def model(self) -> str:
        """Name or folder of the model."""
        return self._model

    @cached_property
    def fingerprint(self) -> str:
        """The model's name, and a hash of its files, temperature and precision; not device and batches.

        The files are read once.

        Raises:
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
        """
        settings = json.dumps([digest(self._found()), self._temperature, self._dtype])
        return f"transformers:{Path(self._model).name}:{hashlib.sha256(settings.encode()).hexdigest()[:16]}"

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply to a request. See `hippo.protocols.LLM`.

        Raises:
            LLMRequestError: The request leaves no room for a reply in the model's context, or the model failed at it.
            ModelNotFoundError: The model is not on this machine and cannot be fetched.
            MissingExtraError: torch or transformers is not installed.
        """
        return await asyncio.wrap_future(self._put(_Job(request)))

    async def stream(self, request: LLMRequest) -> AsyncGenerator[str | Completion, None]:
        """The reply in pieces, then as a whole; written alone. See `hippo.protocols.StreamingLLM` and `complete`."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()
        job = _Job(request, lambda piece: _tell(loop, pieces, piece))
        job.done.add_done_callback(lambda _: _tell(loop, pieces, None))
        self._put(job)
        thinking = Thinking()
        try:
            while (piece := await pieces.get()) is not None:
                if shown := thinking.feed(piece):
                    yield shown
            completion = job.done.result()
        finally:
            job.done.cancel()
        if rest := thinking.end():
            yield rest
        yield completion

    def _put(self, job: "_Job") -> "Future[Completion]":
        with self._arrived:
            self._waiting.append(job)
            self._arrived.notify()
            if not self._working:
                self._working = True
                self._worker.submit(self._work)
        return job.done

    def _work(self) -> None:
        """Answer what waits, until nothing does."""
        while jobs := self._take():
            for batch in _batches(self._prepared(jobs), self._batch_size):
                self._answer(batch)

    def _take(self) -> "list[_Job]":
        """Jobs that wait, after giving others a moment to join them."""
        with self._arrived:
            end = time.monotonic() + self._max_wait
            while 0 < len(self._waiting) < self._batch_size and (left := end - time.monotonic()) > 0:
                self._arrived.wait(left)
            taken = self._waiting[: self._batch_size * _SORTED]
            del self._waiting[: len(taken)]
            self._working = bool(taken)
            return taken

    def _prepared(self, jobs: "list[_Job]") -> "list[_Job]":
        """Jobs with their prompts, without those that cannot be answered, shortest first."""
        ready = []
        for job in jobs:
            if not job.wanted():
                continue
            try:
                job.prompt = self._loaded_model().prompt(job.request, job.wanted)
                ready.append(job)
            except Exception as error:
                job.fail(self._translated(error))
        return sorted(ready, key=lambda job: len(job.prompt.tokens))

    def _answer(self, batch: "list[_Job]") -> None:
        try:
            model = self._loaded_model()
            listener = _listener(model.tokenizer, batch[0].tell) if batch[0].tell else None
            written = model.write([job.prompt for job in batch], listener)
        except Exception as error:
            for job in batch:
                job.fail(self._translated(error))
            return
        for job, reply in zip(batch, written, strict=True):
            job.succeed(reply)

    def _translated(self, error: Exception) -> HippoError:
        if isinstance(error, HippoError):
            return error
        problem = LLMRequestError(self._model, f"{type(error).__name__}: {one_line(str(error))}")
        problem.__cause__ = error
        return problem

    def _loaded_model(self) -> CausalModel:
        if self._loaded is None:
            self._loaded = CausalModel(
                self._model, self._found(), device=self._device, dtype=self._dtype, temperature=self._temperature
            )
        return self._loaded

    def _found(self) -> Path:
        if self._folder is None:
            self._folder = find_folder(self._model).path
        return self._folder

    def _start(self) -> None:
        self._folder = None
        self._loaded = None
        self._waiting = []
        self._working = False
        self._arrived = threading.Condition()
        self._worker = ThreadPoolExecutor(1, "hippo-transformers")

    def __getstate__(self) -> dict[str, Any]:
        options = ("_model", "_device", "_dtype", "_batch_size", "_max_wait", "_temperature")
        return {name: self.__dict__[name] for name in options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._start()


@dataclass(eq=False)
class _Job:
    """A request on its way to the model. `tell` is given pieces of the reply as they come."""

    request: LLMRequest
    tell: Any = None
    prompt: Prompt = field(default_factory=lambda: Prompt((), 1))
    done: "Future[Completion]" = field(default_factory=Future)

    def wanted(self) -> bool:
        return not self.done.cancelled()

    def succeed(self, reply: Written) -> None:
        usage = Usage(requests=1, input_tokens=len(self.prompt.tokens), output_tokens=reply.tokens)
        finish: Any = "stop" if reply.complete else "length"
        with suppress(InvalidStateError):  # cancelled meanwhile
            self.done.set_result(Completion(without_thinking(reply.text), finish, usage))

    def fail(self, error: HippoError) -> None:
        with suppress(InvalidStateError):
            self.done.set_exception(error)


def _batches(jobs: list[_Job], size: int) -> list[list[_Job]]:
    """Jobs in batches, those that are streamed alone."""
    alone = [[job] for job in jobs if job.tell is not None]
    together = [job for job in jobs if job.tell is None]
    return alone + [together[start : start + size] for start in range(0, len(together), size)]


def _listener(tokenizer: Any, tell: Any) -> Any:
    """What `generate` hands each new token to, and what passes the text on."""
    from transformers import TextStreamer

    class Listener(TextStreamer):  # type: ignore[misc]  # the base class is untyped
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002
            if text:
                tell(text)

    return Listener(tokenizer, skip_prompt=True, skip_special_tokens=True)


def _tell(loop: asyncio.AbstractEventLoop, pieces: "asyncio.Queue[str | None]", piece: str | None) -> None:
    with suppress(RuntimeError):  # the listener's loop has ended
        loop.call_soon_threadsafe(pieces.put_nowait, piece)
