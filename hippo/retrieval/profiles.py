"""Retrieval profiles: data, not code. A profile of your own is a known one with some options changed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from hippo.errors import ConfigError, UnknownNameError

__all__ = ["PROFILES", "Profile", "resolve_profile"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Options of a retrieval.

    Attributes:
        name: Name of the profile.
        ranking: "walk" (personalized PageRank from seeds), "dense" (cosine), "bm25", or "hybrid" (both, fused).
        lexical_weight: β: weight of the standard score of BM25 beside that of cosine similarity; 0 or more.
        facts: n_f: most facts that seed the walk; 0: none.
        fact_temperature: τ_f: cosine difference at which a fact's weight falls to 1/e.
        passages: n_p: most passages that seed the walk.
        passage_temperature: τ_p: the same for passages.
        passage_share: s: share of the restart vector that goes to passages, 0 to 1.
        damping: d: probability of following an edge, in (0, 1).
        query_gain: λ: how strongly the walk prefers passages that speak of the question; 0: the plain walk.
        kind_weights: α: weight of each kind of edge; a kind not named weighs 1.
    """

    name: str
    ranking: Literal["walk", "dense", "bm25", "hybrid"] = "walk"
    lexical_weight: float = 0.3
    facts: int = 10
    fact_temperature: float = 0.05
    passages: int = 200
    passage_temperature: float = 0.05
    passage_share: float = 0.2
    damping: float = 0.65
    query_gain: float = 1.0
    kind_weights: Mapping[str, float] = field(default_factory=lambda: {"relation": 0.3, "follows": 0.3})

    def to_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        return {**asdict(self), "kind_weights": dict(self.kind_weights)}


PROFILES: dict[str, Profile] = {
    "hippo": Profile("hippo"),
    "dense": Profile("dense", ranking="dense"),
    "bm25": Profile("bm25", ranking="bm25"),
    "hybrid": Profile("hybrid", ranking="hybrid"),
}
"""Profiles that come with hippo."""

_RANGES: dict[str, tuple[float, float, str]] = {
    "lexical_weight": (0, float("inf"), "0 or more"),
    "facts": (0, float("inf"), "a whole number of 0 or more"),
    "fact_temperature": (1e-6, float("inf"), "above 0"),
    "passages": (1, float("inf"), "a whole number of 1 or more"),
    "passage_temperature": (1e-6, float("inf"), "above 0"),
    "passage_share": (0, 1, "between 0 and 1"),
    "damping": (1e-6, 1 - 1e-6, "between 0 and 1, both excluded"),
    "query_gain": (0, float("inf"), "0 or more"),
}


def resolve_profile(profile: str | Profile, custom: Mapping[str, Mapping[str, Any]] | None = None) -> Profile:
    """The profile of a name, or the one given, with its options checked.

    Args:
        profile: Name of a known profile or of one in `custom`, or a `Profile`.
        custom: Options of further profiles by name; `base` names the one they change (unless given, the
            known one of the same name, else "hippo").

    Raises:
        UnknownNameError: No such profile.
        ConfigError: An unknown option or a value out of range.
    """
    if isinstance(profile, Profile):
        return _checked(profile)
    return _resolve(profile, custom or {}, ())


def _resolve(name: str, custom: Mapping[str, Mapping[str, Any]], above: tuple[str, ...]) -> Profile:
    """A profile by name; `above` are those that it is the base of. A changed known profile may keep its name."""
    if name in custom and name not in above:
        options = dict(custom[name])
        below = options.pop("base", name if name in PROFILES else "hippo")
        if not isinstance(below, str):
            raise ConfigError(f"profile {name!r}", "base", f"must be the name of a profile, got {below!r}")
        base = _resolve(below, custom, (*above, name))
        known = [item.name for item in fields(Profile) if item.name != "name"]
        for key in options:
            if key not in known:
                raise ConfigError(f"profile {name!r}", key, f"unknown option. Known: {', '.join(['base', *known])}")
        return _checked(replace(base, name=name, **options))
    if name in PROFILES:
        return PROFILES[name]
    if name in above:
        raise ConfigError(f"profile {name!r}", "base", f"goes in a circle: {' → '.join([*above, name])}")
    raise UnknownNameError("profile", name, [*PROFILES, *custom])


def _checked(profile: Profile) -> Profile:
    where = f"profile {profile.name!r}"
    if profile.ranking not in ("walk", "dense", "bm25", "hybrid"):
        raise ConfigError(where, "ranking", f"must be walk, dense, bm25 or hybrid, got {profile.ranking!r}")
    for key, (low, high, words) in _RANGES.items():
        value = getattr(profile, key)
        if not _is_number(value, whole="whole" in words) or not low <= value <= high:
            raise ConfigError(where, key, f"must be {words}, got {value!r}")
    if not isinstance(profile.kind_weights, Mapping):
        raise ConfigError(where, "kind_weights", f"must be a table of numbers, got {profile.kind_weights!r}")
    for kind, weight in profile.kind_weights.items():
        if not _is_number(weight) or weight < 0:
            raise ConfigError(where, f"kind_weights.{kind}", f"must be 0 or more, got {weight!r}")
    return profile


def _is_number(value: object, *, whole: bool = False) -> bool:
    """Whether a value is a finite number; neither NaN nor a truth value is one."""
    kinds = int if whole else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and abs(value) < float("inf")
