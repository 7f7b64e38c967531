"""Progress is shown where it is looked for, and nowhere else."""

import io
import subprocess
import sys

import pytest

from hippo import ProgressBars
from hippo.errors import InputError
from hippo.types import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with ProgressBars(stream=stream) as progress:
        progress(Progress("read", 256, None))
        progress(Progress("read", 300, 300))
        progress(Progress("extract", 0, 0))
        progress(Progress("embed", 10, 40))
        progress(Progress("embed", 40, 40))
    assert stream.getvalue() == "read: 300 of 300\nembed: 40 of 40\n"


def test_lines_now_and_then() -> None:
    stream = io.StringIO()
    with ProgressBars(stream=stream, interval=0.0) as progress:
        progress(Progress("read", 256, None))
        progress(Progress("embed", 10, 40))
    assert stream.getvalue() == "read: 256\nembed: 10 of 40\n"


def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with ProgressBars(stream=stream) as progress:
        progress(Progress("read", 3, None))
        progress(Progress("embed", 10, 40))
        progress(Progress("embed", 40, 40))
    shown = stream.getvalue()
    assert "read" in shown
    assert "40/40" in shown


def test_lines_on_a_terminal_that_cannot_move_its_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with ProgressBars(stream=stream) as progress:
        progress(Progress("embed", 4, 4))
    assert stream.getvalue() == "embed: 4 of 4\n"


def test_quiet_shows_nothing() -> None:
    stream = Terminal()
    with ProgressBars(stream=stream, quiet=True) as progress:
        progress(Progress("embed", 4, 4))
    assert stream.getvalue() == ""


def test_standard_error_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars() as progress:
        progress(Progress("embed", 4, 4))
    assert capsys.readouterr() == ("", "embed: 4 of 4\n")


def test_outside_of_with_is_an_error() -> None:
    progress = ProgressBars()
    with pytest.raises(InputError, match="with ProgressBars"):
        progress(Progress("embed", 1, 2))
    with progress:
        pass
    with pytest.raises(InputError, match="with ProgressBars"):
        progress(Progress("embed", 1, 2))


def test_rich_is_imported_on_entering_a_terminal_only() -> None:
    code = (
        "import sys; from hippo.progress import ProgressBars\n"
        "with ProgressBars(quiet=True): pass\n"
        "with ProgressBars(): pass\n"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
