"""`import hippo` is quick, loads nothing heavy, and offers what it promises."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hippo

HEAVY = frozenset(
    "torch faiss spacy langchain langchain_core numba pyarrow duckdb scipy pydantic numpy transformers "
    "sentence_transformers igraph networkx regex rich typer".split()
)
LIMIT = 0.3
"""Seconds."""


def run(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def best(code: str, repeats: int = 5) -> float:
    """Least processor time of a fresh interpreter, in seconds: other programs on the machine do not count."""
    times = []
    for _ in range(repeats):
        start = os.times()
        run(code)
        now = os.times()
        times.append(now.children_user + now.children_system - start.children_user - start.children_system)
    return min(times)


def loaded(code: str) -> set[str]:
    """Top-level modules that are there after some code has run."""
    return {
        name.partition(".")[0]
        for name in json.loads(run(f"{code}\nimport json, sys; print(json.dumps([*sys.modules]))"))
    }


def test_import_is_quick() -> None:
    run("import hippo")  # compiles the byte code, once
    seconds = best("import hippo") - best("pass")
    assert seconds < LIMIT, f"import hippo takes {seconds:.2f} s"


@pytest.mark.parametrize("code", ["import hippo", "from hippo import Document, HippoError, Hit, Retrieval"])
def test_import_is_light(code: str) -> None:
    assert not loaded(code) & HEAVY


def test_a_heavy_import_would_be_seen() -> None:
    assert "numpy" in loaded("import hippo.graph.model")


def test_every_public_name_resolves() -> None:
    for name in hippo.__all__:
        assert getattr(hippo, name) is not None
    assert hippo.__all__ == sorted(set(hippo.__all__))
    assert dir(hippo) == hippo.__all__


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match=r"module 'hippo' has no attribute 'Hipo'"):
        hippo.Hipo  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    """The imports under TYPE_CHECKING, the table of homes and `__all__` are one list, written three times."""
    tree = ast.parse(Path(hippo.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imports = {
        alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert imports == {name: f"hippo.{home}" for name, home in hippo._HOMES.items()}
    assert sorted(imports) == hippo.__all__
