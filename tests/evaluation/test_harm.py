"""The walk does no harm: hippo finds at least what BM25 finds, in whatever way passages are told."""

import json
from pathlib import Path

import pytest

from hippo.evaluation import Dataset, load_dataset
from pipelines.harm import SHAPES, Told, compare, single_hop


@pytest.fixture(scope="module")
def sample(project: Path) -> Dataset:
    return load_dataset(project / "data", "sample")


_FEW = ("lists", "conversations")


@pytest.mark.parametrize(
    "shape", [shape if shape in _FEW else pytest.param(shape, marks=pytest.mark.slow) for shape in SHAPES]
)
def test_no_way_of_telling_is_harmed(sample: Dataset, shape: str) -> None:
    table = compare(SHAPES[shape](sample.documents), sample, None)
    [plain, ours] = table.rows
    assert (plain.name, ours.name) == ("bm25", "hippo")
    assert ours.cells[0].value.mean >= plain.cells[0].value.mean > 0.5


def test_nor_are_other_languages(project: Path) -> None:
    dataset = load_dataset(project / "data", "multilingual")
    [plain, ours] = compare(Told(dataset.documents), dataset, None).rows
    assert ours.cells[0].value.mean >= plain.cells[0].value.mean > 0.9


def test_what_an_original_counts_as(sample: Dataset) -> None:
    documents = sample.documents[:20]
    originals = {str(document.id) for document in documents}
    for name in ("near duplicates", "a sentence each"):
        told = SHAPES[name](documents)
        assert {told.origin.get(str(one.id), str(one.id)) for one in told.documents} == originals
        assert len(told.documents) > len(documents)
    told = SHAPES["long documents"](documents)
    assert told.holder.keys() == originals
    assert set(told.holder.values()) == {str(one.id) for one in told.documents}
    assert len(told.documents) == 3


def test_single_hops_are_the_parts_that_stand_alone(tmp_path: Path) -> None:
    paragraphs = [("Ada Smith", "A painter of Riga."), ("Riga", "A harbour of Latvia.")]
    item = {
        "id": "1",
        "question": "Where is the town of Ada Smith?",
        "answer": "Latvia",
        "paragraphs": [{"title": title, "paragraph_text": text, "is_supporting": True} for title, text in paragraphs],
        "question_decomposition": [
            {"question": "Ada Smith >> town", "paragraph_support_idx": 0},
            {"question": "Where is #1?", "paragraph_support_idx": 1},
        ],
    }
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "tiny.json").write_text(json.dumps([item]), "utf-8")
    corpus = [{"title": title, "text": text} for title, text in paragraphs]
    (folder / "tiny_corpus.json").write_text(json.dumps(corpus), "utf-8")
    table = single_hop(folder, None)
    assert table.questions == 1
    assert [row.cells[0].value.mean for row in table.rows] == [1.0, 1.0]
