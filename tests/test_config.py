"""Configuration: what wins, and what a mistake says."""

import pickle
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.config import (
    ChunkingConfig,
    Config,
    EncoderConfig,
    GraphConfig,
    IndexingConfig,
    RetrievalConfig,
    load_config,
)
from hippo.errors import ConfigError, UnknownNameError
from hippo.parts import check_retrieval, make_chunker, make_encoder, make_engine, make_extractor

TOML = """\
# a comment
[chunking]
max_tokens = 128

[encoder]
name = "hashing"
[encoder.hashing]
dimension = 64

[retrieval]
profile = "mine"

[retrieval.profiles.mine]
base = "hippo"
damping = 0.7
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "hippo.toml"
    path.write_text(TOML, "utf-8")
    return path


def test_defaults() -> None:
    assert load_config(environment={}) == Config()


def test_toml(toml: Path) -> None:
    config = load_config(toml, environment={})
    assert config == Config(
        chunking=ChunkingConfig(max_tokens=128),
        encoder=EncoderConfig("hashing", {"hashing": {"dimension": 64}}),
        retrieval=RetrievalConfig(profile="mine", profiles={"mine": {"base": "hippo", "damping": 0.7}}),
    )
    assert load_config(str(toml), environment={}) == config


def test_each_layer_wins_over_the_one_before(toml: Path) -> None:
    stored = {"chunking": {"max_tokens": 32, "language": "de"}, "graph": {"synonym_max": 5}}
    environment = {"HIPPO_CHUNKING__MAX_TOKENS": "256"}
    overrides = {"chunking": {"max_tokens": 512}}
    steps: list[dict[str, Any]] = [
        {"stored": stored, "environment": {}},
        {"stored": stored, "environment": {}, "source": toml},
        {"stored": stored, "environment": environment, "source": toml},
        {"stored": stored, "environment": environment, "source": toml, "overrides": overrides},
    ]
    configs = [load_config(**step) for step in steps]
    assert [config.chunking.max_tokens for config in configs] == [32, 128, 256, 512]
    assert {config.chunking.language for config in configs} == {"de"}
    assert {config.graph.synonym_max for config in configs} == {5}


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIPPO_GRAPH__SYNONYM_MAX", "0")
    assert load_config().graph.synonym_max == 0


@pytest.mark.parametrize(
    ("variable", "raw", "section", "key", "value"),
    [
        ("HIPPO_ENCODER__NAME", "hashing", "encoder", "name", "hashing"),
        ("HIPPO_ENCODER__NAME", '"hashing"', "encoder", "name", "hashing"),
        ("HIPPO_ENCODER__NAME", "sentence-transformers:a/b", "encoder", "name", "sentence-transformers:a/b"),
        ("HIPPO_RETRIEVAL__TOLERANCE", "1e-5", "retrieval", "tolerance", 1e-5),
        ("HIPPO_ENCODER__HASHING__DIMENSION", "32", "encoder", "options", {"hashing": {"dimension": 32}}),
        ("HIPPO_CHUNKING__LANGUAGE", "en", "chunking", "language", "en"),
        ("HIPPO_CHUNKING__LANGUAGE", "", "chunking", "language", None),
        ("HIPPO_LLM__MAX_COST", "0.5", "llm", "max_cost", 0.5),
        ("HIPPO_LLM__MAX_COST", '""', "llm", "max_cost", None),
        ("HIPPO_LLM__OPENAI__MODEL", "m", "llm", "options", {"openai": {"model": "m"}}),
    ],
)
def test_environment(variable: str, raw: str, section: str, key: str, value: object) -> None:
    config = load_config(environment={variable: raw, "HIPPO_HOME": "/x", "PATH": "y", "hippo_graph__synonym_max": "1"})
    assert getattr(getattr(config, section), key) == value
    assert config.graph == GraphConfig()


def test_options_of_back_ends_are_merged_by_name(toml: Path) -> None:
    overrides = {"encoder": {"hashing": {"dimension": 8}, "minilm": {"device": "cpu"}}}
    config = load_config(toml, overrides, environment={})
    assert config.encoder.options == {"hashing": {"dimension": 8}, "minilm": {"device": "cpu"}}
    assert config.encoder.name == "hashing"


def test_a_config_is_taken_as_it_is() -> None:
    config = Config(
        chunking=ChunkingConfig("document"),
        encoder=EncoderConfig("hashing", {"hashing": {"dimension": 8}}),
        indexing=IndexingConfig(keep_snapshots=2),
        retrieval=RetrievalConfig(tolerance=1e-3, profiles={"mine": {"base": "dense"}}),
    )
    assert load_config(config, environment={}) == config
    assert load_config(config, {"graph": {"synonym_max": 1}}, environment={}) == replace(
        config, graph=GraphConfig(synonym_max=1)
    )
    assert pickle.loads(pickle.dumps(config)) == config
    with pytest.raises(FrozenInstanceError):
        config.chunking.max_tokens = 3  # type: ignore[misc]


def mistakes(text: str, folder: Path) -> ConfigError:
    path = folder / "bad.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, environment={})
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "key", "problem"),
    [
        ("\n[chunking]\nmax_tokens = 3\n", 3, "chunking.max_tokens", "must be at least 16, got 3"),
        ("[chunking]\nmax_tokens = '3'\n", 2, "chunking.max_tokens", "valid integer, got '3'"),
        ("[chunking]\nmax_tokens = true\n", 2, "chunking.max_tokens", "valid integer, got True"),
        ("chunking.max_tokens = 3\n", 1, "chunking.max_tokens", "must be at least 16, got 3"),
        ("[chunking]\n'max_tokens' = 3\n", 2, "chunking.max_tokens", "must be at least 16, got 3"),
        ("\nchunking = { max_tokens = 3 }\n", 2, "chunking.max_tokens", "must be at least 16, got 3"),
        ("[graph]\n\n\nsize = 3\n", 4, "graph.size", "unknown key. Known: synonym_threshold, synonym_max"),
        ("[graph]\noptions = 3\n", 2, "graph.options", "unknown key. Known: synonym_threshold, synonym_max"),
        ("[graph] # how\nsynonym_threshold = 2\n", 2, "graph.synonym_threshold", "must be in (0, 1], got 2"),
        ("[encoder]\nname = 3\n", 2, "encoder.name", "valid string, got 3"),
        ("[encoder]\nmodel = 'x'\n", 2, "encoder.model", "unknown key. Known: name"),
        ("[retrieval]\ntolerance = 0.0\n", 2, "retrieval.tolerance", "must be in (0, 1), got 0.0"),
        ("[retrieval.profiles]\nmine = 3\n", 1, "retrieval.profiles", "dictionary, got {'mine': 3}"),
        ("[graph]\n[chunks]\nmax_tokens = 3\n", 2, "chunks", "unknown section. Known: chunking"),
        ("chunking = 3\n", 1, "chunking", "must be a table of keys, got 3"),
        ("[chunking]\nmax_tokens = \n", 2, "max_tokens", "not valid TOML"),
        ("[chunking]\nmax_tokens = 99\nmax_tokens = 98\n", 3, "max_tokens", "not valid TOML"),
        ("[chunking]\nmethod = 'document", 2, "method", "not valid TOML"),
    ],
)
def test_a_mistake_names_file_line_and_key(text: str, line: int, key: str, problem: str, tmp_path: Path) -> None:
    where, named, said = mistakes(text, tmp_path).args
    assert where == f"{tmp_path / 'bad.toml'}, line {line}"
    assert named == key
    assert problem in said


@pytest.mark.parametrize(
    ("text", "line", "key", "problem"),
    [
        (
            "[encoder]\nname = 'hashing'\n[encoder.hashing]\ndimension = 'big'\n",
            4,
            "encoder.hashing.dimension",
            "number",
        ),
        ("[encoder]\nname = 'hashing'\nhashing = { dimension = 'x' }\n", 3, "encoder.hashing.dimension", "got 'x'"),
        ("[encoder]\nname = 'hashing'\nhashing.dimension = 0\n", 3, "encoder.hashing.dimension", "got 0"),
        ("[encoder]\nname = 'hashing'\n[encoder.hashing]\ndimensions = 64\n", 4, "encoder.hashing.dimensions", "Known"),
        ("[encoder.minilm]\n\nmax_tokens = 'x'\n", 3, "encoder.minilm.max_tokens", "must be a whole number, got 'x'"),
        ("[encoder.'minilm']\ndevice = 3\n", 2, "encoder.minilm.device", "must be text, got 3"),
        ("[encoder.minilm]\ndtype = 'int4'\n", 2, "encoder.minilm.dtype", "must be 'auto' or"),
        ("[encoder]\n\nname = 'hashing:big'\n", 3, "encoder.name", "model: no such option"),
        ("[encoder]\nname = 'sentence-transformers'\n", 2, "encoder.name", "model: required, but not given"),
        ("[extractor.pattern]\nlanguage = 5\n", 2, "extractor.pattern.language", "must be text, got 5"),
        ("[retrieval]\nvectors = 'annoy'\n", 2, "retrieval.vectors", "unknown vector index 'annoy'. Known: auto"),
        ("[encoder]\nname = 'foo'\n", 2, "encoder.name", "unknown encoder 'foo'. Known: hashing, langchain, minilm"),
        ("[extractor]\nname = 'foo'\n", 2, "extractor.name", "unknown extractor 'foo'. Known: imported, llm, pattern"),
        ("[chunking]\nmethod = 'foo'\n", 2, "chunking.method", "unknown chunker 'foo'. Known: document"),
        ("[retrieval]\nengine = 'foo'\n", 2, "retrieval.engine", "unknown PageRank engine 'foo'. Known: auto"),
        ("[retrieval]\nprofile = 'foo'\n", 2, "retrieval.profile", "unknown profile 'foo'. Known: bm25"),
        ("[retrieval.profiles.mine]\ndampng = 0.5\n", 2, "retrieval.profiles.mine.dampng", "unknown option"),
        ("[retrieval.profiles.mine]\n\ndamping = 5\n", 3, "retrieval.profiles.mine.damping", "got 5"),
        (
            "[retrieval.profiles.a]\nbase = 'b'\n[retrieval.profiles.b]\nfacts = -1\n",
            4,
            "retrieval.profiles.b.facts",
            "-1",
        ),
        ("[retrieval.profiles.a]\nbase = 'c'\n", 2, "retrieval.profiles.a.base", "unknown profile 'c'"),
        ("[retrieval.profiles.a]\nbase = []\n", 2, "retrieval.profiles.a.base", "name of a profile, got []"),
    ],
)
def test_a_mistake_in_what_the_parts_take_names_file_line_and_key(
    text: str, line: int, key: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, "utf-8")
    config = load_config(path, environment={})
    with pytest.raises(ConfigError) as caught:
        make_everything(load_config(config, environment={}))  # a `Config` remembers the file that it was read from
    where, named, said = caught.value.args
    assert (where, named) == (f"{path}, line {line}", key)
    assert problem in said


def make_everything(config: Config) -> None:
    check_retrieval(config)
    make_engine(config)
    make_chunker(config, None)
    make_extractor(config)
    make_encoder(config)


def test_a_mistake_in_what_the_parts_take_names_variable_and_keyword() -> None:
    with pytest.raises(
        ConfigError, match=r"^HIPPO_RETRIEVAL__ENGINE: retrieval\.engine: unknown PageRank engine 'foo'"
    ):
        make_everything(load_config(environment={"HIPPO_RETRIEVAL__ENGINE": "foo"}))
    options = {"encoder": {"name": "hashing", "hashing": {"dimension": "x"}}}
    with pytest.raises(ConfigError, match=r"^keyword: encoder\.hashing\.dimension: must be a whole number, got 'x'"):
        make_everything(load_config(None, options, environment={}))
    with pytest.raises(UnknownNameError, match=r"^unknown encoder 'foo'"):
        make_everything(load_config(None, {"encoder": {"name": "foo"}}, environment={}))
    with pytest.raises(UnknownNameError, match=r"^unknown encoder 'foo'"):
        make_everything(Config(encoder=EncoderConfig("foo")))


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / name)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "bad.toml")


@pytest.mark.parametrize(
    ("variable", "raw", "key"),
    [
        ("HIPPO_CHUNKING__MAX_TOKENS", "many", "chunking.max_tokens"),
        ("HIPPO_CHUNKING__MAX_TOKENS", "3", "chunking.max_tokens"),
        ("HIPPO_CHUNKING__TOKENS", "3", "chunking.tokens"),
        ("HIPPO_CHUNK__MAX_TOKENS", "3", "chunk"),
    ],
)
def test_a_mistake_names_the_variable(variable: str, raw: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(environment={variable: raw})
    assert caught.value.args[:2] == (variable, key)


@pytest.mark.parametrize(
    ("layer", "where"), [("source", "config"), ("overrides", "keyword"), ("stored", "index")], ids=lambda item: item
)
def test_a_mistake_names_the_layer(layer: str, where: str) -> None:
    wrong: Mapping[str, Any] = {"indexing": {"batch_texts": 0}}
    with pytest.raises(ConfigError) as caught:
        load_config(**{layer: wrong}, environment={})
    assert caught.value.args == (where, "indexing.batch_texts", "must be at least 1, got 0")


def test_the_layer_that_decided_is_named(toml: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(toml, environment={"HIPPO_CHUNKING__MAX_TOKENS": "4"})
    assert caught.value.args[0] == "HIPPO_CHUNKING__MAX_TOKENS"


def test_a_config_checks_itself() -> None:
    with pytest.raises(ConfigError, match=r"config: chunking\.max_tokens: must be at least 16, got 1"):
        ChunkingConfig(max_tokens=1)


names = st.text(min_size=1)
configs = st.builds(
    Config,
    chunking=st.builds(
        ChunkingConfig,
        method=names,
        max_tokens=st.integers(16, 10**6),
        language=st.none() | names,
    ),
    encoder=st.builds(
        EncoderConfig, name=names, options=st.dictionaries(st.sampled_from(["a", "b"]), st.dictionaries(names, names))
    ),
    graph=st.builds(GraphConfig, synonym_threshold=st.floats(0.01, 1), synonym_max=st.integers(0, 99)),
    retrieval=st.builds(RetrievalConfig, profile=names, tolerance=st.floats(1e-12, 0.9)),
)


@given(configs)
def test_every_config_comes_back(config: Config) -> None:
    assert load_config(config, environment={}) == config


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=9)
)
def test_nonsense_is_nothing_worse_than_a_config_error(value: object) -> None:
    for section in ("chunking", "encoder", "retrieval"):
        for wrong in ({section: value}, {section: {"name": value}}, {section: {"options": value}}):
            with suppress(ConfigError):
                load_config(wrong, environment={})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("max_bytes", 0, "must be 1 to 1099511627776 bytes, got 0"),
        ("memory", 2**20, "must be 268435456 to 1125899906842624 bytes, got 1048576"),
        ("memory", 10**30, "must be 268435456 to"),
        ("seconds", 0.0, "must be above 0 and at most 86400, got 0.0"),
        ("seconds", float("nan"), "must be above 0 and at most 86400, got nan"),
    ],
)
def test_limits_of_reading_have_ranges(key: str, value: float, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"documents": {key: value}}, environment={})
    assert caught.value.args[:2] == ("config", f"documents.{key}")
    assert caught.value.args[2].startswith(problem)
