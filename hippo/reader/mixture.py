"""Facts, gists and passages packed into a budget of tokens: the shortest that says it comes first."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Literal

from hippo.reader.context import tokens
from hippo.reader.marks import disarm
from hippo.types import Context, ContextItem, FactHit, Hit, Retrieval

__all__ = ["KINDS", "pack"]

KINDS = ("facts", "triples", "gists", "passages")
"""What a context may hold: sentences, triples, summaries of sessions and entities, whole passages."""

_FACTS, _GISTS = 0.5, 0.25
"""Shares of the budget that facts and gists take at most, where there are passages too."""
_COVERED = 0.9
"""Share of a passage that its facts say from which on it is left out."""
_HEADINGS = {"fact": "Facts", "triple": "Facts", "gist": "Summaries", "passage": "Passages"}


def pack(retrieval: Retrieval, facts: Sequence[FactHit], *, budget: int, kinds: Collection[str] = KINDS) -> Context:
    """The best mixture that fits.

    Facts come first, each in a line with its date and source, then gists, then passages, each as they rank. What does
    not fit is left out, and what is smaller and comes later may still fit. A passage of which facts say nearly all is
    left out.

    Args:
        retrieval: Passages and gists, best first.
        facts: Facts, best first.
        budget: Most tokens, as `hippo.reader.context.tokens` estimates them.
        kinds: Some of `KINDS`.
    """
    packing = _Packing(budget)
    whole = "passages" not in kinds
    said: list[FactHit] = []
    for fact in facts:
        kind: Literal["fact", "triple"] = "fact" if fact.triple is None else "triple"
        if f"{kind}s" in kinds and fact.derived != "gist":
            line = f"- {_line(fact.text)}{_source(fact.timestamp, fact.title, fact.document_id)}\n"
            item = ContextItem(kind, line, fact.chunk_id, fact.document_id, fact.title, fact.timestamp)
            if packing.put(item, 1.0 if whole else _FACTS):
                said.append(fact)
    for hit in retrieval.hits:
        if hit.metadata.get("derived") == "gist" and "gists" in kinds:
            packing.put(_whole(hit, "gist"), 1.0 if whole else _GISTS + _FACTS)
    for hit in retrieval.hits:
        if hit.metadata.get("derived") != "gist" and "passages" in kinds:
            if _covered(hit, said):
                packing.dropped["passage that facts say"] += 1
            else:
                packing.put(_whole(hit, "passage"), 1.0)
    text = packing.text()
    return Context(retrieval.question, text, tuple(packing.items), tokens(text), dict(packing.dropped), retrieval)


class _Packing:
    """Items that fit, in order."""

    def __init__(self, budget: int) -> None:
        self.items: list[ContextItem] = []
        self.dropped: Counter[str] = Counter()
        self._budget, self._taken = budget, 0
        self._headings: set[str] = set()

    def put(self, item: ContextItem, share: float) -> bool:
        """Take an item if it fits into a share of the budget, with its heading if it is the first of its kind."""
        heading = _HEADINGS[item.kind]
        needed = tokens(item.text) + (0 if heading in self._headings else tokens(f"{heading}:\n\n"))
        if self._taken + needed > self._budget * share:
            self.dropped[f"{item.kind} beyond the token budget"] += 1
            return False
        self._headings.add(heading)
        self._taken += needed
        self.items.append(item)
        return True

    def text(self) -> str:
        """All items below their headings."""
        parts: list[str] = []
        for place, item in enumerate(self.items):
            heading = _HEADINGS[item.kind]
            if not place or _HEADINGS[self.items[place - 1].kind] != heading:
                parts.append(f"{'' if not place else chr(10)}{heading}:\n")
            parts.append(item.text)
        return "".join(parts)


def _whole(hit: Hit, kind: Literal["gist", "passage"]) -> ContextItem:
    head = _source(hit.timestamp, hit.title, hit.document_id).strip()
    text = f"{head}\n{disarm(hit.text).strip()}\n"
    return ContextItem(kind, text, hit.chunk_id, hit.document_id, hit.title, hit.timestamp)


def _line(text: str) -> str:
    return " ".join(disarm(text).split())


def _source(time: datetime | None, title: str | None, document_id: str) -> str:
    """When and where something is said, in brackets."""
    day = f"{time.date()}, " if time else ""
    named = f"{_line(title)}, " if title else ""
    return f" ({day}{named}{_line(document_id)})"


def _covered(hit: Hit, facts: Iterable[FactHit]) -> bool:
    """Whether sentences that were taken say nearly all of a passage."""
    spans = {(fact.start, fact.end) for fact in facts if fact.chunk_id == hit.chunk_id and fact.triple is None}
    length = len(hit.text.strip())
    return bool(length) and sum(end - start for start, end in spans) >= _COVERED * length
