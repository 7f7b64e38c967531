"""A store of an older version, made with the scripts that made such stores then."""

import secrets
from pathlib import Path

from hippo.store import STORE_FILE
from hippo.store.connection import Connection
from hippo.store.schema import MIGRATIONS

__all__ = ["make_older"]


def make_older(root: Path, version: int) -> None:
    """Put a store of an older version, with the same rows, in the place of that of an index.

    Tables and columns that the version did not know are left behind.

    Args:
        root: The index.
        version: From 1 to that of today.
    """
    file = root / STORE_FILE
    temporary = file.with_name(f".older-{secrets.token_hex(4)}.duckdb")
    new, old = Connection(file), Connection(temporary)
    try:
        with old.transaction():
            for script in MIGRATIONS[:version]:
                old.run(script)
            known = _columns(new)
            for table, columns in _columns(old).items():
                both = ", ".join(f'"{name}"' for name in columns if name in known.get(table, ()))
                if both:
                    rows = new.table(f"SELECT {both} FROM {table} ORDER BY rowid")  # noqa: S608
                    old.run(f"INSERT INTO {table} BY NAME SELECT * FROM given", given=rows)  # noqa: S608
            old.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])
            old.run("DELETE FROM journal WHERE name NOT IN (SELECT table_name FROM duckdb_tables())")
    finally:
        old.close()
        new.close()
    temporary.replace(file)


def _columns(connection: Connection) -> dict[str, list[str]]:
    """Names of the columns by table."""
    found: dict[str, list[str]] = {}
    for table, column in connection.rows(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal ORDER BY table_name, column_index"
    ):
        found.setdefault(table, []).append(column)
    return found
