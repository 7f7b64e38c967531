"""Tools that change a memory, for servers that were told to have them."""

from typing import Annotated, Any

from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations
from pydantic import Field

from hippo.engine import Hippo
from hippo.errors import InputError
from hippo.integrations.mcp.budget import fit, within
from hippo.integrations.mcp.results import (
    AddedResult,
    DeletedResult,
    DocumentId,
    ForgottenResult,
    LinkResult,
    LinksResult,
    NewDocument,
    RememberedResult,
)
from hippo.integrations.mcp.server import Session, Tokens, of_link, told

__all__ = ["add_writing_tools"]

_WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


_ADDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)


def add_writing_tools(server: MCPServer[Any], memory: Hippo, most: int) -> None:
    """Give a server the tools `add_documents`, `delete_documents`, `remember`, `forget`, `link` and `unlink`.

    Args:
        server: The server.
        memory: What they change.
        most: Most tokens of an answer, about.
    """

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
        text: Annotated[str | None, Field(description="What to remember, in words that stand for themselves.")] = None,
        messages: Annotated[
            list[dict[str, Any]] | None,
            Field(description="In its place: messages of a conversation, each with role and content."),
        ] = None,
        session: Session = None,
        timestamp: Annotated[str | None, Field(description="When it was said or true, ISO 8601. Default: now.")] = None,
        metadata: Annotated[
            dict[str, Any] | None, Field(description="For conditions; the key speaker says who said it.")
        ] = None,
    ) -> RememberedResult:
        """Remember a text or messages. They are kept when this returns, and found by the next search or recall."""
        if (text is None) == (messages is None):
            raise InputError("give either text or messages")
        what = messages if text is None else text
        ids = memory.remember(what or [], session=session, timestamp=timestamp, metadata=metadata)
        return RememberedResult(document_ids=ids)

    def forget(
        ids: Annotated[list[str] | None, Field(max_length=1000, description="Ids of documents.")] = None,
        session: Annotated[
            str | None, Field(description="In place of ids: all that was said in this conversation.")
        ] = None,
        where: Annotated[
            str | dict[str, Any] | None,
            Field(description='In place of ids: all documents whose metadata satisfy this, such as "year < 2020".'),
        ] = None,
        dry_run: Annotated[bool, Field(description="Forget nothing, only say what would be.")] = False,
        max_tokens: Tokens = None,
    ) -> ForgottenResult:
        """Forget documents: nothing is answered from them any more, and nothing is kept of them."""
        tokens = within(max_tokens, most)
        gone = memory.forget(*ids or (), session=session, where=where, dry_run=dry_run)
        kept, note = fit([DocumentId(one) for one in gone], tokens, what="ids", most=most)
        if note is not None and not dry_run:  # Who asks again finds nothing.
            note = f"all {len(gone)} documents are forgotten; the ids of {len(kept)} of them are shown"
        return ForgottenResult(documents=len(gone), document_ids=kept, truncated=note is not None, note=note)

    def link(
        first: Annotated[str, Field(description="Id of a document or passage, or exact name of an entity.")],
        second: Annotated[str, Field(description="Another of these.")],
        kind: Annotated[str, Field(description="What joins them, such as cites or replies-to.")] = "link",
        weight: Annotated[float, Field(gt=0, description="How strongly.")] = 1.0,
    ) -> LinkResult:
        """Join two things that belong together, so that search gets from one to the other."""
        return of_link(memory.link(first, second, kind=kind, weight=weight))

    def unlink(
        first: Annotated[str, Field(description="As it was linked.")],
        second: Annotated[str, Field(description="As it was linked.")],
        kind: Annotated[str | None, Field(description="Only links of this kind. Default: of all kinds.")] = None,
    ) -> LinksResult:
        """Take links away, and say which there were."""
        return LinksResult(links=[of_link(one) for one in memory.unlink(first, second, kind=kind)])

    for tool in (add_documents, delete_documents, forget, unlink):
        server.add_tool(told(tool), annotations=_WRITES)
    for adding in (remember, link):
        server.add_tool(told(adding), annotations=_ADDS)
