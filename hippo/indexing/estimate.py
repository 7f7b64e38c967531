"""What an `add` would take: calls, tokens, money, time; nothing is changed and no model is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from hippo.config import Config
from hippo.identity import Identity
from hippo.ids import text_hash
from hippo.indexing.batches import PRICE, first_question
from hippo.indexing.clock import Clock
from hippo.indexing.ingest import read_all
from hippo.indexing.remove import Doomed
from hippo.indexing.revise import content_hash
from hippo.llm import Caller
from hippo.protocols import Chunker, DialogueExtractor, Encoder, Extractor, ProgressCallback
from hippo.store import Store
from hippo.types import Chunk, Document, Estimate, Extraction, Skipped

__all__ = ["estimate_add"]

_SAMPLE = 64
"""Texts encoded, and chunks extracted by rules, to know how fast and how much."""
_OUTPUT_SHARE = 2.0
"""Tokens of all replies about a passage for each of its own: HippoRAG 2 reports 257 for passages of about 120
(arXiv 2502.14802, table 12)."""
_FACTS, _ENTITIES = 9.0, 18.0
"""Facts and entities that a language model finds in a passage, of the same order as in published extractions: taken
where the index holds nothing that this extractor has found."""
_LATENCY, _TOKENS_PER_SECOND = 0.5, 60.0
"""Assumed of a provider: seconds until a reply begins, and its pace."""


def estimate_add(
    root: Path,
    items: Iterable[Document | Skipped],
    *,
    chunker: Chunker,
    extractor: Extractor,
    encoder: Encoder | None,
    config: Config,
    identity: Identity,
    caller: Caller | None = None,
    doomed: Doomed | None = None,
    progress: ProgressCallback | None = None,
) -> Estimate:
    """Estimate what `add_documents` with the same arguments would take. Not a byte of the index changes.

    Documents are read and cut as it would do it, and replies and vectors that are cached are taken into account.

    Raises:
        IndexBusyError: Another process is writing to the index.
    """
    clock = Clock(progress)
    documents, skipped = read_all(items, clock)
    with Store.reading(root) as store:
        if store is not None and (stored := Identity.from_meta(store.meta())) is not None:
            stored.check(str(root), identity)
        known = store.content_hashes([document.id or "" for document in documents]) if store else {}
        fresh = [item for item in documents if known.get(item.id or "") != content_hash(item)]
        changed = sum(1 for item in fresh if (item.id or "") in known)
        chunks = [chunk for document in fresh for chunk in chunker.chunk(document)]
        deleting = doomed(store) if doomed else ()
        replaced = {*deleting, *(document.id for document in fresh)}
        if store is not None:
            for batch in store.pending(extractor.fingerprint, batch=config.indexing.batch_chunks):
                chunks += [chunk for chunk in batch if chunk.document_id not in replaced]
        asked = _Asked()
        if caller is not None and isinstance(extractor, DialogueExtractor):
            asked = _ask(extractor, caller, chunks, clock)
        texts, seconds = _embedding(store, encoder, extractor, chunks, clock)
    cost = asked.cost
    if cost is not None and caller is not None and caller.settings.batch:
        cost *= PRICE
    return Estimate(
        len(fresh) - changed,
        changed,
        len(documents) - len(fresh),
        tuple(skipped),
        len(chunks),
        asked.calls,
        asked.replayed,
        asked.input_tokens,
        asked.output_tokens,
        cost,
        texts,
        {"extract": _waiting_time(asked, caller), "embed": seconds},
        len(deleting),
    )


@dataclass
class _Asked:
    """Calls, tokens and dollars, added up; the cost is None where the price is not known."""

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0

    def add(self, calls: int, sent: int, received: int, price: float | None) -> None:
        """Count calls of so many tokens, and the price of each: it may depend on how long a request is."""
        self.calls += calls
        self.input_tokens += calls * sent
        self.output_tokens += calls * received
        self.cost = None if price is None or self.cost is None else self.cost + calls * price


def _ask(extractor: DialogueExtractor, caller: Caller, chunks: Sequence[Chunk], clock: Clock) -> _Asked:
    """Lead every dialogue as far as the cache goes. Later calls about a chunk are taken to be as long as the next."""
    asked = _Asked()
    usual = extractor.requests_per_chunk
    for count, chunk in enumerate(chunks, 1):
        request, cached = first_question(extractor.dialogue(chunk), caller)
        asked.replayed += cached
        if request is not None:
            sent = caller.estimate(request)
            received = min(round(_OUTPUT_SHARE * caller.tokens(chunk.passage) / usual), request.max_tokens)
            asked.add(max(usual - cached, 1), sent, received, caller.price(sent, received))
        if count % 256 == 0 or count == len(chunks):
            clock.tell("estimate", count, len(chunks))
    return asked


def _waiting_time(asked: _Asked, caller: Caller | None) -> float:
    """Seconds that the model takes: by an assumed pace, or longer where a limit is set."""
    if caller is None or not asked.calls:
        return 0.0
    settings = caller.settings
    seconds = (asked.calls * _LATENCY + asked.output_tokens / _TOKENS_PER_SECOND) / settings.concurrency
    if settings.requests_per_minute:
        seconds = max(seconds, 60.0 * asked.calls / settings.requests_per_minute)
    if settings.tokens_per_minute:
        seconds = max(seconds, 60.0 * (asked.input_tokens + asked.output_tokens) / settings.tokens_per_minute)
    return seconds


def _embedding(
    store: Store | None, encoder: Encoder | None, extractor: Extractor, chunks: Sequence[Chunk], clock: Clock
) -> tuple[int, float]:
    """Texts to embed and the seconds that it takes, by the pace of a sample.

    Facts and entities are not known before extraction. Rules extract them from the sample; of an extractor that asks a
    model, a chunk is taken to hold as many as it has found for each in the index so far, else as many as is usual.
    """
    if encoder is None or not chunks:
        return 0, 0.0
    passages = [chunk.searched for chunk in chunks]
    if store is not None:
        hashes = [text_hash(f"passage\n{text}") for text in passages]
        missing = len(store.missing_embeddings(encoder.fingerprint, hashes))
    else:
        missing = len(set(passages))
    sample = chunks[:: max(len(chunks) // _SAMPLE, 1)][:_SAMPLE]
    known = store.yield_per_chunk(extractor.fingerprint) if store is not None else None
    facts, entities = _sampled_yield(extractor, sample) or known or (_FACTS, _ENTITIES)
    clock.tell("measure", 0, 1)
    began = perf_counter()
    encoder.encode([chunk.searched for chunk in sample])
    passage_seconds = (perf_counter() - began) / len(sample)
    began = perf_counter()
    encoder.encode([chunk.text[:_SAMPLE] for chunk in sample], kind="fact")
    fact_seconds = (perf_counter() - began) / len(sample)
    clock.tell("measure", 1, 1)
    short = round(len(chunks) * (facts + entities))
    return missing + short, missing * passage_seconds + short * fact_seconds


def _sampled_yield(extractor: Extractor, sample: Sequence[Chunk]) -> tuple[float, float] | None:
    """Facts and entities of a chunk in a sample; None where a model would have to be asked, or all of it failed."""
    if isinstance(extractor, DialogueExtractor):
        return None
    found = [one for one in extractor.extract(sample) if isinstance(one, Extraction)]
    if not found:
        return None
    facts = sum(len(one.facts) for one in found)
    entities = sum(len({mention.key for mention in one.mentions}) for one in found)
    return facts / len(found), entities / len(found)
