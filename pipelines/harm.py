"""Whether the walk does harm where there are no chains: recall of hippo beside dense and BM25 alone, in hard cases.

    python -m pipelines.harm --dataset data --name sample --multilingual data --out runs/harm.json

The passages of a data set are told in other ways: as lists, beside near duplicates, a sentence each, joined to long
documents, as turns of a conversation. Every question has to be answered from each. --multilingual asks the questions of
`multilingual.json`, --decomposition FILE the single-hop questions that a MuSiQue file is made of, about its own corpus.
Documents count: a near duplicate, a sentence or a turn counts as the document that it comes from.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hippo import Hippo, ProgressBars, load_config
from hippo.documents.sentences import sentence_spans
from hippo.evaluation import Dataset, Table, comparison_table, load_dataset, recall_at
from hippo.ids import content_id
from hippo.parts import make_encoder
from hippo.protocols import Encoder
from hippo.types import Document
from pipelines.common import new_parser, publish
from pipelines.replay import RememberingEncoder

__all__ = ["SHAPES", "compare", "single_hop"]

_K = 5
_REACH = 30
"""Passages that are retrieved: several may be of one document."""
_JOINED = 8
"""Documents in a long one."""


@dataclass(frozen=True, slots=True)
class Told:
    """A corpus told in some way.

    Attributes:
        documents: What is indexed.
        origin: The original that a document counts as, by id; itself where it is not there.
        holder: The document that holds an original, by the original's id; itself where it is not there.
    """

    documents: Sequence[Document]
    origin: Mapping[str, str] = field(default_factory=dict)
    holder: Mapping[str, str] = field(default_factory=dict)


def _sentences(document: Document) -> list[str]:
    parts = [document.text[start:end].strip() for start, end in sentence_spans(document.text, "en")]
    return [part for part in parts if part]


def _lists(documents: Sequence[Document]) -> Told:
    told = [
        Document("\n".join(f"- {part}" for part in _sentences(one)), id=one.id, title=one.title) for one in documents
    ]
    return Told(told)


def _duplicates(documents: Sequence[Document]) -> Told:
    copies = [Document(f"As far as is known: {one.text}", id=f"{one.id}-copy", title=one.title) for one in documents]
    return Told([*documents, *copies], {f"{one.id}-copy": str(one.id) for one in documents})


def _short(documents: Sequence[Document]) -> Told:
    told: list[Document] = []
    origin: dict[str, str] = {}
    for one in documents:
        for number, part in enumerate(_sentences(one)):
            identity = f"{one.id}-{number}"
            told.append(Document(part, id=identity, title=one.title))
            origin[identity] = str(one.id)
    return Told(told, origin)


def _long(documents: Sequence[Document]) -> Told:
    """Joined without titles but in the text; each original counts as the document that holds it."""
    told: list[Document] = []
    holder: dict[str, str] = {}
    for start in range(0, len(documents), _JOINED):
        group = documents[start : start + _JOINED]
        identity = f"long-{start // _JOINED}"
        told.append(Document("\n\n".join(f"{one.title}. {one.text}" for one in group), id=identity))
        holder |= {str(one.id): identity for one in group}
    return Told(told, {}, holder)


def _chats(documents: Sequence[Document]) -> Told:
    told = []
    for one in documents:
        turns = [f"user: What do you know about {one.title}?", *(f"assistant: {part}" for part in _sentences(one))]
        told.append(Document("\n".join(turns), id=one.id))
    return Told(told)


SHAPES: Mapping[str, Callable[[Sequence[Document]], Told]] = {
    "as it is": Told,
    "lists": _lists,
    "near duplicates": _duplicates,
    "a sentence each": _short,
    "long documents": _long,
    "conversations": _chats,
}
"""Ways to tell a corpus."""


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of NAME.json and NAME_corpus.json")
    parser.add_argument("--name", required=True, help="name of the dataset")
    parser.add_argument("--encoder", default="minilm", help="name of the encoder, or none")
    parser.add_argument("--multilingual", type=Path, help="folder of multilingual.json and its corpus")
    parser.add_argument("--decomposition", type=Path, help="folder of a MuSiQue file, which has its name")
    parser.add_argument("--index", type=Path, help="folder of the index of the MuSiQue corpus, used again")
    arguments = parser.parse_args()
    made = make_encoder(load_config(None, {"encoder": {"name": arguments.encoder}}))
    encoder = RememberingEncoder(made) if made else None
    cases: dict[str, tuple[Told, Dataset]] = {}
    dataset = load_dataset(arguments.dataset, arguments.name)
    for name, tell in SHAPES.items():
        cases[name] = tell(dataset.documents), dataset
    if arguments.multilingual:
        other = load_dataset(arguments.multilingual, "multilingual")
        cases["other languages"] = Told(other.documents), other
    tables = {name: compare(told, questions, encoder) for name, (told, questions) in cases.items()}
    if arguments.decomposition:
        tables["single hops"] = single_hop(arguments.decomposition, encoder, arguments.index)
    results = {name: table.to_dict() for name, table in tables.items()}
    publish(arguments, results, "\n\n".join(f"{name}\n{table.to_text()}" for name, table in tables.items()))


def compare(
    told: Told,
    dataset: Dataset,
    encoder: Encoder | None,
    questions: Mapping[str, frozenset[str]] | None = None,
    index: Path | None = None,
) -> Table:
    """Recall@5 of "hippo" beside "hybrid", the baseline; without an encoder beside "bm25".

    Args:
        told: What is indexed.
        dataset: Has the questions.
        encoder: Makes the vectors; None: there are none.
        questions: Gold ids by question, in place of those of the data set.
        index: Folder of the index, every document one chunk; None: a temporary one, documents cut into chunks.
    """
    asked = questions or {question.text: question.gold for question in dataset.questions}
    golds = [{told.holder.get(one, one) for one in gold} for gold in asked.values()]
    config = {"chunking": {"method": "document"}} if index else {}
    scores = {}
    with ExitStack() as stack:
        folder = index or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index"
        memory = stack.enter_context(Hippo.open(folder, encoder=encoder or "none", config=config))
        memory.add(told.documents, progress=stack.enter_context(ProgressBars()))
        for profile in ("hybrid" if encoder else "bm25", "hippo"):
            found = memory.retrieve_many(list(asked), k=_REACH, profile=profile)
            ranked = [[told.origin.get(hit.document_id, hit.document_id) for hit in one.hits] for one in found]
            scores[profile] = {f"Recall@{_K}": recall_at(_K, ranked, golds)}
    return comparison_table(scores)


def single_hop(folder: Path, encoder: Encoder | None, index: Path | None = None) -> Table:
    """The parts of MuSiQue's questions that stand alone, each with the paragraph that answers it."""
    dataset = load_dataset(folder, folder.name)
    raw: list[dict[str, Any]] = json.loads((folder / f"{folder.name}.json").read_text(encoding="utf-8"))
    known = {document.id for document in dataset.documents}
    asked = {}
    for item in raw:
        for part in item["question_decomposition"]:
            paragraph = item["paragraphs"][part["paragraph_support_idx"]]
            gold = content_id(paragraph["title"], paragraph["paragraph_text"])
            if "#" not in part["question"] and gold in known:
                asked[part["question"].replace(" >> ", ": ")] = frozenset({gold})
    return compare(Told(dataset.documents), dataset, encoder, asked, index)


if __name__ == "__main__":
    main()
