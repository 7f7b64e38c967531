"""Writing a store anew, without the gaps that deletes left."""

import secrets
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from hippo.durable import discard, sync_directory, sync_file, writing
from hippo.store.connection import Connection
from hippo.store.rebuild import copy_tables
from hippo.store.schema import migrate

__all__ = ["compact", "rewrite"]


def compact(file: Path) -> None:
    """Write a store anew, which gives the space of deleted rows back to the disk. Nobody else may have it open."""
    old = Connection(file)
    try:
        rewrite(old)
    finally:
        old.close()


def rewrite(old: Connection, meta: Mapping[str, str] = MappingProxyType({})) -> None:
    """Put a copy of an open store in its place. What is written to the open one after that is lost.

    Args:
        old: The store.
        meta: Values of `Store.meta` that the copy has in place of those that the store has.
    """
    file = old.path
    temporary = file.with_name(f".store-{secrets.token_hex(4)}.duckdb")
    try:
        new = Connection(temporary)
        try:
            migrate(new, 0)
            copy_tables(new, old)
            with new.transaction():
                for key, value in meta.items():
                    new.run("UPDATE meta SET value = ? WHERE key = ?", [value, key])
        finally:
            new.close()
        with writing(file):
            sync_file(temporary)
            temporary.replace(file)
            sync_directory(file.parent)
    finally:
        discard(temporary)
