"""Folders as LightRAG and GraphRAG leave them become an index that answers from their triples."""

import json
from pathlib import Path

import networkx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.documents import Limits
from hippo.errors import DocumentError, InputError
from hippo.migration import convert
from hippo.migration.foreign import words_of

BRIDGE = "It was put up within a year, by Steelworks Smith."
WORKS = "The firm goes back to Ada Smith of Riga."


@pytest.fixture
def lightrag(tmp_path: Path) -> Path:
    folder = tmp_path / "rag_storage"
    folder.mkdir()
    graph = networkx.Graph()
    for name, chunks in {
        "Iron Bridge": "chunk-1",
        "Steelworks Smith": "chunk-1<SEP>chunk-2",
        "Ada Smith": "chunk-2",
        "Lost": "chunk-9",
        "–": "chunk-1",
    }.items():
        graph.add_node(name, entity_id=name, entity_type="thing", source_id=chunks, description=f"About {name}")
    built = "Steelworks Smith built the Iron Bridge.<SEP>It was quick."
    graph.add_edge("Steelworks Smith", "Iron Bridge", source_id="chunk-1", keywords="construction", description=built)
    graph.add_edge("Steelworks Smith", "Ada Smith", source_id="chunk-2", keywords="founder", description="It began.")
    networkx.write_graphml(graph, folder / "graph_chunk_entity_relation.graphml")
    first = {"content": BRIDGE, "full_doc_id": "doc-1", "chunk_order_index": 0, "file_path": "bridge.txt"}
    second = {"content": WORKS, "full_doc_id": "doc-1", "chunk_order_index": 1, "file_path": "unknown_source"}
    third = {"content": " ", "full_doc_id": "doc-2", "chunk_order_index": 0}
    stored = {"chunk-1": first, "chunk-2": second, "chunk-3": third}
    (folder / "kv_store_text_chunks.json").write_text(json.dumps(stored))
    return folder


def graphrag(folder: Path, prefix: str = "", named: str = "title") -> Path:
    folder.mkdir()

    def write(name: str, rows: list[dict[str, object]]) -> None:
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{prefix}{name}.parquet")

    firm, bridge, ada = "STEELWORKS SMITH", "IRON BRIDGE", "ADA SMITH"
    named_in = {bridge: ["u1"], firm: ["u1", "u2"], ada: ["u2"]}
    built = "Steelworks Smith built the Iron Bridge"
    write("documents", [{"id": "d", "title": "bridge.txt", "text": f"{BRIDGE} {WORKS}"}])
    write("text_units", [{"id": f"u{n}", "text": text, "document_ids": ["d"]} for n, text in ((1, BRIDGE), (2, WORKS))])
    write("entities", [{"id": name, named: name, "text_unit_ids": units} for name, units in named_in.items()])
    write(
        "relationships",
        [
            {"source": firm, "target": bridge, "description": built, "text_unit_ids": ["u1"]},
            {"source": firm, "target": ada, "description": "She founded it", "text_unit_ids": ["u2"]},
        ],
    )
    return folder


def test_lightrag(lightrag: Path, tmp_path: Path) -> None:
    made = convert(lightrag, tmp_path / "made")
    assert (made.system, made.passages, made.entities, made.relations) == ("LightRAG", 2, 3, 2)
    assert made.dropped == {"entity of no known passage": 1, "entity without a name": 1, "passage without text": 1}
    documents = [json.loads(line) for line in Path(made.documents).read_text("utf-8").splitlines()]
    assert documents == [
        {"id": "chunk-1", "text": BRIDGE, "document": "doc-1", "source": "bridge.txt", "position": 0},
        {"id": "chunk-2", "text": WORKS, "document": "doc-1", "position": 1},
    ]
    [first, second] = json.loads(Path(made.openie).read_text("utf-8"))["docs"]
    assert first["extracted_entities"] == ["Iron Bridge", "Steelworks Smith"]
    assert [*first["extracted_triples"], *second["extracted_triples"]] in (
        [["Steelworks Smith", "built the", "Iron Bridge"], ["Steelworks Smith", "founder", "Ada Smith"]],
        [["Iron Bridge", "construction", "Steelworks Smith"], ["Steelworks Smith", "founder", "Ada Smith"]],
    )


@pytest.mark.parametrize(("prefix", "named"), [("", "title"), ("create_final_", "name")])
def test_graphrag_to_an_index(tmp_path: Path, prefix: str, named: str) -> None:
    """A question about the bridge leads to the founder, whom its passage does not name."""
    folder = graphrag(tmp_path / "output", prefix, named)

    def run(*words: object) -> str:
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.output
        return done.stdout

    made = json.loads(run("convert", folder, tmp_path / "made", "--json"))
    assert (made["system"], made["passages"], made["relations"], made["dropped"]) == ("GraphRAG", 2, 2, {})
    shown = run("convert", folder, tmp_path / "again")
    assert shown.startswith("2 passages, 3 entities, 2 relations of GraphRAG\nhippo index INDEX ")
    index, kept = tmp_path / "index", ["--chunking", "document", "--encoder", "none"]
    assert "2 documents added" in run("index", index, made["documents"], "--openie", made["openie"], *kept)
    with Hippo.open(index) as memory:
        contents = memory.contents()
        assert sorted(contents.entities.column("key").to_pylist()) == ["ada smith", "iron bridge", "steelworks smith"]
        assert contents.facts.column("predicate").to_pylist() == ["built the", "She founded it"]
        assert memory.get("u1").metadata == {"document": "d", "source": "bridge.txt"}
        hits = memory.retrieve("Who built the Iron Bridge?", k=2).hits
        assert {hit.document_id for hit in hits if hit.score > 0} == {"u1", "u2"}


