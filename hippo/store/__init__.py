"""The truth of an index: one DuckDB file, one writer, every chunk's work committed as it arrives."""

from hippo.store.schema import SCHEMA_VERSION
from hippo.store.store import STORE_FILE, Store

__all__ = ["SCHEMA_VERSION", "STORE_FILE", "Store"]
