"""What nothing needs any more leaves the disk: vectors of texts that are gone, gaps in the store, replies."""

from contextlib import closing
from pathlib import Path

from hippo.identity import Identity
from hippo.indexing.embed import text_hashes
from hippo.indexing.tables import read_past, read_tables
from hippo.indexing.turn import open_in_turn
from hippo.llm import REPLIES_FILE, Replies
from hippo.snapshot import remove_old
from hippo.snapshot.contents import EMBEDDED
from hippo.store import STORE_FILE, Store
from hippo.store.compact import compact

__all__ = ["drop_vectors", "erase"]


def erase(root: Path, *, wait: float = 0.0) -> None:
    """Bring what was deleted in an index off the disk: it may stand in gaps of files and in caches.

    Args:
        root: Folder of the index.
        wait: Seconds to wait for another writer.

    Raises:
        IndexBusyError: A writer is at work.
    """
    remove_old(root)
    with open_in_turn(root, wait=wait, create=False) as store:
        drop_vectors(store)
    compact(root / STORE_FILE)
    if (root / REPLIES_FILE).is_file():
        with closing(Replies(root / REPLIES_FILE)) as replies:
            replies.clear()


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
        "passage": [text for one in tables for text in one.passages],
        "fact": [text for one in tables for text in one.facts.column("text").to_pylist()],
        "entity": [key for one in tables for key in one.keys.to_pylist()],
    }
    return [one for kind in EMBEDDED for one in text_hashes(kind, texts[kind])]