def test_what_cannot_be_converted(lightrag: Path, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"holds neither graph_chunk_entity_relation.graphml of LightRAG, or"):
        convert(tmp_path, tmp_path / "made")
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "x").touch()
    with pytest.raises(InputError, match="exists already"):
        convert(lightrag, tmp_path / "made")
    (lightrag / "graph_chunk_entity_relation.graphml").write_text("<graphml><graph>")
    with pytest.raises(DocumentError, match="no GraphML"):
        convert(lightrag, tmp_path / "new")
    (lightrag / "kv_store_text_chunks.json").write_text("[]")
    with pytest.raises(DocumentError, match="must hold an object from chunk"):
        convert(lightrag, tmp_path / "new")
    (lightrag / "kv_store_text_chunks.json").unlink()
    with pytest.raises(DocumentError, match="only LightRAG's default stores"):
        convert(lightrag, tmp_path / "new")
    folder = graphrag(tmp_path / "output")
    pq.write_table(pa.table({"id": ["1"]}), folder / "relationships.parquet")
    with pytest.raises(DocumentError, match="has no column 'source'"):
        convert(folder, tmp_path / "new")
    pq.write_table(pa.table({"id": pa.array([], pa.string())}), folder / "relationships.parquet")
    with pytest.raises(DocumentError, match=r"relationships\.parquet: has no rows"):
        convert(folder, tmp_path / "new")
    (folder / "entities.parquet").write_text("nonsense")
    with pytest.raises(DocumentError, match="cannot be read as Parquet"):
        convert(folder, tmp_path / "new")


def test_the_longest_row_is_what_the_configuration_says(lightrag: Path, tmp_path: Path) -> None:
    for number, folder in enumerate((lightrag, graphrag(tmp_path / "output"))):
        with pytest.raises(DocumentError, match=r"raise documents\.max_bytes"):
            convert(folder, tmp_path / "new", max_bytes=40)
        (tmp_path / "hippo.toml").write_text("[documents]\nmax_bytes = 40\n")
        command = ["convert", str(folder), str(tmp_path / f"made-{number}"), "--config", str(tmp_path / "hippo.toml")]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 1
        assert "documents.max_bytes" in " ".join(done.stderr.split())


def test_entities_that_expand_without_end_are_refused(lightrag: Path, tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE g [<!ENTITY e0 "ha">{entities}]><graphml><graph><node id="&e9;"/></graph></graphml>'
    (lightrag / "graph_chunk_entity_relation.graphml").write_text(bomb)
    with pytest.raises(DocumentError, match="no GraphML: limit on input amplification factor"):
        convert(lightrag, tmp_path / "made")


def test_words_of_a_relation() -> None:
    assert words_of("Ada\nSmith", "Since 1850  ADA SMITH\n led  Hull Works.", "hull works") == "led"
    assert words_of("A", "A B", "B", " is  near ") == "is near"
    assert words_of("Ada", "Ada " + "and " * 13 + "Bert", "Bert", "far") == "far"
    assert words_of("İpek", "İİ İPEK ist ADA", "ada") == "ist"
    # What is of a length that no search with three gaps comes to an end of.
    assert words_of("A", "A" + " " * 100_000 + "A " * 100_000, "B", "is near") == "is near"


@pytest.mark.parametrize(
    ("table", "column", "value"), [("entities", "text_unit_ids", 7), ("text_units", "document_ids", "d")]
)
def test_ids_that_are_no_lists(tmp_path: Path, table: str, column: str, value: object) -> None:
    folder = graphrag(tmp_path / "output")
    rows = [{**row, column: value} for row in pq.read_table(folder / f"{table}.parquet").to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows), folder / f"{table}.parquet")
    with pytest.raises(DocumentError, match=f"column '{column}' must hold lists of ids, not"):
        convert(folder, tmp_path / "made")


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux alone")
@pytest.mark.parametrize(
    ("size", "rows", "problem"),
    [
        (2**20, 4096, "takes more than 256 MiB of memory to read"),
        pytest.param(2**16, 8192, "unfolds to more than 2.. MiB of text; raise", marks=pytest.mark.slow),
    ],
)
def test_a_cell_repeated_thousands_of_times(tmp_path: Path, size: int, rows: int, problem: str) -> None:
    folder = graphrag(tmp_path / "output")
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * size])
    units = pa.table({"id": [str(number) for number in range(rows)], "text": text})
    pq.write_table(units, folder / "text_units.parquet", compression="zstd")
    with pytest.raises(DocumentError, match=problem):
        convert(folder, tmp_path / "made", limits=Limits(memory=256 * 2**20))
    assert not (tmp_path / "made").exists()
