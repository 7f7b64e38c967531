"""The comparison with the published code: sameness is found, and so is what is not the same."""

import json
from ast import literal_eval
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hippo import Hippo, registry
from hippo.evaluation import load_dataset
from hippo.extraction.imported import ImportedExtractor
from hippo.graph.pagerank import exact_pagerank
from hippo.protocols import Walk
from hippo.retrieval.link import Linker, minmax
from hippo.retrieval.profiles import PROFILES
from pipelines.parity import report, run
from pipelines.ties import Choices, compare

pytestmark = pytest.mark.needs("sentence_transformers")

TRIPLES = {
    "Ada Lovelace": [["Ada Lovelace", "knew", "Charles Babbage"], ["Ada Lovelace", "lived in", "London"]],
    "Charles Babbage": [["Charles Babbage", "built", "Difference Engine"], ["Charles Babbage", "born in", "London"]],
    "Mary Somerville": [["Mary Somerville", "taught", "Ada Lovelace"], ["Mary Somerville", "born in", "Jedburgh"]],
    "Jedburgh": [["Jedburgh", "lies in", "Scotland"], ["Jedburgh", "has", "an abbey"]],
    "Trinity": [["Isaac Newton", "studied at", "Trinity"], ["Trinity", "is in", "Cambridge"]],
}
QUESTION = "What did Isaac Newton study at Trinity?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A dataset with triples, and a fixture that is our own ranking."""
    path = tmp_path_factory.mktemp("parity") / "tiny"
    path.mkdir()
    corpus = [{"title": title, "text": f"About {title}."} for title in TRIPLES]
    docs = [
        {"passage": f"{title}\nAbout {title}.", "extracted_entities": [], "extracted_triples": triples}
        for title, triples in TRIPLES.items()
    ]
    paragraphs = [{"title": title, "text": f"About {title}.", "is_supporting": title == "Trinity"} for title in TRIPLES]
    questions = [{"id": "1", "question": QUESTION, "answer": "optics", "paragraphs": paragraphs}]
    for name, content in {"tiny": questions, "tiny_corpus": corpus, "openie": {"docs": docs}}.items():
        (path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    config = {"chunking": {"method": "document"}, "graph": {"rules": "hipporag"}}
    extractor = ImportedExtractor(path=str(path / "openie.json"))
    with Hippo.open(path / "index", encoder="minilm", extractor=extractor, config=config) as memory:
        memory.add(load_dataset(path, "tiny").documents)
        found = memory.retrieve(QUESTION, k=20, profile="hipporag2")
    rows = {title: row for row, title in enumerate(TRIPLES)}
    ours = {
        "question": QUESTION,
        "ranking": [rows[hit.title] for hit in found.hits],
        "scores": [hit.score for hit in found.hits],
        "facts": [seed.text.strip("()'").split("', '") for seed in found.seeds],
    }
    graph = dict.fromkeys(["vcount", "passages", "entities", "facts", "distinct_pairs", "sum_weight"], 0)
    (path / "theirs.json").write_text(json.dumps({"graph": graph, "questions": [ours]}), encoding="utf-8")
    return path


def asked(folder, **changes):
    theirs = json.loads((folder / "theirs.json").read_text(encoding="utf-8"))
    theirs["questions"][0].update(changes)
    (folder / "changed.json").write_text(json.dumps(theirs), encoding="utf-8")
    return run(folder, folder / "openie.json", folder / "changed.json", folder / "index")


def test_the_same_is_the_same(folder):
    result = asked(folder)
    assert (result["same_top_5"], result["same_facts"], result["questions_apart"]) == (1, 1, 0)
    assert result["scores"]["largest"] < 1e-6
    assert result["differences"] == result["missing"] == []
    assert result["graph"]["facts"] == [10, 0]
    assert "same top 5          1 of 1 questions" in report(result)


def test_other_scores_are_not_explained_away(folder):
    theirs = json.loads((folder / "theirs.json").read_text(encoding="utf-8"))["questions"][0]
    [difference] = asked(folder, scores=[score * 1.5 for score in theirs["scores"]])["differences"]
    assert (difference["cause"], difference["same_top_5"]) == ("unexplained", True)
    assert difference["largest"] == pytest.approx(1 / 3)


def test_another_choice_among_tied_entities_is_found(folder):
    """A published ranking that kept the last of the tied names at the cap, where ours keeps the first."""
    profile = replace(PROFILES["hipporag2"], entities=1, facts=1)
    theirs = json.loads((folder / "theirs.json").read_text(encoding="utf-8"))["questions"][0]
    rows = {document.id: row for row, document in enumerate(load_dataset(folder, "tiny").documents)}
    with Hippo.open(folder / "index") as memory:
        contents, ours = memory.contents(), memory.retrieve(QUESTION, k=20, profile=profile)
        query = registry.create("encoder", "minilm").encode([QUESTION])
        names = contents.entities.column("key").to_pylist()
        [fact] = ours.seeds
        kept, left_out = sorted(names.index(name.casefold()) for name in fact.entities)
        linked = Linker(contents.words["passage"], contents.vectors["passage"], contents.moments["passage"])
        [passages] = linked.link([QUESTION], query, 0.0)
        restart = np.zeros((contents.graph.n_nodes, 1))
        counts = contents.entities.column("chunks").to_numpy()
        assert counts[kept] == counts[left_out] == 1
        restart[left_out], restart[contents.graph.passages, 0] = 1.0, 0.05 * minmax(passages.fused)
        walk = Walk(contents.graph.adjacency(profile.kind_weights), profile.damping)
        scores = exact_pagerank(walk, restart / restart.sum())[contents.graph.passages, 0]
        best = np.argsort(-scores)
        documents = contents.chunks.column("document_id").to_pylist()
        theirs["ranking"] = [rows[documents[chunk]] for chunk in best]
        theirs["scores"], theirs["facts"] = scores[best].tolist(), [literal_eval(fact.text)]
        ranking = [rows[hit.document_id] for hit in ours.hits]
        found = compare(ranking, [hit.score for hit in ours.hits], theirs["ranking"], theirs["scores"])
        difference = Choices(contents, profile, rows).explain(query[0], theirs, found)
    assert found.largest > 1e-3
    assert difference.cause == "tie at the cap of entities"
    assert difference.detail == f"without {names[kept]!r}"
    assert difference.settled == (5, pytest.approx(0, abs=1e-6))


def test_rankings_are_compared():
    found = compare([1, 2, 3], [0.5, 0.3, 0.1], [2, 1, 4], [0.3, 0.25, 0.2])
    assert (found.same_top_5, found.same_order, found.whole, found.overlap) == (False, False, False, 2)
    assert found.largest == pytest.approx(1.0)
    assert not found.close
    assert compare([1, 2], [0.5, 0.3], [2, 1], [0.3, 0.5]).close
