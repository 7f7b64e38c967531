"""Options of a profile chosen on questions, and what that choice gives on questions it has not seen."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import ConfigError, InputError, QuestionError
from hippo.evaluation.compare import Difference, Interval, bootstrap_interval, paired_difference
from hippo.evaluation.measures import check_measures, ranked_measures
from hippo.evaluation.metrics import full_chain_recall_at, recall_at
from hippo.evaluation.questions import Question
from hippo.evaluation.rank import rank_documents
from hippo.export.place import new_file
from hippo.protocols import ProgressCallback
from hippo.retrieval.profiles import PROFILES, Profile, resolve_profile
from hippo.types import Progress, to_dict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.engine import Hippo

    Float64 = NDArray[np.float64]

__all__ = ["AXES", "Axes", "Tuning", "grid", "held_out", "tune"]

Axes = Mapping[str, Sequence[Any]]
"""Values of each option; `kind_weights.KIND` is the weight of a kind of edge."""

AXES: Axes = {
    "damping": (0.6, 0.7, 0.8, 0.9),
    "passage_share": (0.1, 0.2, 0.4),
    "name_share": (0.2, 0.4, 0.6),
    "query_gain": (0.25, 0.5, 1.0),
    "lexical_weight": (0.1, 0.3, 0.6),
    "kind_weights.titles": (2.0, 8.0, 16.0),
}
"""What is searched unless other values are named."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """The result of a search.

    Attributes:
        base: Name of the profile that was changed.
        options: Options that were chosen on all questions; those that equal the profile's are left out.
        measure: What was maximised.
        trials: Mean of the measure by what was tried, the unchanged profile first.
        questions: Number of questions.
        folds: Number of parts that were held out in turn.
        before: Mean of the unchanged profile.
        seen: Mean of the chosen options on the questions that they were chosen on: flattering.
        gain: What choosing gives on held-out questions, beside the unchanged profile: the honest figure.
        chosen: What was chosen for each fold, by the others.
        profile: The profile with the options that were chosen.
    """

    base: str
    options: Mapping[str, Any]
    measure: str
    trials: Mapping[str, float]
    questions: int
    folds: int
    before: Interval
    seen: float
    gain: Difference
    chosen: tuple[str, ...]
    profile: Profile

    def to_text(self) -> str:
        """What is to be known, in a few sentences."""
        gain = self.gain
        said = f"{100 * gain.mean:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] points"
        told = (
            "no gain can be shown: keep the profile as it is" if gain.low <= 0 else "the gain holds on unseen questions"
        )
        changed = ", ".join(f"{key} = {json.dumps(value)}" for key, value in self.options.items()) or "nothing changed"
        return "\n".join(
            [
                f"{self.measure} of {self.base}: {100 * self.before.mean:.1f} on {self.questions} questions",
                f"chosen of {len(self.trials)}: {changed} ({100 * self.seen:.1f} on the questions it was chosen on)",
                f"held out, in {self.folds} folds: {said}; {told}",
            ]
        )

    def to_toml(self, name: str = "tuned") -> str:
        """A configuration with the profile as its default: for `--profile FILE`, `--config FILE` or hippo.toml.

        It stands alone: its base is a profile that comes with hippo, and every option that differs from it is written.

        Args:
            name: Of the profile.
        """
        base = self.base if self.base in PROFILES else "hippo"
        known, own = PROFILES[base].to_dict(), self.profile.to_dict()
        options = {key: value for key, value in own.items() if key != "name" and value != known[key]}
        lines = [f"# {line}" for line in self.to_text().splitlines()]
        lines += ["[retrieval]", f"profile = {json.dumps(name)}", "", f"[retrieval.profiles.{json.dumps(name)}]"]
        lines += [f"base = {json.dumps(base)}"]
        lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
        return "\n".join([*lines, ""])

    def write(self, path: Path, name: str = "tuned") -> None:
        """Write `to_toml` to a file that does not exist yet.

        Raises:
            InputError: There is something at `path`, its folder does not exist, or the disk refused.
        """
        with new_file(path) as temporary:
            temporary.write_text(self.to_toml(name), encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        data: dict[str, Any] = to_dict(self)
        return data


def tune(
    memory: "Hippo",
    questions: Sequence[Question],
    *,
    profile: str | Profile = "hippo",
    axes: Axes = AXES,
    trials: int = 40,
    folds: int = 5,
    measure: str = "Recall@5",
    seed: int = 0,
    confidence: float = 0.95,
    progress: ProgressCallback | None = None,
) -> Tuning:
    """Search the options of a profile, and say honestly what came of it.

    Each combination ranks all questions once. Then the questions are parted; for each part the combination that is best
    on all others is taken and its scores on this part count: so no question is scored by options that were chosen on
    it. The options that are given are those which are best on all questions.

    Args:
        memory: The index.
        questions: Questions with gold documents in it, at least two for each fold.
        profile: What is changed.
        axes: Values of options. Of the combinations so many are drawn as `trials` says, all if there are no more.
        trials: Combinations to try, beside the unchanged profile; at least 1.
        folds: Parts, at least 2.
        measure: "Recall@k", "All@k" or a measure of ir-measures.
        seed: Of the draws and of the folds.
        confidence: Of intervals, in (0, 1).
        progress: Told how far it is.

    Raises:
        InputError: There are too few questions, or no such measure.
        QuestionError: `trials` or `folds` is too small.
        ConfigError: An option is unknown or a value out of range.
        MissingExtraError: The measure needs a package that is not installed.
        LLMError: The profile asks a language model, which cannot be used.
    """
    if trials < 1:
        raise QuestionError("trials must be at least 1", trials)
    if folds < 2:
        raise QuestionError("folds must be at least 2", folds)
    if len(questions) < 2 * folds:
        needed = f"{folds} folds need at least {2 * folds} questions, got {len(questions)}"
        raise InputError(f"{needed}. Give more questions, or fewer folds")
    settings = memory.config.retrieval
    base = resolve_profile(profile, settings.profiles)
    random = np.random.default_rng(seed)
    points = {"unchanged": base, **_drawn(grid(base, axes), trials, random)}
    score, k = _measure(measure)
    golds = [question.gold for question in questions]
    scores: dict[str, Float64] = {}
    for done, (label, point) in enumerate(points.items(), 1):
        ranked = rank_documents(memory, [question.text for question in questions], k=k, profile=point)
        if failed := next((one for one in ranked if not isinstance(one, list)), None):
            raise failed
        scores[label] = score([one for one in ranked if isinstance(one, list)], golds)
        if progress is not None:
            progress(Progress("trials", done, len(points)))
    parts = random.permutation(np.arange(len(questions)) % folds)
    seen, chosen = held_out(scores, parts)
    means = {label: float(values.mean()) for label, values in scores.items()}
    best = _best(means)
    before, after = base.to_dict(), points[best].to_dict()
    options = {key: value for key, value in after.items() if key != "name" and value != before[key]}
    return Tuning(
        base.name,
        options,
        measure,
        means,
        len(questions),
        folds,
        bootstrap_interval(scores["unchanged"], confidence=confidence),
        means[best],
        paired_difference(scores["unchanged"], seen, confidence=confidence),
        tuple(chosen),
        points[best],
    )


def held_out(scores: "Mapping[str, Float64]", parts: "NDArray[np.int64]") -> "tuple[Float64, list[str]]":
    """Scores of questions by what was chosen without their part.

    Args:
        scores: By what was tried: float64 `(n,)`, higher is better.
        parts: Part of each question, int64 `(n,)`.

    Returns:
        float64 `(n,)`, and what was chosen for each part, in ascending order of the parts.

    Examples:
        >>> tried = {"a": np.array([0.0, 1.0, 1.0]), "b": np.array([1.0, 0.0, 0.0])}
        >>> held_out(tried, np.array([0, 1, 2]))
        (array([0., 1., 1.]), ['a', 'a', 'a'])
    """
    given = np.empty(len(parts))
    chosen = []
    for part in np.unique(parts):
        inside = parts == part
        label = _best({label: float(values[~inside].mean()) for label, values in scores.items()})
        given[inside] = scores[label][inside]
        chosen.append(label)
    return given, chosen


def grid(profile: Profile, axes: Axes) -> "dict[str, Profile]":
    """Every combination of values, with a name.

    Args:
        profile: What is changed.
        axes: Values of each option.

    Raises:
        ConfigError: An option is unknown or a value out of range.
    """
    made = {}
    for values in itertools.product(*axes.values()):
        options: dict[str, Any] = {}
        for key, value in zip(axes, values, strict=True):
            option, _, kind = key.partition(".")
            if option not in profile.to_dict() or option == "name":
                raise ConfigError(f"profile {profile.name!r}", key, "unknown option")
            options[option] = {**options.get(option, profile.kind_weights), kind: value} if kind else value
        label = " ".join(
            f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in zip(axes, values, strict=True)
        )
        made[label] = resolve_profile(replace(profile, **options))
    return made


def _drawn(points: "dict[str, Profile]", trials: int, random: np.random.Generator) -> "dict[str, Profile]":
    if len(points) <= trials:
        return points
    labels = list(points)
    return {labels[place]: points[labels[place]] for place in sorted(random.permutation(len(labels))[:trials].tolist())}


def _best(means: Mapping[str, float]) -> str:
    """The first of the best: what is unchanged comes first, so that a change has to gain something."""
    return max(means, key=lambda label: round(means[label], 12))


def _measure(name: str) -> tuple[Any, int]:
    """A measure as a function of rankings and golds, and how deep it looks."""
    kind, _, cut = name.partition("@")
    k = int(cut) if cut.isdecimal() and int(cut) > 0 else 0
    own = {"Recall": recall_at, "All": full_chain_recall_at}.get(kind)
    if own is not None:
        if not k:
            raise InputError(f"measure {name!r} needs a cut-off, as in {kind}@5")
        return lambda rankings, golds: own(k, rankings, golds), k
    check_measures([name])
    return lambda rankings, golds: ranked_measures([name], rankings, golds)[name], k or 100


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(one)}' for key, one in sorted(value.items()))} }}"
    return '""' if value is None else json.dumps(value, ensure_ascii=False)
