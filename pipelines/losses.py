"""Why a gold passage is not among the first k: the stage of retrieval that lost it.

A chain of passages holds together by *bridges*: specific entities that a passage shares with another gold passage of
the same question, or with the question. An entity is specific if at most 1 % of the
passages mention it, or ten of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import regex

from hippo.extraction.mentions import title_mentions
from hippo.ids import entity_key, nfkc
from hippo.retrieval.names import names_in
from hippo.snapshot.contents import Contents
from hippo.types import Retrieval

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["STAGES", "Examiner", "Loss", "is_alias"]

STAGES = {
    "mention": "mention not extracted",
    "entity": "entity not unified",
    "fact": "fact not linked",
    "bridge": "bridge not within two steps",
    "outranked": "reachable but outranked",
}
"""Stages in the order in which they are looked at, in words."""

_SHARE = 0.01
_FEW = 10
_STEPS = 2
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_LEAST_INITIALS = 2


@dataclass(frozen=True, slots=True)
class Loss:
    """A gold passage that is not among the first k.

    Attributes:
        question: The question.
        document_id: Of the lost passage.
        title: Its title.
        rank: Where it was ranked; None: beyond the last that was asked for.
        stage: Of `STAGES`.
        detail: What was looked for and not found; for "outranked", what most of the passages before it have in common.
    """

    question: str
    document_id: str
    title: str
    rank: int | None
    stage: str
    detail: str


def is_alias(name: str, other: str) -> bool:
    """Whether two different keys may name the same: one's words are among the other's, or are its initials.

    Examples:
        >>> is_alias("curie", "marie curie"), is_alias("un", "united nations"), is_alias("paris", "lyon")
        (True, True, False)
    """
    short, long = sorted((_WORD.findall(name), _WORD.findall(other)), key=len)
    if not short or short == long:
        return False
    initials = "".join(word[0] for word in long)
    return set(short) < set(long) or (len(initials) >= _LEAST_INITIALS and "".join(short) == initials)


class Examiner:
    """Looks for the stage that lost a passage.

    Args:
        contents: The index.
        k: Number of passages that count.
    """

    def __init__(self, contents: Contents, k: int) -> None:
        self._contents = contents
        self._k = k
        self._graph = contents.graph
        counts = contents.entities.column("chunks").to_numpy()
        self._specific = counts <= max(_FEW, _SHARE * contents.n_chunks)

    def losses(self, question: str, gold: Iterable[str], found: Retrieval, alike: Sequence[str]) -> list[Loss]:
        """Losses of one question.

        Args:
            question: The question.
            gold: Ids of its gold documents, each of one passage.
            found: Its retrieval, without explanation.
            alike: Ids of documents by likeness to the question, best first: a ranking without a walk.
        """
        ranking = [hit.document_id for hit in found.hits]
        chain = {identity: self._rows[identity] for identity in sorted(gold)}
        lost = [identity for identity in chain if identity not in ranking[: self._k]]
        losses = []
        for identity in lost:
            others = [row for other, row in chain.items() if other != identity]
            bridges = self._bridges(chain[identity], others, question)
            stage, detail = self._stage(chain[identity], others, question, bridges, found)
            if stage == "outranked":
                before = [other for other in ranking[: self._k] if other not in chain]
                detail = self._rivals(identity, before, bridges, found, alike)
            rank = ranking.index(identity) + 1 if identity in ranking else None
            losses.append(Loss(question, identity, self._titles[chain[identity]] or "", rank, stage, detail))
        return losses

    def _bridges(self, row: int, others: Sequence[int], question: str) -> set[int]:
        """Specific entities that a passage shares with the others or with the question."""
        known = {self._keys[key] for key in map(entity_key, names_in(question)) if key in self._keys}
        shared = known.union(*map(self._entities, others))
        return {entity for entity in self._entities(row) & shared if self._specific[entity]}

    def _stage(
        self, row: int, others: Sequence[int], question: str, bridges: set[int], found: Retrieval
    ) -> tuple[str, str]:
        if not bridges:
            return self._unjoined(row, others, question)
        seeds = {self._keys[key] for fact in found.seeds for key in map(entity_key, fact.entities) if key in self._keys}
        ids = self._contents.chunks.column("chunk_id").to_pylist()
        said_in = {fact.chunk_id for fact in found.seeds}
        chain = {row, *others}
        touched = {entity for entity in set().union(*map(self._entities, chain)) & seeds if self._specific[entity]}
        if not touched and not any(ids[one] in said_in for one in chain):
            return "fact", "no seed fact is of the chain"
        reached = {entity for entity in seeds if self._specific[entity]} | touched
        for _ in range(_STEPS):
            reached |= {node for start in reached for node in self._neighbours(start)}
        if not bridges & reached:
            return "bridge", "; ".join(sorted(self._names(bridges))[:3])
        return "outranked", ""

    def _unjoined(self, row: int, others: Sequence[int], question: str) -> tuple[str, str]:
        """Why a passage shares no specific entity with its chain."""
        sides = [(row, other) for other in others] + [(other, row) for other in others]
        spoken = [(self._title_keys(row), _plain(question), self._question_keys(question))]
        for named, source in sides:
            spoken.append((self._title_keys(named), _plain(self._texts[source]), self._specific_keys(source)))
        for names, text, keys in spoken:
            for name in names:
                if f" {name} " in text:
                    longer = [key for key in sorted(keys) if f" {name} " in f" {key} "]
                    return ("entity", f"{longer[0]} = {name}") if longer else ("mention", name)
        for names, _, keys in spoken:
            for name in names:
                for key in sorted(keys):
                    if is_alias(name, key):
                        return "entity", f"{key} = {name}"
        return "bridge", "no name in common"

    def _rivals(
        self, identity: str, before: Sequence[str], bridges: set[int], found: Retrieval, alike: Sequence[str]
    ) -> str:
        """What most of the passages before a lost one have in common."""
        seeds = {self._keys.get(key) for fact in found.seeds for key in map(entity_key, fact.entities)}
        place = alike.index(identity) if identity in alike else len(alike)
        counts = dict.fromkeys(("of the same bridge", "more like the question", "of a seed", "of the walk alone"), 0)
        for other in before:
            entities = self._entities(self._rows[other])
            if entities & bridges:
                counts["of the same bridge"] += 1
            elif other in alike[:place]:
                counts["more like the question"] += 1
            elif any(entity in seeds and self._specific[entity] for entity in entities):
                counts["of a seed"] += 1
            else:
                counts["of the walk alone"] += 1
        return max(counts, key=lambda name: counts[name])

    @cached_property
    def _rows(self) -> dict[str, int]:
        ids = self._contents.chunks.column("document_id").to_pylist()
        return {identity: row for row, identity in reversed(list(enumerate(ids)))}

    @cached_property
    def _titles(self) -> list[str | None]:
        return list(self._contents.chunks.column("title").to_pylist())

    @cached_property
    def _texts(self) -> list[str]:
        return list(self._contents.chunks.column("text").to_pylist())

    @cached_property
    def _keys(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self._contents.entities.column("key").to_pylist())}

    def _names(self, entities: Iterable[int]) -> list[str]:
        column = self._contents.entities.column("name")
        return [column[entity].as_py() for entity in entities]

    def _title_keys(self, row: int) -> list[str]:
        return [mention.key for mention in title_mentions(self._titles[row])]

    def _specific_keys(self, row: int) -> set[str]:
        column = self._contents.entities.column("key")
        return {column[entity].as_py() for entity in self._entities(row) if self._specific[entity]}

    def _question_keys(self, question: str) -> set[str]:
        keys = map(entity_key, names_in(question))
        return {key for key in keys if key not in self._keys or self._specific[self._keys[key]]}

    def _entities(self, row: int) -> set[int]:
        """Entities that a passage mentions."""
        node = self._graph.n_entities + row
        return {entity for entity in self._around(node).tolist() if entity < self._graph.n_entities}

    def _neighbours(self, entity: int) -> "set[int]":
        """Specific entities one step from one: related, alike, or of the same passage."""
        near = set(self._around(entity).tolist())
        for node in [node for node in near if node >= self._graph.n_entities]:
            near |= set(self._around(node).tolist())
        return {node for node in near if node < self._graph.n_entities and self._specific[node]}

    def _around(self, node: int) -> "NDArray[np.int32]":
        return self._graph.indices[self._graph.indptr[node] : self._graph.indptr[node + 1]]


def _plain(text: str) -> str:
    """Words of a text as they are in keys, between spaces."""
    return f" {' '.join(_KEY_WORD.findall(nfkc(text).casefold()))} "


_KEY_WORD = regex.compile(r"[\p{L}\p{M}\p{N}](?:\S*[\p{L}\p{M}\p{N})])?")
