"""The project's habits, checked: short files, no dangerous calls, declared dependencies, one version."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path
from typing import Any

import pytest

import hippo
from hippo import registry

LONGEST = 400
"""Lines of a file."""
SUITES = {"pytest"}
"""Imported by `hippo.testing`, for those who run its conformance suites; not needed to use hippo."""
EXTRAS = (
    "local",
    "documents",
    "llm",
    "langchain",
    "llamaindex",
    "langgraph",
    "mcp",
    "serve",
    "otel",
    "eval",
    "plot",
    "ray",
    "s3",
    "testing",
)
"""Extras with which hippo is used."""


@cache
def trees() -> dict[str, ast.Module]:
    """Syntax trees of hippo by path within it."""
    root = Path(hippo.__file__).parent
    return {str(path.relative_to(root)): ast.parse(path.read_text("utf-8")) for path in sorted(root.rglob("*.py"))}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def settings(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text("utf-8"))


def dangers(tree: ast.AST) -> list[str]:
    """Calls that run what they read, and assertions, which vanish under `python -O`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [
                f"import {name}" for name in modules if name.split(".")[0] in {"pickle", "shelve", "marshal", "dill"}
            ]
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec", "compile", "__import__"}:
                found.append(f"{node.func.id}()")
            for keyword in node.keywords:
                value = keyword.value
                harmless = isinstance(value, ast.Constant) and value.value is False
                if keyword.arg in {"trust_remote_code", "allow_pickle", "shell"} and not harmless:
                    found.append(f"{keyword.arg}=")
        elif isinstance(node, ast.Assert):
            found.append("assert")
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "eval(text)", "exec(text)", "np.load(path, allow_pickle=True)",
        "load(name, trust_remote_code=flag)", "run(line, shell=True)", "assert text",
    ],
)  # fmt: skip
def test_dangers_are_seen(code: str) -> None:
    assert len(dangers(ast.parse(code))) == 1


def test_nothing_dangerous() -> None:
    in_suites = {"assert", "import pickle"}  # conformance suites check, and that back-ends survive pickling
    found = {
        path: seen
        for path, tree in trees().items()
        if (seen := set(dangers(tree)) - (in_suites if path.startswith("testing") else set()))
    }
    assert found == {}


def test_no_file_is_long(project: Path) -> None:
    lengths = {
        str(path.relative_to(project)): len(path.read_text("utf-8").splitlines())
        for folder in ("hippo", "pipelines", "tests")
        for path in (project / folder).rglob("*.py")
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [path for path, tree in trees().items() if not ast.get_docstring(tree)] == []


def imported() -> dict[str, set[str]]:
    """Third-party packages by the file that imports them, wherever in the file."""
    packages: dict[str, set[str]] = {}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names} - {"hippo"} - sys.stdlib_module_names
            if tops:
                packages.setdefault(path, set()).update(tops)
    return packages


def test_every_imported_package_is_declared(settings: dict[str, Any]) -> None:
    """Nothing is used that is there only because something else needs it."""
    extras = settings["project"]["optional-dependencies"]
    lines = [*settings["project"]["dependencies"], *(line for name in EXTRAS for line in extras[name])]
    declared = {normalised(re.split(r"[\s<>=!~;\[]", line)[0]) for line in lines}
    distributions = packages_distributions()

    def provided(top: str) -> set[str]:
        """Distributions that bring a package; one that is not installed is taken to have its own name."""
        return set(map(normalised, distributions.get(top, [top])))

    undeclared = {
        path: missing
        for path, packages in imported().items()
        if (
            missing := {
                top for top in packages - SUITES if not declared & set(map(normalised, distributions.get(top, [top])))
            }
        )
    }
    # Come with sentence-transformers and are its interface; jinja2, with torch, is what fills chat templates.
    for packages in undeclared.values():
        packages -= {"torch", "tokenizers", "huggingface_hub", "jinja2"}
    assert {path: packages for path, packages in undeclared.items() if packages} == {}


def test_entry_points_lead_to_classes(settings: dict[str, Any]) -> None:
    groups = settings["project"]["entry-points"]
    assert set(groups) == set(registry.GROUPS.values())
    for group, entries in groups.items():
        for name, target in entries.items():
            found = EntryPoint(name, target, group).load()  # as declared here, whatever was installed
            assert f"{found.__module__}:{found.__qualname__}" == target


def test_the_changelog_begins_with_this_version(project: Path) -> None:
    text = (project / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", text, flags=re.MULTILINE)
    assert versions[0] == hippo.__version__
    assert versions == sorted(versions, key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def test_constraints_pin_every_dependency(project: Path, settings: dict[str, Any]) -> None:
    lines = (project / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", pin) for pin in pins), (
        "exact, without local versions or places"
    )
    names = [pin.partition("==")[0] for pin in pins]
    assert names == sorted(set(names))
    extras = settings["project"]["optional-dependencies"]
    wanted = [
        *settings["project"]["dependencies"],
        *(line for name in extras if name != "gpu" for line in extras[name]),
    ]
    needed = {normalised(re.split(r"[\s<>=!~;\[]", line)[0]) for line in wanted} - {"hippo-memory"}
    assert needed - set(names) == set()
    assert "torch==2.13.0" in pins


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(hippo.__file__).parent / "py.typed").is_file()


def test_the_licence_is_the_whole_apache_licence(project: Path) -> None:
    text = (project / "LICENSE").read_text("utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
