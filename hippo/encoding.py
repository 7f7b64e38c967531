"""What every encoder's output is held to, whoever wrote the encoder."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hippo.errors import EncodingError
from hippo.ids import text_hash
from hippo.protocols import Encoder
from hippo.types import TextKind

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["alike", "checked", "text_hashes"]

_NORM_ERROR = 1e-3


def checked(encoder: Encoder, vectors: "Float32", count: int) -> "Float32":
    """The vectors, if there is one finite unit vector per text.

    Raises:
        EncodingError: There is not.
    """
    name = encoder.fingerprint
    if not isinstance(vectors, np.ndarray):
        raise EncodingError(name, f"must give a NumPy array, got {type(vectors).__name__}")
    if vectors.shape != (count, encoder.dimension) or vectors.dtype != np.float32:
        problem = f"must give float32 ({count}, {encoder.dimension}), got {vectors.dtype} {vectors.shape}"
        raise EncodingError(name, problem)
    norms = np.linalg.norm(vectors, axis=1)
    if not np.all(np.abs(norms - 1.0) < _NORM_ERROR):
        raise EncodingError(name, f"vectors must have length 1, got {norms[np.argmax(np.abs(norms - 1.0))]}")
    return vectors


def alike(encoder: Encoder, *kinds: TextKind) -> bool:
    """Whether it is known that texts of these kinds get the same vectors, so that they need not be encoded again.

    Examples:
        >>> from hippo.testing import HashingEncoder
        >>> alike(HashingEncoder(), "query_to_passage", "query_to_fact")
        True
    """
    # An `InstructedEncoder`; to compare with the protocol takes a fiftieth of a question.
    instruction = getattr(encoder, "instruction", None)
    return instruction is not None and len({instruction(kind) for kind in kinds}) == 1


def text_hashes(kind: TextKind, texts: Sequence[str]) -> list[str]:
    """Under what the vectors of texts are cached: models encode a text otherwise as another kind."""
    return [text_hash(f"{kind}\n{text}") for text in texts]
