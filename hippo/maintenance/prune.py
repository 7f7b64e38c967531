"""Removing what nothing needs any more."""

from pathlib import Path

from hippo.durable import discard
from hippo.identity import Identity
from hippo.indexing.embed import text_hashes
from hippo.indexing.tables import read_tables
from hippo.indexing.turn import open_in_turn
from hippo.llm import REPLIES_FILE
from hippo.place import sizes
from hippo.snapshot import current, remove_old
from hippo.snapshot.contents import EMBEDDED
from hippo.snapshot.current import check_root
from hippo.store import STORE_FILE, Store
from hippo.store.compact import compact
from hippo.types import Pruned

__all__ = ["prune"]


def prune(path: str | Path, *, keep: int = 1, wait: float = 0.0) -> Pruned:
    """Remove old snapshots, vectors of texts that the index no longer holds, gaps that deletes left, unfinished files.

    Snapshots that a reader holds stay, and so do the replies of language models: those were paid for.

    Args:
        path: Folder of the index.
        keep: Number of newest snapshots to keep in any case, at least 1.
        wait: Seconds to wait for a writer.

    Raises:
        IndexBusyError: A writer is at work.
        IndexPathError: There is no index.
        InputError: `keep` is less than 1.
    """
    root = Path(path)
    check_root(root)
    before = sizes(root)
    removed = remove_old(root, keep) if current(root) else []
    with open_in_turn(root, wait=wait, create=False) as store:
        identity = Identity.from_meta(store.meta())
        hashes = _needed(store, identity) if identity else []
        dropped = store.keep_embeddings(identity.encoder if identity else None, hashes)
        for leftover in root.glob(f".{REPLIES_FILE}-*"):
            discard(leftover)
    compact(root / STORE_FILE)
    for leftover in root.glob(".store-*"):
        discard(leftover)
    return Pruned(tuple(removed), dropped, before, sizes(root))


def _needed(store: Store, identity: Identity) -> list[str]:
    """Hashes of all texts whose vectors the next snapshot needs."""
    tables = read_tables(store, identity.settings["graph"].get("rules", "hippo"))
    texts = {
        "passage": tables.passages,
        "fact": tables.facts.column("text").to_pylist(),
        "entity": tables.entities.column("key").to_pylist(),
    }
    return [one for kind in EMBEDDED for one in text_hashes(kind, texts[kind])]
