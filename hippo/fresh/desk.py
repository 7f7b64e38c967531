"""What one memory knows of the log: what is in it beside a snapshot, made ready for questions."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hippo.deferred import once
from hippo.fresh.log import Log
from hippo.fresh.prepare import Prepared, lay_out, lay_out_versions, prepare, vectors_of
from hippo.fresh.records import Said, Told, forgetting, linking, read, remembering
from hippo.fresh.state import Fresh
from hippo.protocols import Chunker, Encoder, Extractor
from hippo.snapshot.merge import Part
from hippo.store.documents import document_row
from hippo.types import Document

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Desk"]


class Desk:
    """Writes into the log of an index, and reads what is in it.

    Args:
        root: Folder of the index.
        tools: Makes the chunker and the extractor by rules, once they are needed.
        encoder: Makes vectors; None: for an index without any.
        rules: `GraphConfig.rules`.
        keep: Whether versions that are replaced are kept.
    """

    def __init__(
        self,
        root: Path,
        tools: Callable[[], tuple[Chunker, Extractor]],
        encoder: Encoder | None,
        rules: str,
        *,
        keep: bool = True,
    ) -> None:
        self.log = Log(root)
        self._tools = once(tools)
        self._encoder = encoder
        self._rules = rules
        self._keep = keep
        self._prepared: dict[str, Prepared] = {}
        self._vectors: dict[str, Float32] = {}
        self._since, self._said, self._heard = -1, Said(), 0
        """What the first records say that are beside a snapshot, and how many these are."""
        self._made: tuple[int, Fresh] | None = None
        self._turns = 0
        """`Log.turns` when it was read."""
        self._guard = threading.Lock()

    def remember(self, documents: Sequence[Document], name: Callable[[int, Document], str], start: int) -> list[str]:
        """Write documents into the log, with the vectors of their passages and facts.

        Args:
            documents: Those with an id take the place of others of this id.
            name: From the number of a document, and what it holds, to the id of one without.
            start: The first number, where there is no log yet.

        Returns:
            Their ids.

        Raises:
            DocumentError: One of them cannot be stored; none is written.
        """
        for one in documents:
            document_row(replace(one, id=one.id or "new"), "")  # What the store would refuse never enters the log.
        chunker, extractor = self._tools()
        prepared = [prepare(replace(one, id=""), chunker, extractor) for one in documents]
        vectors = vectors_of(prepared, self._encoder, {}) if self._encoder else {}
        ids: list[str] = []

        def made(number: int) -> dict[str, object]:
            named = [replace(one, id=one.id or name(number + place, one)) for place, one in enumerate(documents)]
            ids.extend(one.id or "" for one in named)
            return remembering(named, vectors, datetime.now(UTC))

        self.log.append(made, len(documents), start=start)
        return ids

    def forget(self, ids: Sequence[str], start: int) -> None:
        """Write into the log that documents are to be forgotten."""
        self.log.append(lambda _: forgetting(ids), start=start)

    def link(self, links: Mapping[tuple[str, str, str], float | None], start: int) -> None:
        """Write links into the log."""
        self.log.append(lambda _: linking(links), start=start)

    def beside(self, merged: int) -> Fresh | None:
        """What was remembered since a snapshot that holds all numbers below `merged`.

        Returns:
            None where a newer snapshot holds some of it.
        """
        with self._guard:
            records = self.log.since(merged)
            if records is None:
                return None
            if self.log.turns != self._turns:
                self._turns, self._since, self._made = self.log.turns, -1, None
            version = records[-1].end if records else merged
            if self._made and self._made[0] == merged and self._made[1].version == version:
                return self._made[1]
            if merged != self._since:
                self._since, self._said, self._heard = merged, Said(), 0
            read(records[self._heard :], self._said)
            self._heard = len(records)
            fresh = self._laid_out(self._said, version)
            self._made = merged, fresh
            return fresh

    def may_wait(self, merged: int, version: int) -> bool:
        """Whether all that is new since a version is what other processes remember: nothing of this one, no forgetting.

        Args:
            merged: Number below which a snapshot holds everything.
            version: Of what is laid out.
        """
        with self._guard:
            records = self.log.since(merged)
            if records is None or self.log.turns != self._turns or self.log.written > version:
                return False
            return all("documents" in one.body for one in records if one.end > version)

    def _laid_out(self, said: Said, version: int) -> Fresh:
        chunker, extractor = self._tools() if said.documents else (None, None)
        kept: dict[str, Prepared] = {}
        for key, told in said.documents.items():
            known, document = self._prepared.get(key), told.document
            if known is not None and known.document != document:
                known = None  # It was replaced.
            if known is None and chunker is not None and extractor is not None:
                known = prepare(document, chunker, extractor)
            if known is not None:
                kept[key] = known
        self._prepared = kept
        prepared = list(kept.values())
        if self._encoder is not None:
            # Vectors of facts may be missing where another version of hippo wrote the log.
            needed = {key for one in prepared for keys in one.hashes.values() for key in keys}
            given = {**self._vectors, **said.vectors}
            self._vectors = {key: given[key] for key in needed if key in given}
            self._vectors |= vectors_of(prepared, self._encoder, self._vectors)
        gone, links = frozenset(said.gone), dict(said.links)
        if not prepared:
            return Fresh(version, gone=gone, links=links)
        older = {key: tuple(own) for key, own in said.older.items()} if self._keep else {}
        every = {key: (*older.get(key, ()), newest) for key, newest in said.documents.items()}
        return Fresh(version, self._part(prepared), every, once(partial(self._older, older, said.vectors)), gone, links)

    def _older(self, older: "Mapping[str, Sequence[Told]]", given: "Mapping[str, Float32]") -> Part | None:
        """Versions that newer ones have replaced, laid out; None: there are none."""
        if not older:
            return None
        chunker, extractor = self._tools()
        documents = [one.document for key in sorted(older) for one in older[key]]
        prepared = [prepare(document, chunker, extractor) for document in documents]
        vectors = {} if self._encoder is None else {**given, **vectors_of(prepared, self._encoder, given)}
        dimension = self._encoder.dimension if self._encoder else 0
        return lay_out_versions(prepared, vectors if self._encoder else None, dimension, self._rules)

    def nothing(self) -> Fresh:
        """No documents, laid out: all that was remembered is forgotten."""
        return Fresh(0, self._part([]))

    def _part(self, prepared: Sequence[Prepared]) -> Part:
        dimension = self._encoder.dimension if self._encoder else 0
        return lay_out(prepared, self._vectors if self._encoder else None, dimension, self._rules)
