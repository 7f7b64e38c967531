"""Vectors made while a language model is waited for: of passages, and of what it has found in them so far.

```
caller's thread:  conversations ── outcomes are stored ── groups of facts and names ──┐
thread of its own:                                        passages ──────────────────►┴ encoder ── cache of vectors
```

What is encoded together follows from the order of chunks and from what was found in them, never from who was faster, so
the same replies lead to the same vectors to the last bit. `embed` finds them in the cache; it makes what is left over.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import chain
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from hippo.config import Config
from hippo.encoding import checked, text_hashes
from hippo.indexing.clock import Clock
from hippo.indexing.tables import embedded_of
from hippo.llm import Caller
from hippo.protocols import DialogueExtractor, Encoder, Extractor
from hippo.store import Store
from hippo.store.extracted import Extracted
from hippo.tracing import span
from hippo.types import Chunk, Extraction, ExtractionFailure, TextKind

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["Ahead", "embedding_ahead"]

_LOG = logging.getLogger("hippo.indexing")
_FEWEST, _PARTS = 16, 32
"""Chunks of a group at least, and groups that there should be: what is found in the last one waits for its end."""
_HELD = 1.0
"""Seconds that vectors are held before they are written, at most `indexing.batch_texts` of them: a transaction takes as
long as many short texts."""
_READY = 8
"""Groups that wait for the encoder, at most: extraction then waits for it, which is what takes longest anyway."""


@contextmanager
def embedding_ahead(
    store: Store, encoder: Encoder | None, extractor: Extractor, caller: Caller | None, config: Config, clock: Clock
) -> "Iterator[Ahead | None]":
    """Embed beside the extraction in the block, where there is any that waits for others; else None is given.

    Extraction by rules, by a pipeline, or by a language model of this process wants the processor itself.

    Args:
        store: Holds the chunks and the cache of vectors.
        encoder: Makes vectors; None: there are none.
        extractor: Finds facts.
        caller: The model that a `DialogueExtractor` is led with.
        config: Batch sizes, memory, the rules of the graph.
        clock: For progress.
    """
    waits = caller is not None and caller.waits and isinstance(extractor, DialogueExtractor)
    if encoder is None or not waits or not store.count_pending(extractor.fingerprint):
        yield None
        return
    store.limit_memory(config.indexing.memory)  # the texts of what is pending wait there
    with Ahead(store, encoder, extractor.fingerprint, config, clock) as ahead:
        yield ahead


@dataclass(slots=True)
class _Group:
    """Chunks that are extracted at the same time: number, ids of those without an outcome, what was found."""

    size: int
    open: set[str]
    found: list[Extraction] = field(default_factory=list)


class Ahead:
    """The thread that encodes, and what is handed over to it.

    At the end of its `with` all that it has got is encoded, and what went wrong with it is raised. If something else
    is raised, what is being encoded is still put into the cache, and nothing more.

    Its methods are for the caller's thread, in which progress is told too.

    Args:
        store: Holds the chunks and the cache of vectors.
        encoder: Makes the vectors.
        extractor: Fingerprint of the extractor: what is pending for it is encoded.
        config: Batch sizes and the rules of the graph.
        clock: For progress.

    Attributes:
        chunks: How many chunks `expect` should be told of at a time: at most `indexing.batch_chunks`.
    """

    def __init__(self, store: Store, encoder: Encoder, extractor: str, config: Config, clock: Clock) -> None:
        self._store, self._encoder, self._clock = store, encoder, clock
        self._extractor, self._rules, self._batch = extractor, config.graph.rules, config.indexing.batch_texts
        self._groups: deque[_Group] = deque()
        fewest = max(_FEWEST, store.count_pending(extractor) // _PARTS)
        self.chunks = min(config.indexing.batch_chunks, fewest)
        self._pending = store.pending(extractor, batch=self.chunks)
        # What is pending is settled here, before the first outcome.
        self._passages = chain([next(self._pending, [])], self._pending)
        self._thread = threading.Thread(target=copy_context().run, args=(self._work,), name="hippo-embed")
        # Vectors that wait to be written, by hash, and since when; the thread's own.
        self._held: dict[str, Float32] = {}
        self._written = 0.0
        # What follows is shared with the thread, under this lock.
        self._turn = threading.Condition()
        self._ready: deque[Mapping[TextKind, Sequence[str]]] = deque()
        self._more = True
        self._ended = self._stopped = self._done = False
        self._error: BaseException | None = None
        self._count = self._told = 0
        self._seconds, self._began = 0.0, 0.0

    @property
    def broken(self) -> bool:
        """Whether the encoder, or writing its vectors, has failed: the end of the `with` will raise why."""
        return self._error is not None

    @property
    def waiting(self) -> int:
        """Number of chunks that were expected, and of which what was found is not handed over to the encoder yet."""
        return sum(group.size for group in self._groups)

    def expect(self, chunks: Sequence[Chunk]) -> None:
        """Say that chunks are about to be extracted; what is found in them is encoded together."""
        self._groups.append(_Group(len(chunks), {chunk.id for chunk in chunks}))

    def settle(self, outcomes: Sequence[Extraction | ExtractionFailure]) -> None:
        """Take outcomes that are in the store. Waits if the encoder is far behind."""
        for outcome in outcomes:
            for group in self._groups:
                if outcome.chunk_id in group.open:
                    group.open.remove(outcome.chunk_id)
                    if isinstance(outcome, Extraction):
                        group.found.append(outcome)
                    break
        while self._groups and not self._groups[0].open:
            self._hand_over(self._groups.popleft())
        self._tell()

    def _hand_over(self, group: _Group) -> None:
        facts, names = embedded_of(Extracted.of(group.found, self._extractor), self._rules)
        with self._turn:
            self._turn.wait_for(lambda: len(self._ready) < _READY or self._done)
            self._ready.append({"fact": facts.to_pylist(), "entity": names.to_pylist()})
            self._turn.notify_all()

    def _tell(self) -> None:
        count = self._count
        if count > self._told:
            self._clock.tell_ahead("embed", count - self._told)
            self._told = count

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            with self._turn:
                self._stopped = True
                self._turn.notify_all()
            self._joined()
        if self._error is not None:
            if error is None:
                raise self._error
            # What a foreign encoder says may hold text of documents.
            _LOG.warning("embedding beside extraction failed, too: %s", type(self._error).__name__)

    def _joined(self) -> None:
        """Wait for the thread, also when Ctrl-C comes meanwhile: the store must not be closed under it."""
        try:
            self._thread.join()
        except KeyboardInterrupt:
            self._thread.join()
            raise

    def _finish(self) -> None:
        """Wait until all is encoded."""
        with self._turn:
            self._ended = True
            beside = self._seconds + (perf_counter() - self._began if self._began else 0.0)
            self._turn.notify_all()
        self._clock.beside["embed"] = self._clock.beside.get("embed", 0.0) + beside
        with self._clock.stage("embed"):
            done = False
            while not done:
                with self._turn:
                    self._turn.wait_for(lambda: self._done or self._count > self._told)
                    done = self._done
                self._tell()

    def _work(self) -> None:
        try:
            with closing(self._pending):
                try:
                    while (work := self._next()) is not None:
                        with span("hippo.index.embed"):
                            for kind, texts in work.items():
                                self._encode(kind, texts)
                        with self._turn:
                            self._seconds, self._began = self._seconds + perf_counter() - self._began, 0.0
                finally:
                    self._write()
        except BaseException as error:
            self._error = error
        finally:
            with self._turn:
                self._done = True
                self._turn.notify_all()

    def _next(self) -> "Mapping[TextKind, Sequence[str]] | None":
        """What is to be encoded next; facts first, so that none wait for all passages. None: nothing is left."""
        while True:
            with self._turn:
                idle = not (self._ready or self._more or self._ended or self._stopped)
            if idle:
                self._write()  # nobody knows for how long
            with self._turn:
                self._turn.wait_for(lambda: self._ready or self._more or self._ended or self._stopped)
                if self._stopped or not (self._ready or self._more):
                    return None
                self._began = perf_counter()
                if self._ready:
                    self._turn.notify_all()
                    return self._ready.popleft()
            chunks = next(self._passages, None)
            if chunks is not None:
                return {"passage": [chunk.searched for chunk in chunks]}
            with self._turn:
                self._more, self._began = False, 0.0

    def _encode(self, kind: TextKind, texts: Sequence[str]) -> None:
        """Make the vectors of texts that are not there; in order of length, as `embed` does."""
        hashes = text_hashes(kind, texts)
        rows = self._store.missing_embeddings(self._encoder.fingerprint, hashes)
        rows = [row for row in rows if hashes[row] not in self._held]
        rows.sort(key=lambda row: (len(texts[row]), hashes[row]))
        for start in range(0, len(rows), self._batch):
            if self._stopped:
                return
            part = rows[start : start + self._batch]
            vectors = checked(self._encoder, self._encoder.encode([texts[row] for row in part], kind=kind), len(part))
            self._held.update(zip([hashes[row] for row in part], vectors, strict=True))
            if len(self._held) >= self._batch or perf_counter() - self._written >= _HELD:
                self._write()
            with self._turn:
                self._count += len(part)
                self._turn.notify_all()

    def _write(self) -> None:
        """Put what is held into the cache."""
        if self._held:
            vectors: Float32 = np.stack(list(self._held.values()))
            self._store.put_embeddings(self._encoder.fingerprint, list(self._held), vectors)
        self._held, self._written = {}, perf_counter()
