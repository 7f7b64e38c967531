"""A memory as a document index of LangChain, which `langchain_core.indexing.index` keeps equal to a loader."""

from collections.abc import Sequence
from typing import Any, ClassVar

from langchain_core.documents import Document
from langchain_core.indexing import UpsertResponse
from langchain_core.indexing.base import DeleteResponse, DocumentIndex

from hippo.background import in_thread
from hippo.documents import coerce_documents
from hippo.errors import DocumentError, IndexEmptyError, IndexPathError
from hippo.integrations.langchain.documents import from_langchain, to_langchain
from hippo.integrations.langchain.retriever import HippoRetriever
from hippo.types import Skipped

__all__ = ["HippoIndex"]


class HippoIndex(HippoRetriever, DocumentIndex):
    """A memory that documents can be put into and taken out of; as a retriever it is a `HippoRetriever`.

    Documents keep their ids, texts and metadata. Each call is one change, which readers see as a whole; a large
    `batch_size` of `langchain_core.indexing.index` makes few of them.

    Attributes:
        path: Folder of an index, which may be a new one.
    """

    _creates: ClassVar[bool] = True

    def upsert(self, items: Sequence[Document], /, **kwargs: Any) -> UpsertResponse:
        """Add documents, and replace those whose ids the index holds.

        Without an id, a document gets a hash of its title and text. Of two with one id the later one counts.

        Args:
            items: The documents.
            kwargs: Arguments of `Hippo.add`.

        Returns:
            Ids of those that the index now holds, and of those that hold no text.
        """
        made = [next(coerce_documents([from_langchain(item)])) for item in items]
        documents = {one.id: one for one in made if not isinstance(one, Skipped)}
        if documents:
            self.memory.add(documents.values(), **kwargs)
        empty = [
            item.id or f"documents[{place}]" for place, item in enumerate(items) if isinstance(made[place], Skipped)
        ]
        return UpsertResponse(succeeded=[str(one.id) for one in made if not isinstance(one, Skipped)], failed=empty)

    async def aupsert(self, items: Sequence[Document], /, **kwargs: Any) -> UpsertResponse:
        """`upsert` without blocking the event loop."""
        return await in_thread(self.upsert, items, **kwargs)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> DeleteResponse:
        """Delete documents by id, or by a condition on their metadata.

        Args:
            ids: Ids; those that the index does not hold are passed over.
            kwargs: `where`, in place of ids, and other arguments of `Hippo.delete`.

        Raises:
            ValueError: Neither ids nor a condition.
        """
        if ids is None and kwargs.get("where") is None:
            raise ValueError("give the ids of the documents to delete, or a condition: where='year < 2020'")
        forget = kwargs.get("forget", False)
        gone: list[str] = []
        if ids is None or ids:
            try:
                gone = self.memory.select(*ids or (), where=kwargs.get("where"), missing_ok=True, forget=forget)
            except IndexPathError:  # nothing has been added yet
                gone = []
        if gone:
            where = kwargs.pop("where", None)
            self.memory.delete(*(() if where is not None else gone), where=where, **{"missing_ok": True, **kwargs})
        return DeleteResponse(succeeded=gone, num_deleted=len(gone), failed=[], num_failed=0)

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> DeleteResponse:
        """`delete` without blocking the event loop."""
        return await in_thread(self.delete, ids, **kwargs)

    def get(self, ids: Sequence[str], /, **kwargs: Any) -> list[Document]:
        """The documents of some ids, as far as the index holds them, each once, in the order of the ids.

        Raises:
            TypeError: There are further arguments.
        """
        if kwargs:
            raise TypeError(f"get takes no {next(iter(kwargs))!r}")
        found = []
        for one in dict.fromkeys(ids):
            try:
                found.append(to_langchain(self.memory.get(one)))
            except IndexEmptyError:
                return []
            except DocumentError:  # the index does not hold it
                continue
        return found

    async def aget(self, ids: Sequence[str], /, **kwargs: Any) -> list[Document]:
        """`get` without blocking the event loop."""
        return await in_thread(self.get, ids, **kwargs)
