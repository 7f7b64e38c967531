"""Conditions on documents: `year >= 2020 and lang = 'en'` to the documents that satisfy it.

A condition is written as text or as a mapping; `parse_where` reads both into one tree, and `matching` finds the
documents:

    condition = parse_where("year >= 2020 and 'history' in tags")
    condition = parse_where({"year": {"$gte": 2020}, "tags": "history"})
    mask = matching(condition, contents.documents)

**Fields.** `id`, `title`, `source` and `timestamp` are a document's own; every other name is a key of its metadata,
and `metadata.id` is a key that has one of these names. Dots lead into objects, also through lists of them:
`author.name`. Upper and lower case differ. Names with other characters, and the words of conditions themselves, stand
in double quotes: `"publication year"`.

**Values.** `'text'` (`''` for a quote), numbers, `true`, `false`, `DATE '2024-05-01'`, `TIMESTAMP '2024-05-01 10:00'`.
Values of different kinds are not compared: `year = 2020` is unknown for a document whose year is the text "2020". Text
in ISO 8601 is compared with dates and times too, and `timestamp` with text: `timestamp >= '2024-05-01'`. Times without
a zone are UTC. Integers compare exactly, however long.

**Lists.** A condition holds for a list when it does for one of its items; items of another kind are passed over, and an
empty list is no value. `tags = 'a'` and `'a' in tags` say that `a` is among the tags, and `tags != 'a'` that it is not.

**Unknown.** What is not there is neither equal nor unequal, as in SQL: neither `year = 2020` nor `not (year = 2020)`
matches a document without a year; `year is null` does.

| text | mapping |
|---|---|
| `a = 1` (or `==`) | `{"a": 1}` or `{"a": {"$eq": 1}}` |
| `a != 1` (or `<>`), `a < 1`, `a <= 1`, `a > 1`, `a >= 1` | `{"a": {"$ne": 1}}`, `$lt`, `$lte`, `$gt`, `$gte` |
| `a in (1, 2)`, `a not in (1, 2)` | `{"a": {"$in": [1, 2]}}`, `$nin` |
| `a between 1 and 2` | `{"a": {"$between": [1, 2]}}` |
| `a like '50!%%' escape '!'`, `ilike` | `{"a": {"$like": "50!%%", "$escape": "!"}}`, `$ilike` |
| `a is null`, `a is not null` | `{"a": {"$exists": false}}`, `{"a": {"$exists": true}}` |
| `a = 1 and b = 2` | `{"a": 1, "b": 2}` or `{"$and": [{"a": 1}, {"b": 2}]}` |
| `a = 1 or b = 2`, `not (a = 1)` | `{"$or": [{"a": 1}, {"b": 2}]}`, `{"$not": {"a": 1}}` |
| `a > DATE '2024-05-01'` | `{"a": {"$gt": {"$date": "2024-05-01"}}}`, or a `date` or `datetime` |

Nothing of a condition is ever part of a statement: text is parsed into this tree and no other, and the one `SELECT`
that is made of it holds question marks for all values. It runs in a database of its own in memory, which can neither
read nor write anything else, within a time limit.
"""

from hippo.filters.condition import And, Between, Comparison, Condition, In, IsNull, Like, Not, Or
from hippo.filters.field import Field
from hippo.filters.match import matching
from hippo.filters.missing import known_keys, missing_fields
from hippo.filters.parse import parse_where

__all__ = [
    "And",
    "Between",
    "Comparison",
    "Condition",
    "Field",
    "In",
    "IsNull",
    "Like",
    "Not",
    "Or",
    "known_keys",
    "matching",
    "missing_fields",
    "parse_where",
]
