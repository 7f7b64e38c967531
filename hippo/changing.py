"""The changing side of a memory: documents are added, updated, deleted, and made equal to a folder."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hippo.config import Config, DocumentsConfig
from hippo.deferred import in_thread_of
from hippo.documents import Columns, Limits, coerce_documents, iter_documents
from hippo.documents.source import Places
from hippo.documents.turns import SESSION
from hippo.errors import DocumentError, IndexCorruptError, IndexEmptyError, IndexMismatchError, InputError
from hippo.protocols import ProgressCallback
from hippo.snapshot import remove_old
from hippo.snapshot.current import check_root
from hippo.tracing import span
from hippo.types import ChangeReport, Document, Estimate, Run, Skipped, Version

if TYPE_CHECKING:
    from hippo.indexing.remove import Doomed, Held, Vanished
    from hippo.indexing.revise import Revision
    from hippo.indexing.runs import Recorder

__all__ = ["Changing"]

Documents = Iterable[Document | str | Mapping[str, Any]] | Document | str | Mapping[str, Any]
"""What `add` takes: `Document`s, texts, or mappings with `text` and optionally `id`, `title`, `metadata`,
`timestamp`; one, or many."""

AS_IT_WAS: Any = ...
"""Stands for the value that there is, since None is a value that a title or timestamp may take."""


class Changing(ABC):
    """Changes of a memory. `hippo.Hippo` adds opening, asking and closing.

    Every call is one change: readers see all of it or nothing, and an error before the first document is stored leaves
    the index as it was. Work that was committed before a crash is found again by the next call.
    """

    path: Path
    config: Config

    @abstractmethod
    def _parts(self, *, extracting: bool = True) -> AbstractContextManager[dict[str, Any]]:
        """What one run of indexing is done with; no extractor and no language model where nothing is extracted."""

    @abstractmethod
    def history(self, document_id: str | None = None) -> list[Version]:
        """Versions of documents."""

    @abstractmethod
    def refresh(self) -> bool:
        """Open the newest snapshot."""

    def add(self, documents: Documents, *, progress: ProgressCallback | None = None) -> ChangeReport:
        """Add documents and publish them.

        A document whose id the index holds is left alone if nothing of it changed, and replaced otherwise.

        Args:
            documents: `Document`s, texts, or mappings with `text` and optionally `id`, `title`, `metadata`,
                `timestamp`.
            progress: Is told of every step; see `hippo.progress.ProgressBars`.

        Raises:
            DocumentError: A document cannot be used; nothing was added.
            DuplicateDocumentError: Two of them have one id; nothing was added.
            IndexBusyError: Another process is adding.
        """
        return self._change(coerce_documents(documents), progress, "add")  # type: ignore[arg-type]  # single values too

    def add_files(
        self,
        *paths: str | os.PathLike[str],
        suffixes: Collection[str] | None = None,
        columns: Columns | None = None,
        progress: ProgressCallback | None = None,
    ) -> ChangeReport:
        """Add the documents of files and folders, as `add` does. Their ids are their paths below the folder given.

        Args:
            paths: Files and folders; folders are read with all their subfolders.
            suffixes: Only files with these suffixes; None: all that can be read.
            columns: Names of the columns of tables.
            progress: Is told of every step.

        Raises:
            DocumentError: A path does not exist, a folder holds no document, or a table lacks its text column.
        """
        return self._change(
            _read_files("add_files", paths, suffixes, columns, self.config.documents), progress, "add_files"
        )

    def update(
        self,
        document_id: str,
        *,
        text: str = AS_IT_WAS,
        title: str | None = AS_IT_WAS,
        metadata: Mapping[str, Any] = AS_IT_WAS,
        timestamp: datetime | str | None = AS_IT_WAS,
        progress: ProgressCallback | None = None,
    ) -> ChangeReport:
        """Give a document new values; what is not named stays as it was.

        Passages whose text and title stay are neither extracted nor embedded again. Without a new text nothing is
        extracted of it, so no language model is needed or asked; what was remembered is as with `delete`.

        Args:
            document_id: Id of a document that the index holds.
            text: Its new text.
            title: Its new title; None: it has none. It takes the text too: passages are cut so that both fit in.
            metadata: Takes the place of all its metadata.
            timestamp: A datetime or ISO 8601; None: unknown.
            progress: Is told of every step.

        Raises:
            DocumentError: The index holds no such document, or a value cannot be used; nothing was changed.
            IndexBusyError: Another process is changing the index.
            IndexPathError: There is no index.
        """
        from hippo.indexing.revise import Revision

        given = {"text": text, "title": title, "metadata": metadata, "timestamp": timestamp}
        changes = {name: value for name, value in given.items() if value is not AS_IT_WAS}
        check_root(self.path)
        revision = Revision(document_id, _checked(document_id, changes))
        return self._change((), progress, "update", revisions=[revision], extracting=self._retold(document_id, changes))

    def _retold(self, document_id: str, changes: Mapping[str, Any]) -> bool:
        """Whether a change calls for extraction: of the text, or of when a turn of a conversation was said."""
        if "text" in changes or SESSION in changes.get("metadata", {}):
            return True
        if not changes.keys() & {"metadata", "timestamp"}:
            return False
        try:
            versions = self.history(document_id)
        except (IndexCorruptError, IndexEmptyError, IndexMismatchError):
            return True  # Who knows.
        return bool(versions) and SESSION in versions[-1].metadata

    def delete(
        self,
        *document_ids: str,
        where: str | Mapping[str, Any] | None = None,
        missing_ok: bool = False,
        forget: bool = False,
        progress: ProgressCallback | None = None,
    ) -> ChangeReport:
        """Delete documents with all that came from them: passages, facts, edges, names that only they used.

        No language model is needed or asked; passages that wait for one go on waiting. What was remembered comes into
        the index first, with the facts that rules find in it, if a model is to find others later.

        What was known until now can still be asked for with `as_of`, unless the document is to be forgotten: then
        nothing of it is left in the index. Its older versions go too, with all cached vectors that nothing needs any
        more, older snapshots (those that a reader holds: with the next change after it lets go), files that a crash or
        a repair left, and the whole cache of replies of language models, which cannot be told apart by document. What
        was decided about synonyms stays, and names entities: `reset_synonym` takes that away. Should this be broken
        off, the next change finishes it; calling it again does so too, though the id may be unknown by then.

        Args:
            document_ids: Their ids.
            where: Delete all that satisfy this condition on their metadata; see `hippo.filters`.
            missing_ok: Pass over ids that the index does not hold.
            forget: Leave nothing of them. Documents that were deleted before, of which a version is kept, count too;
                for a condition, that is their last one.
            progress: Is told of every step.

        Raises:
            DocumentError: The index holds no document of one of the ids; nothing was deleted.
            FilterError: The condition is wrong.
            InputError: Neither ids nor a condition were given, or both.
            IndexBusyError: Another process is changing the index.
            IndexPathError: There is no index.
        """
        check_root(self.path)
        doomed = _doomed(document_ids, where, missing_ok, forget)
        try:
            report = self._change((), progress, "delete", doomed=doomed, extracting=False, forget=forget)
        except DocumentError:
            if forget:
                # The id may be unknown because a call before was broken off: a change finishes that one.
                self.refresh()
                self._change((), progress, "delete", extracting=False)
            raise
        if forget:
            remove_old(self.path)
        return report

    def select(
        self,
        *document_ids: str,
        where: str | Mapping[str, Any] | None = None,
        missing_ok: bool = False,
        forget: bool = False,
    ) -> list[str]:
        """Ids of the documents that `delete` would take, in order. Arguments and errors are those of `delete`.

        What was remembered counts, as it does there. Nothing is written.
        """
        from hippo.indexing.beside import Beside
        from hippo.indexing.turn import in_turn
        from hippo.store import Store

        doomed = _doomed(document_ids, where, missing_ok, forget)
        check_root(self.path)
        with ExitStack() as stack:
            store = in_turn(
                self.path,
                lambda: stack.enter_context(Store.reading(self.path)),
                wait=self.config.indexing.wait_seconds,
            )
            return sorted(doomed(Beside(self.path, store)))

    def sync(
        self,
        *paths: str | os.PathLike[str],
        suffixes: Collection[str] | None = None,
        columns: Columns | None = None,
        progress: ProgressCallback | None = None,
    ) -> ChangeReport:
        """Make the index equal to folders: add what is new, replace what has changed, delete what has vanished.

        Documents that came from elsewhere stay, and so do those of files that are there and were not read now: because
        they, or a folder above them, cannot be read or are left out, or by the choice of suffixes.

        Args:
            paths: Files and folders, as for `add_files`.
            suffixes: Only files with these suffixes; None: all that can be read.
            columns: Names of the columns of tables.
            progress: Is told of every step.

        Raises:
            DocumentError: As for `add_files`; a folder without any document is refused, lest one that is not mounted
                empties the index.
        """
        items = _read_files("sync", paths, suffixes, columns, self.config.documents)
        vanished = _vanished(paths)
        return self._change(vanished.watch(items), progress, "sync", doomed=vanished)

    aadd = in_thread_of(add)
    """`add` without blocking the event loop. Cancelling ends the wait, also that for another writer; a change that has
    begun is finished all the same. So it is with the next four."""
    aadd_files = in_thread_of(add_files)
    """`add_files` without blocking the event loop."""
    aupdate = in_thread_of(update)
    """`update` without blocking the event loop."""
    adelete = in_thread_of(delete)
    """`delete` without blocking the event loop."""
    async_ = in_thread_of(sync)
    """`sync` without blocking the event loop; `async` is a word of the language."""

    def estimate(self, documents: Documents, *, progress: ProgressCallback | None = None) -> Estimate:
        """What `add` would take with these documents: calls, tokens, money, time. Nothing is changed or asked.

        Arguments and errors are those of `add`.
        """
        return self._estimate(coerce_documents(documents), progress)  # type: ignore[arg-type]  # as in add

    def estimate_files(
        self,
        *paths: str | os.PathLike[str],
        suffixes: Collection[str] | None = None,
        columns: Columns | None = None,
        sync: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Estimate:
        """What `add_files` would take, or `sync` instead of it; arguments and errors are the same."""
        items = _read_files("estimate_files", paths, suffixes, columns, self.config.documents)
        if not sync:
            return self._estimate(items, progress)
        vanished = _vanished(paths)
        return self._estimate(vanished.watch(items), progress, doomed=vanished)

    def _change(
        self,
        items: Iterable[Document | Skipped],
        progress: ProgressCallback | None,
        command: str,
        *,
        doomed: "Doomed | None" = None,
        revisions: "Sequence[Revision]" = (),
        decisions: Mapping[tuple[str, str], str | None] = MappingProxyType({}),
        extracting: bool = True,
        forget: bool = False,
        outdated: Sequence[str] = (),
        consolidated: int | None = None,
    ) -> ChangeReport:
        from hippo.indexing.add import add_documents

        changes: dict[str, Any] = {"doomed": doomed, "revisions": revisions, "decisions": decisions, "forget": forget}
        changes |= {"outdated": outdated, "consolidated": consolidated}
        with self._parts(extracting=extracting) as parts, self._recorded(command, parts) as run, span("hippo.index"):
            run.report = report = add_documents(self.path, items, **parts, **changes, progress=progress)
        self.refresh()
        # Only now has this memory let go of the older one.
        remove_old(self.path, keep=1 + self.config.indexing.keep_snapshots)
        return report

    def _recorded(self, command: str, parts: Mapping[str, Any]) -> "AbstractContextManager[Recorder]":
        from hippo.indexing.runs import recorded

        encoder, extractor = (getattr(parts[name], "fingerprint", None) for name in ("encoder", "extractor"))
        return recorded(self.path, command, self.config, encoder=encoder, extractor=extractor)

    def runs(self) -> list[Run]:
        """Manifests of the runs that changed the index, or tried to, the newest first.

        They are files of the folder `runs` of the index; `indexing.keep_runs` of them are kept.
        """
        from hippo.indexing.runs import read_runs

        return read_runs(self.path)

    def _estimate(
        self,
        items: Iterable[Document | Skipped],
        progress: ProgressCallback | None,
        *,
        doomed: "Doomed | None" = None,
    ) -> Estimate:
        from hippo.indexing.estimate import estimate_add

        with self._parts() as parts:
            return estimate_add(self.path, items, **parts, doomed=doomed, progress=progress)


def _vanished(paths: Sequence[str | os.PathLike[str]]) -> "Vanished":
    from hippo.indexing.remove import Vanished

    return Vanished([Path(path) for path in paths])


def _doomed(
    document_ids: Sequence[str], where: str | Mapping[str, Any] | None, missing_ok: bool, forget: bool
) -> "Callable[[Held | None], Sequence[str]]":
    from hippo.indexing.remove import by_condition, by_id

    if bool(document_ids) == (where is not None):
        raise InputError("name the documents either by ids or by a condition")
    for one in document_ids:
        if not isinstance(one, str):
            raise InputError(f"an id is a text, got {one!r}; many ids are given one by one: delete(*ids)")
    if where is not None:
        return by_condition(where, gone=forget)
    return by_id(document_ids, missing_ok=missing_ok, gone=forget)


def _checked(document_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """New values of a document as `add` would take them.

    Raises:
        DocumentError: One of them cannot be used.
    """
    try:
        document_id.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise DocumentError(repr(document_id), "an id is a text of Unicode characters") from error
    whole = {"text": "as it was", **changes, "id": document_id}
    [made] = coerce_documents([Document(**whole)])
    if isinstance(made, Skipped):
        raise DocumentError(document_id, f"{made.reason}; to take it out of the index, delete it")
    return {name: getattr(made, name) for name in changes}


def _read_files(
    caller: str,
    paths: Sequence[str | os.PathLike[str]],
    suffixes: Collection[str] | None,
    columns: Columns | None,
    settings: DocumentsConfig,
) -> Iterator[Document | Skipped]:
    if not paths:
        raise DocumentError(caller, "needs at least one file or folder")
    if columns is not None and not isinstance(columns, Columns):
        raise DocumentError("columns", f"must be a hippo.Columns, got {type(columns).__name__}")
    # Checked now, read later.
    items = iter_documents(
        [Path(path) for path in paths],
        suffixes=suffixes,
        columns=columns or Columns(),
        max_bytes=settings.max_bytes,
        limits=Limits(settings.memory, settings.seconds),
    )
    place = Places()
    return (
        replace(one, source=place(one.source)) if isinstance(one, Document) and one.source else one for one in items
    )
