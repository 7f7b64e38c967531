"""Versions that are not in force any more, laid out for readers: nothing is extracted for them, nor embedded again."""

from typing import TYPE_CHECKING

from hippo.indexing.clock import Clock
from hippo.indexing.embed import embed
from hippo.protocols import Encoder
from hippo.search.lexical import LexicalIndex
from hippo.snapshot.merge import Part, rows_in
from hippo.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

    from hippo.graph.tables import Tables
    from hippo.protocols import Float32

__all__ = ["lay_out"]


def lay_out(
    store: Store,
    encoder: Encoder | None,
    past: "Tables",
    keys: "pa.Array",
    names: "Float32 | None",
    *,
    batch: int,
    clock: Clock,
) -> tuple[Part, int]:
    """Words and vectors of the tables of versions.

    Args:
        store: The cache of vectors.
        encoder: Makes those that it lacks: of a version that was replaced before it was ever published.
        past: The tables.
        keys: Keys of entities, those of the tables among them.
        names: Their vectors, float32 `(len(keys), d)`; None without encoder.
        batch: Texts embedded and committed at a time.
        clock: For progress.

    Returns:
        The part, and the number of texts that had to be encoded.
    """
    passages, facts = past.passages, past.facts.column("text").to_pylist()
    with clock.stage("words"):
        words = {"passage": LexicalIndex.build(passages), "fact": LexicalIndex.build(facts)}
    if encoder is None or names is None:
        return Part(past, words, {}), 0
    found, encoded = embed(store, encoder, [("passage", passages), ("fact", facts)], batch=batch, clock=clock)
    vectors = {"passage": found[0], "fact": found[1], "entity": names[rows_in(past.keys, keys)]}
    return Part(past, words, vectors), encoded
