"""LangChain's documents and hippo's, one made of the other."""

from collections.abc import Mapping
from typing import Any

from langchain_core.documents import Document as LangChainDocument

from hippo.integrations.memory import metadata_of
from hippo.types import Document, Retrieval, StoredDocument

__all__ = ["documents_of", "from_langchain", "to_langchain"]


def documents_of(retrieval: Retrieval) -> list[LangChainDocument]:
    """Ranked passages as documents, best first."""
    return [
        LangChainDocument(id=hit.chunk_id, page_content=hit.text, metadata=metadata_of(hit)) for hit in retrieval.hits
    ]


def from_langchain(document: LangChainDocument) -> Document:
    """A document for an index: its id and all of its metadata stay, and `title` becomes the title too."""
    metadata: Mapping[str, Any] = document.metadata
    title = metadata.get("title")
    return Document(document.page_content, document.id, title if isinstance(title, str) else None, metadata)


def to_langchain(document: StoredDocument) -> LangChainDocument:
    """A whole document, as it was put into an index."""
    return LangChainDocument(id=document.id, page_content=document.text, metadata=dict(document.metadata))
