"""An index that is built block by block, with its arrays in files, is the one that is built in memory."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hippo import Document, Hippo
from hippo.cli.app import app
from hippo.config import load_config
from hippo.errors import ConfigError
from hippo.execution import build_index
from hippo.graph.build import assemble, count_pairs
from hippo.scratch import Scratch
from hippo.search.lexical import LexicalIndex
from hippo.snapshot import Snapshot
from hippo.types import Progress
from pipelines.fingerprints import differences, fingerprints
from pipelines.life.corpus import documents

LIMIT = 40
"""Names: more than nine documents have, and fewer than sixteen."""
HASHING = {"encoder": {"name": "hashing", "hashing": {"dimension": 64}}}


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is large, and a block holds a few rows."""
    monkeypatch.setattr("hippo.scratch._SMALL", 2**60)
    monkeypatch.setattr(Scratch, "rows", lambda *_: 7)
    monkeypatch.setattr("hippo.indexing.embed._BLOCK", 5)
    monkeypatch.setattr("hippo.graph.tables._BATCH", 5)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("plain") / "index"
    with Hippo.open(root, overrides=HASHING) as memory:
        memory.add(list(documents(range(20))))
    return root


@pytest.mark.usefixtures("little")
def test_the_same_index(plain: Path, tmp_path: Path):
    with Hippo.open(tmp_path / "index", overrides=HASHING) as memory:
        memory.add(list(documents(range(12))))
        memory.add(list(documents(range(20))))
    found = fingerprints(tmp_path / "index")
    assert differences(fingerprints(plain), found) == []
    assert not [name for name in found if "scratch" in name]


@pytest.mark.usefixtures("little")
def test_the_same_index_from_shards(plain: Path, tmp_path: Path):
    rows = [{"id": one.id, "title": one.title, "text": one.text, **one.metadata} for one in documents(range(20))]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    options = {"overrides": HASHING, "part_documents": 4}
    build_index([tmp_path / "rows.jsonl"], tmp_path / "index", work=tmp_path / "work", **options)
    with Hippo.open(tmp_path / "plain", overrides=HASHING) as memory:
        memory.add_files(tmp_path / "rows.jsonl")
    assert differences(fingerprints(tmp_path / "plain"), fingerprints(tmp_path / "index")) == []


def test_words_by_blocks(tmp_path: Path):
    texts = [f"{one.title}\n{one.text}" for one in documents(range(60))] + ["", "東京タワー", "a a a"]
    whole = LexicalIndex.build(texts)
    parts = LexicalIndex.of_blocks(
        (texts[start : start + 9] for start in range(0, len(texts), 9)), Scratch(tmp_path, 1)
    )
    assert whole.size == parts.size
    for name in ("vocabulary", "indptr", "texts", "weights", "counts", "lengths"):
        ours, theirs = getattr(whole, name), getattr(parts, name)
        assert (ours.dtype, ours.tobytes()) == (theirs.dtype, theirs.tobytes()), name


def test_graph_by_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Scratch, "rows", lambda *_: 11)
    chance = np.random.default_rng(0)
    first, second = chance.integers(0, 30, (2, 400)) ** 2 // 30  # some nodes have most of the edges
    scratch = Scratch(tmp_path, 1)
    pairs = count_pairs(first, second, 40)
    assert all(
        np.array_equal(one, other) for one, other in zip(pairs, count_pairs(first, second, 40, scratch), strict=True)
    )
    more = count_pairs(second[:50], first[50:100], 40)
    graphs = [assemble(25, 15, {"relation": pairs, "contains": more}, one) for one in (None, scratch)]
    for name in ("indptr", "indices"):
        assert np.array_equal(getattr(graphs[0], name), getattr(graphs[1], name))
    for kind, weights in graphs[0].weights.items():
        assert np.array_equal(weights, graphs[1].weights[kind])


