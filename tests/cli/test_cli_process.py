"""The commands as processes: entry points, pipes, signals."""

import json
import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

HIPPO = [str(Path(sysconfig.get_path("scripts")) / "hippo")]
MODULE = [sys.executable, "-m", "hippo"]


def process(*arguments: object, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, timeout=120, **options)  # type: ignore[call-overload,no-any-return]


def test_from_files_to_an_answer(tmp_path: Path) -> None:
    (tmp_path / "riga.txt").write_text("Riga ist die Hauptstadt von Lettland – größer als Tartu.", "utf-8")
    environment = {**os.environ, "HIPPO_ENCODER__NAME": "hashing"}
    made = process(*HIPPO, "index", tmp_path / "index", tmp_path / "riga.txt", env=environment)
    assert made.returncode == 0, made.stderr
    assert b"1 document added" in made.stdout
    assert b"embed: " in made.stderr
    asked = process(*MODULE, "query", tmp_path / "index", "-", "--json", input="Größer als Tartu?".encode())
    assert asked.returncode == 0, asked.stderr
    assert asked.stderr == b""
    (found,) = json.loads(asked.stdout.decode("utf-8"))
    assert found["hits"][0]["document_id"] == "riga.txt"
    assert "größer" in asked.stdout.decode("utf-8")


def test_a_terminal_of_few_characters(index_path: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    plain = process(*HIPPO, "query", index_path, "Größe?", "--explain", env=environment)
    assert plain.returncode == 0, plain.stderr
    plain.stdout.decode("ascii")
    asked = process(*HIPPO, "query", index_path, "Größe?", "--json", env=environment)
    assert json.loads(asked.stdout.decode("ascii"))["question"] == "Größe?"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--encoder", "none", "was made with encoder 'hashing-1:256', but 'none' was asked for"),
        ("--max-tokens", "64", "was made with chunking"),
    ],
)
def test_another_encoder_or_chunking_is_refused(
    index_path: Path, tmp_path: Path, option: str, value: str, message: str
) -> None:
    (tmp_path / "riga.txt").write_text("Riga.")
    before = sorted(index_path.rglob("*"))
    done = process(*HIPPO, "index", index_path, tmp_path / "riga.txt", option, value)
    assert (done.returncode, done.stdout) == (1, b"")
    assert message in done.stderr.decode()
    assert sorted(index_path.rglob("*")) == before


def test_errors_go_to_standard_error(tmp_path: Path) -> None:
    done = process(*HIPPO, "query", tmp_path / "missing", "Why?")
    assert (done.returncode, done.stdout) == (1, b"")
    remedy = "Make an index with `hippo index` or `Hippo.add`"
    assert done.stderr.decode() == f"error: {tmp_path}/missing: no such folder. {remedy}\n"
    assert process(*HIPPO, "query").returncode == 2


@pytest.mark.parametrize("output", [[], ["--json"]], ids=["text", "json"])
def test_a_closed_pipe_is_quiet(index_path: Path, output: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        arguments = [*HIPPO, "query", str(index_path), "What is Riga?", *output]
        done = subprocess.run(arguments, stdout=write, stderr=subprocess.PIPE, timeout=120, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for other processes")
def test_ctrl_c_is_130(index_path: Path, tmp_path: Path) -> None:
    # The process waits for questions on its standard input when the signal comes.
    waiting = subprocess.Popen(
        [*HIPPO, "query", str(index_path), "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A job in the background of a shell is started with the signal ignored, and so would be its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    state = Path(f"/proc/{waiting.pid}/wchan")
    for _ in range(300):
        time.sleep(0.1)
        if state.exists() and "pipe" in state.read_text():
            break
    waiting.send_signal(signal.SIGINT)
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, out) == (130, b"")
    assert err.startswith(b"interrupted; what was done is kept")


def test_help_is_quick() -> None:
    process(*HIPPO, "--help")  # compiles the byte code, once
    best = min(_seconds(*HIPPO, "--help") for _ in range(3))
    assert best < 2.5, f"hippo --help takes {best:.2f} s"


def _seconds(*arguments: str) -> float:
    began = time.perf_counter()
    process(*arguments)
    return time.perf_counter() - began
