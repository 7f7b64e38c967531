"""`hippo eval`: how well an index answers questions with known passages."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.measured import show_changes, show_table
from hippo.cli.options import (
    ConfigOption,
    JsonOption,
    LLMOption,
    QuietOption,
    RecognitionOption,
    RerankingOption,
    StepsOption,
    as_profile,
    open_existing,
)
from hippo.cli.output import console, counted, print_json, printable, progress_bars, warn
from hippo.cli.waiting import waiting
from hippo.errors import InputError

if TYPE_CHECKING:
    from hippo import Hippo, Profile
    from hippo.evaluation import Asked, Evaluation, Question

__all__ = [
    "EXAMPLES",
    "DatasetOption",
    "GenerateOption",
    "HopsOption",
    "LimitOption",
    "SeedOption",
    "SplitOption",
    "evaluate",
    "open_for",
    "questions_for",
    "questions_of",
]

EXAMPLES = (
    "hippo eval my-index --generate 200",
    "hippo eval my-index --dataset questions.jsonl -k 5 -k 20 --measure nDCG@10 --out results.parquet",
    "hippo eval musique-index --dataset benchmarks/musique --profile hippo --without all",
    "hippo eval my-index --dataset questions.json --profile hippo --profile tuned.toml",
    "hippo eval my-index --dataset questions.json --read --llm openai:gpt-4o-mini",
    "hippo eval --diff before.parquet after.parquet",
    "hippo eval --diff results.parquet:dense results.parquet:hippo --measure Recall@5",
)

DatasetOption = Annotated[
    Path | None,
    typer.Option(
        "--dataset",
        metavar="PATH",
        help="Questions with gold passages: a .json or .jsonl file, as MuSiQue, HotpotQA and 2WikiMultihopQA have them "
        "or with document ids under `gold`; a folder NAME of NAME.json and NAME_corpus.json; or a folder in BEIR's "
        "format. Where there is no index yet, one is made of the folder's corpus, every passage one chunk.",
        show_default=False,
    ),
]
GenerateOption = Annotated[
    int | None,
    typer.Option(
        "--generate",
        metavar="N",
        help="Make N questions of what the index says, half of them about one passage and half over two; with --llm a "
        "language model words them.",
        show_default=False,
    ),
]
HopsOption = Annotated[
    list[int] | None,
    typer.Option(
        "--hops",
        metavar="N",
        help="With --generate: number of facts that a question leads over. May be repeated. Default: 1 and 2.",
        show_default=False,
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="NAME",
        help="Of a folder in BEIR's format: its judgements. Default: test.",
        show_default=False,
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", help="With --dataset: the first questions only.", show_default=False),
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same result.")]


def evaluate(
    context: typer.Context,
    index: Annotated[
        Path | None,
        typer.Argument(metavar="INDEX", help="Folder of the index; none with --diff.", show_default=False),
    ] = None,
    dataset: DatasetOption = None,
    generate: GenerateOption = None,
    hops: HopsOption = None,
    seed: SeedOption = 0,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --generate: write the questions here, as .jsonl.", show_default=False),
    ] = None,
    split: SplitOption = None,
    limit: LimitOption = None,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Profile to measure, or a .toml file as hippo tune writes it; the first one is the baseline. May be "
            "repeated. Default: hippo, dense (if the index has vectors), bm25, with --generate hybrid too.",
            show_default=False,
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PART",
            help="Measure the first profile without this part, too: synonyms, passages, relations, entity-edges, bm25, "
            "recognition, names, titles, neighbours, open-question, facts, query-walk, time, reranking; or all, for "
            "each. May be repeated.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[
        list[int] | None,
        typer.Option(
            "-k",
            metavar="N",
            help="Cut-off. May be repeated. Default: 2, 5, 10, with --read as far as --answer-k reaches.",
            show_default=False,
        ),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Further measure, of ir-measures: nDCG@10, MRR, AP, P@5. May be repeated. With --diff the one to "
            "compare. Default: none, with --diff Recall@5.",
            show_default=False,
        ),
    ] = None,
    recognition: RecognitionOption = None,
    reranking: RerankingOption = None,
    steps: StepsOption = None,
    read: Annotated[
        bool, typer.Option("--read", help="Let a language model answer from the passages, and score its answers.")
    ] = False,
    answer_k: Annotated[
        int | None,
        typer.Option(
            "--answer-k",
            metavar="N",
            help="With --read: number of passages that it reads for a question. Default: 5.",
            show_default=False,
        ),
    ] = None,
    reasoning: Annotated[
        bool | None,
        typer.Option("--reasoning", help="With --read: let it think before it answers.", show_default=False),
    ] = None,
    timed: Annotated[int, typer.Option(metavar="N", help="Questions to measure on how long one takes; 0: none.")] = 20,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write every question's results here, as Parquet.", show_default=False),
    ] = None,
    diff: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="List the questions for which B does better or worse than A: two files of --out, or FILE:PROFILE.",
            show_default=False,
        ),
    ] = None,
    llm: LLMOption = None,
    config: ConfigOption = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure profiles on questions whose gold passages are known.

    The questions are those of a data set, or made of the index itself.

    Recall@k is the share of the gold documents among the first k; All@k the share of questions with every gold document
    among them. Intervals are 95 % bootstrap intervals over questions. Where hippo is measured beside dense, bm25 or
    hybrid, the last lines say whether the graph helps.

    With --read a language model answers every question from the passages of each profile. EM is the share of the
    answers that are one of the accepted answers, but for case, punctuation and articles; F1 the harmonic mean of
    precision and recall of their words. Questions that it could not answer score 0 and are counted. Replies are kept in
    the index: measuring again costs nothing.
    """
    if diff is not None:
        _check_alone(context, measure)
        _compare(diff, measure[0] if measure else None, as_json=json_)
        return
    if not read and (answer_k is not None or reasoning):
        raise InputError("--answer-k and --reasoning are about answers, and none are read. Add --read")
    for path in (out, save):
        if path is not None and path.exists():
            raise InputError(f"{path}: exists already; remove it or choose another name")
    from hippo.evaluation import evaluate as measure_systems
    from hippo.evaluation import verdicts, write_questions

    asked = questions_for(dataset, generate, hops, save, split=split, limit=limit)
    parts = {"recognition": recognition, "reranking": reranking}
    with (
        open_for(index, asked, config, llm=llm, parts=parts, quiet=quiet, as_json=json_) as memory,
        waiting(memory, as_json=json_),
    ):
        questions = questions_of(memory, asked, generate, hops, seed, llm)
        if save is not None:
            write_questions(questions, save)
        results = measure_systems(
            memory,
            questions,
            systems=_systems(memory, profile, without, generated=generate is not None),
            ks=k or None,
            measures=measure or (),
            steps=steps,
            read=read,
            answer_k=5 if answer_k is None else answer_k,
            reasoning=reasoning,
            timed=timed,
        )
    if out is not None:
        results.write(out)
    found = verdicts(results)
    if json_:
        print_json({**results.table().to_dict(), "verdicts": [one.to_dict() for one in found]})
        return
    table = results.table()
    show_table(console(), table)
    for one in found:
        console().print(printable(one.to_text()), soft_wrap=True)


