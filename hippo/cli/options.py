"""Arguments and options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hippo import Hippo, Profile

__all__ = [
    "AsOfOption",
    "ConfigOption",
    "DerivedOption",
    "IndexArgument",
    "JsonOption",
    "LLMOption",
    "MissingOkOption",
    "NewestWinsOption",
    "ProfileOption",
    "QuietOption",
    "RecencyOption",
    "RecognitionOption",
    "RerankingOption",
    "StepsOption",
    "WaitOption",
    "WhereOption",
    "as_profile",
    "open_existing",
]

IndexArgument = Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.", show_default=False)]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="TOML file of settings; see `hippo init`. Default: that of HIPPO_CONFIG.",
        show_default=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document; errors become one on standard error.")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
LLMOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME:MODEL",
        help="Language model: openai:MODEL for OpenAI and all that speaks its protocol (HIPPO_LLM__OPENAI__BASE_URL), "
        "transformers:MODEL for a local one, langchain:PROVIDER:MODEL. Default: the configuration's.",
        show_default=False,
    ),
]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="hippo, hipporag2, hipporag1, dense, bm25, hybrid, one of the configuration, or a .toml file as hippo "
        "tune writes it. Default: the configuration's, or hippo.",
        show_default=False,
    ),
]
RecognitionOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Filter of the facts that a question touches: none, llm or cross-encoder:MODEL. Default: the "
        "configuration's, or none.",
        show_default=False,
    ),
]
RerankingOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Model that reads the best passages once more: none or cross-encoder:MODEL. Default: the configuration's, "
        "or none.",
        show_default=False,
    ),
]
MissingOkOption = Annotated[bool, typer.Option("--missing-ok", help="Pass over ids that the index does not hold.")]
StepsOption = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Rounds of retrieving and reasoning, by a language model. Default: 1.",
        show_default=False,
    ),
]
WaitOption = Annotated[
    float | None,
    typer.Option(
        "--wait",
        metavar="SECONDS",
        help="Wait so long for another writer. Default: the configuration's, or 0: its presence is an error.",
        show_default=False,
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="Only documents whose metadata satisfy this: \"year >= 2020 and lang = 'en'\". Default: all.",
        show_default=False,
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Answer from what was known then: a date (its first moment) or time, ISO 8601, in UTC. Default: from the "
        "present documents.",
        show_default=False,
    ),
]
RecencyOption = Annotated[
    float | None,
    typer.Option(
        "--recency",
        metavar="DAYS",
        help="Age after which a passage counts half. Default: the profile's, or none.",
        show_default=False,
    ),
]
DerivedOption = Annotated[
    bool | None,
    typer.Option(
        "--derived/--no-derived",
        help="Whether what hippo consolidate made counts too. Default: as the profile says.",
        show_default=False,
    ),
]
NewestWinsOption = Annotated[
    bool | None,
    typer.Option(
        "--newest-wins/--no-newest-wins",
        help="Whether passages rank after newer ones that replace what they say. Default: as the profile says.",
        show_default=False,
    ),
]


def as_profile(name: str) -> "str | Profile":
    """A profile as a command was given it: its name, or the one that a TOML file makes the default.

    Raises:
        ConfigError: The file is wrong.
    """
    if not name.endswith(".toml"):
        return name
    from hippo.retrieval.profiles import read_profile

    return read_profile(name)


def open_existing(
    path: Path,
    config: Path | None = None,
    *,
    llm: str | None = None,
    recognition: str | None = None,
    reranking: str | None = None,
    wait: float | None = None,
) -> "Hippo":
    """Open an index that is there already; nothing is made on disk.

    Raises:
        IndexPathError: There is no index at `path`. See also `Hippo.open`.
    """
    from hippo import Hippo
    from hippo.snapshot.current import check_root
    from hippo.storage import address_of

    if address_of(path) is None:
        check_root(path)
    named = {"recognition": recognition, "reranking": reranking}
    overrides = {section: {"name": name} for section, name in named.items() if name}
    return Hippo.open(path, config=config, llm=llm, overrides=overrides, wait=wait)
