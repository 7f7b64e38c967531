"""Our rankings beside those of the published HippoRAG 2 code, question by question, and why they differ where they do.

    python -m pipelines.parity --dataset data/NAME --openie openie_results.json --fixture theirs.json --index runs/same

The fixture holds what the published code returned: for each question the rows of the best passages in the corpus, their
scores and the facts that seeded, and figures of its graph. Passages are whole documents, the encoder is minilm, and the
triples are imported, so that nothing but the method is compared. The index is kept in --index and used again.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from hippo import Hippo, ProgressBars, registry
from hippo.evaluation import load_dataset
from hippo.evaluation.metrics import recall_at
from hippo.extraction.imported import ImportedExtractor
from hippo.ids import ascii_key, content_id
from hippo.protocols import Encoder
from hippo.retrieval.profiles import PROFILES
from hippo.snapshot.contents import Contents
from hippo.types import Retrieval
from pipelines.common import new_parser, publish
from pipelines.ties import CLOSE, Choices, compare

if TYPE_CHECKING:
    from hippo.protocols import Float32

_CUTS = (2, 5, 10, 20)
_PARTS = 3
_PROFILE = "hipporag2"


def main() -> None:
    """Parse arguments, run, print, write."""
    parser = new_parser(__doc__)
    parser.add_argument("--dataset", type=Path, required=True, help="folder of NAME.json and NAME_corpus.json")
    parser.add_argument("--openie", type=Path, required=True, help="published file of triples")
    parser.add_argument("--fixture", type=Path, required=True, help="what the published code returned")
    parser.add_argument("--index", type=Path, help="folder of the index (default: a temporary one)")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = arguments.index or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "index"
        result = run(arguments.dataset, arguments.openie, arguments.fixture, folder)
    publish(arguments, result, report(result))


def run(folder: Path, openie: Path, fixture: Path, index: Path) -> dict[str, Any]:
    """Index, retrieve, compare.

    Args:
        folder: Of the dataset; its name is that of the dataset.
        openie: The published triples.
        fixture: What the published code returned.
        index: Folder of the index.
    """
    dataset = load_dataset(folder, folder.name)
    published = json.loads(fixture.read_text(encoding="utf-8"))
    config = {"chunking": {"method": "document"}, "graph": {"rules": "hipporag"}}
    encoder = cast("Encoder", registry.create("encoder", "minilm"))
    with Hippo.open(index, encoder=encoder, extractor=ImportedExtractor(path=str(openie)), config=config) as memory:
        with ProgressBars() as bars:
            memory.add(dataset.documents, progress=bars)
        questions = [item["question"] for item in published["questions"]]
        found = memory.retrieve_many(questions, k=max(_CUTS), profile=_PROFILE)
        queries = encoder.encode(questions, kind="query_to_passage")
        rows = _corpus_rows(folder / f"{folder.name}_corpus.json")
        golds = {question.text: {rows[identity] for identity in question.gold} for question in dataset.questions}
        result = _result(memory.contents(), rows, [golds[text] for text in questions], published, found, queries)
        missing = _missing(memory.contents(), openie)
        for difference in result["differences"]:
            if missing and difference["cause"] == "unexplained":
                difference["detail"] = "the index lacks triples"
        return result | {"missing": missing}


def _missing(contents: Contents, openie: Path) -> list[list[str]]:
    """Triples that the published code would have indexed, those of three parts, and that the index does not hold."""
    known = set(contents.facts.column("text").to_pylist())
    docs = json.loads(openie.read_text(encoding="utf-8"))["docs"]
    triples = [list(map(str, triple)) for doc in docs for triple in doc["extracted_triples"] if len(triple) == _PARTS]
    return [triple for triple in triples if repr(tuple(map(ascii_key, triple))) not in known]


def _corpus_rows(path: Path) -> dict[str, int]:
    """Row of each passage in the corpus, the first where it stands there twice, by its document's id."""
    passages = json.loads(path.read_text(encoding="utf-8"))
    return {content_id(item["title"], item["text"]): row for row, item in reversed(list(enumerate(passages)))}


