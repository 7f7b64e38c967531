"""Replicas on Ray Serve: every request is answered while a newer snapshot takes over."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import ConfigError
from hippo.serving.replicas import deployment, serve_replicas

pytest.importorskip("ray.serve", reason="Ray Serve is not installed; it comes with hippo-memory[ray]")


def ask(url: str, question: str) -> list[str]:
    body = json.dumps({"question": question, "k": 3}).encode()
    request = urllib.request.Request(f"{url}/retrieve", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.status == 200
        return [hit["document_id"] for hit in json.load(reply)["hits"]]


@pytest.mark.slow
def test_no_request_is_dropped_while_a_newer_snapshot_takes_over(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([{"id": "ada", "text": "Ada Arlen met Boris Bremau."}])
        command = [sys.executable, "-m", "hippo", "serve", str(tmp_path / "index"), "--replicas", "2", "--port", "0"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        with (tmp_path / "log").open("w") as log:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), (tmp_path / "log").read_text()[-2000:]
            failures: list[Exception] = []
            answered = 0
            ended = threading.Event()

            def keep_asking() -> None:
                nonlocal answered
                while not ended.is_set():
                    try:
                        assert "ada" in ask(url, "Whom did Ada Arlen meet?")
                        answered += 1
                    except Exception as error:
                        failures.append(error)

            threads = [threading.Thread(target=keep_asking) for _ in range(3)]
            for thread in threads:
                thread.start()
            memory.add([{"id": "clara", "text": "Clara Corvo was born in Hull."}])
            seen, until = 0, time.monotonic() + 120
            while (seen < 10 or answered <= 20) and time.monotonic() < until:  # by every replica, whichever answers
                seen = seen + 1 if "clara" in ask(url, "Where was Clara Corvo born?") else 0
            ended.set()
            for thread in threads:
                thread.join()
            assert failures == []
            assert (seen >= 10, answered > 20) == (True, True)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(60)
            finally:
                server.kill()
                server.communicate()


def test_there_has_to_be_a_replica(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="replicas: must be at least 1, got 0"):
        deployment(tmp_path, replicas=0)


def test_replicas_are_told_how_to_log_and_where_the_index_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of a cluster have a working folder of their own."""
    monkeypatch.chdir(tmp_path)
    told: dict[str, object] = {}

    class StoppedError(Exception):
        pass

    def stop(build: Callable[[], object]) -> object:
        told["app"] = build()
        raise StoppedError

    def opened(path: str, **options: object) -> object:
        told.update(path=path, **options)
        return None

    monkeypatch.setattr("ray.serve.ingress", stop)
    monkeypatch.setattr("hippo.engine.Hippo.open", opened)
    monkeypatch.setattr("hippo.serving.app.create_app", lambda *_, **__: "app")
    monkeypatch.setattr("hippo.serving.logs.set_up", lambda kind: told.update(log=kind))
    (tmp_path / "hippo.toml").write_text("[serve]\nlog = 'text'\n")
    with pytest.raises(StoppedError):
        serve_replicas("index", log="json", config="hippo.toml")
    assert (told["path"], told["log"]) == (str(tmp_path / "index"), "json")
    assert told["config"] == str(tmp_path / "hippo.toml")
