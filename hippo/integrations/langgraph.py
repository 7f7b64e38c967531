"""hippo in LangGraph: a store for the long-term memory of agents, whose items are searched as hippo searches.

```python
from hippo import Hippo
from hippo.integrations.langgraph import HippoStore

store = HippoStore(index=Hippo.open("my-agent"))
store.put(("users", "ann"), "home", {"text": "Ann lives in Rome."})
[item] = store.search(("users", "ann"), query="Where does Ann live?", limit=1)
```
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hippo.background import in_thread
from hippo.documents.records import plain
from hippo.engine import Hippo
from hippo.errors import DocumentError, IndexEmptyError, InputError, MissingExtraError
from hippo.integrations.memory import memory_of
from hippo.types import Document

try:
    from langgraph.store.base import (
        BaseStore,
        GetOp,
        Item,
        ListNamespacesOp,
        MatchCondition,
        Op,
        PutOp,
        Result,
        SearchItem,
        SearchOp,
        get_text_at_path,
    )
except ImportError as error:
    raise MissingExtraError("hippo.integrations.langgraph", "langgraph", "langgraph") from error

__all__ = ["HippoStore"]

_KEY = "langgraph"
"""Key of the metadata of documents that are items of a store."""
_MOST = 1_000_000


class HippoStore(BaseStore):
    """Items in namespaces, kept in a memory: durable when `put` returns, found by the next search.

    An item is a document of the memory. Its text is what its value says: the texts of the fields that are indexed, or
    all of them. So `search` with a query ranks items as `Hippo.recall` does, over names and facts that items share, and
    `Hippo.retrieve` finds them beside everything else. A value that is put in the place of another leaves the older one
    for `as_of`; what is deleted is forgotten. There is no time to live.

    Args:
        index: An open memory; whoever made it closes it.
        path: In its place, the folder of one; made if need be.
        fields: Paths of the texts of a value that are indexed unless `put` says otherwise, as LangGraph writes them
            ("text", "facts[*].text"). None: every text in it.

    Raises:
        InputError: Neither a memory nor a path was given, or two that differ.
    """

    supports_ttl = False

    def __init__(
        self,
        index: Hippo | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        fields: Sequence[str] | None = None,
    ) -> None:
        self.memory = memory_of("HippoStore", index, path, create=True)
        self._fields = None if fields is None else tuple(fields)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do some operations: reads see what was there before, and of puts to one key the last one counts."""
        operations = list(ops)
        results: list[Result] = [None] * len(operations)
        puts: dict[str, PutOp] = {}
        for place, op in enumerate(operations):
            if isinstance(op, PutOp):
                puts[_id(op.namespace, op.key)] = op
            elif isinstance(op, GetOp):
                results[place] = self._get(op)
            elif isinstance(op, SearchOp):
                results[place] = self._search(op)
            elif isinstance(op, ListNamespacesOp):
                results[place] = self._namespaces(op)
            else:
                raise InputError(f"unknown operation {type(op).__name__}")
        self._put(puts)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """The same without blocking the event loop."""
        return await in_thread(self.batch, list(ops))

    def _put(self, puts: Mapping[str, PutOp]) -> None:
        if not puts:
            return
        known = self._items(puts)
        gone = [key for key, op in puts.items() if op.value is None and key in known]
        now = datetime.now(UTC)
        made = []
        for key, op in puts.items():
            if op.value is not None:
                created = known[key].created_at if key in known else now
                made.append(self._document(key, op, op.value, created, now))
        if gone:
            self.memory.forget(*gone, missing_ok=True)
        if made:
            self.memory.remember(made)

    def _document(self, key: str, op: PutOp, value: Mapping[str, Any], created: datetime, now: datetime) -> Document:
        known = {
            "namespace": list(op.namespace),
            "key": op.key,
            "place": _place(op.namespace),
            "value": plain(dict(value), "value"),
            "created": created.isoformat(),
            "updated": now.isoformat(),
        }
        return Document(self._text(op, value), key, None, {_KEY: known}, now)

    def _text(self, op: PutOp, value: Mapping[str, Any]) -> str:
        if op.index is False:
            return ""
        fields = self._fields if op.index is None else tuple(op.index)
        if fields is None:
            return "\n".join(_texts(value))
        return "\n".join(text for path in fields for text in get_text_at_path(dict(value), path))

    def _get(self, op: GetOp) -> Item | None:
        return self._items([_id(op.namespace, op.key)]).get(_id(op.namespace, op.key))

    def _items(self, ids: Iterable[str]) -> dict[str, Item]:
        found = {}
        for key in ids:
            try:
                metadata = self.memory.get(key).metadata
            except (DocumentError, IndexEmptyError):
                continue
            found[key] = Item(**_values(metadata[_KEY]))
        return found

    def _search(self, op: SearchOp) -> list[SearchItem]:
        scores: dict[str, float | None]
        items: dict[str, SearchItem] = {}
        everything = self._below(op.namespace_prefix)
        if op.query:
            scores = self._scores(op) if everything else {}
            # What has no text to be searched comes last, without a score.
            scores |= {key: None for key in everything if key not in scores}
        else:
            scores = dict.fromkeys(everything)
        for key, score in scores.items():
            known = everything.get(key)
            if known is not None and _satisfies(known["value"], op.filter):
                items[key] = SearchItem(**_values(known), score=score)
        return list(items.values())[op.offset : op.offset + op.limit]

    def _scores(self, op: SearchOp) -> dict[str, float | None]:
        """Ids and scores of items for a query, best first; an item counts with its best passage."""
        enough = max(1, op.offset + op.limit)
        most = _MOST if op.filter else enough
        while True:
            found: dict[str, float | None] = {}
            hits = self.memory.recall(op.query or "", k=most, where=_within(op.namespace_prefix)).hits
            for hit in hits:
                found.setdefault(hit.document_id, hit.score)
            # Of a long item many passages may come first.
            if len(found) >= enough or len(hits) < most or most >= _MOST:
                return found
            most = min(4 * most, _MOST)

    def _below(self, prefix: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """What is known of all items in the namespaces that begin so, by id, the oldest first."""
        self.memory.refresh()
        try:
            found = [(one.id, one.metadata[_KEY]) for one in self.memory.documents(where=_within(prefix))]
        except IndexEmptyError:
            return {}
        return dict(sorted(found, key=lambda item: (item[1]["created"], item[0])))

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        found = {tuple(known["namespace"]) for known in self._below(()).values()}
        kept = [one for one in found if all(_matches(condition, one) for condition in op.match_conditions or ())]
        cut = {one if op.max_depth is None else one[: op.max_depth] for one in kept}
        return sorted(cut)[op.offset : op.offset + op.limit]


def _id(namespace: tuple[str, ...], key: str) -> str:
    """Id of an item."""
    return json.dumps([_KEY, *namespace, key], ensure_ascii=False, separators=(",", ":"))


def _place(namespace: tuple[str, ...]) -> str:
    """A namespace as a text that begins with the texts of those above it, and of no others."""
    return "".join(f"{json.dumps(label, ensure_ascii=False)}," for label in namespace)


def _within(prefix: tuple[str, ...]) -> dict[str, Any]:
    """The condition of items in the namespaces that begin so."""
    pattern = _place(prefix).replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return {f"{_KEY}.place": {"$like": f"{pattern}%", "$escape": "!"}}


def _values(known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespace": tuple(known["namespace"]),
        "key": known["key"],
        "value": known["value"],
        "created_at": datetime.fromisoformat(known["created"]),
        "updated_at": datetime.fromisoformat(known["updated"]),
    }


def _texts(value: object) -> list[str]:
    """All texts in a value, in order."""
    if isinstance(value, str):
        return [value] if value.strip() else []
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return []


def _matches(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    path = condition.path
    if len(path) > len(namespace):
        return False
    own = namespace[: len(path)] if condition.match_type == "prefix" else namespace[len(namespace) - len(path) :]
    return all(wanted in ("*", label) for wanted, label in zip(path, own, strict=True))


def _satisfies(value: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    return all(_equals(value.get(key), one) for key, one in (wanted or {}).items())


def _equals(value: Any, wanted: Any) -> bool:
    """Whether a value is as a filter wants it: equal, or as operators say, also within objects and lists."""
    if isinstance(wanted, Mapping):
        if any(str(key).startswith("$") for key in wanted):
            return all(_compares(value, operator, one) for operator, one in wanted.items())
        return isinstance(value, Mapping) and all(_equals(value.get(key), one) for key, one in wanted.items())
    if isinstance(wanted, list | tuple):
        same = isinstance(value, list | tuple) and len(value) == len(wanted)
        return same and all(_equals(one, other) for one, other in zip(value, wanted, strict=True))
    return bool(value == wanted)


def _compares(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "$eq":
        return bool(value == wanted)
    if operator == "$ne":
        return bool(value != wanted)
    if operator not in ("$gt", "$gte", "$lt", "$lte"):
        raise InputError(f"unknown operator {operator!r} in a filter; known: $eq, $ne, $gt, $gte, $lt, $lte")
    try:
        left, right = float(value), float(wanted)
    except (TypeError, ValueError):
        return False
    return {"$gt": left > right, "$gte": left >= right, "$lt": left < right, "$lte": left <= right}[operator]
