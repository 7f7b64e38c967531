"""Whether an index is what it has to be after a crash: the old state or the new one, as a fresh build has it."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hippo import Hippo
from hippo.maintenance import check
from hippo.snapshot.contents import Contents
from pipelines.crash.history import Operation, perform

__all__ = ["Judge", "fingerprint", "held"]

_QUESTIONS = ("Whom did Ada Arlen meet?", "Who was in Corvo with the one who met Boris Bremau?")


def held(root: Path) -> dict[str, str]:
    """Documents that readers see, text by id; none where nothing has been published."""
    if not root.is_dir():
        return {}
    with Hippo.open(root, encoder="hashing") as memory:
        if memory.status().snapshot is None:
            return {}
        chunks = memory.contents().chunks
    return dict(zip(chunks.column("document_id").to_pylist(), chunks.column("text").to_pylist(), strict=True))


def fingerprint(root: Path) -> str:
    """Hash of all tables and arrays that readers see, and of the rankings for some questions."""
    with Hippo.open(root, encoder="hashing") as memory:
        state = hashlib.sha256()
        for part in _parts(memory.contents()):
            state.update(part)
        for found in memory.retrieve_many(_QUESTIONS, k=9):
            state.update(repr([(hit.chunk_id, hit.score) for hit in found.hits]).encode())
    return state.hexdigest()


def _parts(contents: Contents) -> Sequence[bytes]:
    tables = [contents.documents.drop_columns(["source"]), contents.chunks, contents.facts, contents.entities]
    graph, similar = contents.graph, contents.similar
    arrays = [*contents.fact_entities, graph.indptr, graph.indices]
    arrays += [graph.weights[kind] for kind in sorted(graph.weights)]
    arrays += [contents.vectors[kind] for kind in sorted(contents.vectors)]
    arrays += [similar.low, similar.high, similar.similarity]
    return [repr(table.to_pydict()).encode() for table in tables] + [
        np.ascontiguousarray(one).tobytes() for one in arrays
    ]


class Judge:
    """Knows what a fresh build of every state gives.

    Args:
        folder: Where fresh indexes are built.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, str] = {}

    def fresh(self, documents: dict[str, str]) -> str:
        """Fingerprint of an index made of these documents at once."""
        key = repr(sorted(documents.items()))
        if key not in self._known:
            root = self._folder / "fresh"
            perform(root, Operation("add", documents, (), documents))
            self._known[key] = fingerprint(root)
            shutil.rmtree(root)
        return self._known[key]

    def after_crash(self, root: Path, before: dict[str, str], operation: Operation) -> list[str]:
        """What is wrong with an index whose process died or failed during an operation. Then it is done again.

        Args:
            root: The index.
            before: What it held before the operation.
            operation: What was being done.
        """
        wrong = []
        seen = held(root)
        if seen not in (before, operation.after):
            wrong.append(f"readers see neither the old nor the new state: {sorted(seen)}")
        if (root / "store.duckdb").exists():
            wrong += [f"{one.part}: {one.problem}" for one in check(root).problems]
        perform(root, operation)
        if held(root) != operation.after:
            wrong.append("doing it again does not finish it")
        elif operation.after and fingerprint(root) != self.fresh(operation.after):
            wrong.append("what is there then is not what a fresh build gives")
        wrong += [f"afterwards {one.part}: {one.problem}" for one in check(root).problems]
        return wrong