def _result(
    contents: Contents,
    rows: Mapping[str, int],
    golds: Sequence[set[int]],
    published: Mapping[str, Any],
    found: Sequence[Retrieval],
    queries: "Float32",
) -> dict[str, Any]:
    theirs = published["questions"]
    ours = [[rows[hit.document_id] for hit in one.hits] for one in found]
    compared = [
        compare(ranking, [hit.score for hit in one.hits], item["ranking"], item["scores"])
        for ranking, one, item in zip(ours, found, theirs, strict=True)
    ]
    choices = Choices(contents, PROFILES[_PROFILE], rows)
    differences = [
        choices.explain(query, item, outcome)
        for query, item, outcome in zip(queries, theirs, compared, strict=True)
        if not outcome.same_order or not outcome.close
    ]
    scores = np.array([score for outcome in compared for score in outcome.scores])
    rankings = ours, [item["ranking"] for item in theirs]
    return {
        "questions": len(theirs),
        "same_top_5": sum(outcome.same_top_5 for outcome in compared),
        "overlap": float(np.mean([outcome.overlap for outcome in compared])),
        "same_facts": sum(
            [one_fact.text for one_fact in one.seeds] == [repr(tuple(fact)) for fact in item["facts"]]
            for one, item in zip(found, theirs, strict=True)
        ),
        "scores": {"median": float(np.median(scores)), "largest": float(scores.max())},
        "questions_apart": sum(outcome.largest > CLOSE for outcome in compared),
        "recall": {f"Recall@{k}": [_recall(k, ranking, golds) for ranking in rankings] for k in _CUTS},
        "graph": {name: [value, published["graph"][name]] for name, value in _graph(contents).items()},
        "differences": [asdict(difference) for difference in differences],
    }


def _recall(k: int, rankings: Sequence[Sequence[int]], golds: Sequence[set[int]]) -> float:
    """Recall@k in percent."""
    texts = [[str(row) for row in ranking] for ranking in rankings]
    return 100.0 * float(recall_at(k, texts, [{str(row) for row in gold} for gold in golds]).mean())


def _graph(contents: Contents) -> dict[str, float]:
    """Figures of the graph, by the names that the fixture has for them."""
    adjacency = contents.graph.adjacency(PROFILES[_PROFILE].kind_weights)
    return {
        "vcount": contents.graph.n_nodes,
        "passages": contents.n_chunks,
        "entities": contents.graph.n_entities,
        "facts": len(set(contents.facts.column("text").to_pylist())),
        "distinct_pairs": adjacency.nnz // 2,
        "sum_weight": round(float(adjacency.sum()) / 2, 3),
    }


def report(result: Mapping[str, Any]) -> str:
    """The result as text."""
    count, apart = result["questions"], result["questions_apart"]
    lines = [
        f"same top 5          {result['same_top_5']} of {count} questions",
        f"overlap of top 20   {result['overlap']:.2f} passages in the mean",
        f"same facts          {result['same_facts']} of {count} questions",
        f"scores              {result['scores']['median']:.1e} relative difference in the median",
        f"                    {result['scores']['largest']:.1e} at most; above {CLOSE:g} for {apart} questions",
        "",
        f"{'':16}{'ours':>12}{'published':>12}",
        *(f"{name:16}{ours:12.2f}{theirs:12.2f}" for name, (ours, theirs) in result["recall"].items()),
        *(f"{name:16}{ours:12}{theirs:12}" for name, (ours, theirs) in result["graph"].items()),
        "",
        *(f"triple that is not in the index: {' | '.join(triple)}" for triple in result["missing"]),
        "",
        "| question | top 5 | top 20 | scores | cause | settled so | then |",
        "|---|---|---:|---:|---|---|---|",
    ]
    for item in result["differences"]:
        overlap, largest = item["settled"]
        lines.append(
            f"| {item['question']} | {'same' if item['same_top_5'] else 'differs'} | {item['overlap']} "
            f"| {item['largest']:.1e} | {item['cause']} | {item['detail']} | {overlap}, {largest:.1e} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
