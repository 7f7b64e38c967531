"""The looking side of a memory: documents, entities, what is next to these, ways between them, passages in place."""

import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from hippo.checks import AsOf, Where, condition, moment, whole
from hippo.config import Config
from hippo.errors import InputError
from hippo.protocols import Encoder
from hippo.retrieval.profiles import resolve_profile
from hippo.types import DocumentEntry, Entity, EntityPath, Neighbor, Passage, Sentence, StoredDocument, TextKind

if TYPE_CHECKING:
    from hippo.exploration.edges import Edges
    from hippo.exploration.entities import Encode
    from hippo.filters import Condition
    from hippo.graph.statistics import GraphStatistics
    from hippo.protocols import Float32
    from hippo.retrieval.retrieve import Retriever

__all__ = ["Exploring"]

_MOST_STEPS = 8


class Exploring(ABC):
    """Looks at the graph of a memory. `hippo.Hippo` adds opening, asking, changing and closing."""

    config: Config
    _encoder: Encoder | None

    @abstractmethod
    def _retriever_now(self, where: "Condition | None", as_of: datetime | None, *, apart: bool = False) -> "Retriever":
        """The retriever of the documents of the open snapshot that satisfy a condition, or did at a time."""

    @staticmethod
    @abstractmethod
    def _encode(encoder: Encoder, texts: Sequence[str], kind: TextKind = ...) -> "Float32":
        """Unit vectors of texts."""

    def documents(self, *, where: Where = None) -> list[DocumentEntry]:
        """What the open snapshot holds, by id.

        Args:
            where: Only documents whose metadata satisfy this condition, as for `retrieve`.

        Raises:
            FilterError: The condition is wrong.
            IndexEmptyError: Nothing has been added yet.
        """
        from hippo.snapshot.stored import list_documents

        return list_documents(self._retriever_now(None, None).contents, condition(where))

    def get(self, document_id: str) -> StoredDocument:
        """A document of the open snapshot: its text, as far as it is in chunks, its metadata, chunks and facts.

        Raises:
            DocumentError: There is none of this id.
            IndexEmptyError: Nothing has been added yet.
        """
        from hippo.snapshot.stored import stored_document

        return stored_document(self._retriever_now(None, None).contents, document_id)

    def entities(
        self, name: str | None = None, *, k: int = 10, where: Where = None, as_of: AsOf = None
    ) -> list[Entity]:
        """Entities that a name may mean, best first: of that very name, of names that hold its words, of similar names.

        Args:
            name: A name, or words of it, in any spelling; None: what most passages mention.
            k: Number of entities; there may be fewer.
            where: Which documents count, as for `retrieve`.
            as_of: Look at what was known then, as for `retrieve`.

        Raises:
            FilterError: The condition is wrong.
            InputError: The name is no text.
            IndexEmptyError: Nothing has been added yet.
            QuestionError: k is less than 1.
        """
        from hippo.exploration.entities import commonest, find_entities

        if name is not None:
            _check_name("name", name)
        contents = self._retriever_now(condition(where), moment(as_of), apart=True).contents
        if name is None:
            return commonest(contents, whole("k", k))
        return find_entities(contents, name, whole("k", k), self._encode_names())

    def neighbors(
        self,
        entity: str,
        *,
        k: int = 10,
        kinds: Sequence[str] | None = None,
        where: Where = None,
        as_of: AsOf = None,
    ) -> list[Neighbor]:
        """What the graph joins to an entity: related entities, similar names, passages that it titles or that name it.

        Each is given once, for the first of the kinds that join it.

        Args:
            entity: Its name or key; case and white space make no difference.
            k: Most of each kind.
            kinds: Kinds of edge, of "relation", "synonym", "titles", "contains", in the order wanted; None: all.
            where: Which documents count, as for `retrieve`.
            as_of: Look at what was known then, as for `retrieve`.

        Raises:
            FilterError: The condition is wrong.
            InputError: The name is no text, or there is no such kind.
            IndexEmptyError: Nothing has been added yet.
            NotInIndexError: There is no such entity.
            QuestionError: k is less than 1.
        """
        from hippo.exploration.edges import JOINING

        wanted = JOINING if kinds is None else tuple(kinds)
        if isinstance(kinds, str) or not set(wanted) <= set(JOINING):
            raise InputError(f"kinds must be some of {', '.join(JOINING)}, got {kinds!r}")
        edges, [row] = self._edges(where, as_of, entity)
        return edges.neighbors(row, k=whole("k", k), kinds=wanted)

    def paths(
        self, source: str, target: str, *, k: int = 3, steps: int = 4, where: Where = None, as_of: AsOf = None
    ) -> list[EntityPath]:
        """The strongest ways in the graph from one entity to another, each step with the sentence that says so.

        Args:
            source: Name or key of an entity.
            target: The same of another.
            k: Number of paths; there may be fewer.
            steps: Edges that a path may have, at most 8; a passage that mentions both is two edges.
            where: Which documents count, as for `retrieve`.
            as_of: Look at what was known then, as for `retrieve`.

        Raises:
            FilterError: The condition is wrong.
            InputError: A name is no text, both are one entity, or steps is more than 8.
            IndexEmptyError: Nothing has been added yet.
            NotInIndexError: There is no such entity.
            QuestionError: k or steps is less than 1.
        """
        if whole("steps", steps) > _MOST_STEPS:
            raise InputError(f"steps must be at most {_MOST_STEPS}, got {steps}")
        edges, [first, last] = self._edges(where, as_of, source, target)
        if first == last:
            raise InputError(f"{source!r} and {target!r} are one entity; a path leads from one to another")
        return edges.paths(first, last, k=whole("k", k), steps=steps)

    def passages(self, chunk_id: str, *, before: int = 0, after: int = 0, as_of: AsOf = None) -> list[Passage]:
        """A passage with its neighbours in its document or, of a turn of a conversation, session; in order.

        Args:
            chunk_id: Its id, as hits, citations and neighbours name it.
            before: Passages before it, as far as there are.
            after: Passages after it.
            as_of: Look at what was known then: the id is that of a passage of that time.

        Raises:
            InputError: The id is no text, or a number is negative.
            IndexEmptyError: Nothing has been added yet.
            NotInIndexError: There is no such passage.
        """
        from hippo.exploration.passages import passages_around

        _check_name("chunk_id", chunk_id)
        for name, value in (("before", before), ("after", after)):
            if type(value) is not int or value < 0:
                raise InputError(f"{name} must be a whole number of at least 0, got {value!r}")
        return passages_around(
            self._retriever_now(None, moment(as_of), apart=True).contents, chunk_id, before=before, after=after
        )

    def statistics(self) -> "GraphStatistics":
        """Figures of the graph: neighbours of nodes, kinds of edge, pieces. `hippo.plots.draw_statistics` draws them.

        Raises:
            IndexEmptyError: Nothing has been added yet.
        """
        from hippo.graph.statistics import graph_statistics

        return graph_statistics(self._retriever_now(None, None, apart=True).contents.graph)

    def sentences(
        self, *entities: str, passage: str | None = None, k: int = 10, where: Where = None, as_of: AsOf = None
    ) -> tuple[Sentence, ...]:
        """Sentences that name all of some entities, or those of a passage: what is behind a node or an edge.

        Args:
            entities: Names or keys.
            passage: Only sentences of this passage, by its id.
            k: Number of sentences; there may be fewer. They come in the order of documents.
            where: Which documents count, as for `retrieve`.
            as_of: Look at what was known then, as for `retrieve`.

        Raises:
            FilterError: The condition is wrong.
            IndexEmptyError: Nothing has been added yet.
            InputError: Neither an entity nor a passage is given, or one of them is no text.
            NotInIndexError: There is no such entity or passage.
            QuestionError: k is less than 1.
        """
        import numpy as np

        from hippo.exploration.entities import row_of
        from hippo.exploration.passages import chunk_row
        from hippo.exploration.sentences import facts_in, facts_of_all, sentences_of

        named = (*entities, *(() if passage is None else (passage,)))
        if not named or not all(isinstance(one, str) for one in named):
            raise InputError(f"sentences needs names of entities or the id of a passage, got {named!r}")
        contents = self._retriever_now(condition(where), moment(as_of), apart=True).contents
        rows = sorted({row_of(contents, one, self._encode_names()) for one in entities})
        sets = list(facts_of_all(contents, np.array(rows, np.int64)).values())
        sets += [] if passage is None else [facts_in(contents, chunk_row(contents, passage))]
        found = sets[0]
        for other in sets[1:]:
            found = np.intersect1d(found, other, assume_unique=True)
        return sentences_of(contents, found, whole("k", k))

    def _edges(self, where: Where, as_of: AsOf, *names: str) -> "tuple[Edges, list[int]]":
        """The graph, and the rows of entities in it."""
        from hippo.exploration.edges import Edges
        from hippo.exploration.entities import row_of

        for name in names:
            _check_name("the name of an entity", name)
        retriever = self._retriever_now(condition(where), moment(as_of), apart=True)
        rows = [row_of(retriever.contents, name, self._encode_names()) for name in names]
        edges = _edges_of.get(retriever)
        if edges is None:
            settings = self.config.retrieval
            edges = Edges(retriever.contents, resolve_profile(settings.profile, settings.profiles))
            _edges_of[retriever] = edges
        return edges, rows

    def _encode_names(self) -> "Encode | None":
        return None if self._encoder is None else partial(self._encode, self._encoder, kind="query_to_entity")


_edges_of: "weakref.WeakKeyDictionary[Retriever, Edges]" = weakref.WeakKeyDictionary()
"""Kept as long as the retriever: what paths are looked for in takes a while to compute."""


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str):
        raise InputError(f"{what} must be a text, got {name!r}")
