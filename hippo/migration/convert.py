"""From the folder of another system to two files that `hippo index` reads."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hippo.config import DocumentsConfig
from hippo.documents.foreign import FOREIGN
from hippo.documents.limits import Limits
from hippo.documents.process import ParserProcess
from hippo.errors import DocumentError
from hippo.export.place import new_folder
from hippo.ids import entity_key
from hippo.migration.foreign import Foreign
from hippo.types.plain import Plain

__all__ = ["DOCUMENTS", "OPENIE", "Converted", "convert", "read_foreign", "write_foreign"]

DOCUMENTS = "documents.jsonl"
OPENIE = "openie.json"


@dataclass(frozen=True, slots=True)
class Converted(Plain):
    """What was taken over.

    Attributes:
        system: Whose folder it was: "LightRAG" or "GraphRAG".
        documents: File of passages, each a document of its own.
        openie: File of what was extracted from each.
        passages: Number of passages.
        entities: Number of entities that are in one of them.
        relations: Number of relations that one of them says.
        dropped: What could not be taken over, by reason.
    """

    system: str
    documents: str
    openie: str
    passages: int
    entities: int
    relations: int
    dropped: Mapping[str, int]


def convert(
    folder: str | Path,
    out: str | Path,
    *,
    limits: Limits = Limits(),  # noqa: B008  (frozen)
    max_bytes: int = DocumentsConfig().max_bytes,
) -> Converted:
    """Write the passages of another system, and what it extracted from them, for `hippo index`.

    Every passage becomes a document with the id that it has there; entities and relations become the triples of the
    passages that they were found in. Summaries, communities and vectors are not taken over: hippo has none, or makes
    its own.

    Args:
        folder: Working folder of LightRAG, or output folder of GraphRAG; which of the two is seen from its files.
        out: Folder to make, for `documents.jsonl` and `openie.json`.
        limits: What each Parquet or GraphML file may take: they are parsed in a process of their own.
        max_bytes: Longest row, node or edge of these, as JSON.

    Raises:
        DocumentError: The folder is of neither, or a file in it is missing, malformed, or takes too much.
        InputError: `out` exists and is not empty, or cannot be written.
    """
    with ParserProcess(limits, FOREIGN) as process:
        foreign = read_foreign(Path(folder), process, max_bytes=max_bytes)
    return write_foreign(foreign, Path(out))


def write_foreign(foreign: Foreign, target: Path) -> Converted:
    """Write what was read; see `convert`."""
    dropped = Counter(foreign.dropped)
    texts = {identity: passage for identity, passage in foreign.passages.items() if passage.text.strip()}
    dropped["passage without text"] += len(foreign.passages) - len(texts)
    entities, entity_count = _by_passage(
        [(one.passages, one.name) for one in foreign.entities], texts, dropped, "entity"
    )
    triples, triple_count = _by_passage(
        [(one.passages, [one.subject, one.words, one.object]) for one in foreign.relations], texts, dropped, "relation"
    )
    with new_folder(target) as temporary:
        with (temporary / DOCUMENTS).open("w", encoding="utf-8") as file:
            for identity, passage in texts.items():
                kept = {"document": passage.document, "source": passage.source, "position": passage.position}
                record: dict[str, Any] = {"id": identity, "text": passage.text}
                record |= {key: value for key, value in kept.items() if value is not None}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        docs = [
            {"passage": passage.text, "extracted_entities": entities[identity], "extracted_triples": triples[identity]}
            for identity, passage in texts.items()
        ]
        (temporary / OPENIE).write_text(json.dumps({"docs": docs}, ensure_ascii=False), "utf-8")
    return Converted(
        foreign.system,
        str(target / DOCUMENTS),
        str(target / OPENIE),
        len(texts),
        entity_count,
        triple_count,
        {reason: count for reason, count in sorted(dropped.items()) if count},
    )


def read_foreign(folder: Path, process: ParserProcess, *, max_bytes: int) -> Foreign:
    """Read a folder of either system; see `convert`.

    Args:
        folder: The folder.
        process: Made with `readers=FOREIGN`.
        max_bytes: Longest row, node or edge, as JSON.
    """
    from hippo.migration.graphrag import UNITS, read_graphrag
    from hippo.migration.lightrag import GRAPH, read_lightrag

    if (folder / GRAPH).exists():
        return read_lightrag(folder, process, max_bytes=max_bytes)
    if any((folder / name).exists() for name in UNITS):
        return read_graphrag(folder, process, max_bytes=max_bytes)
    expected = f"{GRAPH} of LightRAG, or {UNITS[0]} of GraphRAG"
    raise DocumentError(str(folder), f"holds neither {expected}")


def _by_passage(
    items: list[tuple[Any, Any]], texts: Mapping[str, object], dropped: Counter[str], what: str
) -> tuple[dict[str, list[Any]], int]:
    """Items by the passages that they were found in, and how many have one."""
    found: dict[str, list[Any]] = defaultdict(list)
    kept = 0
    for passages, item in items:
        names = [item] if isinstance(item, str) else [item[0], item[2]]
        if not all(entity_key(name) for name in names):
            dropped[f"{what} without a name"] += 1
            continue
        known = [identity for identity in passages if identity in texts]
        dropped[f"{what} of no known passage"] += not known
        kept += bool(known)
        for identity in known:
            found[identity].append(item)
    return found, kept
