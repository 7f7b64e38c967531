"""From the store's tables to numbered ones."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from hippo.graph.numbering import numbered, with_ids
from hippo.graph.published_facts import published_tables
from hippo.graph.tables import Tables, flat
from hippo.scratch import Scratch
from hippo.store import Store
from hippo.store.extracted import Extracted

__all__ = ["embedded_of", "read_past", "read_tables"]


def read_tables(store: Store, rules: str = "hippo", scratch: Scratch | None = None) -> Tables:
    """Read the store and number its documents, chunks, entities and facts in canonical order.

    Args:
        store: The store.
        rules: `GraphConfig.rules`.
        scratch: Where large tables are put; None: in memory.
    """
    facts, mentions = store.facts_table(scratch), store.mentions_table(scratch)
    tables = numbered(store.documents_table(scratch), store.chunks_table(scratch), facts, mentions, rules)
    return replace(tables, decisions=store.decisions_table(), links=store.links_table(), scratch=scratch)


def read_past(store: Store, rules: str = "hippo") -> tuple[Tables, pa.Table]:
    """The same of the versions of documents that are not in force any more.

    Args:
        store: The store.
        rules: `GraphConfig.rules`.

    Returns:
        Tables, whose ids may repeat: documents are in the order of ids, then as they followed each other. And, for each
        document, when it was in force: columns started, ended, ending.
    """
    versions = store.versions_table()
    documents = versions.drop_columns(["id", "started", "ended", "ending"])
    facts, mentions = store.past_facts_table(), store.past_mentions_table()
    tables = numbered(documents, store.past_chunks_table(), facts, mentions, rules)
    return with_ids(tables, flat(versions.column("id"))), versions.select(["started", "ended", "ending"])


def embedded_of(found: Extracted, rules: str) -> tuple[pa.ChunkedArray, pa.Array]:
    """What is embedded of extractions: texts of facts, and the keys of all entities, each once, ascending.

    Args:
        found: The extractions.
        rules: `GraphConfig.rules`.
    """
    facts, mentions = found.facts, found.mentions
    if rules == "hipporag":
        facts, mentions = published_tables(facts, mentions)
    lists = facts.column("entities").combine_chunks().flatten().cast(pa.string())
    names = pc.unique(pa.concat_arrays([lists, *mentions.column("key").chunks]))
    return facts.column("text"), names.take(pc.sort_indices(names))
