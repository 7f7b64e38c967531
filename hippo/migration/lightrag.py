"""The working folder of LightRAG with its default stores: a graph as GraphML, and chunks as JSON."""

import json
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx

from hippo.errors import DocumentError
from hippo.migration.foreign import Foreign, Named, Passage, Related, words_of

__all__ = ["GRAPH", "read_lightrag"]

GRAPH = "graph_chunk_entity_relation.graphml"
_CHUNKS = "kv_store_text_chunks.json"
_BETWEEN = "<SEP>"
"""Stands between several values of one attribute."""
_UNKNOWN = ("", "unknown_source")


def read_lightrag(folder: Path) -> Foreign:
    """Read entities, relations and chunks.

    Args:
        folder: Holds `graph_chunk_entity_relation.graphml` and `kv_store_text_chunks.json`.

    Raises:
        DocumentError: A file is missing or malformed.
    """
    passages = _passages(folder / _CHUNKS)
    path = folder / GRAPH
    try:
        graph = networkx.read_graphml(path)
    except OSError as error:
        raise DocumentError(str(path), f"cannot be read: {error.strerror or error}") from error
    except (ParseError, networkx.NetworkXError, ValueError, KeyError) as error:
        raise DocumentError(str(path), f"no GraphML: {error}") from error
    entities = [Named(str(name), _values(data, "source_id")) for name, data in graph.nodes(data=True)]
    relations = []
    for left, right, data in graph.edges(data=True):
        description = next(iter(_values(data, "description")), "")
        words = words_of(str(left), description, str(right), str(data.get("keywords") or ""))
        relations.append(Related(str(left), words, str(right), _values(data, "source_id")))
    return Foreign("LightRAG", passages, entities, relations)


def _values(data: dict[str, Any], key: str) -> tuple[str, ...]:
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
        passages[identity] = Passage(
            chunk["content"],
            document if isinstance(document, str) else None,
            source if isinstance(source, str) and source not in _UNKNOWN else None,
            position if isinstance(position, int) else None,
        )
    return passages
