"""What nothing needs any more leaves the disk: vectors of texts that are gone, gaps in the store, replies."""

from contextlib import closing
from pathlib import Path

from hippo.durable import discard
from hippo.encoding import text_hashes
from hippo.identity import Identity
from hippo.indexing.tables import read_past, read_tables
from hippo.llm import REPLIES_FILE, Replies
from hippo.snapshot import remove_old
from hippo.snapshot.contents import EMBEDDED
from hippo.snapshot.current import names
from hippo.store import Store

__all__ = ["FORGETTING", "drop_vectors", "finish_forgetting"]

FORGETTING = "forgetting"
"""Set before documents that are to be forgotten go, and emptied when nothing of them is left but old snapshots."""

_OLDEST = "oldest"
"""Name of the oldest snapshot that holds nothing forgotten, as long as there are older ones, which a reader held."""

_LEFTOVERS = (
    ".store-*",
    "store.duckdb.tmp/*",
    "store-damaged-*",
    f".{REPLIES_FILE}-*",
    "replies-damaged-*",
    "fresh/*-damaged-*",
    "fresh/.*.log-*",
)


def finish_forgetting(root: Path, store: Store, name: str) -> list[str]:
    """Bring what is to be forgotten off the disk, as far as that is not done: it stands in gaps of files and in caches.

    Comes at the end of a writer's turn, for the store may be closed by it: whoever has the turn next finds all done.

    Args:
        root: Folder of the index.
        store: Its store, from which the documents are gone.
        name: The newest snapshot, which was made of that.

    Returns:
        Names of the removed snapshots, oldest first.
    """
    forgetting, oldest = (store.meta().get(key) for key in (FORGETTING, _OLDEST))
    if forgetting:
        oldest = name
        store.set_meta({_OLDEST: name})
    if not oldest:
        return []
    removed = remove_old(root, keep=len(names(root)) or 1, before=oldest)
    if all(int(one) >= int(oldest) for one in names(root)):
        store.set_meta({_OLDEST: ""})
    if forgetting:
        drop_vectors(store)
        if (root / REPLIES_FILE).is_file():
            with closing(Replies(root / REPLIES_FILE)) as replies:
                replies.clear()
        for pattern in _LEFTOVERS:
            for leftover in root.glob(pattern):
                discard(leftover)
        store.close_compacted({FORGETTING: ""})
    return removed


def drop_vectors(store: Store) -> int:
    """Remove the vectors that no snapshot to come needs.

    Returns:
        Number of removed vectors.
    """
    identity = Identity.from_meta(store.meta())
    hashes = _needed(store, identity.settings["graph"].get("rules", "hippo")) if identity else []
    return store.keep_embeddings(identity.encoder if identity else None, hashes)


def _needed(store: Store, rules: str) -> list[str]:
    """Hashes of all texts that have vectors in the next snapshot."""
    tables = [read_tables(store, rules)]
    if store.count_versions():
        tables.append(read_past(store, rules)[0])
    texts = {
        "passage": [text for one in tables for text in one.passages.to_pylist()],
        "fact": [text for one in tables for text in one.facts.column("text").to_pylist()],
        "entity": [key for one in tables for key in one.keys.to_pylist()],
    }
    return [one for kind in EMBEDDED for one in text_hashes(kind, texts[kind])]
