"""Profiles: known ones, changed ones and wrong ones."""

import pytest

from hippo import Hippo
from hippo.errors import ConfigError, UnknownNameError
from hippo.retrieval.profiles import PROFILES, Profile, resolve_profile


def test_known_profiles():
    assert set(PROFILES) == {"hippo", "hipporag2", "hipporag1", "dense", "bm25", "hybrid"}
    assert all(resolve_profile(name) is profile for name, profile in PROFILES.items())
    assert PROFILES["hippo"].to_dict()["kind_weights"] == {
        "relation": 0.2,
        "titles": 8.0,
        "synonym": 0.2,
        "follows": 1.0,
    }


def test_a_profile_changes_another_which_may_be_changed_too():
    custom = {"mine": {"damping": 0.7}, "ours": {"base": "mine", "facts": 3}, "words": {"base": "bm25"}}
    ours = resolve_profile("ours", custom)
    assert (ours.name, ours.damping, ours.facts, ours.passages) == ("ours", 0.7, 3, PROFILES["hippo"].passages)
    assert resolve_profile("words", custom).ranking == "bm25"


def test_a_known_profile_may_be_changed_under_its_name():
    custom = {"hippo": {"damping": 0.7}, "hybrid": {"lexical_weight": 1}, "mine": {"base": "hippo"}}
    assert resolve_profile("hybrid", custom).ranking == "hybrid"
    assert resolve_profile("mine", custom).damping == 0.7


def test_unknown_profiles_and_circles():
    with pytest.raises(UnknownNameError, match=r"profile 'nope'.*bm25.*mine"):
        resolve_profile("nope", {"mine": {}})
    for circle in ({"a": {"base": "b"}, "b": {"base": "a"}}, {"a": {"base": "a"}}):
        with pytest.raises(ConfigError, match="profile 'a': base: goes in a circle: a → "):
            resolve_profile("a", circle)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("ranking", "best"),
        ("linking", "names"),
        ("when_unlinked", "error"),
        ("weighting", True),
        ("entity_seeds", "max"),
        ("entities", 0),
        ("entities", 2.5),
        ("passage_weight", -0.05),
        ("scoring", None),
        ("distinct_facts", 1),
        ("exact", "yes"),
        ("lexical_weight", -0.1),
        ("lexical_weight", float("inf")),
        ("facts", -1),
        ("facts", 1.5),
        ("facts", True),
        ("facts", "10"),
        ("fact_temperature", 0),
        ("passages", 0),
        ("passage_temperature", float("nan")),
        ("passage_share", 1.1),
        ("damping", 0),
        ("damping", 1),
        ("query_gain", None),
        ("kind_weights", 3),
        ("kind_weights", {"relation": -1}),
        ("kind_weights", {"relation": float("nan")}),
        ("kind_weights", {"relation": "much"}),
        ("dampening", 0.5),
    ],
)
def test_wrong_options(option, value):
    with pytest.raises(ConfigError, match=f"profile 'mine': {option}"):
        resolve_profile("mine", {"mine": {option: value}})
    if option != "dampening":
        with pytest.raises(ConfigError, match=f"profile 'own': {option}"):
            resolve_profile(Profile("own", **{option: value}))


def test_limits_may_be_taken_away():
    """TOML has no null."""
    changed = resolve_profile(
        "mine", {"mine": {"base": "hipporag2", "entities": "", "passages": 7, "passage_weight": ""}}
    )
    assert (changed.entities, changed.passages, changed.passage_weight) == (None, 7, None)
    assert PROFILES["hipporag2"].passages is None


def test_profiles_of_the_configuration_are_used(sample_path):
    config = {"retrieval": {"profile": "mine", "profiles": {"mine": {"facts": 2, "damping": 0.4}}}}
    with Hippo.open(sample_path, config=config) as memory:
        found = memory.retrieve("Who was born in Åbo?")
    assert found.profile == "mine"
    assert (found.parameters["facts"], found.parameters["damping"]) == (2, 0.4)
    assert len(found.seeds) == 2
