"""Tables of the store, and how a store of an older version becomes one of this version.

No table has a primary key: every key is checked by a join when it is written, which costs one scan of a column, and
DuckDB replays its log most reliably for tables without indexes.
"""

import duckdb

from hippo.errors import IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.store.connection import Connection

__all__ = ["MIGRATIONS", "SCHEMA_VERSION", "migrate", "schema_version"]

_VERSION_1 = """
CREATE TABLE meta (key VARCHAR, value VARCHAR);

CREATE TABLE documents (
    id VARCHAR, title VARCHAR, metadata VARCHAR, timestamp TIMESTAMP, source VARCHAR, content_hash VARCHAR
);
CREATE TABLE chunks (
    id VARCHAR, document_id VARCHAR, position INTEGER, title VARCHAR, text VARCHAR, "start" INTEGER, "end" INTEGER
);
CREATE TABLE ledger (
    chunk_id VARCHAR, stage VARCHAR, state VARCHAR, fingerprint VARCHAR, reason VARCHAR, attempts INTEGER
);
CREATE TABLE mentions (chunk_id VARCHAR, key VARCHAR, surface VARCHAR, "start" INTEGER, "end" INTEGER);
CREATE TABLE facts (
    chunk_id VARCHAR, ordinal INTEGER, text VARCHAR, "start" INTEGER, "end" INTEGER,
    subject VARCHAR, predicate VARCHAR, object VARCHAR, entities VARCHAR[], relations INTEGER[]
);
-- Unit vectors do not compress: trying costs more time than everything else together.
CREATE TABLE embeddings (encoder VARCHAR, hash VARCHAR, vector FLOAT[] USING COMPRESSION uncompressed);
CREATE TABLE replies (key VARCHAR, reply VARCHAR);

CREATE TABLE journal (name VARCHAR, rows BIGINT, content HUGEINT);
"""

# Replies of language models have a file of their own, which readers can use too; nothing was ever kept in this table.
_VERSION_2 = """
DROP TABLE replies;
DELETE FROM journal WHERE name = 'replies';
"""

# Versions of documents that are not in force any more; and since when each document is. Of those that were added before
# that is their timestamp, or not known.
_VERSION_3 = """
ALTER TABLE documents ADD COLUMN started TIMESTAMP;
CREATE TABLE versions (
    version BIGINT, document_id VARCHAR, title VARCHAR, metadata VARCHAR, timestamp TIMESTAMP, source VARCHAR,
    content_hash VARCHAR, started TIMESTAMP, ended TIMESTAMP, ending VARCHAR
);
CREATE TABLE past_chunks (
    version BIGINT, id VARCHAR, position INTEGER, title VARCHAR, text VARCHAR, "start" INTEGER, "end" INTEGER
);
CREATE TABLE past_mentions (
    version BIGINT, chunk_id VARCHAR, key VARCHAR, surface VARCHAR, "start" INTEGER, "end" INTEGER
);
CREATE TABLE past_facts (
    version BIGINT, chunk_id VARCHAR, ordinal INTEGER, text VARCHAR, "start" INTEGER, "end" INTEGER,
    subject VARCHAR, predicate VARCHAR, object VARCHAR, entities VARCHAR[], relations INTEGER[]
);
"""

_VERSION_4 = """
CREATE TABLE synonyms (first VARCHAR, second VARCHAR, decision VARCHAR);
"""

# When turns of conversations were said.
_VERSION_5 = """
ALTER TABLE chunks ADD COLUMN said TIMESTAMP;
ALTER TABLE past_chunks ADD COLUMN said TIMESTAMP;
"""

_VERSION_6 = """
CREATE TABLE links (first VARCHAR, second VARCHAR, kind VARCHAR, weight DOUBLE);
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6)
"""Script i turns a store of version i into one of version i + 1; script 0 makes the tables. None is ever edited."""

SCHEMA_VERSION = len(MIGRATIONS)
"""Version of the tables that this code reads and writes."""


def migrate(connection: Connection, version: int) -> None:
    """Bring a store to `SCHEMA_VERSION`, one committed step at a time; a new one, which nobody sees yet, in one.

    Args:
        connection: An open connection without a transaction.
        version: What the store is now; 0 for an empty database.
    """
    if version == 0:
        with connection.transaction():
            for script in MIGRATIONS:
                connection.run(script)
            known = [str(SCHEMA_VERSION), duckdb.__version__]
            connection.run("INSERT INTO meta VALUES ('schema_version', ?), ('duckdb_version', ?)", known)
        return
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        with connection.transaction():
            connection.run(script)
            connection.run("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(number)])


def schema_version(connection: Connection) -> int:
    """Version of an open store: at most `SCHEMA_VERSION`.

    Raises:
        IndexCorruptError: It is a DuckDB file of something else.
        IndexMismatchError: A newer hippo made it.
    """
    try:
        rows = connection.rows("SELECT value FROM meta WHERE key = 'schema_version'")
    except IndexStateError:
        # Asked only now, since the list of tables takes longer than all else here.
        if connection.rows("SELECT table_name FROM duckdb_tables() WHERE table_name = 'meta'"):
            raise
        rows = []
    if len(rows) != 1 or not rows[0][0].isdecimal():
        remedy = "Restore it from a backup, or index into a new folder"
        raise IndexCorruptError(str(connection.path), f"it is a DuckDB file, but no store of hippo. {remedy}")
    version = int(rows[0][0])
    if version > SCHEMA_VERSION:
        remedy = "Upgrade the package hippo-memory"
        raise IndexMismatchError(str(connection.path), "schema version", str(version), str(SCHEMA_VERSION), remedy)
    return version
