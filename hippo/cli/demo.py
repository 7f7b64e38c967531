"""`hippo demo`: the whole way on a small corpus, from passages to evidence and numbers."""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hippo.cli.evidence import show_path, show_retrieval
from hippo.cli.measured import show_table
from hippo.cli.options import JsonOption, QuietOption
from hippo.cli.output import console, print_json, printable, progress_bars, warn
from hippo.cli.sample import NAME, sample_folder
from hippo.errors import MissingExtraError, ModelNotFoundError

if TYPE_CHECKING:
    from hippo import Hippo, Retrieval
    from hippo.evaluation import Question, Table

__all__ = ["EXAMPLES", "demo"]

EXAMPLES = (
    "hippo demo",
    "hippo demo --encoder none",
    "hippo demo --data benchmarks --name musique --index musique-index",
)
_SHOWN = 3
_K = 5


def demo(
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of NAME.json and NAME_corpus.json. Default: the sample.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the two files in that folder.")] = NAME,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="As in `hippo index`. Default: minilm where it works.", show_default=False),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the index here. Default: a temporary folder.", show_default=False),
    ] = None,
    json_: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Index a sample corpus, answer questions, compare profiles.

    Three multi-hop questions are answered, with the path of evidence to the first passage and to the last one that is
    needed; passages needed for the answer are marked with a star. Then all questions of the sample are asked with every
    profile.
    """
    from hippo.evaluation import evaluate, load_dataset

    with ExitStack() as stack:
        folder = data if data is not None else stack.enter_context(sample_folder())
        dataset = load_dataset(folder, name)
        home = index or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hippo-"))) / "index"
        memory = stack.enter_context(_open(home, encoder))
        with progress_bars(quiet=quiet, as_json=json_) as progress:
            memory.add(dataset.documents, progress=progress)
        chosen = [question for question in dataset.questions if len(question.gold) > 1][:_SHOWN]
        found = memory.retrieve_many([question.text for question in chosen], k=_K, explain=True)
        table = evaluate(memory, dataset.questions).table()
    if json_:
        pairs = zip(chosen, found, strict=True)
        questions = [{"gold": sorted(question.gold), "retrieval": one.to_dict()} for question, one in pairs]
        print_json({"questions": questions, "evaluation": table.to_dict()})
    else:
        _show(chosen, found, table)


def _open(path: Path, encoder: str | None) -> "Hippo":
    """The index, with the default encoder only if it works here."""
    from hippo import Hippo

    if encoder is not None or (path / "CURRENT").exists():
        return Hippo.open(path, encoder=encoder)
    from hippo.config import load_config
    from hippo.parts import make_encoder

    settings = load_config()
    try:
        made = make_encoder(settings)
        if made is not None:
            made.encode(["probe"])
    except (MissingExtraError, ModelNotFoundError) as error:
        warn(f"note: {error}\nnote: going on with --encoder none, by words and graph alone")
        return Hippo.open(path, encoder="none")
    return Hippo.open(path, encoder=made, config=settings)


def _show(questions: "list[Question]", found: "list[Retrieval]", table: "Table") -> None:
    out = console()
    for number, (question, retrieval) in enumerate(zip(questions, found, strict=True), 1):
        out.print(printable(f"\n{number}. {question.text}"), style="bold", soft_wrap=True)
        show_retrieval(out, retrieval, gold=question.gold, texts=False)
        # The first passage, and the last one that the answer needs: mostly the one that no word of the question names.
        needed = [hit for hit in retrieval.hits if hit.document_id in question.gold]
        for rank in sorted({hit.rank for hit in [*retrieval.hits[:1], *needed[-1:]]}):
            show_path(out, retrieval.hits[rank - 1])
    out.print("")
    show_table(out, table)
