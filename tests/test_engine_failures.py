"""Encoders and extractors that fail: the index stays whole, and the next add finishes the work."""

from collections.abc import Sequence

import numpy as np
import pytest

from hippo import Document, Hippo
from hippo.errors import EncodingError, ExtractionError
from hippo.extraction.pattern import PatternExtractor
from hippo.testing import HashingEncoder
from hippo.types import ExtractionFailure

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London.", "London lies on the Thames."]
DOCUMENTS = [Document(text, id=str(number)) for number, text in enumerate(TEXTS)]


class SpoiltEncoder:
    """The hashing encoder, until it is told to spoil what it returns."""

    def __init__(self) -> None:
        self._encoder = HashingEncoder()
        self.spoil = lambda vectors: vectors
        self.encoded: list[tuple[str, str]] = []

    fingerprint = "spoilt-1"
    dimension = 256

    def encode(self, texts: Sequence[str], *, kind: str = "passage") -> np.ndarray:
        self.encoded += [(kind, text) for text in texts]
        return self.spoil(self._encoder.encode(texts))


def with_nan(vectors: np.ndarray) -> np.ndarray:
    vectors[-1, 3] = np.nan
    return vectors


SPOILT = {
    "too few": (lambda vectors: vectors[:-1], "got float32"),
    "too short": (lambda vectors: vectors[:, :-1], "got float32"),
    "flat": (lambda vectors: vectors.ravel(), "got float32"),
    "float64": (lambda vectors: vectors.astype(np.float64), "got float64"),
    "a list": (lambda vectors: vectors.tolist(), "got list"),
    "nothing": (lambda vectors: None, "got NoneType"),
    "not a number": (with_nan, "length 1, got nan"),
    "zeros": (lambda vectors: vectors * 0, "length 1, got 0.0"),
    "infinite": (lambda vectors: vectors + np.float32(np.inf), "length 1, got inf"),
    "too long": (lambda vectors: vectors * 2, "length 1, got (2.0|1.99)"),
}


def test_an_encoder_that_returns_no_unit_vectors(tmp_path):
    encoder = SpoiltEncoder()
    with Hippo.open(tmp_path, encoder=encoder) as memory:
        memory.add(DOCUMENTS[:2])
        before = memory.status()
        for spoil, problem in SPOILT.values():
            encoder.spoil = spoil
            with pytest.raises(EncodingError, match=f"'spoilt-1'.*{problem}"):
                memory.add(DOCUMENTS[2:])
            with pytest.raises(EncodingError, match=problem):
                memory.retrieve("Who was born in London?")
            encoder.spoil = lambda vectors: vectors
            after = memory.status()
            assert (after.snapshot, after.documents) == (before.snapshot, 2)
            assert len(memory.retrieve("Who was born in London?", k=5).hits) == 2
        encoder.encoded.clear()
        report = memory.add(DOCUMENTS)
        assert (report.unchanged, report.chunks) == (3, 3)
        assert len(encoder.encoded) == len(set(encoder.encoded)) == report.embedded > 0
        assert len(memory.retrieve("Who was born in London?", k=5).hits) == 3


def test_an_encoder_that_never_worked_leaves_no_index_behind(tmp_path):
    encoder = SpoiltEncoder()
    encoder.spoil = lambda vectors: vectors * 2
    with Hippo.open(tmp_path / "index", encoder=encoder) as memory, pytest.raises(EncodingError):
        memory.add(DOCUMENTS)
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        assert memory.add(DOCUMENTS).added == 3


class SpoiltExtractor:
    """The default extractor, but for what it is told to do with its outcomes."""

    def __init__(self) -> None:
        self.spoil = lambda outcomes: outcomes
        self.asked: list[str] = []

    fingerprint = "spoilt-1"

    def extract(self, chunks):
        self.asked += [chunk.text for chunk in chunks]
        return self.spoil(PatternExtractor().extract(chunks))


def fail_london(outcomes):
    return [
        ExtractionFailure(outcome.chunk_id, "no idea")
        if any("London lies" in fact.text for fact in outcome.facts)
        else outcome
        for outcome in outcomes
    ]


def test_a_failed_chunk_is_listed_and_tried_again(tmp_path):
    extractor = SpoiltExtractor()
    extractor.spoil = fail_london
    with Hippo.open(tmp_path, encoder="hashing", extractor=extractor) as memory:
        report = memory.add(DOCUMENTS)
        assert [failure.reason for failure in report.failed] == ["no idea"]
        assert memory.status().failed == {"no idea": 1}
        assert report.facts == 2
        assert len(memory.retrieve("Where is London?", k=5).hits) == 3
        extractor.asked.clear()
        assert memory.add([]).failed == report.failed
        assert extractor.asked == [TEXTS[2]]
        extractor.spoil = lambda outcomes: outcomes
        extractor.asked.clear()
        report = memory.add([])
        assert (report.failed, report.facts) == ((), 3)
        assert extractor.asked == [TEXTS[2]]
        assert memory.status().failed == {}
        extractor.asked.clear()
        memory.add([])
        assert extractor.asked == []


def raise_at_the_second(outcomes):
    if any("born" in fact.text for outcome in outcomes for fact in outcome.facts):
        raise OSError("the disk is on fire")
    return outcomes


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (raise_at_the_second, OSError),
        (lambda outcomes: outcomes[:-1], ExtractionError),
        (lambda outcomes: [*outcomes, *outcomes], ExtractionError),
    ],
)
def test_an_extractor_that_breaks_off(tmp_path, spoil, error):
    extractor = SpoiltExtractor()
    config = {"indexing": {"batch_chunks": 1}}
    with Hippo.open(tmp_path, encoder="hashing", extractor=extractor, config=config) as memory:
        extractor.spoil = spoil
        with pytest.raises(error):
            memory.add(DOCUMENTS)
        assert memory.status().snapshot is None
        extractor.spoil = lambda outcomes: outcomes
        done = extractor.asked[:-1]
        extractor.asked.clear()
        report = memory.add(DOCUMENTS)
        assert (report.added, report.unchanged, report.facts) == (0, 3, 3)
        assert sorted(done + extractor.asked) == sorted(TEXTS)


def test_another_extractor_does_all_chunks_again(tmp_path):
    with Hippo.open(tmp_path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    extractor = SpoiltExtractor()
    extractor.spoil = lambda outcomes: [ExtractionFailure(outcome.chunk_id, "no idea") for outcome in outcomes]
    with Hippo.open(tmp_path, extractor=extractor) as memory:
        report = memory.add([])
        assert len(report.failed) == 3
        assert report.facts == 3, "older facts stay until there are better ones"
        extractor.spoil = lambda outcomes: outcomes
        assert memory.add([]).failed == ()
        assert memory.status().extractor == "spoilt-1"


def test_an_iterator_that_breaks_off_leaves_the_index_as_it_was(tmp_path):
    def documents():
        yield DOCUMENTS[0]
        raise RuntimeError("no more")

    with Hippo.open(tmp_path, encoder="hashing") as memory:
        with pytest.raises(RuntimeError, match="no more"):
            memory.add(documents())
        assert memory.add(DOCUMENTS).added == 3
