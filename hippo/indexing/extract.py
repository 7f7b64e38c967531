"""Chunks through the extractor; every batch is committed as it comes."""

from collections import Counter
from collections.abc import Mapping

from hippo.errors import ExtractionError
from hippo.indexing.clock import Clock
from hippo.protocols import Extractor
from hippo.store import Store
from hippo.types import Extraction

__all__ = ["extract_pending"]


def extract_pending(store: Store, extractor: Extractor, *, batch: int, clock: Clock) -> Mapping[str, int]:
    """Extract every chunk that this extractor has not done, failed ones included.

    Returns:
        What the extractor dropped, by reason.

    Raises:
        ExtractionError: The extractor did not give one outcome per chunk, in order.
    """
    dropped: Counter[str] = Counter()
    name = extractor.fingerprint
    with clock.stage("extract"):
        total, done = store.count_pending(name), 0
        for chunks in store.pending(name, batch=batch):
            outcomes = extractor.extract(chunks)
            if [outcome.chunk_id for outcome in outcomes] != [chunk.id for chunk in chunks]:
                raise ExtractionError(name, f"gave {len(outcomes)} outcomes that do not match its {len(chunks)} chunks")
            store.put_extractions(outcomes, name)
            for outcome in outcomes:
                if isinstance(outcome, Extraction):
                    dropped.update(outcome.dropped)
            done += len(chunks)
            clock.tell("extract", done, total)
        store.checkpoint()
    return dict(sorted(dropped.items()))
