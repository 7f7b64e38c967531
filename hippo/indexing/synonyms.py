"""Similar names of an index: those that the snapshot before has found, and those of new names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from hippo.backends.vectors import exact_index
from hippo.config import GraphConfig
from hippo.errors import IndexCorruptError
from hippo.graph.published import named
from hippo.graph.synonyms import SAMPLE, Similar, comparable, find_similar, recall_of
from hippo.indexing.embed import blocks_of
from hippo.protocols import Encoder
from hippo.snapshot import Snapshot
from hippo.snapshot.contents import SIMILAR, read_contents
from hippo.snapshot.history import History, read_history
from hippo.snapshot.merge import rows_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SEARCHED", "search_similar"]

SEARCHED = "synonym_search"
"""Key of a manifest that says how similar names were searched for: `method`, "exact" or "buckets"; `recall`, the share
of similar pairs that were found; and `pairs`, on how many pairs it was measured."""


def search_similar(
    root: Path,
    previous: str | None,
    keys: pa.Array,
    present: "NDArray[np.bool_]",
    vectors: "NDArray[np.float32]",
    encoder: Encoder,
    graph: GraphConfig,
) -> tuple[Similar, dict[str, Any]]:
    """All similar pairs of names, and how they were searched for.

    Args:
        root: Folder of the index.
        previous: Name of a sound snapshot, whose names need not be compared again; None: there is none.
        keys: Key of each entity, ascending.
        present: Which of them are in present documents, bool `(E,)`: their number says how all are searched for, so
            that what was deleted makes no difference.
        vectors: Their unit vectors, float32 `(E, d)`.
        encoder: Has made them.
        graph: Threshold, rules, and up to how many names every pair is compared.
    """
    fit = named if graph.rules == "hipporag" else comparable
    parts = [fit(block) for block in blocks_of(pa.chunked_array([keys]))]
    eligible = np.concatenate([np.zeros(0, bool), *parts])
    exact = int((eligible & present).sum()) <= graph.synonym_exact
    method = "exact" if exact else "buckets"
    known = _known_similar(root, previous, keys, encoder, graph, method)
    pairs = int(eligible.sum()) * int((eligible & ~known[1]).sum())
    found = find_similar(vectors, graph.synonym_threshold, known, exact_index(pairs), eligible, exact=exact)
    if exact:
        return found, {"method": method, "recall": 1.0}
    rows = np.flatnonzero(eligible)
    recall, pairs = recall_of(found, rows, vectors, graph.synonym_threshold, exact_index(SAMPLE * len(vectors)))
    return found, {"method": method, "recall": round(recall, 4), "pairs": pairs}


def _known_similar(
    root: Path, previous: str | None, keys: pa.Array, encoder: Encoder, graph: GraphConfig, method: str
) -> "tuple[Similar, NDArray[np.bool_]]":
    """Similar pairs of the previous snapshot in today's rows, and which entities were compared then.

    Returns:
        Pairs, and bool `(E,)`: True where the entity is not new.
    """
    count = len(keys)
    if previous is None:
        return Similar.none(), np.zeros(count, bool)
    with Snapshot.open(root, previous, verify=False) as snapshot:
        same = snapshot.info["encoder"] == encoder.fingerprint
        # What comparing every pair has found is not what the other way would have found, and the reverse.
        same = same and snapshot.info.get(SEARCHED, {}).get("method", "exact") == method
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
