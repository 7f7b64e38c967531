"""`hippo tune`: options of a profile for an index of one's own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from hippo.cli.evaluate import (
    DatasetOption,
    GenerateOption,
    HopsOption,
    LimitOption,
    SeedOption,
    SplitOption,
    open_for,
    questions_for,
    questions_of,
)
from hippo.cli.options import ConfigOption, JsonOption, LLMOption, QuietOption, as_profile
from hippo.cli.output import console, print_json, printable, progress_bars
from hippo.errors import InputError

__all__ = ["EXAMPLES", "tune"]

EXAMPLES = (
    "hippo tune my-index --dataset questions.jsonl --out tuned.toml",
    "hippo tune my-index --generate 200 --trials 20 --out tuned.toml",
    "hippo tune my-index --dataset questions.jsonl --option damping=0.6,0.7,0.8 --option kind_weights.titles=4,8",
    'hippo query my-index "Who founded the company that built the bridge?" --profile tuned.toml',
)


def tune(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="Folder of the index.", show_default=False)],
    dataset: DatasetOption = None,
    generate: GenerateOption = None,
    hops: HopsOption = None,
    split: SplitOption = None,
    limit: LimitOption = None,
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="Profile that is changed, or a .toml file of one.")
    ] = "hippo",
    option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=V,V",
            help="Values of an option to try. May be repeated. Default: damping, passage_share, name_share, "
            "query_gain, lexical_weight and kind_weights.titles, three or four of each.",
            show_default=False,
        ),
    ] = None,
    trials: Annotated[int, typer.Option(metavar="N", help="Combinations to try, drawn if there are more.")] = 40,
    folds: Annotated[int, typer.Option(metavar="N", help="Parts of the questions that are held out in turn.")] = 5,
    measure: Annotated[str, typer.Option(metavar="NAME", help="What is to be as high as possible.")] = "Recall@5",
    seed: SeedOption = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml",
            help="Write the profile here, for --profile FILE.toml or --config FILE.toml.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Search options of a profile that suit an index.

    Every combination ranks all questions once. Questions are then held out in turn: what is best on the others is
    scored on these. That is the gain to expect on questions that it was not chosen on. The defaults of hippo stay as
    they are; so does the index.
    """
    if out is not None and out.exists():
        raise InputError(f"{out}: exists already; remove it or choose another name")
    if out is not None and out.suffix != ".toml":
        raise InputError(f"{out}: a profile is kept in a .toml file")
    from hippo.evaluation import tune as search
    from hippo.evaluation.tuning import AXES

    axes = _axes(option) if option else AXES
    asked = questions_for(dataset, generate, hops, split=split, limit=limit)
    with (
        open_for(index, asked, config, llm=llm, quiet=quiet, as_json=json_) as memory,
        progress_bars(quiet=quiet, as_json=json_) as progress,
    ):
        found = search(
            memory,
            questions_of(memory, asked, generate, hops, seed, llm),
            profile=as_profile(profile),
            axes=axes,
            trials=trials,
            folds=folds,
            measure=measure,
            seed=seed,
            progress=progress,
        )
    if out is not None:
        found.write(out)
    if json_:
        print_json(found.to_dict())
        return
    console().print(printable(found.to_text()), soft_wrap=True)
    if out is not None:
        console().print(printable(f"{out}: use it with --profile {out}"), soft_wrap=True)


def _axes(options: list[str]) -> dict[str, list[Any]]:
    axes: dict[str, list[Any]] = {}
    for key, values in map(_axis, options):
        if key in axes:
            raise InputError(f"--option {key} is given twice; name all its values in one: {key}=VALUE,VALUE")
        axes[key] = values
    return axes


def _axis(text: str) -> tuple[str, list[Any]]:
    """An option and its values, which are numbers, true, false or text."""
    key, equals, values = text.partition("=")
    if not equals or not key or not values:
        raise InputError(f"--option must be KEY=VALUE,VALUE, got {text!r}")
    return key, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
