"""From the store to a published snapshot."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hippo.backends.vectors.exact import ExactVectorIndex
from hippo.config import GraphConfig
from hippo.errors import IndexCorruptError
from hippo.fresh.log import FRESH
from hippo.graph.published import named
from hippo.graph.rules import make_graph
from hippo.graph.synonyms import Similar, find_similar
from hippo.identity import Identity
from hippo.indexing.clock import Clock
from hippo.indexing.embed import embed
from hippo.indexing.past import lay_out
from hippo.indexing.tables import read_past, read_tables
from hippo.protocols import Encoder
from hippo.search.lexical import LexicalIndex
from hippo.snapshot import Snapshot, SnapshotWriter
from hippo.snapshot.contents import EMBEDDED, SIMILAR, compose, read_contents, write_contents
from hippo.snapshot.history import History, Past, microseconds, read_history
from hippo.snapshot.merge import rows_in, union_of
from hippo.store import Store

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["manifest_info", "publish"]


def manifest_info(store: Store, identity: Identity, extractor: str | None) -> dict[str, Any]:
    """What a manifest says of how an index was made, and of the work that is left.

    Args:
        store: The store.
        identity: What the index is made with.
        extractor: Fingerprint of the extractor.
    """
    failed = Counter(reason for _, reason, _ in store.failures())
    return {
        **identity.to_info(),
        "extractor": extractor,
        "pending": store.count_pending(extractor) - failed.total(),
        FRESH: int(store.meta().get(FRESH, 0)),
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

    Returns:
        Name of the snapshot, and the number of texts that had to be encoded.
    """
    with clock.stage("read store"):
        tables = read_tables(store, graph.rules)
        starts = microseconds(store.starts())
        past = read_past(store, graph.rules) if store.count_versions() else None
    passages, facts = tables.passages, tables.facts.column("text").to_pylist()
    # Names that only the past has are compared with all others too, once.
    keys = tables.keys if past is None else union_of(tables.keys, past[0].keys)
    entities = keys.to_pylist()
    vectors: dict[str, Float32] = {}
    encoded = 0
    if encoder is not None:
        texts = {"passage": passages, "fact": facts, "entity": entities}
        found, encoded = embed(store, encoder, [(kind, texts[kind]) for kind in EMBEDDED], batch=batch, clock=clock)
        vectors = dict(zip(EMBEDDED, found, strict=True))
    with clock.stage("graph"):
        similar = Similar.none()
        if encoder is not None and graph.synonym_max:
            known = _known_similar(root, previous, keys, encoder, graph)
            eligible = named(entities) if graph.rules == "hipporag" else None
            similar = find_similar(
                entities, vectors["entity"], graph.synonym_threshold, known, ExactVectorIndex, eligible
            )
    history = History(starts)
    if past is not None:
        part, more = lay_out(store, encoder, past[0], keys, vectors.get("entity"), batch=batch, clock=clock)
        encoded += more
        there = rows_in(keys, tables.keys)
        history = History(starts, Past(part, past[1], similar.without(there >= 0)))
        similar = similar.renumbered(there)
        vectors |= {"entity": vectors["entity"][there >= 0]} if vectors else {}
    with clock.stage("graph"):
        built = make_graph(
            tables,
            similar,
            rules=graph.rules,
            synonym_max=graph.synonym_max,
            follow_distance=graph.follow_distance,
        )
    with clock.stage("words"):
        words = {"passage": LexicalIndex.build(passages), "fact": LexicalIndex.build(facts)}
    made_with: dict[str, Any] = {
        "rules": graph.rules,
        "synonym_max": graph.synonym_max,
        "follow_distance": graph.follow_distance,
        "synonym_threshold": graph.synonym_threshold if graph.synonym_max else None,
        "encoder": encoder.fingerprint if encoder else None,
    }
    if past is not None:
        made_with["versions"] = past[1].num_rows
    contents = compose(tables, built, words, vectors, similar, {**info, **made_with})
    with clock.stage("publish"), SnapshotWriter(root) as writer:
        name = write_contents(writer, contents, history)
    return name, encoded


def _known_similar(
    root: Path, previous: str | None, keys: pa.Array, encoder: Encoder, graph: GraphConfig
) -> tuple[Similar, "Any"]:
    """Similar pairs of the previous snapshot in today's rows, and which entities were compared then.

    Returns:
        Pairs, and bool `(E,)`: True where the entity is not new.
    """
    count = len(keys)
    if previous is None:
        return Similar.none(), np.zeros(count, bool)
    with Snapshot.open(root, previous, verify=False) as snapshot:
        same = snapshot.info["encoder"] == encoder.fingerprint
        if not same or snapshot.info["synonym_threshold"] != graph.synonym_threshold:
            return Similar.none(), np.zeros(count, bool)
        try:
            # What is damaged must not go on from one snapshot to the next.
            names = ("entities", *SIMILAR)
            snapshot.verify(*names, *(f"past.{name}" for name in names))
        except IndexCorruptError:
            return Similar.none(), np.zeros(count, bool)
        before = read_contents(snapshot)
        history = read_history(snapshot) or History(np.empty(0, np.int64))
        old_keys, similar = history.similar(before)
        now = rows_in(old_keys, keys)
        compared = np.zeros(count, bool)
        compared[now[now >= 0]] = True
        return similar.renumbered(now), compared
