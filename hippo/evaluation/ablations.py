"""A profile with one of its parts left out at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hippo.errors import UnknownNameError
from hippo.retrieval.profiles import Profile, resolve_profile

__all__ = ["PARTS", "without"]

PARTS: dict[str, str] = {
    "synonyms": "edges between similar names",
    "passages": "passages as nodes: the walk stays among entities, and passages are ranked by those of their facts",
    "relations": "edges between entities that a fact relates",
    "entity-edges": "all edges between entities: those of facts, and synonyms",
    "bm25": "words: everything is compared by vectors alone",
    "recognition": "the filter of facts",
    "names": "the names of the question as seeds",
    "titles": "edges from titles to their passages",
    "neighbours": "edges between passages that stand near one another in a document or session",
    "open-question": "what the question leaves open as the measure of the walk; the whole question takes its place",
    "facts": "facts as seeds",
    "query-walk": "the preference of the walk for passages that speak of the question",
    "time": "the preference for passages of the time that the question asks about",
    "reranking": "the model that reads the best passages once more",
}
"""What can be left out, and what that is."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "synonyms": ("synonym",),
    "passages": ("contains", "titles", "follows"),
    "relations": ("relation",),
    "entity-edges": ("relation", "synonym"),
    "titles": ("titles",),
    "neighbours": ("follows",),
}
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "passages": {"passage_share": 0.0, "passage_weight": None, "scoring": "facts"},
    "bm25": {"lexical_weight": 0.0},
    "recognition": {"recognition": "none"},
    "names": {"name_share": 0.0},
    "open-question": {"open_question": False},
    "facts": {"facts": 0},
    "query-walk": {"query_gain": 0.0},
    "time": {"time_weight": 0.0},
    "reranking": {"reranking": "none"},
}


def without(profile: Profile, parts: Iterable[str]) -> dict[str, Profile]:
    """The profile without each of some parts, by name.

    Args:
        profile: What is changed.
        parts: Names in `PARTS`; "all" stands for each of them.

    Raises:
        UnknownNameError: There is no such part.

    Examples:
        >>> found = without(Profile("hippo"), ["bm25"])
        >>> found["hippo without bm25"].lexical_weight
        0.0
    """
    made = {}
    for part in parts:
        for name in PARTS if part == "all" else [part]:
            if name not in PARTS:
                raise UnknownNameError("part", name, [*PARTS, "all"])
            changes = dict(_OPTIONS.get(name, {}))
            if name in _KINDS:
                changes["kind_weights"] = {**profile.kind_weights, **dict.fromkeys(_KINDS[name], 0.0)}
            label = f"{profile.name} without {name}"
            made[label] = resolve_profile(replace(profile, name=label, **changes))
    return made
