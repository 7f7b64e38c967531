"""Versions that are not in force any more, laid out for readers: nothing is extracted for them, nor embedded again."""

from typing import TYPE_CHECKING

from hippo.indexing.clock import Clock
from hippo.indexing.embed import blocks_of, embed
from hippo.protocols import Encoder
from hippo.search.lexical import LexicalIndex
from hippo.snapshot.merge import Part, rows_in
from hippo.store import Store
from hippo.types import TextKind

if TYPE_CHECKING:
    import pyarrow as pa

    from hippo.graph.tables import Tables
    from hippo.protocols import Vectors
    from hippo.scratch import Scratch

__all__ = ["lay_out"]


def lay_out(
    store: Store,
    encoder: Encoder | None,
    past: "Tables",
    keys: "pa.Array",
    names: "Vectors | None",
    *,
    batch: int,
    clock: Clock,
    scratch: "Scratch | None" = None,
    storage: str = "float32",
) -> tuple[Part, int]:
    """Words and vectors of the tables of versions.

    Args:
        store: The cache of vectors.
        encoder: Makes those that it lacks: of a version that was replaced before it was ever published.
        past: The tables.
        keys: Keys of entities, those of the tables among them.
        names: Their vectors, `(len(keys), d)`, as they are stored; None without encoder.
        batch: Texts embedded and committed at a time.
        clock: For progress.
        scratch: Where large arrays are put; None: in memory.
        storage: What vectors are stored as, "float32" or "float16".

    Returns:
        The part, and the number of texts that had to be encoded.
    """
    passages, facts = past.passages, past.facts.column("text")
    with clock.stage("words"):
        words = {
            "passage": LexicalIndex.of_blocks(blocks_of(passages), scratch),
            "fact": LexicalIndex.of_blocks(blocks_of(facts), scratch),
        }
    if encoder is None or names is None:
        return Part(past, words, {}), 0
    kinds: list[tuple[TextKind, pa.ChunkedArray]] = [("passage", passages), ("fact", facts)]
    stored: dict[TextKind, str] = {"passage": storage, "fact": storage}
    found, encoded = embed(store, encoder, kinds, batch=batch, clock=clock, scratch=scratch, storage=stored)
    vectors = {"passage": found[0], "fact": found[1], "entity": names[rows_in(past.keys, keys)]}
    return Part(past, words, vectors), encoded
