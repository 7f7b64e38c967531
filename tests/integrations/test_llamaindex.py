"""`HippoRetriever` and `HippoExtractor` of LlamaIndex."""

import asyncio
import json
import threading
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llama_index.core import PropertyGraphIndex
from llama_index.core.embeddings import MockEmbedding
from llama_index.core.graph_stores import SimplePropertyGraphStore
from llama_index.core.graph_stores.types import EntityNode
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import Document as LlamaDocument
from llama_index.core.schema import MetadataMode, TextNode
from numpy.typing import NDArray

from hippo import Hippo
from hippo.errors import FilterError, IndexPathError, InputError, QuestionError
from hippo.integrations.llamaindex import FACTS_KEY, FAILURE_KEY, HippoExtractor, HippoRetriever
from hippo.testing import HashingEncoder, ScriptedLLM
from hippo.types import Chunk, Completion, Extraction, ExtractionFailure, LLMRequest, TextKind

QUESTION = "Where was the founder of the company born that built the Iron Bridge?"


def test_nodes_are_the_passages(memory: Hippo) -> None:
    found = HippoRetriever(index=memory, k=3, explain=True).retrieve(QUESTION)
    hits = memory.retrieve(QUESTION, k=3, explain=True).hits
    assert [(one.node.node_id, one.score, one.node.get_content()) for one in found] == [
        (hit.chunk_id, hit.score, hit.text) for hit in hits
    ]
    assert [one.node.ref_doc_id for one in found] == [hit.document_id for hit in hits]
    assert [one.node.metadata["rank"] for one in found] == [1, 2, 3]
    json.dumps([one.node.metadata for one in found], allow_nan=False)
    shown = found[0].node.get_content(MetadataMode.LLM)
    assert "Iron Bridge" in shown
    assert "explanation" not in shown
    assert "score" not in shown


async def test_asynchronously_without_blocking_the_loop(index_path: Path) -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(HashingEncoder):
        def encode(self, texts: Sequence[str], *, kind: TextKind = "passage") -> "NDArray[np.float32]":
            entered.set()
            assert release.wait(60)
            return super().encode(texts, kind=kind)

    with Hippo.open(index_path, encoder=Slow()) as memory:
        retriever = HippoRetriever(index=memory, k=2)
        task = asyncio.create_task(retriever.aretrieve(QUESTION))
        while not entered.is_set():
            await asyncio.sleep(0.01)
        assert not task.done()  # the loop goes on while the encoder works
        release.set()
        found = await task
        assert [one.node_id for one in found] == [one.node_id for one in retriever.retrieve(QUESTION)]


def test_options(index_path: Path, memory: Hippo) -> None:
    made = HippoRetriever(path=index_path, k=9, where="year < 1851", profile="bm25")
    hits = memory.retrieve(QUESTION, k=9, where="year < 1851", profile="bm25").hits
    assert [one.node_id for one in made.retrieve(QUESTION)] == [hit.chunk_id for hit in hits]
    for options, error in (
        ({}, InputError),
        ({"path": "nowhere"}, IndexPathError),
        ({"index": memory, "k": 0}, QuestionError),
        ({"index": memory, "where": "year >"}, FilterError),
    ):
        with pytest.raises(error):
            HippoRetriever(**options)  # type: ignore[arg-type]
    with pytest.raises(QuestionError, match="not empty"):
        made.retrieve(" ")


def test_a_query_engine_reads_them(memory: Hippo) -> None:
    engine = RetrieverQueryEngine.from_args(HippoRetriever(index=memory, k=2), llm=MockLLM())
    response = engine.query(QUESTION)
    assert "Iron Bridge was built by Steelworks Smith" in str(response)  # the mock says what it is asked
    assert response.source_nodes[0].node.ref_doc_id == "bridge"


def test_the_transform_finds_what_hippo_finds() -> None:
    text = "Ada Smith was born in Riga. She studied in Berlin."
    [node] = IngestionPipeline(transformations=[HippoExtractor()], disable_cache=True).run(
        documents=[LlamaDocument(text=text, metadata={"title": "Ada"}, id_="d")]
    )
    assert {one.name for one in node.metadata["nodes"]} >= {"ada smith", "riga", "berlin"}
    assert any("Ada Smith was born in Riga." in fact for fact in node.metadata[FACTS_KEY])
    pairs = {frozenset((one.source_id, one.target_id)) for one in node.metadata["relations"]}
    assert frozenset(("ada smith", "riga")) in pairs
    assert FACTS_KEY not in node.get_content(MetadataMode.EMBED)


