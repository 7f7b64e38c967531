"""The page as it is served, and as one file that holds all it needs.

What documents say reaches the page as data alone: as JSON, which its scripts make text of. A policy forbids every
script and style that is not of the page, and every request to elsewhere.
"""

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from hippo.durable import replace_text
from hippo.types import View

__all__ = ["ASSETS", "Asset", "page_of", "policy", "served_page", "write_page"]

_SCRIPTS = ("sigma.js", "elements.js", "picture.js", "asking.js", "browsing.js", "page.js")
_STYLE = "page.css"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page.

    Attributes:
        path: Where the server has it.
        media_type: Its type.
        text: What it holds.
    """

    path: str
    media_type: str
    text: str


def _asset(name: str) -> str:
    return (files("hippo.explorer") / "assets" / name).read_text("utf-8")


def _types() -> "dict[str, str]":
    return {_STYLE: "text/css", **dict.fromkeys(_SCRIPTS, "text/javascript")}


ASSETS: dict[str, str] = {f"/explorer/{name}": kind for name, kind in _types().items()}
"""Media types of what the served page loads, by path."""


@cache
def asset(path: str) -> Asset:
    """What is at a path of `ASSETS`."""
    return Asset(path, ASSETS[path], _asset(path.removeprefix("/explorer/")))


def policy(**more: str) -> str:
    """Content security policy: nothing but what is named.

    Args:
        more: Sources by directive, with underscores for hyphens.
    """
    named = {"default_src": "'none'", "base_uri": "'none'", "form_action": "'none'", **more}
    return "; ".join(f"{name.replace('_', '-')} {sources}" for name, sources in named.items())


@cache
def served_page() -> str:
    """The page that loads its parts from the server."""
    head = f'<link rel="stylesheet" href="explorer/{_STYLE}">\n'
    head += "\n".join(f'<script defer src="explorer/{name}"></script>' for name in _SCRIPTS)
    return _filled(head, "")


def page_of(view: View) -> str:
    """A view as one page of HTML, which needs no server and asks for nothing from elsewhere.

    Args:
        view: From `Hippo.view`; with `sentences`, edges have theirs.
    """
    scripts, style = [_asset(name) for name in _SCRIPTS], _asset(_STYLE)
    sources = policy(
        script_src=" ".join(_source(script) for script in scripts),
        style_src=_source(style),
        img_src="data:",
        require_trusted_types_for="'script'",
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{sources}">\n<style>{style}</style>'
    data = f'<script type="application/json" id="view">{_embedded(view)}</script>\n'
    return _filled(head, data + "\n".join(f"<script>{script}</script>" for script in scripts))


def write_page(view: View, path: str | os.PathLike[str]) -> Path:
    """Write a view as one page of HTML; a file that is there is replaced as a whole.

    Raises:
        OSError: The file cannot be written.
    """
    target = Path(path)
    replace_text(target, page_of(view))
    return target


def _filled(head: str, end: str) -> str:
    parts = {"head": head, "end": end}
    return re.sub(r"<!-- (head|end) -->", lambda match: parts[match[1]], _asset("page.html"))


def _source(text: str) -> str:
    """How a policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(view: View) -> str:
    """A view as JSON that no parser of HTML takes for a tag, an entity or the end of its element; all in ASCII."""
    text = json.dumps(view.to_dict(), separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
