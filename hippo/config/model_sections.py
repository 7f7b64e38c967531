"""The settings of language models and of what they, and models that read pairs of texts, are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from hippo.config.options import checked, options
from hippo.redact import redacted

__all__ = ["USES", "LLMConfig", "ReaderConfig", "RecognitionConfig", "RerankingConfig"]

USES = ("extraction", "recognition", "reader")
"""What language models are asked for."""


@dataclass(frozen=True, slots=True)
class LLMConfig:
    """Which language model extracts, filters and reads, and within which limits.

    Attributes:
        name: Name of a language model back-end, or "none". `NAME:MODEL` gives its model.
        concurrency: Requests under way at a time.
        requests_per_minute: Most requests begun in a minute; 0: no limit.
        tokens_per_minute: Most tokens sent and received in a minute; 0: no limit.
        timeout: Seconds that one attempt may take; of a reply in pieces, seconds until the next piece.
        attempts: How often a request is tried before it counts as failed.
        max_cost: US dollars that one use may spend in one run, what may be charged for without a reply included; not
            set: no limit.
        input_price: US dollars for a million input tokens; not set: looked up by the model's name.
        output_price: The same for output tokens.
        cache: Whether replies are kept in the index, so that none is paid for twice.
        batch: Whether indexing sends its requests as a provider's batch, at half the price and within a day.
        uses: Other values of these keys for one use, "extraction", "recognition" or "reader":
            `{"reader": {"max_cost": 1.0}}`; in TOML `[llm.uses.reader]`.
        options: Keywords of each back-end, by its name: `{"openai": {"base_url": "http://localhost:8000/v1"}}`.
    """

    name: str = "none"
    concurrency: int = 16
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    timeout: float = 120.0
    attempts: int = 8
    max_cost: float | None = None
    input_price: float | None = None
    output_price: float | None = None
    cache: bool = True
    batch: bool = False
    uses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options(self.options))
        object.__setattr__(self, "uses", options(self.uses))
        for name in ("concurrency", "attempts"):
            checked(getattr(self, name) >= 1, f"llm.{name}", f"must be at least 1, got {getattr(self, name)}")
        for name in ("requests_per_minute", "tokens_per_minute"):
            checked(getattr(self, name) >= 0, f"llm.{name}", f"must be 0 or more, got {getattr(self, name)}")
        checked(0 < self.timeout < float("inf"), "llm.timeout", f"must be above 0, got {self.timeout}")
        for name in ("max_cost", "input_price", "output_price"):
            value = getattr(self, name)
            checked(value is None or value >= 0, f"llm.{name}", f"must be 0 or more, got {value}")
        known = [item.name for item in fields(self) if item.name not in ("uses", "batch")]
        for use, values in self.uses.items():
            checked(use in USES, f"llm.uses.{use}", f"unknown use. Known: {', '.join(USES)}")
            checked(
                isinstance(values, Mapping), f"llm.uses.{use}", f"must be a table of keys, got {redacted(values)!r}"
            )
            for key, value in values.items():
                ours = key in known or isinstance(value, Mapping)
                checked(ours, f"llm.uses.{use}.{key}", f"unknown key. Known: {', '.join(known)}")

    def of(self, use: str) -> "LLMConfig":
        """The settings of one use: these, with its own values in their place."""
        own = dict(self.uses.get(use, {}))
        back_ends = {key: own.pop(key) for key, value in list(own.items()) if isinstance(value, Mapping)}
        options = {key: dict(value) for key, value in self.options.items()}
        for name, values in back_ends.items():
            options[name] = {**options.get(name, {}), **values}
        return replace(self, **own, uses={}, options=options)


@dataclass(frozen=True, slots=True)
class RecognitionConfig:
    """Recognition memory: which filter looks at the facts that a question touched.

    Attributes:
        name: "none", "llm", "cross-encoder" or a plug-in's.
        when_none: Where the filter keeps nothing: "dense" ranks by vectors alone, "unfiltered" walks from all facts,
            "error" raises.
        when_failed: The same where it gave no usable answer.
        options: Keywords of each filter, by its name.
    """

    name: str = "none"
    when_none: str = "dense"
    when_failed: str = "unfiltered"
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options(self.options))
        for name in ("when_none", "when_failed"):
            value = getattr(self, name)
            known = value in ("dense", "unfiltered", "error")
            checked(known, f"recognition.{name}", f"must be dense, unfiltered or error, got {value!r}")


@dataclass(frozen=True, slots=True)
class RerankingConfig:
    """Re-ranking: which model reads the best passages once more, with the question.

    Attributes:
        name: "none", "cross-encoder" or a plug-in's.
        passages: How many of the best are read, or as many as are asked for, if those are more; 1 or more.
        share: Weight of the re-ranker's order beside the order that there was, in (0, 1]; 1: it alone decides.
        options: Keywords of each re-ranker, by its name.
    """

    name: str = "none"
    passages: int = 20
    share: float = 0.5
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", options(self.options))
        checked(self.passages >= 1, "reranking.passages", f"must be 1 or more, got {self.passages}")
        checked(0 < self.share <= 1, "reranking.share", f"must be above 0 and up to 1, got {self.share}")


@dataclass(frozen=True, slots=True)
class ReaderConfig:
    """How a language model answers from passages.

    Attributes:
        context_tokens: Budget of the prompt with its passages, in tokens as estimated from words; at least 256.
            Passages that do not fit are left out, the worst first.
        max_tokens: Most tokens of the answer.
        reasoning: Whether the model is asked to think before it answers.
        steps: Rounds of retrieving and reasoning before the answer; 1: retrieve once.
        language: Language of the answer, in English words; not set: that of the question.
        rewrite: Whether the model first writes out a question that goes on a conversation (one more request), to be
            looked up like that. If not, it is looked up as it is and with what was said last.
    """

    context_tokens: int = 6000
    max_tokens: int = 512
    reasoning: bool = False
    steps: int = 1
    language: str | None = None
    rewrite: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "language", self.language or None)
        for name, least in (("context_tokens", 256), ("max_tokens", 1), ("steps", 1)):
            value = getattr(self, name)
            checked(value >= least, f"reader.{name}", f"must be at least {least}, got {value}")