async def test_a_property_graph_is_built_with_it() -> None:
    store = SimplePropertyGraphStore()
    PropertyGraphIndex.from_documents(
        [LlamaDocument(text="Ada Smith was born in Riga."), LlamaDocument(text="Riga is the capital of Latvia.")],
        kg_extractors=[HippoExtractor()],
        property_graph_store=store,
        embed_model=MockEmbedding(embed_dim=4),
        embed_kg_nodes=False,
        use_async=False,
    )
    names = {one.name for one in store.get() if hasattr(one, "name")}
    assert {"ada smith", "riga", "latvia"} <= names
    related = {(left.id, right.id) for left, _, right in store.get_triplets(entity_names=["riga"])}
    assert {frozenset(pair) for pair in related} >= {frozenset(("riga", "latvia")), frozenset(("riga", "ada smith"))}


class Choosy:
    """Fails with every other chunk."""

    fingerprint = "choosy/1"

    def extract(self, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
        return [
            ExtractionFailure(chunk.id, "odd") if place % 2 else Extraction(chunk.id, (), ())
            for place, chunk in enumerate(chunks)
        ]


async def test_failures_are_told_and_mended() -> None:
    nodes: list[Any] = [TextNode(text="Ada met Bob."), TextNode(text="Bob met Ada.")]
    extractor = HippoExtractor(Choosy())
    assert extractor.fingerprint == "choosy/1"
    await extractor.acall(nodes)
    assert [node.metadata.get(FAILURE_KEY) for node in nodes] == [None, "odd"]
    assert nodes[1].metadata["nodes"] == []
    HippoExtractor()(nodes)
    assert FAILURE_KEY not in nodes[1].metadata
    assert HippoExtractor().to_dict()["fingerprint"] != extractor.to_dict()["fingerprint"]


class Counting(ScriptedLLM):
    """Knows how many ask it at once."""

    at_once = most = 0

    async def complete(self, request: LLMRequest) -> Completion:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(0)
            return await super().complete(request)
        finally:
            self.at_once -= 1


def test_a_language_model_by_name_and_as_an_object(tmp_path: Path) -> None:
    def nodes() -> list[Any]:
        return [TextNode(text=f"Ada Smith was born in Riga in {year}.") for year in range(1900, 1906)]

    settings = tmp_path / "hippo.toml"
    settings.write_text("[llm]\nconcurrency = 2\nattempts = 3\n")
    by_name, by_object, model = nodes(), nodes(), Counting()
    HippoExtractor("llm", llm="scripted")(by_name)
    model.fail_next("503")
    HippoExtractor("llm", llm=model, config=str(settings))(by_object)
    assert model.most == 2
    assert all(FAILURE_KEY not in node.metadata for node in [*by_name, *by_object])
    assert [node.metadata[FACTS_KEY] for node in by_name] == [node.metadata[FACTS_KEY] for node in by_object]
    assert {one.name for one in by_name[0].metadata["nodes"]} >= {"ada smith", "riga"}
    # As it goes to a worker of `IngestionPipeline.run(num_workers=2)`.
    travelled = ForkingPickler.loads(ForkingPickler.dumps(HippoExtractor("llm", llm="scripted")))
    with pytest.raises(InputError, match="does not travel"):
        ForkingPickler.loads(ForkingPickler.dumps(HippoExtractor("llm", llm=model)))(nodes())
    assert [node.metadata[FACTS_KEY] for node in travelled(nodes())] == [node.metadata[FACTS_KEY] for node in by_name]


def test_a_second_pass_adds_nothing() -> None:
    node: Any = TextNode(text="Ada Smith was born in Riga.", metadata={"nodes": [], "relations": []})
    other = EntityNode(name="of another extractor")
    node.metadata["nodes"].append(other)
    HippoExtractor()([node])
    first = {key: list(node.metadata[key]) for key in ("nodes", "relations", FACTS_KEY)}
    HippoExtractor()([node])
    assert {key: node.metadata[key] for key in first} == first
    assert first["nodes"][0] is other
    assert len(first["relations"]) > 0
