"""The process that parses files: what it does when a parser crashes, hangs, blows up or lies."""

import os
import signal
import time
from pathlib import Path

import pytest

from hippo import Hippo
from hippo.documents import Columns, Limits, iter_documents
from hippo.documents.process import ParserProcess
from hippo.errors import ConfigError, DocumentError
from hippo.types import Document

SMALL = Limits(memory=256 * 2**20, seconds=20.0)

PARSER = '''
import os, sys, time
from pathlib import Path

class _Page:
    def __init__(self, text):
        self.text = text
    def extract_text(self):
        return self.text

class PdfReader:
    """Does what the file says."""
    is_encrypted = False
    metadata = None
    def __init__(self, path):
        word = Path(path).read_text()
        text = "Read by " + str(os.getpid())
        if word == "abort":
            os.abort()
        elif word == "exit":
            os._exit(3)
        elif word == "hang":
            while True:
                pass
        elif word == "sleep":
            time.sleep(3600)
        elif word == "memory":
            held = [bytearray(2**20) for _ in range(2**20)]
        elif word == "recursion":
            raise RecursionError("too deep")
        elif word == "long":
            text = "x" * 5000
        elif word == "print":
            print('{"items":[],"more":false}', flush=True)
            os.write(1, b"forged\\n")
        elif word == "environment":
            text = "|".join(os.environ)
        elif word == "files":
            text = "|".join(sorted(os.listdir("/proc/self/fd"), key=int))
        elif word == "write":
            with open(str(path) + ".out", "w") as file:
                file.write("x")
        elif word == "modules":
            text = "|".join(sys.path)
        self.pages = [_Page(text)]
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass
'''


@pytest.fixture
def scripted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for PDF files whose parser does what they say."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "pypdf.py").write_text(PARSER)
    monkeypatch.syspath_prepend(package)
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def outcomes(folder: Path, **options: object) -> dict[str, str]:
    """Text or reason by name."""
    found = {}
    for item in iter_documents(folder, **options):  # type: ignore[arg-type]
        found[Path(item.source or "").name] = item.text if isinstance(item, Document) else item.reason
    return found


def scripts(folder: Path, **words: str) -> Path:
    for name, word in words.items():
        (folder / f"{name}.pdf").write_text(word)
    return folder


def test_a_file_that_crashes_its_parser_is_skipped_and_the_others_go_on(scripted: Path) -> None:
    found = outcomes(scripts(scripted, a="read", b="abort", c="read", d="exit", e="read", f="recursion", g="read"))
    if os.name == "posix":
        assert found["b.pdf"] == "crashed its parser (SIGABRT); split it, or convert it to text"
    assert found["d.pdf"] == "crashed its parser (status 3); split it, or convert it to text"
    assert found["f.pdf"] == "no readable PDF: RecursionError: too deep"
    readers = [found[f"{name}.pdf"] for name in "aceg"]
    assert all(reader.startswith("Read by ") for reader in readers)
    # One process reads many files; a fresh one takes over where it died.
    assert len(set(readers)) == 3
    assert readers[2] == readers[3]


@pytest.mark.parametrize("word", ["hang", "sleep"])
def test_a_parser_that_never_ends_is_ended(scripted: Path, word: str) -> None:
    began = time.monotonic()
    found = outcomes(scripts(scripted, a=word, b="read"), limits=Limits(seconds=1.0))
    assert found["a.pdf"] == "takes more than 1 s to read; split it, or convert it to text, or raise documents.seconds"
    assert found["b.pdf"].startswith("Read by ")
    assert time.monotonic() - began < 20


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux only")
def test_a_parser_that_takes_too_much_memory_is_ended(scripted: Path) -> None:
    found = outcomes(scripts(scripted, a="memory", b="read"), limits=SMALL)
    assert (
        found["a.pdf"]
        == "takes more than 256 MiB of memory to read; split it, or convert it to text, or raise documents.memory"
    )
    assert found["b.pdf"].startswith("Read by ")


def test_what_a_parser_prints_is_no_reply(scripted: Path) -> None:
    found = outcomes(scripts(scripted, a="print", b="read"))
    assert found["a.pdf"] == found["b.pdf"]
    assert found["a.pdf"].startswith("Read by ")


def test_a_text_over_the_limit_is_skipped(scripted: Path) -> None:
    found = outcomes(scripts(scripted, a="long", b="read"), max_bytes=4000)
    assert found["a.pdf"].startswith("holds 5")
    assert found["a.pdf"].endswith("bytes of text, over the limit of 4000; raise documents.max_bytes")
    assert found["b.pdf"].startswith("Read by ")


