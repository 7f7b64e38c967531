"""What is exported is what the index holds, and arrives whole or not at all."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hippo import Document, Hippo
from hippo.errors import IndexEmptyError, InputError
from hippo.export import to_networkx, write_graphml, write_jsonl, write_parquet
from hippo.snapshot.contents import Contents

LONG = "Ada Lovelace wrote the first program for the machine of Charles Babbage in London. " * 8
DOCUMENTS = [
    Document(LONG, id="ada", title='Ada <"Lovelace"> & co', metadata={"tags": ["α", 1], "metadata": {"deep": None}}),
    Document("Charles Babbage was born in London.\n\nIn 1834 he drew a machine.", id="babbage"),
    Document("北京是中国的首都。", id="peking", title="北京", timestamp=datetime(2024, 5, 1, 10, tzinfo=UTC)),
]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hippo]:
    config = {"chunking": {"max_tokens": 64}, "encoder": {"name": "hashing"}, "graph": {"synonym_threshold": 0.3}}
    with Hippo.open(tmp_path_factory.mktemp("export") / "index", config=config) as opened:
        opened.add(DOCUMENTS)
        yield opened


@pytest.fixture(scope="module")
def contents(memory: Hippo) -> Contents:
    return memory.contents()


def matrix(graph: networkx.Graph, nodes: list[str], weight: str) -> np.ndarray[Any, Any]:
    return networkx.to_numpy_array(graph, nodes, weight=weight, nonedge=0.0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_networkx_has_the_edges_of_the_graph(memory: Hippo, contents: Contents) -> None:
    graph = memory.to_networkx()
    nodes = list(graph)
    assert len(nodes) == contents.graph.n_nodes
    assert {data["kind"] for _, data in graph.nodes(data=True)} == {"entity", "passage"}
    expected = contents.graph.adjacency({}).toarray()
    assert expected.any()
    np.testing.assert_allclose(matrix(graph, nodes, "weight"), expected, rtol=1e-12)
    for kind, count in contents.graph.edge_counts.items():
        assert count > 0, f"the test corpus gives no {kind} edge"
        assert sum(kind in data for _, _, data in graph.edges(data=True)) == count


def test_networkx_nodes_say_what_they_are(contents: Contents) -> None:
    graph = to_networkx(contents)
    babbage = graph.nodes["entity:charles babbage"]
    saying = [node for node in graph["entity:charles babbage"] if node.startswith("passage:")]
    assert babbage == {"kind": "entity", "label": "Charles Babbage", "chunks": len(saying)}
    passages = {node: data for node, data in graph.nodes(data=True) if data["kind"] == "passage"}
    assert set(passages) == {f"passage:{chunk}" for chunk in contents.chunks.column("chunk_id").to_pylist()}
    (peking,) = [data for data in passages.values() if data["document_id"] == "peking"]
    assert peking["label"] == peking["title"] == "北京"
    assert all("title" not in data for data in passages.values() if data["document_id"] == "babbage")


def test_igraph_is_the_same_graph(memory: Hippo, contents: Contents) -> None:
    graph, other = memory.to_igraph(), to_networkx(contents)
    assert not graph.is_directed()
    assert graph.vs["name"] == list(other)
    for vertex in graph.vs:
        attributes = {key: value for key, value in vertex.attributes().items() if value is not None and key != "name"}
        assert attributes == other.nodes[vertex["name"]]
    assert graph.ecount() == other.number_of_edges()
    for edge in graph.es:
        ends = [graph.vs[node]["name"] for node in edge.tuple]
        assert {key: value for key, value in edge.attributes().items() if value} == other.edges[ends]


def test_graphml_reads_back_as_the_same_graph(contents: Contents, tmp_path: Path) -> None:
    written = write_graphml(contents, tmp_path / "graph.graphml")
    graph, expected = networkx.read_graphml(tmp_path / "graph.graphml"), to_networkx(contents)
    assert type(graph) is networkx.Graph
    assert dict(graph.nodes(data=True)) == dict(expected.nodes(data=True))
    assert graph.adj == expected.adj
    assert written.rows == {"nodes": expected.number_of_nodes(), "edges": expected.number_of_edges()}
    assert written.removed == {"control characters": 0}


def test_graphml_leaves_out_and_counts_what_xml_cannot_hold(contents: Contents, tmp_path: Path) -> None:
    keys = contents.entities.column("key").to_pylist()
    keys[0], keys[1], keys[2] = "a\x01b", "a\x02b", "ab"
    chunks = contents.chunks.set_column(
        contents.chunks.column_names.index("text"),
        "text",
        pa.array(["one\x0c\ufffe \r\n\t <&\U0001f600]]>"] * contents.n_chunks),
    )
    odd = replace(contents, chunks=chunks, entities=contents.entities.set_column(0, "key", pa.array(keys)))
    written = write_graphml(odd, tmp_path / "graph.graphml")
    graph = networkx.read_graphml(tmp_path / "graph.graphml")
    assert graph.number_of_nodes() == contents.graph.n_nodes
    assert {"entity-0", "entity-1", "entity:ab"} <= set(graph)
    assert written.removed == {"control characters": 2 * contents.n_chunks + 2 + untitled_labels(odd)}
    texts = {data["text"] for _, data in graph.nodes(data=True) if data["kind"] == "passage"}
    assert texts == {"one \r\n\t <&\U0001f600]]>"}


def untitled_labels(contents: Contents) -> int:
    """Illegal characters in labels that are the beginning of a text."""
    return 2 * contents.chunks.column("title").null_count


def test_parquet_holds_everything(contents: Contents, tmp_path: Path) -> None:
    written = write_parquet(contents, tmp_path / "tables")
    tables = {path.stem: pq.read_table(path) for path in (tmp_path / "tables").iterdir()}
    assert written.rows == {name: table.num_rows for name, table in tables.items()}
    assert set(tables) == {"documents", "chunks", "facts", "entities", "edges"}
    texts = dict(zip(*(tables["documents"].column(name).to_pylist() for name in ("document_id", "text")), strict=True))
    assert texts == {document.id: document.text for document in DOCUMENTS}
    nodes = {*tables["entities"].column("node").to_pylist(), *tables["chunks"].column("node").to_pylist()}
    edges = tables["edges"].to_pylist()
    assert {edge["source"] for edge in edges} | {edge["target"] for edge in edges} <= nodes
    assert sum(edge["weight"] for edge in edges) == pytest.approx(contents.graph.adjacency({}).sum() / 2)
    indptr, indices = contents.fact_entities
    keys = contents.entities.column("key").to_pylist()
    for row, fact in enumerate(tables["facts"].to_pylist()):
        assert fact["entities"] == [keys[entity] for entity in indices[indptr[row] : indptr[row + 1]]]
        assert fact["evidence"]
        assert fact["evidence"] in texts[fact["document_id"]]


def test_json_lines_can_be_indexed_again(contents: Contents, tmp_path: Path) -> None:
    written = write_jsonl(contents, tmp_path / "dump")
    assert written.rows["documents"] == 3
    assert {path.stem: len(lines(path)) for path in (tmp_path / "dump").iterdir()} == written.rows
    config = {"chunking": {"max_tokens": 64}, "encoder": {"name": "hashing"}, "graph": {"synonym_threshold": 0.3}}
    with Hippo.open(tmp_path / "copy", config=config) as copy:
        assert copy.add_files(tmp_path / "dump" / "documents.jsonl").skipped == ()
        again = copy.contents()
    for name in ("chunks", "facts", "entities"):
        assert getattr(again, name).equals(getattr(contents, name)), name
    columns = ["document_id", "title", "timestamp"]
    assert again.documents.select(columns).equals(contents.documents.select(columns))
    metadata = [json.loads(value) for value in again.documents.column("metadata").to_pylist()]
    assert metadata == [json.loads(value) for value in contents.documents.column("metadata").to_pylist()]
    np.testing.assert_array_equal(again.graph.indices, contents.graph.indices)


def test_json_lines_of_facts_and_edges(contents: Contents, tmp_path: Path) -> None:
    triples = contents.facts
    for name in ("subject", "predicate", "object"):
        column = pa.array([name] + [None] * (triples.num_rows - 1), pa.string())
        triples = triples.set_column(triples.column_names.index(name), name, column)
    write_jsonl(replace(contents, facts=triples), tmp_path / "dump")
    first, second = lines(tmp_path / "dump" / "facts.jsonl")[:2]
    assert first["triple"] == {"subject": "subject", "predicate": "predicate", "object": "object"}
    assert second["triple"] is None
    kinds = set(contents.graph.weights)
    for edge in lines(tmp_path / "dump" / "edges.jsonl"):
        assert edge["weight"] == pytest.approx(sum(edge[kind] for kind in kinds & edge.keys()))
    assert "text" not in lines(tmp_path / "dump" / "chunks.jsonl")[0]


def test_blocks_do_not_show(contents: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = to_networkx(contents)
    write_jsonl(contents, tmp_path / "whole")
    monkeypatch.setattr("hippo.export.rows._EDGES", 3)
    monkeypatch.setattr("hippo.export.rows.BLOCK", 2)
    monkeypatch.setattr("hippo.export.tables.BLOCK", 2)
    assert networkx.utils.graphs_equal(to_networkx(contents), whole)
    write_jsonl(contents, tmp_path / "parts")
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "parts" / path.name).read_bytes() == path.read_bytes(), path.name


def test_an_index_without_documents(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        with pytest.raises(IndexEmptyError):
            memory.to_networkx()
        memory.add([])
        contents = memory.contents()
        assert memory.to_networkx().number_of_nodes() == memory.to_igraph().vcount() == 0
    write_graphml(contents, tmp_path / "graph.graphml")
    assert networkx.read_graphml(tmp_path / "graph.graphml").number_of_nodes() == 0
    write_parquet(contents, tmp_path / "tables")
    assert pq.read_table(tmp_path / "tables" / "edges.parquet").num_rows == 0
    assert set(write_jsonl(contents, tmp_path / "dump").rows.values()) == {0}


@pytest.mark.parametrize("write", [write_graphml, write_parquet, write_jsonl])
class TestPlaces:
    def test_nothing_is_replaced(self, contents: Contents, tmp_path: Path, write: Any) -> None:
        target = tmp_path / "taken"
        target.mkdir()
        (target / "mine").write_text("mine")
        with pytest.raises(InputError, match="exists already; remove it or choose another name"):
            write(contents, target)
        with pytest.raises(InputError, match="exists already"):
            write(contents, target / "mine")
        assert [path.name for path in tmp_path.rglob("*")] == ["taken", "mine"]

    def test_the_folder_must_be_there(self, contents: Contents, tmp_path: Path, write: Any) -> None:
        with pytest.raises(InputError, match="there is no folder"):
            write(contents, tmp_path / "missing" / "out")

    def test_a_failure_leaves_nothing(self, contents: Contents, tmp_path: Path, write: Any) -> None:
        broken = replace(contents, documents=contents.documents.drop_columns(["metadata"]), chunks=contents.entities)
        with pytest.raises((KeyError, AttributeError, pa.ArrowInvalid)):
            write(broken, tmp_path / "out")
        assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled(contents: Contents, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_jsonl(contents, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 5


def test_a_disk_that_refuses_is_an_input_error(contents: Contents, tmp_path: Path) -> None:
    name = "n" * 300
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        write_graphml(contents, tmp_path / name)
