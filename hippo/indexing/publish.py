"""From the store to a published snapshot."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from hippo.backends.scoring import build_codes
from hippo.backends.vectors import build_search
from hippo.config import GraphConfig
from hippo.fresh.log import CONSOLIDATED, FRESH
from hippo.graph.rules import make_graph
from hippo.graph.synonyms import Similar
from hippo.identity import Identity
from hippo.indexing.clock import Clock
from hippo.indexing.embed import embed, hashes_of
from hippo.indexing.kept import CUT, kept_of, words_of
from hippo.indexing.past import lay_out
from hippo.indexing.synonyms import SEARCHED, search_similar
from hippo.indexing.tables import read_past, read_tables
from hippo.protocols import Encoder
from hippo.scratch import MEMORY
from hippo.search.lexical import LexicalIndex
from hippo.search.terms import TERMS
from hippo.snapshot import SnapshotWriter
from hippo.snapshot.contents import EMBEDDED, SEARCH, SEARCHES, STORAGE, compose, write_contents
from hippo.snapshot.history import History, Past, microseconds
from hippo.snapshot.merge import rows_in, union_of
from hippo.store import Store

if TYPE_CHECKING:
    from hippo.protocols import Float32, Vectors
    from hippo.types import TextKind

__all__ = ["manifest_info", "publish"]


def manifest_info(store: Store, identity: Identity, extractor: str | None) -> dict[str, Any]:
    """What a manifest says of how an index was made, and of the work that is left.

    Args:
        store: The store.
        identity: What the index is made with.
        extractor: Fingerprint of the extractor.
    """
    failed = Counter(reason for _, reason, _ in store.failures())
    meta = store.meta()
    return {
        **identity.to_info(),
        "extractor": extractor,
        "pending": store.count_pending(extractor) - failed.total(),
        FRESH: int(meta.get(FRESH, 0)),
        **({CONSOLIDATED: int(meta[CONSOLIDATED])} if CONSOLIDATED in meta else {}),
        "failed": dict(failed),
    }


def publish(
    store: Store,
    root: Path,
    encoder: Encoder | None,
    *,
    graph: GraphConfig,
    batch: int,
    previous: str | None,
    info: Mapping[str, Any],
    clock: Clock,
    memory: int = MEMORY,
    storage: str = "float32",
) -> tuple[str, int]:
    """Build a snapshot of all that the store holds and make it the newest.

    Args:
        store: The store.
        root: Folder of the index.
        encoder: Makes the vectors; None: an index without any.
        graph: Which rules make the graph, and how synonym edges are made.
        batch: Texts embedded and committed at a time.
        previous: Name of a sound snapshot, whose similar names need not be searched for again; None: there is none.
        info: Goes into the manifest, with the counts.
        clock: For progress.
        memory: Bytes that a step aims to hold at most.
        storage: What the snapshot keeps vectors as, "float32" or "float16".

    Returns:
        Name of the snapshot, and the number of texts that had to be encoded.
    """
    with SnapshotWriter(root, memory) as writer:
        return _publish(store, root, encoder, graph, batch, previous, info, clock, writer, storage)


def _publish(
    store: Store,
    root: Path,
    encoder: Encoder | None,
    graph: GraphConfig,
    batch: int,
    previous: str | None,
    info: Mapping[str, Any],
    clock: Clock,
    writer: SnapshotWriter,
    storage: str,
) -> tuple[str, int]:
    scratch = writer.scratch
    with clock.stage("read store"):
        tables = read_tables(store, graph.rules, scratch)
        starts = microseconds(store.starts())
        past = read_past(store, graph.rules) if store.count_versions() else None
        passages, facts = tables.passages, tables.facts.column("text")
        searched: dict[TextKind, pa.ChunkedArray] = {"passage": passages, "fact": facts}
        hashes = {kind: hashes_of(kind, texts, scratch) for kind, texts in searched.items()}
    # Names that only the past has are compared with all others too, once.
    keys = tables.keys if past is None else union_of(tables.keys, past[0].keys)
    there = rows_in(keys, tables.keys)
    vectors: dict[str, Vectors] = {}
    encoded = 0
    if encoder is not None:
        texts = {**searched, "entity": pa.chunked_array([keys])}
        kinds = [(kind, texts[kind]) for kind in EMBEDDED]
        # Names are compared in float32, so that the same ones are similar whatever is stored.
        stored: dict[TextKind, str] = {"passage": storage, "fact": storage}
        found, encoded = embed(
            store, encoder, kinds, batch=batch, clock=clock, scratch=scratch, storage=stored, hashes=hashes
        )
        vectors = dict(zip(EMBEDDED, found, strict=True))
    made_with: dict[str, Any] = {
        "rules": graph.rules,
        "synonym_max": graph.synonym_max,
        "follow_distance": graph.follow_distance,
        "synonym_threshold": graph.synonym_threshold if graph.synonym_max else None,
        "encoder": encoder.fingerprint if encoder else None,
        STORAGE: storage if encoder else None,
    }
    with clock.stage("synonyms"):
        similar = Similar.none()
        if encoder is not None and graph.synonym_max:
            similar, made_with[SEARCHED] = search_similar(
                root, previous, keys, there >= 0, cast("Float32", vectors["entity"]), encoder, graph
            )
    if vectors:
        vectors["entity"] = scratch.copied(vectors["entity"], storage)
    history = History(starts)
    if past is not None:
        names = vectors.get("entity")
        part, more = lay_out(
            store, encoder, past[0], keys, names, batch=batch, clock=clock, scratch=scratch, storage=storage
        )
        encoded += more
        history = History(starts, Past(part, past[1], similar.without(there >= 0)))
        similar = similar.renumbered(there)
        vectors |= {"entity": vectors["entity"][there >= 0]} if vectors else {}
        made_with["versions"] = past[1].num_rows
    with clock.stage("graph"):
        built = make_graph(
            tables,
            similar,
            rules=graph.rules,
            synonym_max=graph.synonym_max,
            follow_distance=graph.follow_distance,
            scratch=scratch,
        )
    with clock.stage("words"):
        kept = kept_of(root, previous, hashes, scratch)
        lexical = {kind: words_of(kept, kind, texts, scratch) for kind, texts in searched.items()}
        words: dict[str, LexicalIndex] = {kind: one for kind, (one, _) in lexical.items()}
        made_with[CUT] = TERMS
        read = sum(read for _, read in lexical.values())
        clock.tell("words", read, read)
    with clock.stage("search"):
        # Passages are all compared: their scores are the walk's gains.
        place, earlier = writer.file(f"{SEARCH}.fact"), kept.searches.get("fact")
        search = build_search(vectors["fact"], place, earlier) if vectors else None
        codes = build_codes(vectors["fact"], scratch.empty) if vectors and search is None else None
    if search is not None:
        made_with[SEARCHES] = {"fact": search}
    contents = compose(tables, built, words, vectors, similar, {**info, **made_with})
    if codes is not None:
        contents = replace(contents, codes={"fact": codes})
    with clock.stage("publish"):
        name = write_contents(writer, contents, history)
    return name, encoded
