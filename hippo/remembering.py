"""The side of a memory that agents use: remember at once, recall, forget."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hippo.asking import Asking
from hippo.checks import AsOf, Where, condition, within
from hippo.deferred import in_thread_of
from hippo.documents.messages import message_turns
from hippo.documents.records import clean, parse_timestamp, plain
from hippo.documents.turns import POSITION, SESSION, SPEAKER
from hippo.errors import (
    DocumentError,
    DuplicateDocumentError,
    IndexEmptyError,
    InputError,
)
from hippo.identity import Identity
from hippo.merging import Merging
from hippo.retrieval.profiles import Profile
from hippo.tracing import traced
from hippo.types import Document, Retrieval

if TYPE_CHECKING:
    from hippo.snapshot.contents import Contents

__all__ = ["Remembering"]


class Remembering(Merging, Asking):
    """Remembering, recalling and forgetting. `hippo.Hippo` adds opening and closing.

    `remember` writes into a log beside the snapshot and returns when that is on disk; it waits for nobody, also while
    another process indexes. Every question from then on is answered from both; those of other processes are within half
    a second. A merge brings the log into the index: `merge`, any other change, or by itself in the background, once
    `indexing.merge_after` documents wait.
    """

    @traced("hippo.remember")
    def remember(
        self,
        what: str | Document | Iterable[Any],
        *,
        session: str | None = None,
        timestamp: datetime | str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """Remember a text, or the messages of a conversation. It is on disk when the call returns, and can be recalled.

        Args:
            what: A text; messages, as `hippo.documents.conversation` takes them, of which those that say nothing are
                left out; or `Document`s, of which those with an id take the place of others of this id.
            session: Name of the conversation that it belongs to. What is remembered of one session follows one another.
            timestamp: When it was said or true: a datetime, or ISO 8601 (UTC without a zone). None: now. Messages may
                have times of their own.
            metadata: A JSON object; it can be asked for with `where`. The key "speaker" names who says a text.

        Returns:
            Ids of the documents, in order.

        Raises:
            DocumentError: Something cannot be used, or there is nothing to remember; nothing was.
            IndexMismatchError: The index was made with another encoder or chunking.
            IndexStateError: The disk refused.
        """
        documents = _documents(what, session, timestamp, metadata or {})
        self._check_open()
        self._prepare_place()
        ids = self._log().remember(documents, _name, self._merged)
        self._merge_if_due()
        return ids

    def recall(
        self,
        question: str,
        *,
        k: int = 5,
        session: str | None = None,
        profile: str | Profile | None = None,
        explain: bool = False,
        where: Where = None,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
    ) -> Retrieval:
        """Rank what the newest snapshot holds, and what was remembered since, for a question.

        Arguments and errors are those of `retrieve`, which sees what was remembered too; this one opens the newest
        snapshot first.

        Args:
            question: The question.
            k: Number of passages.
            session: Only what was said in this session.
            profile: As for `retrieve`; so are the next seven.
            explain: Whether hits say what led to them.
            where: Which documents count.
            as_of: What was known then counts.
            recency_half_life: Days after which a passage counts half.
            newest_wins: Whether passages rank after newer ones that replace what they say.
            derived: Whether what consolidation made counts too.
        """
        self.refresh()
        return self.retrieve(
            question,
            k=k,
            profile=profile,
            explain=explain,
            where=within(session, where),
            as_of=as_of,
            recency_half_life=recency_half_life,
            newest_wins=newest_wins,
            derived=derived,
        )

    def forget(
        self,
        *document_ids: str,
        session: str | None = None,
        where: Where = None,
        missing_ok: bool = False,
        dry_run: bool = False,
    ) -> list[str]:
        """Forget documents: no question is answered from them any more when the call returns.

        The merge that begins then leaves nothing of them on disk, as `delete` does with `forget`; `merge` waits for it.
        Where a language model is to extract and cannot be asked (`merge_error`), that goes on without it.
        Documents that were deleted before, of which a version is kept, are forgotten by `delete` alone.

        Args:
            document_ids: Ids of the documents.
            session: In place of ids: all that was said in a session.
            where: In place of ids: all documents that satisfy a condition; both may be given.
            missing_ok: Pass over ids that are not known.
            dry_run: Forget nothing, only say what would be.

        Returns:
            Ids of what is forgotten, in order.

        Raises:
            DocumentError: An id is not known; nothing was forgotten.
            FilterError: The condition is wrong.
            InputError: Neither ids nor a session or condition were given, or both.
        """
        chosen = within(session, where)
        if bool(document_ids) == (chosen is not None):
            raise InputError("name what to forget either by ids, or by a session or a condition")
        ids = self._known(document_ids, missing_ok) if chosen is None else self._matching(chosen)
        if ids and not dry_run:
            self._check_writable()
            self._log().forget(ids, self._merged)
            self._merge_if_due(now=True)
        return ids

    aremember = in_thread_of(remember)
    """`remember` without blocking the event loop."""
    arecall = in_thread_of(recall)
    """`recall` without blocking the event loop."""
    aforget = in_thread_of(forget)
    """`forget` without blocking the event loop."""

    def _prepare_place(self) -> None:
        """Make the folder of a new index, and say in it what the index is made with."""
        self._check_writable()
        stored = Identity.read(self.path)
        if stored is None:
            self.path.mkdir(parents=True, exist_ok=True)
            self._identity.write(self.path)
        else:
            stored.check(str(self.path), self._identity)
        if self._snapshot is not None and not self._snapshot.in_place():
            # The log of another index begins at another number.
            self.refresh()

    def _known(self, ids: Sequence[str], missing_ok: bool) -> list[str]:
        for one in ids:
            if not isinstance(one, str):
                raise InputError(f"an id is a text, got {one!r}; many ids are given one by one: forget(*ids)")
        there = set(self._matching(None))
        missing = [one for one in ids if one not in there]
        if missing and not missing_ok:
            raise DocumentError(missing[0], "the index holds no document of this id; nothing was forgotten")
        return [one for one in dict.fromkeys(ids) if one in there]

    def _matching(self, where: Where) -> list[str]:
        from hippo.snapshot.stored import list_documents

        return [one.id for one in list_documents(self._contents_now(), condition(where))]

    def _contents_now(self) -> "Contents":
        """Contents of the newest snapshot and of what lies beside it."""
        self.refresh()
        try:
            return self._retriever_now().contents
        except IndexEmptyError as error:
            raise DocumentError(str(self.path), "nothing was remembered yet") from error


def _documents(
    what: object, session: str | None, timestamp: datetime | str | None, metadata: Mapping[str, Any]
) -> list[Document]:
    """Documents of what is to be remembered, most of them without ids."""
    if session is not None and (not isinstance(session, str) or not session):
        raise DocumentError("session", f"must be a text that is not empty, got {session!r}")
    time = parse_timestamp(timestamp, "timestamp") or datetime.now(UTC)
    known = plain(dict(metadata), "metadata")
    if isinstance(what, bytes | Mapping) or not isinstance(what, Iterable | Document):
        raise DocumentError("remember", f"takes a text, documents or a list of messages, got {type(what).__name__}")
    given = [what] if isinstance(what, str | Document) else list(what)
    made = [one for place, each in enumerate(given) for one in _of(place, each, session, time, known)]
    if not made:
        raise DocumentError("remember", "there is nothing to remember: no text")
    ids = Counter(one.id for one in made if one.id is not None)
    if repeated := [one for one, times in ids.items() if times > 1]:
        raise DuplicateDocumentError(repeated[0], "remember", "remember")
    return made


def _of(place: int, one: object, session: str | None, time: datetime, known: Mapping[str, Any]) -> Iterator[Document]:
    """The document of a text, of a message, or as it is; none where a message says nothing."""
    where = f"messages[{place}]"
    within = {} if session is None else {SESSION: session}
    if isinstance(one, Document):
        own = {**known, **plain(dict(one.metadata), where), **within}
        said, key = parse_timestamp(one.timestamp, where) or time, one.id and clean(one.id)
        yield replace(one, id=key, text=clean(one.text), metadata=own, timestamp=said)
        return
    for said_one in message_turns([one], session=session or where, timestamp=time, metadata=known, first=place):
        if isinstance(said_one, Document):
            # Its place is where it comes in time, after what was added with one.
            own = {key: value for key, value in said_one.metadata.items() if key not in (SESSION, POSITION)}
            title = said_one.title or own.get(SPEAKER)
            yield replace(said_one, id=None, title=title, metadata={**own, **within}, source=None)


def _name(number: int, document: Document) -> str:
    """Id of a remembered document: unique, and in the order of remembering within a session."""
    return f"{document.metadata.get(SESSION, 'remembered')}/{number:09d}"