def questions_for(
    dataset: Path | None,
    generate: int | None,
    hops: list[int] | None,
    save: Path | None = None,
    *,
    split: str | None = None,
    limit: int | None = None,
) -> "Asked | None":
    """What is asked, as far as a file says it; None: it is made of the index.

    Raises:
        InputError: Neither or both are given, or an option belongs to the other one.
    """
    if (dataset is None) == (generate is None):
        raise InputError(
            "what to ask is said by --dataset PATH, or made of the index by --generate N: give one of them"
        )
    if generate is None and (hops or save is not None):
        raise InputError("--hops and --save belong to --generate")
    if generate is not None and (split is not None or limit is not None):
        raise InputError("--split and --limit belong to --dataset; --generate N says how many questions are made")
    if dataset is None:
        return None
    from hippo.evaluation import open_dataset

    return open_dataset(dataset, split=split, limit=limit)


def open_for(
    index: Path | None,
    asked: "Asked | None",
    config: Path | None,
    *,
    llm: str | None = None,
    parts: Mapping[str, str | None] | None = None,
    quiet: bool,
    as_json: bool,
) -> "Hippo":
    """The index; where there is none, it is made of the corpus that came with the questions.

    Args:
        index: Its folder.
        asked: What is asked, and about what.
        config: A file of settings.
        llm: Name of a language model.
        parts: "recognition" and "reranking", by name.
        quiet: Whether no progress is shown.
        as_json: Whether results are JSON.
    """
    named = {section: name for section, name in (parts or {}).items() if name}
    if index is None:
        raise InputError("INDEX is missing: the folder of the index to measure")
    if asked is None or asked.documents is None or (index / "CURRENT").exists():
        recognition, reranking = named.get("recognition"), named.get("reranking")
        return open_existing(index, config, llm=llm, recognition=recognition, reranking=reranking)
    from hippo import Hippo

    overrides = {"chunking": {"method": "document"}, **{section: {"name": name} for section, name in named.items()}}
    memory = Hippo.open(index, config=config, llm=llm, overrides=overrides)
    with progress_bars(quiet=quiet, as_json=as_json) as progress:
        memory.add(asked.documents, progress=progress)
    return memory


