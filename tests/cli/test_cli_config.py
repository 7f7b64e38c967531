"""`hippo config show` says of every setting where it comes from."""

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from typer.testing import Result

from hippo.config import Config, load_config, settings_of

Run = Callable[..., Result]

TOML = """\
[llm]
attempts = 4
name = "openai:x"

[llm.openai]
base_url = "http://me:password@localhost/v1"

[llm.uses.reader]
max_cost = 1.0

[retrieval.profiles.mine]
damping = 0.7
"""


def sources(done: Result) -> dict[str, tuple[object, str]]:
    assert done.exit_code == 0, done.output
    return {one["key"]: (one["value"], one["source"]) for one in json.loads(done.stdout)}


def test_each_place_is_named(run: Run, tmp_path: Path, index_path: Path) -> None:
    file = tmp_path / "hippo.toml"
    file.write_text(TOML)
    variables = {"HIPPO_LLM__ATTEMPTS": "5", "HIPPO_LLM__OPENAI__API_KEY": "sk-very-secret"}
    done = run("config", "show", index_path, "--config", file, "--json", **variables)
    found = sources(done)
    assert found["llm.attempts"] == (5, "HIPPO_LLM__ATTEMPTS")
    assert found["llm.name"] == ("openai:x", f"{file}, line 3")
    assert found["llm.openai.base_url"] == ("http://***@localhost/v1", f"{file}, line 6")
    assert found["llm.openai.api_key"] == ("***", "HIPPO_LLM__OPENAI__API_KEY")
    assert found["llm.uses.reader.max_cost"] == (1.0, f"{file}, line 9")
    assert found["retrieval.profiles.mine.damping"] == (0.7, f"{file}, line 12")
    assert found["encoder.name"] == ("hashing", "index")
    assert found["llm.timeout"] == (120.0, "default")
    assert "very-secret" not in done.stdout


def test_every_key_is_shown(run: Run) -> None:
    found = sources(run("config", "show", "--json"))
    for section in fields(Config):
        for item in fields(type(getattr(Config(), section.name))):
            if item.name not in ("options", "uses", "profiles"):
                assert f"{section.name}.{item.name}" in found
    assert {source for _, source in found.values()} == {"default"}


def test_people_see_the_same(run: Run) -> None:
    lines = run("config", "show", HIPPO_SERVE__PORT="9000").stdout.splitlines()
    [line] = [line for line in lines if line.startswith("serve.port ")]
    assert line.split() == ["serve.port", "=", "9000", "#", "HIPPO_SERVE__PORT"]


def test_keywords_and_objects_are_places_too() -> None:
    weaker = load_config({"llm": {"attempts": 2, "timeout": 3.0}}, environment={})
    found = {one.key: one.source for one in settings_of(load_config(weaker, {"llm": {"attempts": 3}}, environment={}))}
    assert found["llm.attempts"] == "keyword"
    assert found["llm.timeout"] == "config"


def test_a_wrong_file_is_an_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hippo.toml").write_text("[llm]\natempts = 3\n")
    done = run("config", "show", "--config", tmp_path / "hippo.toml")
    assert done.exit_code == 1
    assert "line 2: llm.atempts: unknown key" in done.stderr
    assert run("config", "show", tmp_path).exit_code == 1
