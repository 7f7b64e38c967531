"""Texts through the encoder, each content once; every batch is committed as it comes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hippo.encoding import checked, text_hashes
from hippo.indexing.clock import Clock
from hippo.protocols import Encoder
from hippo.scratch import Scratch
from hippo.store import Store
from hippo.types import TextKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Vectors

__all__ = ["blocks_of", "embed", "hashes_of"]

_BLOCK = 65_536
"""Texts that are looked at together."""


def embed(
    store: Store,
    encoder: Encoder,
    kinds: Sequence[tuple[TextKind, pa.ChunkedArray]],
    *,
    batch: int,
    clock: Clock,
    scratch: Scratch | None = None,
    storage: Mapping[TextKind, str] = MappingProxyType({}),
    hashes: Mapping[TextKind, pa.ChunkedArray] = MappingProxyType({}),
) -> "tuple[list[Vectors], int]":
    """Vectors of texts, from the cache where it has them.

    Texts are encoded in order of length, so that a batch holds texts of one size and the encoder pads little.

    Args:
        store: The cache.
        encoder: The encoder.
        kinds: Texts by kind.
        batch: Texts encoded and committed at a time.
        clock: For progress.
        scratch: Where vectors are put; None: in memory.
        storage: What they are wanted as, "float32" or "float16", by kind; a kind that is left out: float32.
        hashes: `hashes_of` texts, by kind, where they are known.

    Returns:
        Vectors of each kind, `(n, d)`, and the number of texts that had to be encoded.
    """
    fingerprint = encoder.fingerprint
    with clock.stage("embed"), ExitStack() as stack:
        under = [hashes[kind].chunks if kind in hashes else _hashes(kind, texts) for kind, texts in kinds]
        asked = [stack.enter_context(store.asking(one)) for one in under]
        missing = [one.missing(fingerprint) for one in asked]
        done, total = 0, sum(len(rows) for rows, _ in missing)
        write = stack.enter_context(_beside(store))
        for (kind, texts), (rows, new) in zip(kinds, missing, strict=True):
            order = np.argsort(_lengths(texts)[rows], kind="stable")  # within a length by hash
            for start in range(0, len(order), batch):
                part = order[start : start + batch]
                some = texts.take(pa.array(rows[part])).to_pylist()
                vectors = checked(encoder, encoder.encode(some, kind=kind), len(some))
                write(fingerprint, new.take(pa.array(part)), vectors)
                done += len(some)
                clock.tell("embed", done, total)
        if not total and clock.ahead.get("embed"):
            clock.tell("embed", 0, 0)
        write()  # all of it is there before it is read
        if total:
            store.checkpoint()
        room = scratch or Scratch()
        found = [
            one.vectors(fingerprint, room, storage.get(kind, "float32"))
            for one, (kind, _) in zip(asked, kinds, strict=True)
        ]
    shaped = [vectors.reshape(len(vectors), encoder.dimension) for vectors in found]
    return shaped, total


@contextmanager
def _beside(store: Store) -> "Iterator[Callable[..., None]]":
    """What writes vectors into the store while the next ones are made; without any it waits until all are there.

    What was made is written whatever happens to the next ones, and what is wrong with writing it is raised.
    """
    with ThreadPoolExecutor(1) as writer:
        written: list[Future[None]] = []

        def write(*what: Any) -> None:
            while written:
                written.pop().result()
            if what:
                written.append(writer.submit(store.put_embeddings, *what))

        try:
            yield write
        finally:
            write()


def blocks_of(texts: pa.ChunkedArray) -> Iterator[list[str]]:
    """Texts in blocks."""
    for start in range(0, len(texts), _BLOCK):
        yield texts.slice(start, _BLOCK).to_pylist()


def hashes_of(kind: TextKind, texts: pa.ChunkedArray, scratch: Scratch) -> pa.ChunkedArray:
    """Under what the vectors of texts are cached: `text_hashes`, put where large tables are."""
    schema = pa.schema({"hash": pa.string()})
    blocks = (pa.record_batch({"hash": block}) for block in _hashes(kind, texts))
    return scratch.table(schema, blocks).column("hash")


def _hashes(kind: TextKind, texts: pa.ChunkedArray) -> Iterator[pa.Array]:
    for block in blocks_of(texts):
        yield pa.array(text_hashes(kind, block), pa.string())


def _lengths(texts: pa.ChunkedArray) -> "NDArray[np.int32]":
    """Characters of each text."""
    lengths: NDArray[np.int32] = pc.utf8_length(texts).to_numpy()
    return lengths
