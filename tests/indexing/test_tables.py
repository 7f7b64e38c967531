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
