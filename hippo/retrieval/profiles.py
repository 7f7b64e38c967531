"""Retrieval profiles: data, not code. A profile of your own is a known one with some options changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

from hippo import registry
from hippo.config import load_config
from hippo.errors import ConfigError, UnknownNameError

__all__ = ["PROFILES", "Profile", "read_profile", "resolve_profile"]


_KIND_WEIGHTS = {"relation": 0.2, "titles": 8.0, "synonym": 0.2, "follows": 1.0}
_OPTIONAL = ("entities", "passages", "passage_weight", "recognition", "reranking", "recency_half_life", "source_field")


@dataclass(frozen=True, slots=True)
class Profile:
    """Options of a retrieval.

    Attributes:
        name: Name of the profile.
        ranking: "walk" (personalized PageRank from seeds), "dense" (cosine), "bm25", or "hybrid" (both, fused).
        linking: What leads into the graph: "facts" (those that the question touches, and their entities) or "entities"
            (the one nearest to each name in the question).
        when_unlinked: Where nothing was linked: "passages" (they alone seed the walk) or "dense" (no walk; cosine,
            from 0 for the worst passage to 1 for the best).
        lexical_weight: β: weight of the standard score of BM25 beside that of cosine similarity; 0 or more.
        weighting: How scores become weights of seeds: "softmax" (of the chosen ones) or "minmax" (from 0 for the worst
            of all to 1 for the best; it needs all similarities, so that no approximate search is used).
        facts: n_f: most facts that seed the walk; 0: none.
        distinct_facts: Whether facts of the same text count as one.
        fact_temperature: τ_f: cosine difference at which a fact's weight falls to 1/e; for "softmax".
        entity_seeds: Weight of an entity that several facts name: "sum" or "mean" of theirs.
        entities: Most entities that seed the walk, those of most weight; not set: all.
        name_share: ν: share of the entities' part that goes to those which the question names, 0 to 1.
        passages: n_p: most passages that seed the walk; not set: all.
        passage_temperature: τ_p: the same as τ_f for passages.
        passage_share: s: share of the restart vector that goes to passages, 0 to 1.
        passage_weight: Weight of passages beside that of entities, in place of a share; not set: the share holds.
        damping: d: probability of following an edge, in (0, 1).
        query_gain: λ: how strongly the walk prefers passages that speak of the question; 0: the plain walk.
        derived: Whether what consolidation made (gists, joined facts, contradictions) may seed and be a result.
        open_question: Whether "of the question" there means of what it leaves open: the question without the names that
            the index knows, since those have seeds of their own.
        kind_weights: α: weight of each kind of edge; a kind not named weighs 1.
        scoring: Score of a passage: "activation" (its own) or "facts" (the sum of its facts' entities, from 0 for the
            worst passage to 1 for the best).
        recognition: Filter of the facts before they seed the walk, "none", "llm" or another's name; not set: that of
            the configuration.
        reranking: Re-ranker that reads the best passages once more, "none", "cross-encoder" or another's name; not set:
            that of the configuration.
        exact: Whether the walk goes on until all scores are within the tolerance, not only until the order is proven.
        recency_half_life: Days after which a passage's score is halved, and halved again after as many more; counted
            from the time asked for, or else from the newest timestamp. Passages without timestamp keep their score.
            Without a walk, scores are first brought to 0 for the worst passage and 1 for the best. Not set: age makes
            no difference.
        newest_wins: Whether a passage ranks after a newer one that says the same of the same subject with another
            object (`hippo.retrieval.replaced`); the reader is then told when each passage is from.
        time_weight: ω: how much a passage of the time that a question asks about ("in 2021", "before she moved") gains:
            up to 1 + ω times its score (`hippo.retrieval.timeline`); 0: nothing. Of what holds of a person at present
            the newest version then comes first (`hippo.retrieval.holding`).
        retention: Half-lives in days by kind of document, "turn", "document", of derived ones "gist", "fact" and
            "contradiction", or what its metadata say under `kind`; a passage counts less the older it is and the less
            often it was recalled (`hippo.retrieval.retention`). A kind not named is not forgotten.
        retention_floor: φ: share of its score that is never lost so, 0 to 1.
        source_cap: c: largest share that the documents of one source may bring, of the facts and passages that seed, of
            the restart vector and of the results, above 0 and up to 1; 1: not capped. What exactly is bounded says
            `hippo.retrieval.sources`.
        source_field: Key of the metadata (parts with dots between) that names the source of a document; not set: every
            document is a source of its own, since nothing else is known of who vouches for it.
    """

    name: str
    ranking: Literal["walk", "dense", "bm25", "hybrid"] = "walk"
    linking: Literal["facts", "entities"] = "facts"
    when_unlinked: Literal["passages", "dense"] = "passages"
    lexical_weight: float = 0.3
    weighting: Literal["softmax", "minmax"] = "softmax"
    facts: int = 10
    distinct_facts: bool = False
    fact_temperature: float = 0.05
    entity_seeds: Literal["sum", "mean"] = "sum"
    entities: int | None = None
    name_share: float = 0.4
    passages: int | None = 200
    passage_temperature: float = 0.05
    passage_share: float = 0.2
    passage_weight: float | None = None
    damping: float = 0.8
    query_gain: float = 0.5
    open_question: bool = True
    derived: bool = False
    kind_weights: Mapping[str, float] = field(default_factory=lambda: dict(_KIND_WEIGHTS))
    scoring: Literal["activation", "facts"] = "activation"
    recognition: str | None = None
    reranking: str | None = None
    exact: bool = False
    recency_half_life: float | None = None
    newest_wins: bool = False
    time_weight: float = 0.0
    retention: Mapping[str, float] = field(default_factory=dict)
    retention_floor: float = 0.3
    source_cap: float = 1.0
    source_field: str | None = None

    def __post_init__(self) -> None:
        for name in _OPTIONAL:
            # TOML knows no null: an empty text stands for it.
            if getattr(self, name) == "":
                object.__setattr__(self, name, None)

    def to_dict(self) -> dict[str, Any]:
        """The options as plain data."""
        tables = {"kind_weights": dict(self.kind_weights), "retention": dict(self.retention)}
        return {name: getattr(self, name) for name in _OPTIONS} | tables


_OPTIONS = tuple(item.name for item in fields(Profile))

PROFILES: dict[str, Profile] = {
    "hippo": Profile("hippo", time_weight=4.0),
    "hipporag2": Profile(
        "hipporag2",
        when_unlinked="dense",
        lexical_weight=0.0,
        weighting="minmax",
        facts=5,
        distinct_facts=True,
        entity_seeds="mean",
        entities=5,
        name_share=0.0,
        passages=None,
        passage_weight=0.05,
        damping=0.5,
        query_gain=0.0,
        kind_weights={"relation": 2.0, "contains": 1.0, "titles": 0.0, "synonym": 2.0, "follows": 0.0},
        exact=True,
    ),
    "hipporag1": Profile(
        "hipporag1",
        linking="entities",
        when_unlinked="dense",
        lexical_weight=0.0,
        name_share=0.0,
        passage_share=0.0,
        damping=0.5,
        query_gain=0.0,
        kind_weights={"relation": 2.0, "contains": 0.0, "titles": 0.0, "synonym": 2.0, "follows": 0.0},
        scoring="facts",
        exact=True,
    ),
    "dense": Profile("dense", ranking="dense"),
    "bm25": Profile("bm25", ranking="bm25"),
    "hybrid": Profile("hybrid", ranking="hybrid"),
}
"""Profiles that come with hippo. `hipporag2` and `hipporag1` give the published rankings on an index that was made with
`graph.rules` "hipporag"; they work on any other, too."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "ranking": ("walk", "dense", "bm25", "hybrid"),
    "linking": ("facts", "entities"),
    "when_unlinked": ("passages", "dense"),
    "weighting": ("softmax", "minmax"),
    "entity_seeds": ("sum", "mean"),
    "scoring": ("activation", "facts"),
}
_PARTS: dict[registry.Kind, str] = {"recognition": "fact filter", "reranking": "re-ranker"}
_SWITCHES = ("derived", "distinct_facts", "exact", "newest_wins", "open_question")
_RANGES: dict[str, tuple[float, float, str]] = {
    "lexical_weight": (0, float("inf"), "0 or more"),
    "facts": (0, float("inf"), "a whole number of 0 or more"),
    "fact_temperature": (1e-6, float("inf"), "above 0"),
    "entities": (1, float("inf"), "a whole number of 1 or more"),
    "name_share": (0, 1, "between 0 and 1"),
    "passages": (1, float("inf"), "a whole number of 1 or more"),
    "passage_temperature": (1e-6, float("inf"), "above 0"),
    "passage_share": (0, 1, "between 0 and 1"),
    "passage_weight": (0, float("inf"), "0 or more"),
    "damping": (1e-6, 1 - 1e-6, "between 0 and 1, both excluded"),
    "query_gain": (0, float("inf"), "0 or more"),
    "recency_half_life": (1e-6, float("inf"), "above 0"),
    "time_weight": (0, float("inf"), "0 or more"),
    "retention_floor": (0, 1, "between 0 and 1"),
    "source_cap": (1e-6, 1, "above 0 and up to 1"),
}


