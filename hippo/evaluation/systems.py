"""What is measured: profiles of an index, and retrievers of any other kind."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hippo.errors import InputError
from hippo.retrieval.profiles import Profile
from hippo.types import Usage

__all__ = ["Found", "Invokable", "Retrieve", "System", "as_retrieve", "named"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a retriever of another kind found for a question.

    Attributes:
        documents: Ids of documents, best first; of repeats the first one counts.
        answer: What it answers; None: it gives none.
        usage: What language models took for it.
    """

    documents: Sequence[str]
    answer: str | None = None
    usage: Usage = field(default_factory=Usage)


@runtime_checkable
class Invokable(Protocol):
    """A retriever of LangChain: its documents carry their id as metadata, `document_id`, or as `id`."""

    def invoke(self, input: str) -> Any:  # noqa: A002
        """Documents for a question, best first."""


Retrieve = Callable[[str, int], Sequence[str] | Found]
"""A question and the number of documents wanted, to the ids of documents, best first."""

System = str | Profile | Retrieve | Invokable
"""A profile or its name, any function of a question and a number, or a retriever of LangChain."""


def named(systems: Sequence[str | Profile] | Mapping[str, System]) -> dict[str, System]:
    """Systems by the name under which results show them, without repeats.

    Examples:
        >>> named(["hippo", "bm25", "hippo"])
        {'hippo': 'hippo', 'bm25': 'bm25'}
    """
    if isinstance(systems, Mapping):
        return dict(systems)
    return {system.name if isinstance(system, Profile) else system: system for system in systems}


def as_retrieve(name: str, system: object) -> Callable[[str, int], Found]:
    """A function that gives a `Found`.

    Args:
        name: For messages.
        system: Any function, or a retriever of LangChain; how many documents that one gives is its own affair.

    Raises:
        InputError: It is neither.
    """
    if isinstance(system, Invokable):
        return lambda question, _: Found([_identity(name, document) for document in system.invoke(question)])
    if not callable(system):
        kinds = "a profile, a function of a question and a number, or a retriever with invoke()"
        raise InputError(f"system {name!r} must be {kinds}, got {type(system).__name__}")

    def retrieve(question: str, k: int) -> Found:
        found = system(question, k)
        if isinstance(found, Found):
            return found
        if isinstance(found, str) or not isinstance(found, Iterable):
            raise InputError(f"system {name!r} must give ids of documents or a Found, got {found!r}")
        ids = list(found)
        if wrong := [identity for identity in ids if not isinstance(identity, str)]:
            raise InputError(f"system {name!r} must give ids of documents, which are texts, got {wrong[0]!r}")
        return Found(ids)

    return retrieve


def _identity(name: str, document: Any) -> str:
    """The id of a document of LangChain: a passage's own id comes second to that of its document."""
    metadata = getattr(document, "metadata", None) or {}
    for identity in (metadata.get("document_id"), getattr(document, "id", None), metadata.get("id")):
        if isinstance(identity, str) and identity:
            return identity
    raise InputError(f"system {name!r}: a document without an id. Give its metadata a `document_id`")
