"""Mappings are read into the tree that they say, or refused with the piece at fault."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from hippo.errors import FilterError
from hippo.filters import And, Between, Comparison, Condition, Field, In, IsNull, Like, Not, Or, parse_where
from hippo.filters.condition import MOST_LEVELS

A, B = Field(("a",)), Field(("b",))
A1, B2 = Comparison(A, "=", 1), Comparison(B, "=", 2)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("mapping", "tree"),
    [
        ({"a": 1}, A1),
        ({"a": {"$eq": 1}}, A1),
        ({"a": {"$ne": 1}}, Comparison(A, "!=", 1)),
        ({"a": {"$gte": 1, "$lt": 2.5}}, And((Comparison(A, ">=", 1), Comparison(A, "<", 2.5)))),
        ({"a": {"$gt": 1}}, Comparison(A, ">", 1)),
        ({"a": {"$lte": "x"}}, Comparison(A, "<=", "x")),
        ({"a": True}, Comparison(A, "=", True)),
        ({"a": 1, "b": 2}, And((A1, B2))),
        ({"$and": [{"a": 1}, {"b": 2}]}, And((A1, B2))),
        ({"$and": ({"a": 1},)}, A1),
        ({"$or": [{"a": 1}, {"b": 2}]}, Or((A1, B2))),
        ({"$or": [{"a": 1}]}, A1),
        ({"$or": [{"a": 1, "b": 2}, {"b": 2}]}, Or((And((A1, B2)), B2))),
        ({"$not": {"a": 1}}, Not(A1)),
        ({"a": {"$not": {"$gt": 1}}}, Not(Comparison(A, ">", 1))),
        ({"a": 1, "$not": {"b": 2}}, And((A1, Not(B2)))),
        ({"a": {"$in": ["x", "y"]}}, In(A, ("x", "y"))),
        ({"a": {"$in": (1,)}}, In(A, (1,))),
        ({"a": {"$nin": [1]}}, Not(In(A, (1,)))),
        ({"a": {"$between": [1, 2]}}, Between(A, 1, 2)),
        ({"a": {"$like": "x%"}}, Like(A, "x%")),
        ({"a": {"$ilike": "x!%", "$escape": "!"}}, Like(A, "x!%", "!", ignore_case=True)),
        ({"a": {"$exists": True}}, Not(IsNull(A))),
        ({"a": {"$exists": False}}, IsNull(A)),
        ({"a": None}, IsNull(A)),
        ({"a": {"$eq": None}}, IsNull(A)),
        ({"a": {"$ne": None}}, Not(IsNull(A))),
        ({"a": date(2024, 5, 1)}, Comparison(A, "=", date(2024, 5, 1))),
        ({"a": {"$lt": datetime(2024, 5, 1, tzinfo=UTC)}}, Comparison(A, "<", datetime(2024, 5, 1, tzinfo=UTC))),
        ({"a": {"$date": "2024-05-01"}}, Comparison(A, "=", date(2024, 5, 1))),
        ({"a": {"$gt": {"$date": "2024-05-01T10:00"}}}, Comparison(A, ">", datetime.fromisoformat("2024-05-01T10:00"))),
        ({"author.name": "x"}, Comparison(Field(("author", "name")), "=", "x")),
        ({'"author.name"': "x"}, Comparison(Field(("author.name",)), "=", "x")),
        ({'a."b ""c".d e': 1}, Comparison(Field(("a", 'b "c', "d e")), "=", 1)),
        ({'"$and"': 1}, Comparison(Field(("$and",)), "=", 1)),
        ({"and": 1}, Comparison(Field(("and",)), "=", 1)),
        ({"id": "x"}, Comparison(Field(("id",), own=True), "=", "x")),
        ({"metadata.id": 5}, Comparison(Field(("id",)), "=", 5)),
        ({"timestamp": {"$gte": "2024-05-01"}}, Comparison(Field(("timestamp",), own=True), ">=", "2024-05-01")),
        ({"a": np.int64(3)}, Comparison(A, "=", 3)),
        ({"a": np.float32(0.5)}, Comparison(A, "=", 0.5)),
        ({"a": np.str_("x")}, Comparison(A, "=", "x")),
        ({Text("a"): Text("x")}, Comparison(A, "=", "x")),
        ({"a": "x'; drop table y; --"}, Comparison(A, "=", "x'; drop table y; --")),
    ],
)  # fmt: skip
def test_mapping_is_read(mapping: Mapping[str, Any], tree: Condition) -> None:
    found = parse_where(mapping)
    assert repr(found) == repr(tree)
    assert repr(parse_where(str(found))) == repr(tree)
    assert repr(parse_where(json.loads(json.dumps(found.to_dict())))) == repr(tree)


SELF: dict[str, Any] = {}
SELF["$not"] = SELF
LIST: list[Any] = []
LIST.append({"$or": LIST})


@pytest.mark.parametrize(
    ("mapping", "problem"),
    [
        ({}, "{}: is empty; say what must hold, or leave the filter out"),
        ({"a": {}}, "{}: is empty"),
        ({"$and": []}, "{}: is empty"),
        ({"$or": [{}]}, "{}: is empty"),
        ({"$or": {"a": 1}}, "$or: takes a list of mappings, got dict"),
        ({"$or": "ab"}, "$or: takes a list of mappings, got str"),
        ({"$or": ["a"]}, "'a': must be a mapping of fields to values"),
        ({"$not": 1}, "int: must be a mapping of fields to values"),
        ({"$nor": [{"a": 1}]}, "'$nor': is unknown. Known: $and $or $not; in a field: $eq $ne"),
        ({"a": {"$regex": "x"}}, "a '$regex': is unknown. Known: $eq $ne"),
        ({"a": {"$where": "1 = 1"}}, "a '$where': is unknown"),
        ({"a": {"name": "x"}}, "a 'name': is unknown; a key within it is written with a dot"),
        ({"a": {"$gt": 1, "name": "x"}}, "a 'name': is unknown"),
        ({"a": {5: 1}}, "a int: is unknown"),
        ({5: 1}, "int: a field's name must be text"),
        ({"": 1}, "'': is no field; keys are joined by dots"),
        ({"a.": 1}, "'a.': is no field"),
        ({"a..b": 1}, "'a..b': is no field"),
        ({'a"b': 1}, "'a\"b': is no field"),
        ({'"a': 1}, "'\"a': is no field"),
        ({'""': 1}, "a field is 1 to 64 names, none of them empty"),
        ({".".join("a" * 65): 1}, "a field is 1 to 64 names, none of them empty"),
        ({"a": [1, 2]}, 'a: is compared with one value, got a list; see {"$in": […]}'),
        ({"a": {"$gt": {"b": 1}}}, "a: is compared with one value, got a dict"),
        ({"a": {"$in": "xy"}}, "a $in: takes a list, got str"),
        ({"a": {"$in": []}}, "a in: the list is empty"),
        ({"a": {"$in": [1, "x"]}}, "a in: the list mixes kinds of values"),
        ({"a": {"$in": [None]}}, "a: is compared with text, a number, true, false, a date or a time, got NoneType"),
        ({"a": {"$gt": None}}, "a: is compared with text, a number, true, false, a date or a time, got NoneType"),
        ({"a": b"x"}, "a: is compared with one value, got a bytes"),
        ({"a": {1}}, "a: is compared with text, a number, true, false, a date or a time, got set"),
        ({"a": {"$between": [1]}}, "a $between: takes two values, got 1"),
        ({"a": {"$between": [1, 2, 3]}}, "a $between: takes two values, got 3"),
        ({"a": {"$between": 1}}, "a $between: takes a list, got int"),
        ({"a": {"$exists": 1}}, "a $exists: takes true or false, got int"),
        ({"a": {"$not": 1}}, 'a $not: takes a mapping; to say that it differs use {"$ne": …}'),
        ({"a": {"$like": 1}}, "a like: compares text with a text in quotes"),
        ({"a": {"$like": "x", "$escape": 1}}, "a like: escape is one ASCII character, got 1"),
        ({"a": {"$like": "x", "$escape": "é"}}, "a like: escape is one ASCII character, got 'é'"),
        ({"a": {"$eq": "x", "$escape": "!"}}, "$escape: belongs to $like and $ilike"),
        ({"a": {"$like": "x" * 1001}}, "a like: a pattern has at most 1000 characters, got 1001"),
        ({"a": float("nan")}, "a: a number must be finite and below 1.8e308"),
        ({"a": 10**400}, "a: a number must be finite and below 1.8e308"),
        ({"a": "\ud800"}, "a: the text holds a lone surrogate at character 1"),
        ({"\ud800": 1}, "\"\\ud800\": the text holds a lone surrogate at character 1"),
        ({"a": {"$date": "May"}}, "a $date: 'May' is no time in ISO 8601, such as 2024-05-01"),
        ({"a": {"$date": 5}}, "a $date: int is no time in ISO 8601"),
        ({"id": 5}, "id: is text; write '5' in quotes"),
        ({"title": {"$in": [5]}}, "title: is text; write '5' in quotes"),
        ({"timestamp": {"$gte": "May"}}, "timestamp: is compared with a time in ISO 8601"),
        ({"metadata": 1}, "metadata: is no field"),
        (SELF, "where: conditions nest deeper than 12 levels"),
        ({"$or": LIST}, "where: conditions nest deeper than 12 levels"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(mapping: Mapping[str, Any], problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_where(mapping)
    shown, said = caught.value.args
    assert problem in said
    assert said.isprintable()
    assert len(shown) <= 120


def test_levels_are_bounded() -> None:
    def nested(levels: int) -> dict[str, Any]:
        return {"$not": nested(levels - 1)} if levels > 1 else {"a": 1}

    assert str(parse_where(nested(MOST_LEVELS))).count("not") == MOST_LEVELS - 1
    for levels in (MOST_LEVELS + 1, 500):
        with pytest.raises(FilterError, match="conditions nest deeper than 12 levels"):
            parse_where(nested(levels))


def test_size_is_bounded() -> None:
    shared: dict[str, Any] = {"a": 1}
    for level in range(20):
        shared = {"$or" if level % 2 else "$and": [shared, shared]}
    with pytest.raises(FilterError, match="has more than 500 conditions"):
        parse_where(shared)
    with pytest.raises(FilterError, match="has more than 500 conditions"):
        parse_where({f"a{number}": 1 for number in range(500)})
    with pytest.raises(FilterError, match=r"has 110,\d+ characters, at most 100,000 are read"):
        parse_where({"a": {"$in": [f"{number:07}" for number in range(10_000)]}})


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: Comparison(A, "; drop", 1), "'; drop'': is no comparison. Known: = != < <= > >="),
        (lambda: Comparison(A, "=", np.float64(1)), "'a': is compared with text, a number"),
        (lambda: And((A1,)), "'and': joins two or more conditions, got 1"),
        (lambda: Or(()), "'or': joins two or more conditions, got 0"),
        (lambda: Field(()), "a field is 1 to 64 names"),
        (lambda: Field(("a", "")), "a field is 1 to 64 names"),
        (lambda: Field(("year",), own=True), "'year': a document's own fields are id, title, source, timestamp"),
        (lambda: Like(A, "x", ""), "'a like': escape is one ASCII character, got ''"),
    ],
)  # fmt: skip
def test_trees_made_by_hand_are_checked_too(make: Any, problem: str) -> None:
    with pytest.raises(FilterError) as caught:
        make()
    assert problem in str(caught.value).replace('"', "'")
