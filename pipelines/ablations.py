"""The profile `hippo` with one of its parts left out at a time."""

from collections.abc import Mapping
from typing import Any

from hippo.retrieval.profiles import Profile

__all__ = ["ABLATIONS", "custom_profiles"]

_KINDS = Profile("hippo").kind_weights

ABLATIONS: dict[str, dict[str, Any]] = {
    "no-names": {"name_share": 0.0},
    "no-titles": {"kind_weights": {**_KINDS, "titles": 0.0}},
    "whole-question": {"open_question": False},
    "no-facts": {"facts": 0},
    "no-words": {"lexical_weight": 0.0},
    "plain-walk": {"query_gain": 0.0},
    "no-synonyms": {"kind_weights": {**_KINDS, "synonym": 0.0}},
    "no-relations": {"kind_weights": {**_KINDS, "relation": 0.0}},
}
"""Options that leave a part out: the names of the question as seeds, edges from titles, what the question leaves open
as the measure of the walk, facts as seeds, BM25, the gain of the walk, two kinds of edge."""


def custom_profiles() -> Mapping[str, Mapping[str, Any]]:
    """The ablations as profiles of a configuration."""
    return {name: {"base": "hippo", **options} for name, options in ABLATIONS.items()}
