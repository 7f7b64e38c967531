"""Options are chosen on some questions and judged on others; the file that is written works."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo
from hippo.errors import ConfigError, InputError, QuestionError
from hippo.evaluation import generate_questions, tune
from hippo.evaluation.tuning import held_out
from hippo.retrieval.profiles import PROFILES, read_profile

AXES = {"name_share": [0.0, 0.4], "facts": [0, 10], "kind_weights.titles": [8.0, 0.5]}


def test_no_question_is_scored_by_what_was_chosen_on_it() -> None:
    """Of noise the best looks good on what it was chosen on, and is not on the rest."""
    random = np.random.default_rng(0)
    scores = {str(trial): random.integers(0, 2, 40).astype(float) for trial in range(200)}
    seen = max(values.mean() for values in scores.values())
    given, chosen = held_out(scores, np.arange(40) % 5)
    assert len(chosen) == 5
    assert seen > 0.65
    assert given.mean() < 0.62


def test_what_is_better_is_chosen(works: Hippo, tmp_path: Path) -> None:
    questions = generate_questions(works, 20, hops=[2]).questions
    steps = []
    found = tune(works, questions, axes=AXES, measure="All@2", folds=2, progress=steps.append)
    assert (found.base, found.questions, len(found.trials)) == ("hippo", 12, 9)
    assert [step.done for step in steps] == list(range(1, 10))
    assert found.trials["unchanged"] == found.before.mean
    assert found.seen == max(found.trials.values())
    again = tune(works, questions, axes=AXES, measure="All@2", folds=2)
    assert again == found
    found.write(tmp_path / "tuned.toml")
    profile = read_profile(tmp_path / "tuned.toml")
    assert profile.name == "tuned"
    changed = {key: value for key, value in profile.to_dict().items() if value != PROFILES["hippo"].to_dict()[key]}
    assert changed.pop("name") == "tuned"
    assert changed == dict(found.options)
    with Hippo.open(works.path, config=tmp_path / "tuned.toml") as memory:
        assert memory.retrieve("Where is Riga?").parameters["damping"] == profile.damping
    with pytest.raises(InputError, match="exists already"):
        found.write(tmp_path / "tuned.toml")


def test_nothing_is_changed_for_nothing(works: Hippo) -> None:
    questions = generate_questions(works, 10, hops=[1]).questions
    found = tune(works, questions, axes={"recency_half_life": [1.0, 2.0]}, folds=2)
    assert not found.options
    assert found.gain.mean == 0
    assert found.chosen == ("unchanged", "unchanged")
    assert "nothing changed" in found.to_text()
    assert "no gain can be shown" in found.to_text()
    assert tomllib.loads(found.to_toml("mine")) == {
        "retrieval": {"profile": "mine", "profiles": {"mine": {"base": "hippo"}}}
    }


def test_what_is_written_stands_alone(works: Hippo, tmp_path: Path) -> None:
    """Whatever the profile was made of: another of the file, one that was tuned, or a known one that was changed."""
    (tmp_path / "hippo.toml").write_text(
        "[retrieval.profiles.near]\nbase = 'hippo'\ndamping = 0.6\nretention = { note = 9.0 }\n"
        "[retrieval.profiles.hippo]\nfacts = 7\n"
    )
    axes = {"name_share": [0.0]}
    with Hippo.open(works.path, config=tmp_path / "hippo.toml") as memory:
        questions = generate_questions(memory, 10, hops=[1]).questions
        tune(memory, questions, profile="near", axes=axes, folds=2).write(tmp_path / "tuned.toml")
        changed = tune(memory, questions, axes=axes, folds=2)
    near = read_profile(tmp_path / "tuned.toml")
    assert (near.name, near.damping, near.retention, near.facts) == ("tuned", 0.6, {"note": 9.0}, 7)
    again = tune(works, questions, profile=near, axes=axes, folds=2)
    again.write(tmp_path / "again.toml")
    assert read_profile(tmp_path / "again.toml") == again.profile.__class__(
        **{**again.profile.to_dict(), "name": "tuned"}
    )
    assert 'base = "hippo"\nfacts = 7\n' in changed.to_toml()


def test_drawn_combinations(works: Hippo) -> None:
    questions = generate_questions(works, 10, hops=[1]).questions
    few = tune(works, questions, trials=3, folds=2, seed=1)
    assert len(few.trials) == 4
    assert few.trials.keys() == tune(works, questions, trials=3, folds=2, seed=1).trials.keys()
    assert few.trials.keys() != tune(works, questions, trials=3, folds=2, seed=2).trials.keys()


def test_what_cannot_be_tuned(works: Hippo) -> None:
    questions = generate_questions(works, 10, hops=[1]).questions
    for wrong, message in (({"folds": 1}, "folds must be"), ({"trials": 0}, "trials must be")):
        with pytest.raises(QuestionError, match=message):
            tune(works, questions, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="5 folds need at least 10 questions, got 3"):
        tune(works, questions[:3])
    with pytest.raises(InputError, match="needs a cut-off, as in Recall@5"):
        tune(works, questions, measure="Recall")
    with pytest.raises(ConfigError, match="damping: must be between"):
        tune(works, questions, axes={"damping": [2.0]})
    with pytest.raises(ConfigError, match="name: unknown option"):
        tune(works, questions, axes={"name": ["x"]})
