"""Chunks through the extractor; every batch is committed as it comes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hippo.errors import ExtractionError
from hippo.extraction.dated import dated
from hippo.indexing.ahead import Ahead
from hippo.indexing.clock import Clock
from hippo.indexing.converse import Conversations
from hippo.llm import Caller
from hippo.protocols import DialogueExtractor, Extractor
from hippo.store import Store
from hippo.types import Chunk, Extraction, ExtractionFailure

__all__ = ["Extracted", "extract_pending", "extract_untried", "outcomes_of"]

_ROUNDS = 3
_OPEN = 16
"""Batches, or windows of conversations, that may wait for the oldest conversation before their texts are embedded."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """Outcome of `extract_pending`.

    Attributes:
        dropped: What was thrown away, by reason.
        stopped: Why it stopped early; None: it did not.
        outage: Whether a model was asked and answered nothing at all.
    """

    dropped: Mapping[str, int]
    stopped: str | None = None
    outage: bool = False


class _Ledger:
    """Stores outcomes, counts and reports them, and hands them over to whoever embeds them."""

    def __init__(self, store: Store, name: str, clock: Clock, ahead: Ahead | None = None) -> None:
        self._store, self._name, self._clock, self._ahead = store, name, clock, ahead
        self._total, self._done = store.count_pending(name), 0
        self.dropped: Counter[str] = Counter()
        self.failed = 0

    def put(self, outcomes: Sequence[Extraction | ExtractionFailure]) -> None:
        if not outcomes:
            return
        self._store.put_extractions(outcomes, self._name)
        for outcome in outcomes:
            if isinstance(outcome, Extraction):
                self.dropped.update(outcome.dropped)
            else:
                self.failed += 1
        self._done += len(outcomes)
        self._clock.tell("extract", min(self._done, self._total), self._total)
        if self._ahead is not None:
            self._ahead.settle(outcomes)


def extract_pending(
    store: Store,
    extractor: Extractor,
    *,
    batch: int,
    clock: Clock,
    caller: Caller | None = None,
    ahead: Ahead | None = None,
) -> Extracted:
    """Extract every chunk that this extractor has not done, failed ones included.

    An extractor that talks with a language model does so for many chunks at once, and what comes of each is committed
    as it arrives.

    Args:
        store: Holds the chunks.
        extractor: Finds facts.
        batch: Chunks extracted and committed at a time.
        clock: For progress.
        caller: The model that a `DialogueExtractor` is led with; None: its own `extract` is called.
        ahead: Embeds what a model finds; once that has failed, no more conversations are begun. None: nobody does.

    Raises:
        ExtractionError: The extractor did not give one outcome per chunk, in order.
        LLMRefusedError: The model refuses every request, or has not answered many in a row.
    """
    name = extractor.fingerprint
    ledger, stopped, outage = _Ledger(store, name, clock, ahead), None, False
    with clock.stage("extract"):
        if caller is not None and isinstance(extractor, DialogueExtractor):
            with Conversations(extractor, caller) as talks:
                _talk(store, extractor, talks, ledger, ahead.chunks if ahead is not None else batch, ahead)
            stopped, outage = talks.stopped, talks.outage
        else:
            for chunks in store.pending(name, batch=batch):
                ledger.put(outcomes_of(extractor, chunks))
        store.checkpoint()
    return Extracted(dict(sorted(ledger.dropped.items())), stopped, outage)


def extract_untried(
    store: Store, extractor: Extractor, document_ids: Sequence[str], batch: int, clock: Clock
) -> Counter[str]:
    """Extract the chunks of some documents of which nothing has been extracted, nor tried to be.

    Args:
        store: Holds the chunks.
        extractor: Finds facts.
        document_ids: Ids of the documents.
        batch: Chunks extracted and committed at a time.
        clock: For progress.

    Returns:
        What was thrown away, by reason.
    """
    ledger = _Ledger(store, extractor.fingerprint, clock)
    with clock.stage("extract"):
        for chunks in store.untried(document_ids, batch=batch):
            ledger.put(outcomes_of(extractor, chunks))
    return ledger.dropped


def _talk(
    store: Store,
    extractor: DialogueExtractor,
    talks: Conversations,
    ledger: _Ledger,
    batch: int,
    ahead: Ahead | None,
) -> None:
    """Conversations about all pending chunks, in rounds.

    Most failures are bad luck: an unusable reply is asked for again at once, not only by the next run. A request that
    was not answered has been tried often enough.
    """
    for _ in range(_ROUNDS):
        before = ledger.failed
        for chunks in store.pending(extractor.fingerprint, batch=batch):
            wanted = [chunk for chunk in chunks if chunk.id not in talks.unanswered]
            if ahead is not None:
                while talks.open and ahead.waiting >= _OPEN * max(batch, talks.window):
                    ledger.put(talks.wait())
                ahead.expect(wanted)
            for chunk in wanted:
                if ahead is not None and ahead.broken:
                    break
                ledger.put(talks.start(chunk))
            if talks.stopped or (ahead is not None and ahead.broken):
                break
        while talks.open:
            ledger.put(talks.wait())
        if talks.stopped or ledger.failed == before or (ahead is not None and ahead.broken):
            return


def outcomes_of(extractor: Extractor, chunks: Sequence[Chunk]) -> list[Extraction | ExtractionFailure]:
    """What an extractor finds in chunks, as it is stored: one outcome for each, in order.

    Raises:
        ExtractionError: The extractor gave something else.
    """
    outcomes = extractor.extract(chunks)
    if [outcome.chunk_id for outcome in outcomes] != [chunk.id for chunk in chunks]:
        problem = f"gave {len(outcomes)} outcomes that do not match its {len(chunks)} chunks"
        raise ExtractionError(extractor.fingerprint, problem)
    return [dated(chunk, outcome) for chunk, outcome in zip(chunks, outcomes, strict=True)]
