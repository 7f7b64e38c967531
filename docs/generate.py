"""Writes the parts of these pages that the code knows better: `python docs/generate.py`.

A part stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. Help texts come from the commands, tables of keys
from the dataclasses and their docstrings, the tree of errors from its module, the plug-in from the tests, the plan of a
large corpus, tables and charts of benchmarks from what was measured, in `figures/*.json`. Tests compare the pages and
the charts with what this makes.
"""

import inspect
import json
import re
import sys
import tomllib
from dataclasses import MISSING, Field, fields
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from hippo import config, errors, registry
from hippo.cli.app import COMMANDS, app
from hippo.cli.init import attribute_meanings
from hippo.parts import NONE
from hippo.retrieval.profiles import PROFILES, Profile

__all__ = ["parts", "rendered", "stale"]

_DOCS = Path(__file__).parent
_PLUGIN = _DOCS.parent / "tests" / "plugin_package"
_WIDTH = 100
if str(_DOCS.parent) not in sys.path:
    sys.path.append(str(_DOCS.parent))
_PART = re.compile(r"(<!-- begin ([\w-]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
_OWN_PROFILE = (
    "A profile of your own is a known one with some options changed: `[retrieval.profiles.NAME]`, with `base` for the "
    "one that it changes."
)
_DIFFERENCES = "| profile | differs from the defaults by |\n|---|---|"


def parts() -> dict[str, str]:
    """Markdown by name of the part."""
    return {
        "commands": _commands(),
        "keys": _keys(),
        "errors": _fenced(inspect.getdoc(errors).split("```")[1].strip("\n"), "text"),  # type: ignore[union-attr]
        "plugin": _fenced((_PLUGIN / "src" / "hippo_letters" / "__init__.py").read_text("utf-8").strip(), "python"),
        "entry-point": _fenced(_entry_point(), "toml"),
        "scale-plan": _fenced(_scale_plan(), "text"),
        **_figures(),
    }


def rendered() -> dict[Path, str]:
    """Every page that has a part, as it should be."""
    made = parts()
    pages = {}
    for path in sorted(_DOCS.rglob("*.md")):
        text = path.read_text("utf-8")
        if _PART.search(text):
            pages[path] = _PART.sub(lambda match: f"{match[1]}\n{made[match[2]]}\n\n{match[3]}", text)
    return pages


def stale() -> list[str]:
    """Names of pages that are not as they should be."""
    return [path.name for path, text in rendered().items() if path.read_text("utf-8") != text]


def _figures() -> dict[str, str]:
    """What `python -m pipelines.figures` prints, by name."""
    from pipelines import figures

    return {f"figures-{name}": text for name, text in figures.parts(figures.load(_DOCS / "figures")).items()}


def _scale_plan() -> str:
    """What `python -m pipelines.scale_plan` prints."""
    from pipelines import scale_plan

    measured = scale_plan.merged([scale_plan.read(path) for path in scale_plan.MEASURED])
    return scale_plan.show(scale_plan.plan(measured, **scale_plan.assumed(scale_plan.parser().parse_args([]))))


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def _commands() -> str:
    sections = [f"## hippo {name}\n\n{_fenced(_help(*name.split()), 'text')}" for name in COMMANDS]
    return "\n\n".join([_fenced(_help(), "text"), *sections])


def _help(*command: str) -> str:
    result = CliRunner().invoke(app, [*command, "--help"], prog_name="hippo", terminal_width=_WIDTH)
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def _keys() -> str:
    sections = []
    for section in fields(config.Config):
        kind = type(getattr(config.Config(), section.name))
        text = f"## [{section.name}]\n\n{_summary(kind)}\n\n{_table(kind, _options_row(section.name))}"
        sections.append(text)
    names = "\n".join(f"| `{name}` | {_differences(profile)} |" for name, profile in PROFILES.items())
    sections += [
        f"## Profiles\n\n{_OWN_PROFILE}\n\n{_table(Profile, skip=('name',))}\n\n{_DIFFERENCES}\n{names}",
        f"## Back-ends\n\n{_back_ends()}",
        f"## Environment\n\n{_environment()}",
    ]
    return "\n\n".join(sections)


def _summary(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _options_row(section: str) -> dict[str, str]:
    """How the options of back-ends are written in TOML, which is not as the dataclass has them."""
    return (
        {"options": f"[{section}.NAME]"}
        if section in ("encoder", "extractor", "llm", "recognition", "reranking")
        else {}
    )


def _table(kind: type, names: dict[str, str] | None = None, skip: tuple[str, ...] = ()) -> str:
    meanings = attribute_meanings(kind)
    rows = [
        f"| `{(names or {}).get(item.name, item.name)}` | {_default(item)} | {meanings[item.name]} |"
        for item in fields(kind)
        if item.name not in skip
    ]
    return "\n".join(["| key | default | meaning |", "|---|---|---|", *rows])


def _default(item: "Field[Any]") -> str:
    value = item.default_factory() if item.default_factory is not MISSING else item.default
    if value is None:
        return "not set"
    return "none" if value == {} else f"`{json.dumps(value)}`"


def _differences(profile: Profile) -> str:
    plain = Profile(profile.name)
    changed = [
        f"`{item.name} = {json.dumps(getattr(profile, item.name))}`"
        for item in fields(Profile)
        if getattr(profile, item.name) != getattr(plain, item.name)
    ]
    return ", ".join(changed) or "nothing"


def _own(group: str) -> dict[str, str]:
    """Back-ends that hippo itself declares, whatever is installed: what each name leads to."""
    settings = tomllib.loads((_DOCS.parent / "pyproject.toml").read_text("utf-8"))
    found: dict[str, str] = settings["project"]["entry-points"][group]
    return found


def _back_ends() -> str:
    rows = []
    for kind, group in registry.GROUPS.items():
        for name, target in sorted(_own(group).items()):
            made = EntryPoint(name, target, group).load()
            meaning = " ".join((inspect.getdoc(made) or "").split("\n\n")[0].split())
            rows.append(f"| {kind} | `{name}` | {meaning} | `{group}` |")
        if kind == "encoder":
            rows.append(f"| encoder | `{NONE}` | No vectors: BM25 and the graph alone. | |")
    return "\n".join(["| kind | name | what it is | entry point group |", "|---|---|---|---|", *rows])


def _environment() -> str:
    keys = [
        f"`HIPPO_{section.name}__{item.name}`".upper()
        for section in fields(config.Config)
        for item in fields(type(getattr(config.Config(), section.name)))
        if item.name not in ("options", "profiles", "uses")
    ]
    text = (
        "Values are TOML; what is no TOML is taken as text. Options of a back-end follow its name, those of a use of "
        "language models that of the use: `HIPPO_ENCODER__HASHING__DIMENSION=512`, "
        "`HIPPO_LLM__OPENAI__BASE_URL=http://localhost:8000/v1`, `HIPPO_LLM__USES__READER__MAX_COST=1.0`. The others:"
    )
    return "\n".join([text, "", *(f"* {key}" for key in keys)])


def _entry_point() -> str:
    """Name and entry points of the plug-in, without the one that is broken for the tests."""
    project = tomllib.loads((_PLUGIN / "pyproject.toml").read_text("utf-8"))["project"]
    groups = project["entry-points"]
    lines = ["[project]", f'name = "{project["name"]}"', f'version = "{project["version"]}"']
    for group, entries in groups.items():
        lines += ["", f'[project.entry-points."{group}"]']
        lines += [f'{name} = "{target}"' for name, target in entries.items() if name != "broken"]
    return "\n".join(lines)


if __name__ == "__main__":
    for page, content in rendered().items():
        page.write_text(content, "utf-8")
    from pipelines.charts import draw

    draw(_DOCS / "figures", _DOCS / "figures")
