"""What became of a system's questions, how long they took, and what language models took for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hippo.types import Usage, to_dict

__all__ = ["Latency", "Outcome"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long a question takes, asked alone: milliseconds over some questions, with their encoding."""

    questions: int
    median_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        """Of the seconds of each question, at least one."""
        import numpy as np

        median, high = np.percentile(np.asarray(seconds) * 1e3, (50, 95))
        return cls(len(seconds), float(median), float(high))

    def to_text(self) -> str:
        """A few words.

        Examples:
            >>> Latency.of([0.01, 0.02, 0.03]).to_text()
            '20.0 ms a question (95 % within 29.0 ms)'
        """
        return f"{self.median_ms:.1f} ms a question (95 % within {self.p95_ms:.1f} ms)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a result that no measure shows.

    Attributes:
        usage: What language models took, by use; uses that took nothing are left out.
        reasons: Why passages could not be retrieved for questions, or these not be answered, with the number of
            questions; they score 0.
        not_found: Number of questions whose answer the reader did not find in the passages; None: nothing was read.
        latency: How long retrieval takes; None: it was not measured.
    """

    usage: Mapping[str, Usage]
    reasons: Mapping[str, int]
    not_found: int | None
    latency: Latency | None = None

    @classmethod
    def of(
        cls,
        problems: Sequence[str | None],
        usage: Mapping[str, Usage],
        not_found: int | None = None,
        latency: Latency | None = None,
    ) -> "Outcome":
        """Count why questions have no result.

        Args:
            problems: For each question, why it has none; None: it has one.
            usage: What language models took.
            not_found: As the attribute.
            latency: As the attribute.
        """
        reasons = Counter(problem for problem in problems if problem is not None)
        return cls(usage, dict(reasons.most_common()), not_found, latency)

    @property
    def failed(self) -> int:
        """Number of questions without passages or without an answer, for one of the reasons."""
        return sum(self.reasons.values())

    def to_text(self) -> str:
        """One line.

        Examples:
            >>> print(Outcome({"reader": Usage(2, 1, 900, 20, 0.5)}, {}, 1).to_text())
            0 could not be answered, 1 not in the passages; 2 calls, 1 from the cache, 900 tokens in, 20 out, $0.5000
        """
        total = sum(self.usage.values(), start=Usage())
        why = f" and score 0 (most often: {next(iter(self.reasons))})" if self.reasons else ""
        parts = []
        if self.not_found is not None:
            parts.append(f"{self.failed} could not be answered{why}, {self.not_found} not in the passages")
        elif why:
            parts.append(f"{self.failed} could not be retrieved{why}")
        if self.usage or self.not_found is not None or why:
            parts.append(
                f"{total.requests} calls, {total.replayed} from the cache, {total.input_tokens} tokens in, "
                f"{total.output_tokens} out, ${total.cost:.4f}{' and more of unknown price' if total.unpriced else ''}"
            )
        return "; ".join([*parts, *([self.latency.to_text()] if self.latency else [])])

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the attributes and `failed`."""
        data: dict[str, Any] = to_dict(self)
        return {"failed": self.failed, **data}