def read_profile(path: str | Path) -> Profile:
    """The profile that a TOML file of settings makes the default one, such as `hippo tune --out` writes.

    Args:
        path: The file. What it says of other things is checked and passed over.

    Raises:
        ConfigError: There is no such file, or it is wrong.
        UnknownNameError: It names a profile that does not exist.
    """
    settings = load_config(path, environment={}).retrieval
    return resolve_profile(settings.profile, settings.profiles)


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
    for key, known in _CHOICES.items():
        value = getattr(profile, key)
        if value not in known:
            words = f"{', '.join(known[:-1])} or {known[-1]}"
            raise ConfigError(where, key, f"must be {words}, got {value!r}")
    for key in _SWITCHES:
        if not isinstance(getattr(profile, key), bool):
            raise ConfigError(where, key, f"must be true or false, got {getattr(profile, key)!r}")
    for key, (low, high, words) in _RANGES.items():
        value = getattr(profile, key)
        if value is None and key in _OPTIONAL:
            continue
        if not _is_number(value, whole="whole" in words) or not low <= value <= high:
            raise ConfigError(where, key, f"must be {words}, got {value!r}")
    if not isinstance(profile.source_field, str | None):
        raise ConfigError(where, "source_field", f"must be a key of the metadata, got {profile.source_field!r}")
    for part, label in _PARTS.items():
        name = getattr(profile, part)
        if not isinstance(name, str | None):
            raise ConfigError(where, part, f"must be the name of a {label}, got {name!r}")
        if name is None:
            continue
        try:
            registry.check(part, name.partition(":")[0], also=["none"])
        except UnknownNameError as error:
            raise ConfigError(where, part, str(error)) from None
    if not isinstance(profile.kind_weights, Mapping):
        raise ConfigError(where, "kind_weights", f"must be a table of numbers, got {profile.kind_weights!r}")
    for kind, weight in profile.kind_weights.items():
        if not _is_number(weight) or weight < 0:
            raise ConfigError(where, f"kind_weights.{kind}", f"must be 0 or more, got {weight!r}")
    if not isinstance(profile.retention, Mapping):
        raise ConfigError(where, "retention", f"must be a table of numbers, got {profile.retention!r}")
    for kind, days in profile.retention.items():
        if not _is_number(days) or days <= 0:
            raise ConfigError(where, f"retention.{kind}", f"must be above 0, got {days!r}")
    return profile


def _is_number(value: object, *, whole: bool = False) -> bool:
    """Whether a value is a finite number; neither NaN nor a truth value is one."""
    kinds = int if whole else int | float
    return isinstance(value, kinds) and not isinstance(value, bool) and abs(value) < float("inf")
