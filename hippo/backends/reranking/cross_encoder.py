"""A re-ranker that runs a model which reads question and passage together."""

from collections.abc import Sequence

from hippo.backends.cross_encoder import CrossEncoder

__all__ = ["CrossEncoderReranker"]


class CrossEncoderReranker(CrossEncoder):
    """Gives each passage the probability that it answers the question, by a cross-encoder.

    The probability, loading and threads: `hippo.backends.cross_encoder.CrossEncoder`.

    Args:
        model: Folder, or name on the hub. The model cache is looked at before the hub.
        batch_size: Pairs of question and passage that are read at a time, at least 1.
        device: As torch names it; None: CUDA where there is one, else MPS, else the CPU.
        max_length: Tokens of a pair that are read, special tokens included, at least 8; None: as the model's authors
            set it. Of a longer pair the longer text is cut.

    Raises:
        ConfigError: A value is out of range.
    """

    what = "reranking 'cross-encoder'"

    def __init__(
        self,
        *,
        model: str = "cross-encoder/ms-marco-MiniLM-L6-v2",
        batch_size: int = 32,
        device: str | None = None,
        max_length: int | None = None,
    ) -> None:
        super().__init__(model=model, batch_size=batch_size, device=device, max_length=max_length)

    def rerank(self, questions: Sequence[str], passages: Sequence[Sequence[str]]) -> list[list[float]]:
        """The probability of each passage, 0 to 1. Raises what `probabilities` does.

        Args:
            questions: m questions.
            passages: Texts of the passages of each, with their titles.
        """
        return [values.tolist() for values in self.probabilities(questions, passages)]
