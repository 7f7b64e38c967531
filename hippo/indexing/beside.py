"""The store as the next change finds it: with what was remembered since."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hippo.fresh.log import FRESH, Log
from hippo.indexing.absorb import unmerged
from hippo.store import Store
from hippo.store.documents import document_row

__all__ = ["Beside"]

_DOCUMENTS = pa.schema(
    [
        ("document_id", pa.string()),
        ("title", pa.string()),
        ("metadata", pa.string()),
        ("timestamp", pa.timestamp("us", "UTC")),
        ("source", pa.string()),
    ]
)


class Beside:
    """Says of documents what `absorb` would make the store say, and changes nothing: a `Held`.

    Args:
        root: Folder of the index.
        store: Its store, open for reading; None: there is none yet.

    Raises:
        IndexCorruptError: A record of what was remembered is damaged or missing.
    """

    def __init__(self, root: Path, store: Store | None) -> None:
        self._store = store
        said = unmerged(Log(root), int(store.meta().get(FRESH, 0)) if store else 0)
        self._said, self._gone = said.documents, frozenset(said.gone)

    def content_hashes(self, document_ids: Sequence[str]) -> dict[str, str]:
        """As `Store.content_hashes`; nothing is said of the content of what was remembered."""
        found = self._store.content_hashes(document_ids) if self._store else {}
        found = {key: value for key, value in found.items() if key not in self._gone}
        return found | {key: "" for key in document_ids if key in self._said}

    def known_once(self, document_ids: Sequence[str]) -> set[str]:
        """As `Store.known_once`."""
        return (self._store.known_once(document_ids) if self._store else set()) - self._gone

    def documents_table(self) -> pa.Table:
        """As `Store.documents_table`; what was remembered comes last."""
        rows = [document_row(one.document, "") for one in self._said.values()]
        said = [{**row, "document_id": row["id"]} for row in rows]
        own = pa.Table.from_pylist(said, _DOCUMENTS)
        return pa.concat_tables([self._without(self._store.documents_table()), own]) if self._store else own

    def gone_table(self) -> pa.Table:
        """As `Store.gone_table`."""
        return self._without(self._store.gone_table()) if self._store else _DOCUMENTS.empty_table()

    def _without(self, table: pa.Table) -> pa.Table:
        """Documents of the store that what was remembered says nothing of."""
        told = pa.array(sorted({*self._said, *self._gone}), pa.string())
        kept = pc.invert(pc.is_in(table.column("document_id"), value_set=told))
        return table.filter(kept).cast(_DOCUMENTS)
