"""Versions of documents that others have replaced, or that were deleted: what was known at an earlier time.

A version is in force from its start until its end, which is the start of the next one or the moment of its deletion.
Versions of a document never overlap, so at any time at most one of them is in force.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from hippo.store import journal
from hippo.store.columns import strings
from hippo.store.part import Part

__all__ = ["PAST_TABLES", "Versions"]

PAST_TABLES = ("versions", "past_chunks", "past_mentions", "past_facts")
"""Tables of what is not in force any more; each names the version that a row belongs to."""

_FLOORS = """
SELECT key, max(floor) AS floor FROM (
    SELECT key, coalesce(d.started, d.timestamp) AS floor FROM asked JOIN documents d ON d.id = key
    UNION ALL SELECT key, v.ended FROM asked JOIN versions v ON v.document_id = key
) GROUP BY key
"""
"""Before this no new version of a document may start."""

_STARTS = f"""
SELECT g.id AS key, CASE
    WHEN g.timestamp IS NOT NULL AND (f.floor IS NULL OR g.timestamp > f.floor) THEN g.timestamp
    ELSE greatest(f.floor, coalesce(m.moment, $1::TIMESTAMP)) END AS started
FROM given g LEFT JOIN ({_FLOORS}) f ON f.key = g.id LEFT JOIN moments m ON m.key = g.id
"""  # noqa: S608  # constants of this module alone

_LAST = 'm."end", m.surface'


class Versions(Part):
    """The tables `versions`, `past_chunks`, `past_mentions` and `past_facts`."""

    def _starts(self, rows: pa.Table, now: datetime, moments: Mapping[str, datetime]) -> pa.Table:
        """When new versions begin: at their timestamp, if that is later than all that was known of the document.

        Otherwise now: what was said until now was said, and a correction is known from the moment that it was made.

        Args:
            rows: Columns id and timestamp of documents that are about to be stored.
            now: The moment, UTC.
            moments: By id, another one.

        Returns:
            key (id) and started, a row for each document, in any order.
        """
        asked = pa.table({"key": rows.column("id")})
        times = pa.array([_naive(one) for one in moments.values()], pa.timestamp("us"))
        known = pa.table({"key": strings(list(moments)), "moment": times})
        return self._connection.table(_STARTS, [_naive(now)], given=rows, asked=asked, moments=known)

    def _archive(self, documents: Sequence[str], now: datetime, ending: str, successors: pa.Table | None = None) -> int:
        """Copy documents, with all that was found in them, to where versions are kept; must run in a transaction.

        Args:
            documents: Ids of documents that are about to go.
            now: The moment, UTC.
            ending: "replaced" or "deleted".
            successors: key and started of the versions that replace them; None: they end now.

        Returns:
            Number of versions kept.
        """
        run = self._connection
        [(last,)] = run.rows("SELECT coalesce(max(version), 0) FROM versions")
        asked = pa.table({"key": strings(documents)})
        later = asked.append_column("started", pa.nulls(len(asked), pa.timestamp("us")))
        kept = run.table(
            "SELECT ? + row_number() OVER (ORDER BY d.id) AS version, d.id AS document_id, d.title, d.metadata, "
            "d.timestamp, d.source, d.content_hash, coalesce(d.started, d.timestamp) AS started, "
            "coalesce(s.started, greatest(?::TIMESTAMP, coalesce(d.started, d.timestamp, ?::TIMESTAMP))) AS ended, "
            "? AS ending FROM documents d JOIN asked ON d.id = key LEFT JOIN later s ON s.key = d.id",
            [last, _naive(now), _naive(now), ending],
            asked=asked,
            later=later if successors is None else successors,
        )
        if not len(kept):
            return 0
        numbers = kept.select(["version", "document_id"])
        chunks = run.table(
            'SELECT n.version, c.id, c.position, c.title, c.text, c."start", c."end", c.said '
            "FROM chunks c JOIN numbers n ON n.document_id = c.document_id",
            numbers=numbers,
        )
        owners = chunks.select(["version", "id"])
        journal.insert(run, "versions", kept)
        journal.insert(run, "past_chunks", chunks)
        for name in ("mentions", "facts"):
            query = f"SELECT o.version, t.* FROM {name} t JOIN owners o ON o.id = t.chunk_id"  # noqa: S608
            journal.insert(run, f"past_{name}", run.table(query, owners=owners))
        return len(kept)

    def _forget_versions(self, numbers: pa.Table) -> int:
        """Delete the versions whose numbers are in `numbers["key"]`; must run in a transaction."""
        for name in ("past_facts", "past_mentions", "past_chunks"):
            journal.delete(self._connection, name, "version", numbers)
        return journal.delete(self._connection, "versions", "version", numbers)

    def _versions_of(self, documents: Sequence[str]) -> pa.Table:
        """Numbers of all versions of documents, as the column `key`."""
        asked = pa.table({"key": strings(documents)})
        query = "SELECT version AS key FROM versions WHERE document_id IN (SELECT key FROM asked)"
        return self._connection.table(query, asked=asked)

    def prune_versions(self, before: datetime | None) -> int:
        """Delete versions that ended at a time or before it; None: all of them. One transaction.

        Returns:
            Number of deleted versions.
        """
        limit = [None if before is None else _naive(before)]
        query = "SELECT version AS key FROM versions WHERE ended <= coalesce(?::TIMESTAMP, 'infinity'::TIMESTAMP)"
        with self._connection.transaction():
            return self._forget_versions(self._connection.table(query, limit))

    def count_versions(self) -> int:
        """Number of versions that are not in force any more."""
        [(count,)] = self._connection.rows("SELECT count(*) FROM versions")
        return int(count)

    def known_once(self, document_ids: Sequence[str]) -> set[str]:
        """Those of the ids of which a version is kept that is not in force any more."""
        asked = pa.table({"key": strings(document_ids)})
        query = "SELECT DISTINCT document_id FROM versions WHERE document_id IN (SELECT key FROM asked)"
        return {key for (key,) in self._connection.rows(query, asked=asked)}

    def gone_table(self) -> pa.Table:
        """The last versions of documents that were deleted, as `documents_table` has those in force."""
        query = (
            "SELECT document_id, title, metadata, timestamp, source FROM versions ANTI JOIN documents d "
            "ON d.id = document_id QUALIFY row_number() OVER (PARTITION BY document_id ORDER BY version DESC) = 1 "
            "ORDER BY document_id"
        )
        return _zoned(self._connection.table(query))

    def starts(self) -> pa.Array:
        """Since when each document is in force, in the order of ids: timestamp[us]; null: since ever."""
        table = self._connection.table("SELECT coalesce(started, timestamp) AS started FROM documents ORDER BY id")
        return table.column("started").cast(pa.timestamp("us")).combine_chunks()

    def versions_table(self) -> pa.Table:
        """All versions that are not in force any more, ordered by document id, then as they followed each other.

        Returns:
            document_id string (number of the version, as text), then as `documents_table`; and id string (of the
            document), started, ended timestamp[us] (started null: since ever), ending string.
        """
        return _zoned(
            self._connection.table(
                "SELECT version::VARCHAR AS document_id, title, metadata, timestamp, source, document_id AS id, "
                "started, ended, ending FROM versions v ORDER BY v.document_id, v.version"
            )
        )

    def past_chunks_table(self) -> pa.Table:
        """All chunks of these versions, in their order, then by position.

        Returns:
            As `chunks_table`, with the number of the version for `document_id` and before each `chunk_id`.
        """
        return self._connection.table(
            "SELECT c.version || ':' || c.id AS chunk_id, c.version::VARCHAR AS document_id, c.position, c.title, "
            'c.text, c."start", c."end", c.said FROM past_chunks c JOIN versions v USING (version) '
            "ORDER BY v.document_id, v.version, c.position"
        )

    def past_facts_table(self) -> pa.Table:
        """All facts of these chunks, as `facts_table`; `chunk_id` as in `past_chunks_table`."""
        return self._connection.table(
            "SELECT f.version || ':' || f.chunk_id AS chunk_id, f.ordinal, f.text, "
            'f."start", f."end", f.subject, f.predicate, f.object, f.entities, f.relations '
            f"{_placed('past_facts f')} ORDER BY v.document_id, v.version, c.position, f.ordinal"
        )

    def past_mentions_table(self) -> pa.Table:
        """All mentions in these chunks, as `mentions_table`; `chunk_id` as in `past_chunks_table`."""
        return self._connection.table(
            "SELECT m.version || ':' || m.chunk_id AS chunk_id, m.key, m.surface, "
            f'm."start", m."end" {_placed("past_mentions m")} '
            f'ORDER BY v.document_id, v.version, c.position, m."start", m.key, {_LAST}'
        )


def _placed(table: str) -> str:
    """The rows of a table that belong to chunks of versions, with version and chunk."""
    name = table[-1]
    return (
        f"FROM {table} JOIN past_chunks c ON c.version = {name}.version AND c.id = {name}.chunk_id "
        f"JOIN versions v ON v.version = {name}.version"
    )


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _zoned(table: pa.Table) -> pa.Table:
    """The table with its column `timestamp` in UTC."""
    place = table.schema.get_field_index("timestamp")
    return table.set_column(place, "timestamp", table["timestamp"].cast(pa.timestamp("us", "UTC")))
