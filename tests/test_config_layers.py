"""Layers of a configuration: tables are merged key by key, and a stronger layer holds for every use of a model."""

from pathlib import Path
from typing import Any

import pytest

from hippo.config import Config, LLMConfig, RetrievalConfig, load_config
from hippo.errors import ConfigError

FILE = """\
[llm]
name = "openai"

[llm.openai]
model = "qwen"
base_url = "http://localhost:8000/v1"
extra = { top_p = 0.9, min_p = 0.1 }

[llm.uses.reader]
name = "openai:big"
max_cost = 1.0

[llm.uses.extraction]
max_cost = 100.0
openai = { base_url = "http://far:8000/v1", seed = 1 }

[retrieval.profiles.mine]
base = "hippo"
damping = 0.7
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "hippo.toml"
    path.write_text(FILE, "utf-8")
    return path


def test_variables_for_one_back_end_stand_beside_each_other() -> None:
    environment = {
        "HIPPO_LLM__OPENAI__BASE_URL": "http://localhost:1/v1",
        "HIPPO_LLM__OPENAI__TEMPERATURE": "0.5",
        "HIPPO_LLM__USES__READER__MAX_COST": "1.0",
        "HIPPO_LLM__USES__READER__TIMEOUT": "5.0",
        "HIPPO_RETRIEVAL__PROFILES__MINE__DAMPING": "0.7",
        "HIPPO_RETRIEVAL__PROFILES__MINE__BASE": "dense",
    }
    config = load_config(environment=environment)
    assert config.llm.options == {"openai": {"base_url": "http://localhost:1/v1", "temperature": 0.5}}
    assert config.llm.uses == {"reader": {"max_cost": 1.0, "timeout": 5.0}}
    assert config.retrieval.profiles == {"mine": {"damping": 0.7, "base": "dense"}}


STRONGER = {"llm": {"openai": {"temperature": 0.5, "extra": {"top_p": 0.8}}, "uses": {"reader": {"timeout": 5.0}}}}


@pytest.mark.parametrize("layer", ["environment", "overrides"])
def test_a_stronger_layer_leaves_what_it_does_not_name(layer: str, toml: Path) -> None:
    settings: dict[str, Any] = {"environment": {}, layer: STRONGER}
    if layer == "environment":
        settings["environment"] = {
            "HIPPO_LLM__OPENAI__TEMPERATURE": "0.5",
            "HIPPO_LLM__OPENAI__EXTRA__TOP_P": "0.8",
            "HIPPO_LLM__USES__READER__TIMEOUT": "5.0",
            "HIPPO_RETRIEVAL__PROFILES__MINE__FACTS": "3",
        }
    llm = load_config(toml, **settings).llm
    assert llm.options["openai"] == {
        "model": "qwen",
        "base_url": "http://localhost:8000/v1",
        "extra": {"top_p": 0.8, "min_p": 0.1},
        "temperature": 0.5,
    }
    assert llm.uses["reader"] == {"name": "openai:big", "max_cost": 1.0, "timeout": 5.0}


def test_tables_of_every_layer_are_merged(toml: Path) -> None:
    config = load_config(
        toml,
        {"encoder": {"hashing": {"ngrams": 2}}},
        stored={"encoder": {"name": "hashing", "hashing": {"dimension": 64, "seed": 1}}},
        environment={"HIPPO_ENCODER__HASHING__SEED": "2", "HIPPO_RETRIEVAL__PROFILES__MINE__FACTS": "3"},
    )
    assert config.encoder.options == {"hashing": {"dimension": 64, "seed": 2, "ngrams": 2}}
    assert config.retrieval.profiles == {"mine": {"base": "hippo", "damping": 0.7, "facts": 3}}


def test_what_was_handed_over_is_left_as_it_was() -> None:
    given = {"llm": {"openai": {"model": "m"}, "uses": {"reader": {"max_cost": 1.0}}}}
    load_config(given, {"llm": {"openai": {"model": "n"}, "max_cost": 2.0}}, environment={})
    assert given == {"llm": {"openai": {"model": "m"}, "uses": {"reader": {"max_cost": 1.0}}}}


@pytest.mark.parametrize(
    ("overrides", "name", "cost"),
    [
        ({"name": "openai:cli", "max_cost": 2.5}, ("openai:cli",) * 3, (2.5,) * 3),
        ({"name": "openai:cli"}, ("openai:cli",) * 3, (100.0, None, 1.0)),
        ({"max_cost": 2.5}, ("openai", "openai", "openai:big"), (2.5,) * 3),
        (
            {"max_cost": 2.5, "uses": {"reader": {"max_cost": 0.5}}},
            ("openai", "openai", "openai:big"),
            (2.5, 2.5, 0.5),
        ),
    ],
)
def test_a_stronger_layer_counts_more_than_a_use_of_a_weaker(
    overrides: dict[str, Any], name: tuple[str, ...], cost: tuple[float | None, ...], toml: Path
) -> None:
    llm = load_config(toml, {"llm": overrides}, environment={}).llm
    uses = [llm.of(use) for use in ("extraction", "recognition", "reader")]
    assert tuple(use.name for use in uses) == name
    assert tuple(use.max_cost for use in uses) == cost


def test_an_address_in_the_environment_counts_more_than_one_of_a_use_in_a_file(toml: Path) -> None:
    llm = load_config(toml, environment={"HIPPO_LLM__OPENAI__BASE_URL": "http://near:1/v1"}).llm
    assert {llm.of(use).options["openai"]["base_url"] for use in ("extraction", "reader")} == {"http://near:1/v1"}
    assert llm.of("extraction").options["openai"]["seed"] == 1


def test_one_layer_may_speak_of_all_and_of_one_use(toml: Path) -> None:
    environment = {"HIPPO_LLM__NAME": "openai:a", "HIPPO_LLM__USES__READER__NAME": "openai:b"}
    for llm in (load_config(environment=environment).llm, load_config(toml, environment=environment).llm):
        assert (llm.of("extraction").name, llm.of("reader").name) == ("openai:a", "openai:b")


def test_a_config_is_changed_by_overrides_alone() -> None:
    config = Config(llm=LLMConfig(options={"openai": {"model": "m"}}), retrieval=RetrievalConfig(profiles={"a": {}}))
    environment = {"HIPPO_LLM__OPENAI__TEMPERATURE": "1.0", "HIPPO_RETRIEVAL__PROFILES__B__FACTS": "1"}
    assert load_config(config, stored={"encoder": {"hashing": {"dimension": 8}}}, environment=environment) == config
    changed = load_config(config, {"llm": {"openai": {"seed": 1}}}, environment=environment)
    assert changed.llm.options == {"openai": {"model": "m", "seed": 1}}
    assert config.llm.options == {"openai": {"model": "m"}}


def test_an_empty_text_unsets_a_limit_for_one_use() -> None:
    llm = load_config({"llm": {"max_cost": 1.0, "uses": {"reader": {"max_cost": ""}}}}, environment={}).llm
    assert (llm.of("extraction").max_cost, llm.of("reader").max_cost) == (1.0, None)


@pytest.mark.parametrize(
    "value", ["[" * 5000, "{a=" * 5000, "9" * 5000, f"{{{'a.' * 5000}a = 1}}", "[" * 99 + "]" * 99]
)
def test_values_that_no_parser_survives_are_typed_errors(tmp_path: Path, value: str) -> None:
    path = tmp_path / "hippo.toml"
    path.write_text(f"[chunking]\nmax_tokens = {value}")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(path, environment={})
    with pytest.raises(ConfigError, match=r"chunking\.max_tokens: input should be a valid integer"):
        load_config(environment={"HIPPO_CHUNKING__MAX_TOKENS": value})


def test_variables_of_thousands_of_parts_are_typed_errors() -> None:
    with pytest.raises(ConfigError, match=r"HIPPO_LLM__LLM.*…: llm: 3000 keys within one another"):
        load_config(environment={"HIPPO_" + "__".join(["LLM"] * 3000): "1"})


def test_a_variable_names_the_file(toml: Path, tmp_path: Path) -> None:
    named = {"HIPPO_CONFIG": str(toml), "HIPPO_LLM__OPENAI__MODEL": "other"}
    config = load_config(environment=named)
    assert config.llm.options["openai"]["model"] == "other"
    assert (config.llm.name, config.places.of("llm.name")) == ("openai", f"{toml}, line 2")
    (tmp_path / "own.toml").write_text("[llm]\nattempts = 9\n")
    for given in (tmp_path / "own.toml", {"llm": {"attempts": 9}}, Config(llm=LLMConfig(attempts=9))):
        own = load_config(given, environment=named)
        assert (own.llm.name, own.llm.attempts) == ("none", 9)
    for wrong, problem in (("", "names no file"), (str(tmp_path / "none.toml"), "cannot be read")):
        with pytest.raises(ConfigError, match=problem):
            load_config(environment={"HIPPO_CONFIG": wrong})


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("HIPPO_LLM_ATTEMPTS", "HIPPO_LLM__ATTEMPTS"),
        ("HIPPO_CHUNKING_MAX_TOKENS", "HIPPO_CHUNKING__MAX_TOKENS"),
        ("HIPPO_SERVE_TOKEN_FILE", "HIPPO_SERVE__TOKEN_FILE"),
    ],
)
def test_a_variable_with_an_underscore_too_few(variable: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{variable}: .* is set by {meant}, with two underscores"):
        load_config(environment={variable: "3"})
    others = dict.fromkeys(("HIPPO_READ_TOKENS", "HIPPO_WRITE_TOKENS", "HIPPO_TEST_KEY", "HIPPO_LLM_KEY"), "3")
    others["HIPPO_SERVE_PORT"] = "tcp://10.0.0.1:8000"  # Kubernetes sets it where a service is called hippo-serve.
    assert load_config(environment=others) == load_config(environment={})
