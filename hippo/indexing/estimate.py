"""What an `add` would take: calls, tokens, money, time; nothing is changed and no model is asked."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from hippo.config import Config
from hippo.identity import Identity
from hippo.ids import text_hash
from hippo.indexing.batches import PRICE, first_question
from hippo.indexing.clock import Clock
from hippo.indexing.ingest import content_hash, read_all
from hippo.llm import Caller
from hippo.protocols import Chunker, DialogueExtractor, Encoder, Extractor, ProgressCallback
from hippo.store import STORE_FILE, Store
from hippo.types import Chunk, Document, Estimate, Extraction, Skipped

__all__ = ["estimate_add"]

_SAMPLE = 64
"""Texts encoded, and chunks extracted by rules, to know how fast and how much."""
_OUTPUT_SHARE = 2.0
"""Tokens of all replies about a passage for each of its own: HippoRAG 2 reports 257 for passages of about 120
(arXiv 2502.14802, table 12)."""
_FACTS = 9
"""Facts that a language model finds in a passage, of the same order as in published extractions."""
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
    progress: ProgressCallback | None = None,
) -> Estimate:
    """Estimate what `add_documents` with the same arguments would take.

    Documents are read and cut as it would do it, and replies and vectors that are cached are taken into account.

    Raises:
        IndexBusyError: Another process is writing to the index.
    """
    clock = Clock(progress)
    documents, skipped = read_all(items, clock)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(root)) if (root / STORE_FILE).exists() else None
        if store is not None and (stored := Identity.from_meta(store.meta())) is not None:
            stored.check(str(root), identity)
        known = store.content_hashes([document.id or "" for document in documents]) if store else {}
        fresh = [item for item in documents if known.get(item.id or "") != content_hash(item)]
        changed = sum(1 for item in fresh if (item.id or "") in known)
        chunks = [chunk for document in fresh for chunk in chunker.chunk(document)]
        replaced = {document.id for document in fresh}
        if store is not None:
            for batch in store.pending(extractor.fingerprint, batch=config.indexing.batch_chunks):
                chunks += [chunk for chunk in batch if chunk.document_id not in replaced]
        asked = _Asked()
        if caller is not None and isinstance(extractor, DialogueExtractor):
            asked = _ask(extractor, caller, chunks, clock)
        texts, seconds = _embedding(store, encoder, extractor, chunks, clock)
    tokens_out = asked.output_tokens
    cost = caller.price(asked.input_tokens, tokens_out) if caller else 0.0
    if cost is not None and config.llm.batch:
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
        tokens_out,
        cost,
        texts,
        {
            "extract": _waiting_time(asked, caller),
            "embed": seconds,
        },
    )


@dataclass
class _Asked:
    """Calls and tokens, added up."""

    calls: int = 0
    replayed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    _seen: set[str] = field(default_factory=set)


def _ask(extractor: DialogueExtractor, caller: Caller, chunks: Sequence[Chunk], clock: Clock) -> _Asked:
    """Lead every dialogue as far as the cache goes. Later calls about a chunk are taken to be as long as the next."""
    asked = _Asked()
    usual = extractor.requests_per_chunk
    for count, chunk in enumerate(chunks, 1):
        request, cached = first_question(extractor.dialogue(chunk), caller)
        asked.replayed += cached
        if request is not None:
            left = max(usual - cached, 1)
            asked.calls += left
            asked.input_tokens += left * caller.estimate(request)
            own = _OUTPUT_SHARE * caller.tokens(chunk.passage)
            asked.output_tokens += min(round(own * left / usual), left * request.max_tokens)
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
    """Texts to embed and the seconds that it takes, from a sample of both.

    Entities are not known before extraction; they are about two a fact, and short.
    """
    if encoder is None or not chunks:
        return 0, 0.0
    passages = [chunk.passage for chunk in chunks]
    if store is not None:
        hashes = [text_hash(f"passage\n{text}") for text in passages]
        missing = len(store.missing_embeddings(encoder.fingerprint, hashes))
    else:
        missing = len(set(passages))
    sample = chunks[:: max(len(chunks) // _SAMPLE, 1)][:_SAMPLE]
    facts, entities = float(_FACTS), 2.0 * _FACTS
    if not isinstance(extractor, DialogueExtractor):
        found = [one for one in extractor.extract(sample) if isinstance(one, Extraction)]
        if found:
            facts = sum(len(one.facts) for one in found) / len(found)
            entities = sum(len({mention.key for mention in one.mentions}) for one in found) / len(found)
    clock.tell("measure", 0, 1)
    began = perf_counter()
    encoder.encode([chunk.passage for chunk in sample])
    passage_seconds = (perf_counter() - began) / len(sample)
    began = perf_counter()
    encoder.encode([chunk.text[:_SAMPLE] for chunk in sample], kind="fact")
    fact_seconds = (perf_counter() - began) / len(sample)
    clock.tell("measure", 1, 1)
    short = round(len(chunks) * (facts + entities))
    return missing + short, missing * passage_seconds + short * fact_seconds
