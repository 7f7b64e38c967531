"""What every table should hold, kept beside the tables: a row per write, checked whenever a store is opened.

Each write adds its number of rows and its content, each delete subtracts them, in the transaction that makes the
change. Content is the sum of text lengths in bytes and of numbers: quick, the same in every version of DuckDB, and
changed by a row that is lost, doubled or cut. Flipped bits are DuckDB's business: every block has a check sum.
"""

import pyarrow as pa

from hippo.errors import IndexCorruptError, IndexStateError
from hippo.store.connection import Connection

__all__ = ["delete", "forget", "insert", "mismatches", "verify"]

_CONTENT = {
    "documents": "strlen(id) + strlen(coalesce(title, '')) + strlen(metadata) + strlen(content_hash)",
    "chunks": 'strlen(id) + strlen(document_id) + strlen(text) + position + "start" + "end"',
    "mentions": 'strlen(chunk_id) + strlen(key) + strlen(surface) + "start" + "end"',
    "facts": 'strlen(chunk_id) + strlen(text) + ordinal + "start" + "end" + len(entities) + len(relations)',
    "ledger": "strlen(chunk_id) + strlen(stage)",
    "versions": "version + strlen(document_id) + strlen(coalesce(title, '')) + strlen(metadata) + strlen(ending)",
    "past_chunks": 'version + strlen(id) + strlen(text) + position + "start" + "end"',
    "past_mentions": 'version + strlen(chunk_id) + strlen(key) + strlen(surface) + "start" + "end"',
    "past_facts": (
        'version + strlen(chunk_id) + strlen(text) + ordinal + "start" + "end" + len(entities) + len(relations)'
    ),
    "synonyms": "strlen(first) + strlen(second) + strlen(decision)",
    "links": "strlen(first) + strlen(second) + strlen(kind)",
    "embeddings": "strlen(encoder) + strlen(hash) + len(vector)",
}


def _sums(name: str) -> str:
    return f"count(*)::BIGINT, coalesce(sum({_CONTENT[name]}), 0)::HUGEINT"


def insert(connection: Connection, name: str, rows: pa.Table) -> None:
    """Append rows to a table. Columns go by name; must run in a transaction."""
    if not rows.num_rows:
        return
    connection.run(f"INSERT INTO {name} BY NAME SELECT * FROM given", given=rows)  # noqa: S608
    connection.run(f"INSERT INTO journal SELECT '{name}', {_sums(name)} FROM given", given=rows)  # noqa: S608


def delete(connection: Connection, name: str, column: str, keys: pa.Table) -> int:
    """Delete the rows of a table whose `column` is in `keys["key"]`; must run in a transaction.

    Returns:
        Number of deleted rows.
    """
    matching = f"FROM {name} WHERE {column} IN (SELECT key FROM given)"  # noqa: S608
    [(count, content)] = connection.rows(f"SELECT {_sums(name)} {matching}", given=keys)
    if count:
        connection.run(f"DELETE {matching}", given=keys)
        connection.run("INSERT INTO journal VALUES (?, ?, ?)", [name, -count, -content])
    return int(count)


def forget(connection: Connection, name: str) -> None:
    """Take what a table holds now for what was written; must run in the transaction that made it so."""
    connection.run("DELETE FROM journal WHERE name = ?", [name])
    connection.run(f"INSERT INTO journal SELECT '{name}', {_sums(name)} FROM {name}")  # noqa: S608


def mismatches(connection: Connection) -> list[tuple[str, str]]:
    """Tables that hold other rows than were written, or cannot be read: name, and what is wrong."""
    expected = {
        name: (rows, content)
        for name, rows, content in connection.rows(
            "SELECT name, sum(rows)::BIGINT, sum(content)::HUGEINT FROM journal GROUP BY name"
        )
    }
    wrong = []
    for name, found in connection.each({name: f"SELECT {_sums(name)} FROM {name}" for name in _CONTENT}):  # noqa: S608
        if isinstance(found, IndexStateError):  # It may be missing, or lack a column.
            wrong.append((name, f"table {name} cannot be read: {found.args[1]}"))
            continue
        rows, content = expected.get(name, (0, 0))
        if found != (rows, content):
            problem = f"table {name} holds {found[0]} rows (content {found[1]}), {rows} ({content}) were written"
            wrong.append((name, problem))
    return wrong


def verify(connection: Connection) -> None:
    """Compare every table with the journal.

    Raises:
        IndexCorruptError: A table holds other rows than were written, or cannot be read.
    """
    for _, problem in mismatches(connection):
        remedy = "Run `hippo doctor --repair`, restore it from a backup, or index into a new folder"
        raise IndexCorruptError(str(connection.path), f"{problem}. {remedy}")
