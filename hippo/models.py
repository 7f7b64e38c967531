"""The language models of one memory, its fact filters and re-rankers: made when first needed, shared by their uses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hippo.config import Config, LLMConfig
from hippo.parts import NONE, make_filter, make_llm, make_reranker
from hippo.protocols import LLM, FactFilter, Reranker
from hippo.types import Usage

if TYPE_CHECKING:
    from hippo.llm import Caller, Replies
    from hippo.llm.limits import Limits

__all__ = ["Models"]

_inherited: list["Models"] = []
"""Those of a parent process, whose open files a child must not close."""


class Models:
    """Language models and what is made of them.

    Uses that ask one model, with equal limits, share these: its provider counts their requests together.

    Args:
        config: The configuration.
        root: Folder of the index, which keeps the replies.
        llm: A language model for every use; None: those of the configuration.
        fact_filter: The filter where a profile names none; None: that of the configuration.
        reranker: The same of the re-ranker.
    """

    def __init__(
        self,
        config: Config,
        root: Path,
        llm: LLM | None = None,
        fact_filter: FactFilter | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._config = config
        self._root = root
        self._given = llm
        self._given_filter = fact_filter
        self._given_reranker = reranker
        self._lock = threading.RLock()
        self._replies: Replies | None = None
        self._models: dict[str, LLM] = {}
        self._limits: dict[tuple[object, ...], Limits] = {}
        self._filters: dict[str, FactFilter | None] = {}
        self._rerankers: dict[str, Reranker | None] = {}
        self._callers: dict[str, Caller] = {}
        self._runs: list[tuple[str, Caller]] = []
        self._ended: list[tuple[str, Caller]] = []
        self._settled: dict[str, Usage] = {}

    def caller(self, use: str) -> "Caller":
        """The model for a use, with its limits and what it has taken so far; the same one at every call.

        Raises:
            ConfigError: No language model is configured.
        """
        with self._lock:
            if use not in self._callers:
                self._callers[use] = self._new_caller(use, self._model(use))
            return self._callers[use]

    @contextmanager
    def caller_of_run(self, use: str, own: LLM | None = None) -> "Iterator[Caller]":
        """The model for one run of a use, with a limit on spending of its own.

        Args:
            use: What it is asked for.
            own: The model that whoever asks has brought along; None: that of the configuration. A `Caller` is asked as
                it is, and what it takes stands in its own books alone.
        """
        from hippo.llm import Caller

        if isinstance(own, Caller):
            yield own
            return
        run = (use, self._new_caller(use, self._model(use) if own is None else own))
        with self._lock:
            # What was cancelled as a run ended is counted a little later, so runs are settled when the next begins.
            self._settled, self._ended = self._sum(self._ended), []
            self._runs.append(run)
        try:
            yield run[1]
        finally:
            with self._lock:
                self._runs.remove(run)
                self._ended.append(run)

    def filter(self, name: str | None) -> FactFilter | None:
        """The fact filter that a profile names, or the usual one if it names none; None: there is none."""
        if name is None and self._given_filter is not None:
            return self._given_filter
        name = name or self._config.recognition.name
        with self._lock:
            if name not in self._filters:
                self._filters[name] = make_filter(self._config, name, lambda: self.caller("recognition"))
            return self._filters[name]

    def has_filter(self, name: str | None) -> bool:
        """Whether there is a fact filter where a profile names this one, without making it."""
        return (name is None and self._given_filter is not None) or (name or self._config.recognition.name) != NONE

    def reranker(self, name: str | None) -> Reranker | None:
        """The re-ranker that a profile names, or the usual one if it names none; None: there is none."""
        if name is None and self._given_reranker is not None:
            return self._given_reranker
        name = name or self._config.reranking.name
        with self._lock:
            if name not in self._rerankers:
                self._rerankers[name] = make_reranker(self._config, name)
            return self._rerankers[name]

    def usage(self) -> dict[str, Usage]:
        """What has been taken so far, by use."""
        with self._lock:
            return dict(sorted(self._sum([*self._callers.items(), *self._runs, *self._ended]).items()))

    def _sum(self, callers: "list[tuple[str, Caller]]") -> dict[str, Usage]:
        """What some callers have taken, and what is settled."""
        total = dict(self._settled)
        for use, caller in callers:
            total[use] = total.get(use, Usage()) + caller.usage
        return total

    def close(self) -> None:
        """Close the cache."""
        if self._replies is not None:
            self._replies.close()

    def in_child(self) -> "Models":
        """Those of a forked process: nothing is taken or under way yet, and no thread of the parent holds a lock."""
        _inherited.append(self)
        return Models(self._config, self._root, self._given, self._given_filter, self._given_reranker)

    def _new_caller(self, use: str, model: LLM) -> "Caller":
        from hippo.llm import REPLIES_FILE, Caller, Replies

        with self._lock:
            if self._replies is None:
                self._replies = Replies(self._root / REPLIES_FILE)
            limits = self._limits_of(model, self._config.llm.of(use))
            return Caller(model, self._config.llm, use=use, replies=self._replies, limits=limits)

    def _limits_of(self, model: LLM, settings: LLMConfig) -> "Limits":
        from hippo.llm.limits import Limits

        key = (model.fingerprint, settings.concurrency, settings.requests_per_minute, settings.tokens_per_minute)
        if key not in self._limits:
            self._limits[key] = Limits(settings)
        return self._limits[key]

    def _model(self, use: str) -> LLM:
        if self._given is not None:
            return self._given
        settings = self._config.llm.of(use)
        key = f"{settings.name} {sorted((name, sorted(values.items())) for name, values in settings.options.items())}"
        with self._lock:
            if key not in self._models:
                self._models[key] = make_llm(self._config, use)
            return self._models[key]