@pytest.mark.skipif(os.name != "posix", reason="descriptors are looked up in /proc")
def test_a_parser_sees_no_secrets_and_no_files_of_the_caller(
    scripted: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.chdir(scripted)
    with (tmp_path / "open.txt").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        found = outcomes(scripts(scripted, a="environment", b="files", c="write", d="modules"))
    assert "OPENAI_API_KEY" not in found["a.pdf"].split("|")
    # Input, output, errors, replies, and the listing itself.
    assert len(found["b.pdf"].split("|")) <= 5
    assert found["c.pdf"].startswith("no readable PDF: OSError")
    assert str(scripted) not in found["d.pdf"].split("|")


def test_a_process_that_was_ended_between_two_files_is_replaced(scripted: Path) -> None:
    items = iter_documents(scripts(scripted, a="read", b="read"))
    first = next(items)
    assert isinstance(first, Document)
    os.kill(int(first.text.rpartition(" ")[2]), getattr(signal, "SIGKILL", signal.SIGTERM))
    time.sleep(0.2)
    (second,) = items
    assert isinstance(second, Document)
    assert second.text != first.text


def test_a_process_gives_way_to_a_fresh_one(scripted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hippo.documents.process._MOST_FILES", 2)
    found = outcomes(scripts(scripted, a="read", b="read", c="read", d="read"))
    assert found["a.pdf"] == found["b.pdf"] != found["c.pdf"] == found["d.pdf"]


def test_leaving_early_ends_the_process(scripted: Path) -> None:
    items = iter_documents(scripts(scripted, a="read", b="read"))
    first = next(items)
    assert isinstance(first, Document)
    number = int(first.text.rpartition(" ")[2])
    items.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_a_process_that_cannot_start_is_a_typed_error(scripted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = scripts(scripted, a="read") / "a.pdf"
    monkeypatch.setattr("sys.executable", str(scripted / "none"))
    with pytest.raises(DocumentError, match=r"none: cannot be started to parse files: No such file"):
        list(iter_documents(path))
    script = scripted / "false"
    script.write_text("#!/bin/sh\nexit 5\n")
    script.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(script))
    with pytest.raises(DocumentError, match=r"ended with status 5 when started to parse files; `python -m hippo\.doc"):
        list(iter_documents(path))


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("[]", "no object"),
        ('{"items": [5], "more": false}', "no item"),
        ('{"items": [{"text": 5}], "more": false}', "'text' must be a string, got int"),
        ('{"more": false}', "KeyError: 'items'"),
        ('{"error": "SystemExit", "args": []}', "unknown error 'SystemExit'"),
        ("x" * 3_000_000, "more than 1"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_reply_of_another_form_is_not_believed(
    scripted: Path, monkeypatch: pytest.MonkeyPatch, reply: str, problem: str
) -> None:
    (scripted.parent / "reply").write_text(reply)
    worker = scripted.parent / "package" / "worker.py"
    worker.write_text(
        "import sys, pathlib\nprint('{}', flush=True)\nsys.stdin.readline()\n"
        f"print(pathlib.Path({str(scripted.parent / 'reply')!r}).read_text(), flush=True)\nsys.stdin.readline()"
    )
    monkeypatch.setattr("hippo.documents.process._MODULE", "worker")
    (reason,) = outcomes(scripts(scripted, a="read"), max_bytes=1000).values()
    assert reason.startswith("its parser gave no valid reply: ")
    assert problem in reason


def test_limits_have_ranges() -> None:
    with pytest.raises(ConfigError, match="memory: must be 268435456 to"):
        Limits(memory=1)
    with pytest.raises(ConfigError, match="seconds: must be above 0 and at most 86400, got 0"):
        Limits(seconds=0)


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name != "posix", reason="sends a signal")
def test_an_interrupted_process_is_not_used_again(scripted: Path) -> None:
    from hippo.documents.source import FileInput

    scripts(scripted, a="read", b="read")
    files = [FileInput(scripted / f"{name}.pdf", name, Columns(), 10_000) for name in "ab"]
    with ParserProcess() as process:
        first = list(process.read(files[0]))
        (scripted / "a.pdf").write_text("sleep")
        signal.signal(signal.SIGALRM, _interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            list(process.read(files[0]))
        second = list(process.read(files[1]))
    assert isinstance(second[0], Document)
    assert second[0].id == "b"
    assert first != second


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_limits_come_from_the_configuration(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Ada Smith ran a mill. " * 100, "utf-8")
    (notes / "b.md").write_text("---\ntags: [a]\n---\n" + "Ben Jones ran a mill.\n\n> x\n\n" * 20_000, "utf-8")
    settings = {"documents": {"max_bytes": 1000, "seconds": 0.001}}
    with Hippo.open(tmp_path / "index", encoder="none", config=settings) as memory:
        for skipped in (
            memory.estimate_files(notes).skipped,
            memory.add_files(notes / "a.txt").skipped,
            memory.sync(notes / "a.txt").skipped,
        ):
            assert skipped[0].reason.endswith("over the limit of 0.0 MiB; split it, or raise documents.max_bytes")
    settings["documents"]["max_bytes"] = 2**30
    with Hippo.open(tmp_path / "index", encoder="none", config=settings) as memory:
        report = memory.add_files(notes)
    assert report.added == 1
    (late,) = report.skipped
    assert late.reason.startswith("takes more than 0 s to read;")
    assert late.reason.endswith("or raise documents.seconds")
