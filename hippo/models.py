"""The language models of one memory: made when first needed, shared by its uses."""

import threading
from pathlib import Path

from hippo.config import Config
from hippo.llm import REPLIES_FILE, Caller, Replies
from hippo.parts import make_filter, make_llm
from hippo.protocols import LLM, FactFilter
from hippo.types import Usage

__all__ = ["Models"]


class Models:
    """Language models and what is made of them.

    Args:
        config: The configuration.
        root: Folder of the index, which keeps the replies.
        llm: A language model for every use; None: those of the configuration.
    """

    def __init__(self, config: Config, root: Path, llm: LLM | None = None) -> None:
        self._config = config
        self._given = llm
        self._replies = Replies(root / REPLIES_FILE)
        self._lock = threading.RLock()
        self._models: dict[str, LLM] = {}
        self._callers: dict[str, Caller] = {}
        self._runs: list[tuple[str, Caller]] = []
        self._filters: dict[str, FactFilter | None] = {}

    def caller(self, use: str) -> Caller:
        """The model for a use, with its limits and what it has taken so far; the same one at every call.

        Raises:
            ConfigError: No language model is configured.
        """
        with self._lock:
            if use not in self._callers:
                self._callers[use] = self._new_caller(use)
            return self._callers[use]

    def caller_of_run(self, use: str) -> Caller:
        """The model for one run of a use, with a limit on spending of its own."""
        caller = self._new_caller(use)
        with self._lock:
            self._runs.append((use, caller))
        return caller

    def _new_caller(self, use: str) -> Caller:
        return Caller(self._model(use), self._config.llm, use=use, replies=self._replies)

    def filter(self, name: str) -> FactFilter | None:
        """The fact filter of a name; None for "none"."""
        with self._lock:
            if name not in self._filters:
                self._filters[name] = make_filter(self._config, name, lambda: self.caller("recognition"))
            return self._filters[name]

    def usage(self) -> dict[str, Usage]:
        """What has been taken so far, by use."""
        total: dict[str, Usage] = {}
        with self._lock:
            for use, caller in [*self._callers.items(), *self._runs]:
                total[use] = total.get(use, Usage()) + caller.usage
        return dict(sorted(total.items()))

    def close(self) -> None:
        """Close the cache."""
        self._replies.close()

    def _model(self, use: str) -> LLM:
        if self._given is not None:
            return self._given
        settings = self._config.llm.of(use)
        key = f"{settings.name} {sorted((name, sorted(values.items())) for name, values in settings.options.items())}"
        with self._lock:
            if key not in self._models:
                self._models[key] = make_llm(self._config, use)
            return self._models[key]
