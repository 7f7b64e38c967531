"""A real Chromium, and `hippo explore` in a process of its own. Both are left out where they are not installed.

Where the variable NEED_BROWSER is set, as `.ci/run` does, what is missing is a failure.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-first-run",
    "--enable-unsafe-swiftshader",
]  # fmt: skip

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    if importlib.util.find_spec("playwright") is None:
        _missing("playwright is not installed; it comes with hippo-memory[dev]")
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        _missing("there is no Chromium; Debian has it as chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_OPTIONS, headless=True)
        yield browser
        browser.close()


def _missing(reason: str) -> None:
    if os.environ.get("NEED_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def exploring() -> Callable[..., AbstractContextManager[str]]:
    """Starts `hippo explore` with some options for the length of a block; gives the address of the page."""
    return _exploring


@contextmanager
def _exploring(path: Path, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "hippo", "explore", str(path), "--port", "0", "--no-open", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/#token=\S+", url)
            yield url
        finally:
            process.terminate()
            process.communicate(timeout=60)


class Watched:
    """A page, what it asked for, and what went wrong in it."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.requests: list[str] = []
        self.wrong: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda message: message.type in ("error", "warning") and self._told(message.text))
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda _: self.wrong.append("popup"))

    def _told(self, text: str) -> None:
        # Drawing by the processor is slow, as Chromium says; it is what a machine without a graphics card has.
        if not re.search(r"WebGL|GPU stall|swiftshader", text, re.IGNORECASE):
            self.wrong.append(text)


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Opens pages, each without memory of others."""
    contexts = []

    def open_(url: str, **options: Any) -> Watched:
        context = browser.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(60_000)  # Where others share the machine, a page takes its time.
        watched = Watched(context.new_page())
        watched.page.goto(url)
        return watched

    yield open_
    for context in contexts:
        context.close()
