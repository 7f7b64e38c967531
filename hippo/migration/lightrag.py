"""The working folder of LightRAG with its default stores: a graph as GraphML, and chunks as JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hippo.documents.foreign import read_values
from hippo.documents.process import ParserProcess
from hippo.documents.records import clean
from hippo.errors import DocumentError
from hippo.migration.foreign import Foreign, Named, Passage, Related, words_of

__all__ = ["GRAPH", "read_lightrag"]

GRAPH = "graph_chunk_entity_relation.graphml"
_CHUNKS = "kv_store_text_chunks.json"
_BETWEEN = "<SEP>"
"""Stands between several values of one attribute."""
_UNKNOWN = ("", "unknown_source")


def read_lightrag(folder: Path, process: ParserProcess, *, max_bytes: int) -> Foreign:
    """Read entities, relations and chunks.

    Args:
        folder: Holds `graph_chunk_entity_relation.graphml` and `kv_store_text_chunks.json`.
        process: Where the graph is parsed.
        max_bytes: Longest node or edge, as JSON.

    Raises:
        DocumentError: A file is missing, malformed, or takes more than the process may.
    """
    passages = _passages(folder / _CHUNKS)
    entities, relations = [], []
    for one in read_values(folder / GRAPH, process, max_bytes=max_bytes):
        data = one["attributes"]
        if "name" in one:
            entities.append(Named(one["name"], _values(data, "source_id")))
            continue
        left, right = one["ends"]
        description = next(iter(_values(data, "description")), "")
        words = words_of(left, description, right, str(data.get("keywords") or ""))
        relations.append(Related(left, words, right, _values(data, "source_id")))
    return Foreign("LightRAG", passages, entities, relations)


def _values(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The values of an attribute, without repeats."""
    return tuple(dict.fromkeys(part for part in str(data.get(key) or "").split(_BETWEEN) if part))


def _passages(path: Path) -> dict[str, Passage]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DocumentError(str(path), "no such file; only LightRAG's default stores can be read") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DocumentError(str(path), f"cannot be read as JSON: {error}") from error
    if not isinstance(data, dict):
        raise DocumentError(str(path), "must hold an object from chunk to its content")
    passages = {}
    for identity, chunk in data.items():
        if not isinstance(chunk, dict) or not isinstance(chunk.get("content"), str):
            raise DocumentError(str(path), f"chunk {identity!r} has no content")
        source, document = chunk.get("file_path"), chunk.get("full_doc_id")
        position = chunk.get("chunk_order_index")
        passages[clean(identity)] = Passage(
            clean(chunk["content"]),
            clean(document) if isinstance(document, str) else None,
            clean(source) if isinstance(source, str) and source not in _UNKNOWN else None,
            position if isinstance(position, int) else None,
        )
    return passages
