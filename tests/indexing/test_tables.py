"""What is said of entities in the tables of an index."""

from hippo import Document, Hippo


def entities(path, texts):
    with Hippo.open(path, encoder="none") as memory:
        memory.add([Document(text, id=str(number)) for number, text in enumerate(texts)])
        return {row["key"]: (row["name"], row["chunks"]) for row in memory.contents().entities.to_pylist()}


def test_an_entity_is_named_by_its_commonest_spelling(tmp_path):
    assert entities(tmp_path, ["Rome stood.", "ROME stood.", "Then Rome fell."]) == {"rome": ("Rome", 3)}


def test_of_spellings_that_are_equally_common_the_first_in_order_is_taken(tmp_path):
    assert entities(tmp_path / "a", ["Rome stood.", "ROME stood."]) == {"rome": ("ROME", 2)}
    assert entities(tmp_path / "b", ["ROME stood.", "Rome stood."]) == {"rome": ("ROME", 2)}


def test_chunks_of_an_entity_are_counted_once(tmp_path):
    assert entities(tmp_path, ["Then Rome met Rome. There Rome fell.", "They slept."]) == {"rome": ("Rome", 1)}


def test_the_entity_of_a_title_has_an_edge_of_its_own_to_each_passage_of_that_title(tmp_path):
    documents = [
        Document("It orbits the Sun.", id="a", title="Mercury (planet)"),
        Document("It is a metal.", id="b", title="Mercury"),
        Document("It has no moon, unlike Mercury's neighbour Earth.", id="c"),
        Document("It is a metal.", id="d", title="..."),
    ]
    with Hippo.open(tmp_path, encoder="none") as memory:
        memory.add(documents)
        contents = memory.contents()
    graph, keys = contents.graph, contents.entities.column("key").to_pylist()
    ids = contents.chunks.column("document_id").to_pylist()
    found = set()
    for entity, key in enumerate(keys):
        span = slice(graph.indptr[entity], graph.indptr[entity + 1])
        nodes = graph.indices[span][graph.weights["titles"][span] > 0]
        found |= {(key, ids[node - graph.n_entities]) for node in nodes.tolist()}
    assert found == {("mercury (planet)", "a"), ("mercury", "a"), ("mercury", "b")}
    assert graph.edge_counts["titles"] == 3


def test_an_index_without_a_kind_of_edge_is_published_anew(tmp_path, monkeypatch):
    with Hippo.open(tmp_path, encoder="none") as memory:
        first = memory.add([Document("It orbits the Sun.", id="a", title="Mercury")]).snapshot
        assert memory.add([]).snapshot == first
        monkeypatch.setattr("hippo.indexing.changes.KINDS", ("relation", "contains"))
        assert memory.add([]).snapshot != first
