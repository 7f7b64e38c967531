"""Texts through the encoder, each content once; every batch is committed as it comes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hippo.encoding import checked, text_hashes
from hippo.indexing.clock import Clock
from hippo.protocols import Encoder
from hippo.store import Store
from hippo.types import TextKind

if TYPE_CHECKING:
    from hippo.protocols import Float32

__all__ = ["embed"]


def embed(
    store: Store, encoder: Encoder, kinds: Sequence[tuple[TextKind, Sequence[str]]], *, batch: int, clock: Clock
) -> "tuple[list[Float32], int]":
    """Vectors of texts, from the cache where it has them.

    Texts are encoded in order of length, so that a batch holds texts of one size and the encoder pads little.

    Args:
        store: The cache.
        encoder: The encoder.
        kinds: Texts by kind.
        batch: Texts encoded and committed at a time.
        clock: For progress.

    Returns:
        Vectors of each kind, float32 `(n, d)`, and the number of texts that had to be encoded.
    """
    fingerprint = encoder.fingerprint
    with clock.stage("embed"):
        hashed = [(kind, texts, text_hashes(kind, texts)) for kind, texts in kinds]
        missing = [
            (len(texts[place]), kind, texts[place], hashes[place])
            for kind, texts, hashes in hashed
            for place in store.missing_embeddings(fingerprint, hashes)
        ]
        missing.sort(key=lambda item: (item[1], item[0], item[3]))
        done = 0
        while done < len(missing):
            kind = missing[done][1]
            part = [item for item in missing[done : done + batch] if item[1] == kind]
            vectors = checked(encoder, encoder.encode([item[2] for item in part], kind=kind), len(part))
            store.put_embeddings(fingerprint, [item[3] for item in part], vectors)
            done += len(part)
            clock.tell("embed", done, len(missing))
        if missing:
            store.checkpoint()
        found = [store.get_embeddings(fingerprint, hashes) for _, _, hashes in hashed]
    shaped = [vectors.reshape(len(vectors), encoder.dimension) for vectors in found]
    return shaped, len(missing)