def questions_of(
    memory: "Hippo", asked: "Asked | None", generate: int | None, hops: list[int] | None, seed: int, llm: str | None
) -> "list[Question]":
    """The questions with ids of documents of the index."""
    from hippo.evaluation import generate_questions, match_questions

    if asked is not None:
        return match_questions(memory, asked.questions)
    writer = memory.language_model() if llm is not None else None
    made = generate_questions(memory, generate or 0, hops=hops or (1, 2), seed=seed, llm=writer)
    told = ", ".join(f"{count} of {length} {'hop' if length == 1 else 'hops'}" for length, count in made.made.items())
    dropped = "".join(f"; {count} dropped: {reason}" for reason, count in made.dropped.items())
    fewer = f" of the {generate} asked for" if len(made.questions) < (generate or 0) else ""
    warn(f"made {counted(len(made.questions), 'question')}{fewer}: {told}{dropped}")
    return list(made.questions)


def _systems(
    memory: "Hippo", profiles: list[str] | None, parts: list[str] | None, *, generated: bool
) -> "list[str | Profile]":
    """What is measured."""
    from hippo.evaluation import default_profiles, without
    from hippo.retrieval.profiles import resolve_profile

    chosen: list[str | Profile] = [as_profile(name) for name in profiles or default_profiles(memory)]
    if generated and not profiles and "dense" in chosen:
        chosen.append("hybrid")
    first = resolve_profile(chosen[0], memory.config.retrieval.profiles)
    return [*chosen, *without(first, parts or ()).values()]


def _check_alone(context: typer.Context, measure: list[str] | None) -> None:
    """Refuse what belongs to measuring: two results are compared as they are."""
    given = [
        option.opts[0] if option.param_type_name == "option" else "INDEX"
        for option in context.command.params
        if option.name not in ("diff", "measure", "json_", "quiet")
        and str(getattr(context.get_parameter_source(option.name or ""), "name", "")) == "COMMANDLINE"
    ]
    if given:
        raise InputError(f"--diff compares two files of results; {', '.join(given)} has no part in it. Leave it out")
    if measure is not None and len(measure) > 1:
        raise InputError(f"--diff compares by one measure, got {', '.join(measure)}")


def _compare(files: tuple[str, str], measure: str | None, *, as_json: bool) -> None:
    """List what differs between two results."""
    from hippo.evaluation import compare_results

    (one, first), (other, second) = _results(files[0]), _results(files[1])
    changes = compare_results(one, other, measure=measure, system_a=first, system_b=second)
    if as_json:
        print_json(changes.to_dict())
    else:
        show_changes(console(), changes, files)


def _results(named: str) -> "tuple[Evaluation, str | None]":
    """Results of a file, and the system that is named behind its name."""
    from hippo.evaluation import read_results

    path, _, system = named.rpartition(":")
    if not path or Path(named).exists():
        return read_results(named), None
    return read_results(path), system
