"""The hashing encoder: conformance, determinism across processes, every script."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.errors import ConfigError
from hippo.testing.encoders import EncoderConformance
from hippo.testing.hashing import HashingEncoder


@pytest.fixture
def encoder() -> HashingEncoder:
    return HashingEncoder()


class TestConformance(EncoderConformance):
    tolerance = 0.0


@given(st.lists(st.text(st.characters(), max_size=40), max_size=6), st.sampled_from([8, 33, 256]))
def test_any_text(texts: list[str], dimension: int) -> None:
    encoder = HashingEncoder(dimension=dimension)
    vectors = encoder.encode(texts)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(encoder.encode([text])[0], vector)
    assert len(encoder.count(texts)) == len(texts)


def test_same_in_every_process() -> None:
    code = "from hippo.testing.hashing import HashingEncoder as H; print(H().encode(['Łódź 北京 x']).tobytes().hex())"
    outputs = set()
    for seed in ("0", "12345"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        outputs.add(done.stdout.strip())
    assert outputs == {HashingEncoder().encode(["Łódź 北京 x"]).tobytes().hex()}


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("Saint Petersburg", "SAINT PETERSBURG!", "Los Angeles"),
        ("北京大学的学生", "北京大学", "上海交通"),
        ("Straße", "STRASSE", "Allee"),
        ("ﬁne café", "fine cafe\u0301", "rude pub"),
        ("photosynthesis", "photosynthetic", "railway"),
    ],
)
def test_shared_parts_are_near(text: str, near: str, far: str) -> None:
    first, second, third = HashingEncoder(dimension=1024).encode([text, near, far])
    assert first @ second > 0.4 > first @ third + 0.1


def test_order_of_words_matters() -> None:
    first, same, swapped = HashingEncoder().encode(["dog bites man", "dog, bites man.", "man bites dog"])
    assert first @ same == pytest.approx(1.0, abs=1e-6)
    assert 0.3 < first @ swapped < 0.99


def test_empty_texts_get_one_fixed_vector() -> None:
    vectors = HashingEncoder(dimension=16).encode(["", "...", " \n"])
    assert np.array_equal(vectors, np.tile(np.eye(16, dtype=np.float32)[0], (3, 1)))


def test_counts_follow_word_length() -> None:
    assert HashingEncoder().count(["a bcde fghij", "北京大学 是 x9", ""]) == [4, 6, 0]


def test_refuses_a_tiny_dimension() -> None:
    with pytest.raises(ConfigError, match="dimension: must be at least 8, got 4"):
        HashingEncoder(dimension=4)
