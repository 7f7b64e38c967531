"""Writing a store anew, without the gaps that deletes left."""

import secrets
from pathlib import Path

from hippo.durable import discard, sync_directory, sync_file, writing
from hippo.store.connection import Connection
from hippo.store.rebuild import copy_tables
from hippo.store.schema import migrate

__all__ = ["compact"]


def compact(file: Path) -> None:
    """Write a store anew, which gives the space of deleted rows back to the disk. Nobody else may have it open."""
    temporary = file.with_name(f".store-{secrets.token_hex(4)}.duckdb")
    try:
        old = Connection(file)
        try:
            new = Connection(temporary)
            try:
                migrate(new, 0)
                copy_tables(new, old)
            finally:
                new.close()
            with writing(file):
                sync_file(temporary)
                temporary.replace(file)
        finally:
            old.close()
        with writing(file):
            sync_directory(file.parent)
    finally:
        discard(temporary)
