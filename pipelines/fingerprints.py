"""Hashes of all that an index holds, to tell whether two are the same.

    python -m pipelines.fingerprints my-index other-index

Prints a hash for every table of the store and every file of the newest snapshot, and where indexes differ. What depends
on the clock is left out: since when documents are in force. So is the order in which rows were stored.
"""

import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any

from hippo.snapshot import Snapshot
from hippo.store import STORE_FILE
from hippo.store.connection import Connection
from pipelines.common import new_parser, publish, table

__all__ = ["differences", "fingerprints"]

_CLOCK = "history.starts.npy"
_COLUMNS = {
    "documents": "id, title, metadata, timestamp, source, content_hash",
    "chunks": 'id, document_id, position, text, "start", "end", title, said',
    "ledger": "chunk_id, stage, state, fingerprint, reason",
    "facts": 'chunk_id, ordinal, text, "start", "end", subject, predicate, object, entities, relations',
    "mentions": 'chunk_id, key, surface, "start", "end"',
    "embeddings": "encoder, hash, vector",
}


def fingerprints(root: Path) -> dict[str, str]:
    """SHA-256 sums by "store: TABLE" and "snapshot: FILE".

    Args:
        root: Folder of an index that nobody is writing to.
    """
    found: dict[str, str] = {}
    if (root / STORE_FILE).exists():
        with closing(Connection(root / STORE_FILE, read_only=True)) as store:
            for name, columns in _COLUMNS.items():
                state = hashlib.sha256()
                for line in sorted(map(repr, store.rows(f"SELECT {columns} FROM {name}"))):  # noqa: S608  (constants)
                    state.update(line.encode())
                found[f"store: {name}"] = state.hexdigest()
    with Snapshot.open(root) as snapshot:
        found |= {f"snapshot: {file}": sha256 for file, (_, sha256) in snapshot.sums.items() if file != _CLOCK}
    return found


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names under which two indexes have different hashes, or one has none."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def main() -> None:
    """Parse arguments, compare, print."""
    parser = new_parser(__doc__)
    parser.add_argument(
        "indexes", nargs="+", type=Path, metavar="INDEX", help="folders; all are compared with the first"
    )
    arguments = parser.parse_args()
    found = {str(path): fingerprints(path) for path in arguments.indexes}
    first = found[str(arguments.indexes[0])]
    differ = {name: differences(first, one) for name, one in found.items()}
    result: dict[str, Any] = {"fingerprints": found, "differences": differ}
    rows = [[name, *(one.get(name, "-")[:12] for one in found.values())] for name in sorted(first)]
    verdict = [
        f"{name}: {'the same' if not wrong else 'differs in ' + ', '.join(wrong)}" for name, wrong in differ.items()
    ]
    publish(arguments, result, "\n".join([table(["", *found], rows), *verdict[1:]]))


if __name__ == "__main__":
    main()
