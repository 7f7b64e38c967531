"""Tools that change a memory, for servers that were told to have them."""

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from hippo.engine import Hippo
from hippo.integrations.mcp.results import AddedResult, DeletedResult, LinkResult, NewDocument, RememberedResult
from hippo.integrations.mcp.server import Session, told

__all__ = ["add_writing_tools"]

_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)


def add_writing_tools(server: MCPServer[Any], memory: Hippo) -> None:
    """Give a server the tools `add_documents`, `delete_documents`, `remember`, `link` and `forget`."""

    def add_documents(
        documents: Annotated[list[NewDocument], Field(min_length=1, max_length=1000)],
    ) -> AddedResult:
        """Remember documents. Those whose ids are known replace the older ones; those that did not change are left."""
        report = memory.add([one.model_dump(exclude_none=True) for one in documents])
        return AddedResult(
            added=report.added,
            changed=report.changed,
            unchanged=report.unchanged,
            skipped=[f"{one.source}: {one.reason}" for one in report.skipped],
            failed=[f"{one.chunk_id}: {one.reason}" for one in report.failed],
        )

    def delete_documents(
        ids: Annotated[list[str], Field(min_length=1, max_length=1000, description="Ids of documents.")],
        forget: Annotated[
            bool, Field(description="Leave nothing of them: older versions and those of deleted documents go too.")
        ] = False,
    ) -> DeletedResult:
        """Delete documents, with all that is known from them alone. All ids must be known, or nothing is deleted.

        What was known until now can still be asked for with as_of, unless the documents are to be forgotten.
        """
        report = memory.delete(*ids, forget=forget)
        return DeletedResult(deleted=report.deleted, forgotten=report.forgotten)

    def remember(
        text: Annotated[str, Field(description="What to remember, in words that stand for themselves.")],
        session: Session = None,
        timestamp: Annotated[str | None, Field(description="When it was said or true, ISO 8601. Default: now.")] = None,
        metadata: Annotated[
            dict[str, Any] | None, Field(description="For conditions; the key speaker says who said it.")
        ] = None,
    ) -> RememberedResult:
        """Remember a text. It is kept when this returns, and found by the next search or recall."""
        ids = memory.remember(text, session=session, timestamp=timestamp, metadata=metadata)
        return RememberedResult(document_ids=ids)

    def forget(
        ids: Annotated[list[str], Field(min_length=1, max_length=1000, description="Ids of documents.")],
    ) -> RememberedResult:
        """Forget documents: nothing is answered from them any more, and nothing is kept of them."""
        return RememberedResult(document_ids=memory.forget(*ids))

    def link(
        first: Annotated[str, Field(description="Id of a document or passage, or exact name of an entity.")],
        second: Annotated[str, Field(description="Another of these.")],
        kind: Annotated[str, Field(description="What joins them, such as cites or replies-to.")] = "link",
        weight: Annotated[float, Field(gt=0, description="How strongly.")] = 1.0,
    ) -> LinkResult:
        """Join two things that belong together, so that search gets from one to the other."""
        made = memory.link(first, second, kind=kind, weight=weight)
        return LinkResult(first=made.first, second=made.second, kind=made.kind, weight=made.weight)

    for tool in (add_documents, delete_documents, forget):
        server.add_tool(told(tool), annotations=_WRITES)
    for adding in (remember, link):
        server.add_tool(told(adding), annotations=_ADDS)
