"""What became of a profile's questions where language models took part, and what these took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hippo.errors import LLMError, QuestionError
from hippo.types import Answer, Usage, to_dict

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a result that no measure shows.

    Attributes:
        usage: What language models took, by use; uses that took nothing are left out.
        reasons: Why passages could not be retrieved for questions, or these not be answered, with the number of
            questions; they score 0.
        not_found: Number of questions whose answer the reader did not find in the passages; None: nothing was read.
    """

    usage: Mapping[str, Usage]
    reasons: Mapping[str, int]
    not_found: int | None

    @classmethod
    def of(
        cls,
        rankings: Sequence[object],
        answers: "Sequence[Answer | LLMError | QuestionError] | None",
        usage: Mapping[str, Usage],
    ) -> "Outcome":
        """Count what became of each question.

        Args:
            rankings: What was retrieved for it, or the error in its place.
            answers: What a reader gave for it; None: nothing was read.
            usage: What language models took.
        """
        pairs = zip(answers or rankings, rankings, strict=True)
        errors = [next((one for one in pair if isinstance(one, LLMError | QuestionError)), None) for pair in pairs]
        reasons = Counter(str(error) for error in errors if error is not None)
        not_found = None
        if answers is not None:
            not_found = sum(isinstance(answer, Answer) and not answer.answered for answer in answers)
        return cls(usage, dict(reasons.most_common()), not_found)

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
        taken = (
            f"{total.requests} calls, {total.replayed} from the cache, {total.input_tokens} tokens in, "
            f"{total.output_tokens} out, ${total.cost:.4f}{' and more of unknown price' if total.unpriced else ''}"
        )
        why = f" and score 0 (most often: {next(iter(self.reasons))})" if self.reasons else ""
        if self.not_found is not None:
            return f"{self.failed} could not be answered{why}, {self.not_found} not in the passages; {taken}"
        return f"{self.failed} could not be retrieved{why}; {taken}" if why else taken

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the attributes and `failed`."""
        data: dict[str, Any] = to_dict(self)
        return {"failed": self.failed, **data}
