"""Conversations from files on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import typer.testing

from hippo import Hippo
from hippo.recalls import RECALLS_FILE

Run = Callable[..., typer.testing.Result]


def test_an_export_is_indexed_and_asked_about_times(run: Run, tmp_path: Path) -> None:
    messages = [
        {"role": "user", "name": "Ann", "content": "I went to the glass museum yesterday.", "timestamp": "2023-05-08"},
        {"role": "user", "name": "Ann", "content": "I went to the tram museum.", "timestamp": "2024-01-05"},
        {"role": "system", "content": "Be kind."},
    ]
    (tmp_path / "chat.json").write_text(json.dumps({"id": "c1", "messages": messages}))
    done = run("index", tmp_path / "index", tmp_path / "chat.json", "--encoder", "hashing")
    assert done.exit_code == 0, done.output
    assert "a message of the role system" in done.output
    options = ("--profile", "fading", "--explain", "-k", "2")
    settings = "[retrieval]\ncount_recalls = true\n[retrieval.profiles.fading]\nretention = { turn = 90.0 }\n"
    (tmp_path / "hippo.toml").write_text(settings)
    asked = "Which museum did Ann visit in May 2023?"
    shown = run("query", tmp_path / "index", asked, *options, "--config", tmp_path / "hippo.toml")
    assert shown.exit_code == 0, shown.output
    assert "time “May 2023”: in, 2023-05-01 to 2023-06-01" in shown.output
    assert "× 5.00 for the time asked about" in shown.output
    assert "for its age and recalls" in shown.output
    assert shown.output.index("glass museum") < shown.output.index("tram museum")
    assert (tmp_path / "index" / RECALLS_FILE).is_file()
    assert run("backup", tmp_path / "index", tmp_path / "kept").exit_code == 0
    assert (tmp_path / "kept" / RECALLS_FILE).is_file()
    with Hippo.open(tmp_path / "index") as memory:
        [hit] = memory.retrieve("Which museum?", k=1, where="session = 'chat.json#c1' and speaker = 'Ann'").hits
        assert hit.title == "Ann"
