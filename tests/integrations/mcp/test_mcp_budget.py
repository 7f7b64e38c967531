"""What fits into a number of tokens; one item that does not hides no other."""

from hippo.integrations.mcp.budget import fit, tokens_of
from hippo.integrations.mcp.results import PassageItem

LONG = {"tags": [f"tag {number}" for number in range(400)]}


def item(name: str, text: str, title: str | None = None, **metadata: object) -> PassageItem:
    return PassageItem(passage_id=name, document_id=name, title=title, text=text, metadata=metadata)


def test_metadata_give_way_to_the_text() -> None:
    for text, said in (("A short text.", "without its metadata"), ("word " * 900, "cut and without its metadata")):
        kept, note = fit([item("a", text, **LONG), item("b", "Next.")], 200, what="passages", most=900, text="text")
        assert [one.passage_id for one in kept] == ["a"]
        assert kept[0].text.startswith(text[:5])
        assert (kept[0].metadata, tokens_of(kept[0]) <= 200) == ({}, True)
        assert note is not None
        assert f"1 of 2 passages are shown, the last of them {said}: " in note


def test_what_does_not_fit_at_all_is_passed_over() -> None:
    huge = item("a", "A text.", "title " * 900)
    for text in ("text", None):
        kept, note = fit([huge, item("b", "Next.")], 100, what="passages", most=900, text=text)
        assert [one.passage_id for one in kept] == ["b"]
        assert note is not None
        assert note.startswith("1 of 2 passages are shown: ")
