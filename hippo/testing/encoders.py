"""What every encoder must do. Subclass, give one fixture, and pytest runs the suite.

```python
@pytest.fixture(scope="module")
def encoder():
    return MyEncoder()


class TestMyEncoder(EncoderConformance):
    pass
```
"""
# ruff: noqa: S101 - a test suite asserts

import pickle
from typing import ClassVar, get_args

import numpy as np
import pytest

from hippo.protocols import Encoder, TokenCounter
from hippo.types import TextKind

__all__ = ["EncoderConformance"]

TEXTS = [
    "The Loire is the longest river in France.",
    "It rises in the Massif Central and flows to the Atlantic.",
    "",
    "   \n\t ",
    "北京是中华人民共和国的首都。",
    "Ελληνικά, العربية, עברית, हिन्दी, ไทย",
    "C++ and .NET; 1.5 € — “quotes” 🙂",
    "word " * 900,
    "\ud800 a lone surrogate",
    "x",
    "The Loire is the longest river in France.",
]


class EncoderConformance:
    """Tests of an `Encoder`, and of a `TokenCounter` if it is one. Needs a fixture `encoder`.

    Attributes:
        tolerance: Largest difference of a component between two encodings of one text.
        portable: Whether the encoder must survive pickling, as process pools need it.
    """

    tolerance: ClassVar[float] = 1e-5
    portable: ClassVar[bool] = True

    def test_is_an_encoder(self, encoder: Encoder) -> None:
        """It has the methods of the Protocol; fingerprint and dimension do not change."""
        assert isinstance(encoder, Encoder)
        assert isinstance(encoder.fingerprint, str)
        assert encoder.fingerprint
        assert isinstance(encoder.dimension, int)
        assert encoder.dimension > 0
        before = encoder.fingerprint, encoder.dimension
        encoder.encode(["x"])
        assert (encoder.fingerprint, encoder.dimension) == before

    @pytest.mark.parametrize("kind", get_args(TextKind))
    def test_gives_one_unit_vector_per_text(self, encoder: Encoder, kind: TextKind) -> None:
        """Shape, dtype, layout and norm, for every kind of text and for texts of every kind."""
        vectors = encoder.encode(TEXTS, kind=kind)
        assert vectors.shape == (len(TEXTS), encoder.dimension)
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-4)

    def test_encodes_nothing(self, encoder: Encoder) -> None:
        """No text: a matrix without rows."""
        vectors = encoder.encode([])
        assert vectors.shape == (0, encoder.dimension)
        assert vectors.dtype == np.float32

    def test_does_not_depend_on_the_batch(self, encoder: Encoder) -> None:
        """Alone, together, in another order: the same vector."""
        together = encoder.encode(TEXTS)
        alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
        reverse = encoder.encode(TEXTS[::-1])[::-1]
        assert np.abs(together - alone).max() <= self.tolerance
        assert np.abs(together - reverse).max() <= self.tolerance

    def test_tells_texts_apart(self, encoder: Encoder) -> None:
        """A text is nearer to one that shares its words than to another."""
        first, near, far = encoder.encode([TEXTS[0], "The Loire: France's longest river", "quarterly bond yields fell"])
        assert first @ near > first @ far + 0.1

    def test_counts_tokens(self, encoder: Encoder) -> None:
        """One count per text, 0 for nothing, more for more, independent of the batch."""
        if not isinstance(encoder, TokenCounter):
            pytest.skip("not a TokenCounter")
        counts = encoder.count(TEXTS)
        assert all(isinstance(count, int) and count >= 0 for count in counts)
        assert counts == [encoder.count([text])[0] for text in TEXTS]
        assert encoder.count([]) == []
        assert counts[TEXTS.index("")] == 0
        assert counts[TEXTS.index("word " * 900)] >= 900

    def test_survives_pickling(self, encoder: Encoder) -> None:
        """A copy in another process gives the same vectors."""
        if not self.portable:
            pytest.skip("not portable, as its suite says")
        copy = pickle.loads(pickle.dumps(encoder))  # noqa: S301 - made in the same line
        assert copy.fingerprint == encoder.fingerprint
        assert np.abs(copy.encode(TEXTS[:2]) - encoder.encode(TEXTS[:2])).max() <= self.tolerance
