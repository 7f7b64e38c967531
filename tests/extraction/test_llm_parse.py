"""Reading replies: plain, wrapped, broken, hostile."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.extraction.parse import DEEPEST_MENDED, LONGEST_PART, MOST_MENDED, names_of, read_reply, triples_of
from hippo.types import Triple

GOOD = '{"triples": [["Ada", "met", "Bob"]]}'
LISTS = {"triples": [["Ada", "met", "Bob"]]}

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["entities", "triples", "subject", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  \n{GOOD}\n\n",
        f"```json\n{GOOD}\n```",
        f"Here you are {{as JSON}}: {GOOD} I hope [that] helps {{you}}.",
        f'<think>perhaps {{"triples": [["no", "no", "no"]]}} or so</think>\n{GOOD}',
        f"thoughts without a beginning</think>{GOOD}",
        f'First try: {{"triples": []}}. Better: {GOOD}',
        f'{GOOD} The schema was {{"type": "object"}}.',
        '[["Ada", "met", "Bob"]]',
        '```\n[["Ada", "met", "Bob"]]\n```',
        '{"note": "\n", "triples": [["Ada", "met", "Bob"]]}',
        "{'triples': [['Ada', 'met', 'Bob'],]}",
        '{triples: [["Ada", "met", "Bob"]',
        'Draft {"triples": []}, and now {"triples": [["Ada", "met", "Bob"],]}',
        f'{{"result": {GOOD}}}',
        f'So: {{"output": {{"data": [{GOOD}]}}}}',
        f'So I begin: {{"triples": [["no", "no\n</think>\n{GOOD}',
        f'"Ada" and "Bob", it is: "clear"</think>Here: {GOOD}',
    ],
)
def test_finds_the_lists_whatever_surrounds_or_breaks_them(text: str) -> None:
    reply = read_reply(text, ["triples"])
    assert reply.problem is None
    assert reply.lists == LISTS


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it holds no JSON object"),
        ("null", "it holds no JSON object"),
        ("I am sorry, I cannot [really] do that.", "it holds no JSON object"),
        ("[Note: nothing found]", "it holds no JSON object"),
        (f"<think>{GOOD} but I am not done", "it holds no JSON object"),
        ('{"facts": []}', 'its JSON object has no "triples"'),
        ('Well: {"facts": []}.', 'its JSON object has no "triples"'),
        ('{"triples": "none"}', '"triples" is no list'),
        ("{" * 5000, "it holds no JSON object"),
    ],
)
def test_says_why_a_reply_cannot_be_used(text: str, problem: str) -> None:
    reply = read_reply(text, ["triples"])
    assert reply.problem == problem
    assert not reply.lists


def test_nothing_found_is_an_answer() -> None:
    assert read_reply('{"triples": []}', ["triples"]).problem is None


@pytest.mark.parametrize(
    "text",
    [
        '{"entities": ["<a>"], "triples": [["Ada", "met", "Bob"]]}',
        '{"entities": ["<a>"]}\n{"triples": [["Ada", "met", "Bob"]]}',
        '```json\n{"entities": ["<a>"]}\n```\nand\n```json\n{"triples": [["Ada", "met", "Bob"]]}\n```',
        '[{"entities": ["<a>"]}, {"triples": [["Ada", "met", "Bob"]]}]',
        '{"result": {"triples": [["Ada", "met", "Bob"]], "entities": ["<a>"]}}',
        '{"one": {"entities": ["<a>"]}, "two": {"triples": [["Ada", "met", "Bob"]]}}',
        '{"entities": ["no"]} No: {"entities": ["<a>"]} {"triples": []} {"triples": [["Ada", "met", "Bob"],]}',
        '{"entities": ["<a>"], "triples": [["Ada", "met", "Bob"]]} Now you know its {"entities": ["no"]}',
    ],
)
def test_finds_both_lists_wherever_they_stand(text: str) -> None:
    reply = read_reply(text, ["entities", "triples"])
    assert reply.problem is None
    assert reply.lists == {"entities": ["<a>"], **LISTS}
    assert not reply.cut


@pytest.mark.parametrize("tag", ["<think>", "</think>", "<think>x</think>", 'say \\"</think>\\" now'])
@pytest.mark.parametrize("form", ["{}", "Sure: {}", "```json\n{}\n```", "<think>Hm</think>\n{}", "Hm\n</think>{} ok"])
def test_tags_in_strings_are_what_the_passage_says(tag: str, form: str) -> None:
    written = f'{{"entities": ["the {tag} tag", "Ada", "{tag}"]}}'
    reply = read_reply(form.format(written), ["entities"])
    assert reply.lists["entities"] == json.loads(written)["entities"]


@given(st.lists(st.text() | st.sampled_from(["<think>", "</think>", 'x"', "\\", "{", '["'])), st.booleans())
def test_no_string_is_mistaken_for_a_thought(names: list[str], headless: bool) -> None:
    thought = "I think\n</think>\n" if headless else "<think>I think</think>"
    text = f"{thought}Here: {json.dumps({'entities': names})} So it is."
    assert read_reply(text, ["entities"]).lists == {"entities": names}


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ('{"triples": [["Ada", "met", "Bob"], ["Ada", "met", "Bo', True),
        ('{"triples": [["Ada", "met", "Bob"], ["Ada", "met", "Bob"', True),
        ('{"triples": [["Ada", "met", "Bob"], ["Ada",', True),
        ('{"triples": [["Ada", "met", "Bob"],', True),
        ('{"triples": [["Ada", "met", "Bob"], [', True),
        ('```json\n{"triples": [["Ada", "met", "Bob"], ["Ada", "m\n```', True),
        ('{"triples": [{"subject": "Ada", "predicate": "met", "object": "Bob"}, {"subject": "Ada"', True),
        ('{"triples": [["Ada", "met", "Bob"]', False),  # brackets that some models forget
        ('{"triples": [["Ada", "met", "Bob"]]', False),
        ('```json\n{"triples": [["Ada", "met", "Bob"]]\n```', False),
        ('{"triples": [["Ada", "met", "Bob"]} That is all', False),
        ("{'triples': [['Ada', 'met', 'Bob'],]}", False),
        ('{"triples": [["Ada", "said "hi" to", "Bob"]]}', False),
        ('{"triples": [["Ada", "is 5\\" tall", "x"],]} or so', False),
    ],
)
def test_tells_what_breaks_off_from_what_is_merely_broken(text: str, cut: bool) -> None:
    reply = read_reply(text, ["triples"])
    assert (reply.problem, reply.whole, reply.cut) == (None, False, cut)


@given(st.lists(st.tuples(*[st.text('ab \\"[]{},:', min_size=1, max_size=6)] * 3), min_size=1, max_size=4), st.data())
def test_what_ends_within_an_item_breaks_off(triples: list[tuple[str, str, str]], data: st.DataObject) -> None:
    text = json.dumps({"triples": [list(triple) for triple in triples]})
    last = json.dumps(list(triples[-1]))
    end = data.draw(st.integers(len(text) - 2 - len(last) + 1, len(text) - 3))
    reply = read_reply(text[:end], ["triples"])
    assert reply.cut or reply.problem or text[:end].rstrip().endswith("}")


def test_tells_whole_replies_from_mended_ones() -> None:
    assert read_reply(GOOD + "\n" * 20_000, ["triples"]).whole
    assert not read_reply(GOOD[:-3], ["triples"]).whole
    both = read_reply('{"entities": ["Ada"', ["entities", "triples"])
    assert both.problem == 'its JSON object has no "triples"'


def test_a_broken_later_object_is_not_passed_over_for_a_whole_earlier_one() -> None:
    reply = read_reply('{"triples": []} {"triples": [["Ada", "met", "Bob"], ["Ada", "le', ["triples"])
    assert reply.lists["triples"][0] == ["Ada", "met", "Bob"]
    assert not reply.whole


def test_numbers_keep_their_spelling() -> None:
    reply = read_reply('{"entities": [1.50, 1e3, NaN, ' + "9" * 5000 + "]}", ["entities"])
    assert reply.lists["entities"] == ["1.50", "1e3", "NaN", "9" * 5000]


@pytest.mark.parametrize("piece", ['x" ', "{a:b,", "{", "(", 'he said "x" and ', '["', '":"', "["])
def test_a_hundred_kilobytes_of_anything_take_seconds_at_most(piece: str) -> None:
    start = time.perf_counter()
    reply = read_reply('{"triples": ["' + piece * (100_000 // len(piece)), ["triples"])
    assert time.perf_counter() - start < 20  # without the cap: minutes
    assert reply.cut or reply.problem


def test_what_is_beyond_the_cap_is_said_to_be_cut() -> None:
    text = '{"triples": [' + '["Ada", "met", "Bob"], ' * 1000
    reply = read_reply(text, ["triples"])
    assert reply.cut
    assert len(reply.lists["triples"]) == pytest.approx(MOST_MENDED / 23, abs=2)


@given(st.text() | st.text(alphabet='{}[]",:\\ntripleskf`<>/', max_size=200), st.sampled_from(["", GOOD, GOOD[:20]]))
def test_never_raises_on_text(text: str, end: str) -> None:
    for keys in (["triples"], ["entities", "triples"]):
        reply = read_reply(text + end, keys)
        assert (reply.problem is None) == (set(reply.lists) == set(keys))


@given(_json, st.integers(0, 60))
def test_never_raises_on_json_and_its_beginnings(value: object, cut: int) -> None:
    text = json.dumps(value)
    for part in (text, text[:cut], f"so {text} it is"):
        reply = read_reply(part, ["entities", "triples"])
        for items in reply.lists.values():
            names, dropped = names_of(items)
            assert len(names) + sum(dropped.values()) == len(items)
            triples, dropped = triples_of(items)
            assert len(triples) + sum(dropped.values()) == len(items)


@given(st.lists(st.tuples(*[st.text(min_size=1, max_size=20).filter(str.strip)] * 3)), st.booleans())
def test_reads_back_what_was_written(triples: list[tuple[str, str, str]], escaped: bool) -> None:
    text = json.dumps({"triples": [list(triple) for triple in triples]}, ensure_ascii=escaped)
    found, dropped = triples_of(read_reply(f"Here: {text}", ["triples"]).lists["triples"])
    assert found == [Triple(*triple) for triple in triples]
    assert not dropped


def test_counts_every_item_that_is_no_triple() -> None:
    items = [
        ["Ada", "met", "Bob"],
        {"subject": "Ada", "predicate": "born in", "object": 1815},
        ["Ada", "met"],
        ["Ada"],
        ["a", "b", "c", "d"],
        {"subject": "Ada"},
        ["Ada", " ", "Bob"],
        ["Ada", None, "Bob"],
        ["Ada", "is", True],
        ["Ada", "is", "x" * (LONGEST_PART + 1)],
        "Ada met Bob",
    ]
    triples, dropped = triples_of(items)
    assert triples == [Triple("Ada", "met", "Bob"), Triple("Ada", "born in", "1815")]
    assert dropped == {
        "triple of 2 parts": 1,
        "triple of 1 part": 2,
        "triple of 4 parts": 1,
        "triple with an empty part": 1,
        "triple with a part that is no text": 2,
        "triple with a part longer than 300 characters": 1,
        "triple that is no list": 1,
    }


def test_counts_every_item_that_is_no_name() -> None:
    names, dropped = names_of(["Ada", 7, "", False, {"name": "Bob"}, "x" * (LONGEST_PART + 1)])
    assert names == ["Ada", "7"]
    assert dropped == {
        "entity that is empty": 1,
        "entity that is no text": 2,
        "entity longer than 300 characters": 1,
    }


@pytest.mark.parametrize("piece", ['[{" ', '["', "['", '{"a" ', "{{", '["]', '{"}'])
def test_brackets_within_brackets_take_no_time(piece: str) -> None:
    began = time.process_time()
    read_reply('{"entities": ["Ada", ' + piece * 5_000, ["entities"])
    assert time.process_time() - began < 0.4  # seconds; were all of it mended, three times as long


def test_what_is_nested_too_deep_is_cut_off() -> None:
    reply = read_reply('{"entities": ["Ada", "Bob", ' + "[" * DEEPEST_MENDED + '"Eve"', ["entities"])
    assert reply.lists["entities"][:2] == ["Ada", "Bob"]
    assert reply.cut
    assert "Eve" not in str(reply.lists)
    assert "Eve" in str(read_reply('{"entities": ["Ada", ' + "[" * (DEEPEST_MENDED - 2) + '"Eve"', ["entities"]).lists)
