"""Two publishers at once: the second one is refused, and what is there stays whole."""

from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import StorageError
from hippo.snapshot.remote import publish_to, pull
from hippo.storage.local import LocalFolder


def test_a_second_publisher_is_refused_while_one_is_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ada Arlen met Boris Bremau."])
    target, refused = tmp_path / "shared", []
    upload = LocalFolder.upload

    def meanwhile(folder: LocalFolder, path: Path, name: str) -> None:
        if not refused:
            with pytest.raises(StorageError, match=r"another publisher is at work: process \d+ on .* file PUBLISHING"):
                publish_to(tmp_path / "index", target)
            refused.append(name)
        upload(folder, path, name)

    monkeypatch.setattr(LocalFolder, "upload", meanwhile)
    assert publish_to(tmp_path / "index", target).snapshot == "000001"
    assert refused
    monkeypatch.undo()
    assert publish_to(tmp_path / "index", target).uploaded == 0
    assert not (target / "PUBLISHING").exists()
    assert pull(str(target), tmp_path / "cache")


def test_a_publisher_that_fails_lets_the_next_one_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ada Arlen met Boris Bremau."])

    def refuse(*_: object) -> None:
        raise StorageError("there", "no space left")

    monkeypatch.setattr(LocalFolder, "upload", refuse)
    with pytest.raises(StorageError, match="no space left"):
        publish_to(tmp_path / "index", tmp_path / "shared")
    monkeypatch.undo()
    assert publish_to(tmp_path / "index", tmp_path / "shared").snapshot == "000001"
