"""Fact filters of a memory: handed over as objects, and names that are checked before any work."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hippo import Hippo, Profile
from hippo.config import load_config
from hippo.errors import ConfigError, HippoError, UnknownNameError
from hippo.testing import HashingEncoder
from hippo.types import Recognition

BORN = "Where was Ada Smith born?"
UNKNOWN = r"unknown fact filter 'lllm'. Known: cross-encoder, llm, none"


class First:
    """Keeps the first fact of each question."""

    fingerprint = "first/1"

    def __init__(self) -> None:
        self.asked = 0

    def recognize(self, questions: Sequence[str], facts: Sequence[Sequence[str]]) -> list[Recognition]:
        self.asked += len(questions)
        return [Recognition("kept", (0,), len(shown)) for shown in facts]


class Refusing(HashingEncoder):
    """An encoder that no question may reach."""

    def encode(self, texts: Sequence[str], **options: Any) -> Any:
        raise AssertionError(f"{len(texts)} texts were encoded")


def test_a_filter_may_be_an_object(index: Path) -> None:
    first = First()
    with Hippo.open(index, recognition=first) as memory:
        found = memory.retrieve(BORN, k=2)
        assert found.recognition is not None
        assert found.recognition.kept == (0,)
        assert len(found.seeds) == first.asked == 1


def test_an_object_serves_profiles_that_name_no_filter(index: Path) -> None:
    first = First()
    profiles = {"bare": {"recognition": "none"}, "mine": {"damping": 0.5}}
    with Hippo.open(index, recognition=first, overrides={"retrieval": {"profiles": profiles}}) as memory:
        assert memory.retrieve(BORN, profile="bare").recognition is None
        assert memory.retrieve(BORN, profile="dense").recognition is None
        assert first.asked == 0
        assert memory.retrieve(BORN, profile="mine").recognition is not None


def test_an_object_counts_more_than_the_name_in_the_configuration(index: Path) -> None:
    with Hippo.open(index, recognition=First(), config={"recognition": {"name": "llm"}}) as memory:
        assert memory.retrieve(BORN).recognition is not None


def test_a_filter_may_be_a_name(index: Path) -> None:
    with Hippo.open(index, recognition="none", config={"recognition": {"name": "llm"}}) as memory:
        assert memory.config.recognition.name == "none"
        assert memory.retrieve(BORN).recognition is None


def test_what_is_no_filter_is_refused(index: Path) -> None:
    with pytest.raises(ConfigError, match="recognition: must be a name or an object with recognize, got int"):
        Hippo.open(index, recognition=7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("toml", "line", "key"),
    [
        ("[recognition]\nname = 'lllm'\n", 2, "recognition.name"),
        ("[recognition]\nname = 'lllm:model'\n", 2, "recognition.name"),
        ("[retrieval.profiles.mine]\nfacts = 3\nrecognition = 'lllm'\n", 3, "retrieval.profiles.mine.recognition"),
    ],
)
def test_an_unknown_name_in_a_file_shows_when_the_index_is_opened(
    toml: str, line: int, key: str, index: Path, tmp_path: Path
) -> None:
    path = tmp_path / "hippo.toml"
    path.write_text(toml, "utf-8")
    with pytest.raises(ConfigError, match=UNKNOWN) as caught:
        Hippo.open(index, config=path)
    assert caught.value.args[:2] == (f"{path}, line {line}", key)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"recognition": "lllm"}, UnknownNameError),
        ({"overrides": {"recognition": {"name": "lllm"}}}, UnknownNameError),
        ({"config": {"recognition": {"name": "lllm"}}}, ConfigError),
        ({"overrides": {"retrieval": {"profiles": {"mine": {"recognition": "lllm"}}}}}, ConfigError),
    ],
)
def test_an_unknown_name_shows_before_the_folder_of_an_index_is_made(
    options: dict[str, Any], kind: type[HippoError], tmp_path: Path
) -> None:
    with pytest.raises(kind, match=UNKNOWN):
        Hippo.open(tmp_path / "index", encoder="hashing", **options)


def test_an_unknown_name_in_a_profile_shows_before_any_work(index: Path) -> None:
    profile = replace(Profile("mine"), recognition="lllm")
    problem = f"^profile 'mine': recognition: {UNKNOWN}"
    with Hippo.open(index, encoder=Refusing()) as memory, pytest.raises(ConfigError, match=problem):
        memory.retrieve(BORN, profile=profile)


def test_a_name_with_a_model_is_known(index: Path) -> None:
    config = load_config({"recognition": {"name": "cross-encoder:far/away"}}, environment={})
    with Hippo.open(index, config=config, encoder="hashing") as memory:
        assert memory.config.recognition.name == "cross-encoder:far/away"