def test_names_in_buckets_in_steps_as_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also across the number from which names are searched in buckets, in both directions."""
    monkeypatch.setattr("hippo.graph.buckets.TABLES", 8)
    made = list(documents(range(16)))

    def index(name: str, limit: int, *steps: list[Document], deleting: list[str] | None = None) -> dict[str, str]:
        overrides = {**HASHING, "graph": {"synonym_exact": limit, "synonym_threshold": 0.6}}
        with Hippo.open(tmp_path / name, overrides=overrides) as memory:
            for step in steps:
                memory.add(step)
            if deleting:
                memory.delete(*deleting)
            methods.append(memory.status().synonym_search["method"])
            assert len(memory.contents().similar.low) > 5
        found = fingerprints(tmp_path / name)
        return {name: one for name, one in found.items() if not name.startswith(("store", "snapshot: past"))}

    methods: list[str] = []
    whole = index("whole", 0, made)
    assert index("steps", 0, made[:9], made) == whole
    assert index("across", LIMIT, made[:9], made) == whole
    back = index("back", LIMIT, made, deleting=[str(one.id) for one in made[9:]])
    assert index("part", LIMIT, made[:9]) == back
    assert methods == ["buckets", "buckets", "buckets", "exact", "exact"]


def test_a_search_of_many_vectors_is_built_with_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("faiss")
    for name in ("hippo.backends.vectors", "hippo.retrieval.linkers"):
        monkeypatch.setattr(f"{name}.APPROXIMATE_FROM", 50)
    monkeypatch.setattr("hippo.backends.vectors.faiss._APPROXIMATE_FROM", 50)
    overrides = {**HASHING, "graph": {"synonym_exact": 0}}
    with Hippo.open(tmp_path / "index", overrides=overrides) as memory:
        memory.add(list(documents(range(60))))
        status = memory.status()
    assert list(status.vector_search) == ["fact"]
    assert status.vector_search["fact"]["kind"] == "ivf-sq8"
    assert status.vector_search["fact"]["recall"] >= 0.98
    # A reader does not build it again.
    monkeypatch.setattr("hippo.backends.vectors.faiss.FaissVectorIndex._build", lambda _: pytest.fail("built again"))
    for vectors in ("auto", "faiss"):
        with Hippo.open(tmp_path / "index", config={"retrieval": {"vectors": vectors}}) as memory:
            assert memory.retrieve("Which river flows by the place where Ada Kelurmont was born?", k=3).hits
    with Snapshot.open(tmp_path / "index", verify=True) as snapshot:
        assert snapshot.has("search.fact")
    shown = CliRunner().invoke(app, ["status", str(tmp_path / "index")]).output
    assert re.search(r"search of facts +ivf-sq8; finds (9[89]|100)\.\d% of the nearest", shown)
    assert re.search(r"search of synonyms +buckets; found \d+\.\d% of [\d,]+ similar pairs", shown)


def test_a_small_change_reads_and_adds_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("faiss")
    for name in ("hippo.backends.vectors", "hippo.retrieval.linkers"):
        monkeypatch.setattr(f"{name}.APPROXIMATE_FROM", 50)
    monkeypatch.setattr("hippo.backends.vectors.faiss._APPROXIMATE_FROM", 50)
    made = list(documents(range(64)))
    config = {**HASHING, "indexing": {"keep_versions": False}}

    def state(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        with Snapshot.open(tmp_path / name, verify=True) as snapshot:
            return dict(snapshot.info), dict(snapshot.sums)

    read: list[int] = []

    def heard(step: Progress) -> None:
        if step.stage == "words":
            read.append(step.done)

    with Hippo.open(tmp_path / "index", overrides=config) as memory:
        memory.add(made[:60], progress=heard)
        whole, before = state("index")
        memory.add(made[60:], progress=heard)
        changed, after = state("index")
        memory.delete(*[str(one.id) for one in made[60:]])
        _, back = state("index")
    assert read[0] == whole["chunks"] + whole["facts"]
    assert whole["vector_search"]["fact"]["added"] == whole["vector_search"]["fact"]["trained"] == whole["facts"]
    new = {kind: changed[count] - whole[count] for kind, count in (("passage", "chunks"), ("fact", "facts"))}
    assert read[1] == sum(new.values())
    assert 0 < changed["vector_search"]["fact"]["added"] == new["fact"]
    assert changed["vector_search"]["fact"]["trained"] == whole["facts"]
    assert back == before
    with Hippo.open(tmp_path / "fresh", overrides=config) as memory:
        memory.add(made)
    _, fresh = state("fresh")
    # Beside when documents came, what centroids were trained on is all in which the two differ.
    search = {"search.fact/faiss.index", "search.fact/faiss.json"}
    assert {path for path in fresh if fresh[path] != after[path]} <= {*search, "history.starts.npy"}


def test_limits_are_checked():
    with pytest.raises(ConfigError, match=r"indexing\.memory: must be 67108864 to"):
        load_config({"indexing": {"memory": 1000}})
    with pytest.raises(ConfigError, match=r"graph\.synonym_exact: must be 0 or more"):
        load_config({"graph": {"synonym_exact": -1}})
