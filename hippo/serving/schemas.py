"""Bodies of requests, checked by pydantic; they are the schema that /openapi.json shows."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "AskRequest",
    "ChatMessage",
    "ChatRequest",
    "ConsolidateRequest",
    "ContextRequest",
    "DeleteRequest",
    "DocumentBody",
    "DocumentsRequest",
    "ForgetRequest",
    "LinkRequest",
    "ManyRequest",
    "PruneRequest",
    "RecallRequest",
    "RememberRequest",
    "RetrieveRequest",
    "UnlinkRequest",
    "UpdateRequest",
]

Question = Annotated[str, StringConstraints(min_length=1, max_length=32_768, pattern=r"\S")]
Where = str | dict[str, Any] | None
Message = str | dict[str, Any]

_QUESTION = "Where was the man born whom Ada Lovelace worked with?"
_WHERE = "A condition on the metadata of documents, as text or as a mapping: `year >= 2020 and lang = 'en'`."


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Search(_Body):
    k: int = Field(5, ge=1, description="Number of passages.")
    profile: str | None = Field(None, description="Retrieval profile; null: the server's.", examples=["hippo"])
    explain: bool = Field(False, description="Whether hits say which facts and which path led to them.")
    where: Where = Field(None, description=_WHERE, examples=["year >= 1800"])
    as_of: str | None = Field(
        None, description="Ask what was known at this time, ISO 8601; null: now.", examples=["2024-05-01"]
    )
    recency_half_life: float | None = Field(
        None, ge=1e-6, allow_inf_nan=False, description="Days after which a document counts half; null: the profile's."
    )
    newest_wins: bool | None = Field(None, description="Whether newer statements go before older ones.")
    derived: bool | None = Field(
        None, description="Whether gists, joined facts and contradictions count too; null: as the profile says."
    )

    def options(self) -> dict[str, Any]:
        """Keywords of `Hippo.retrieve` and `Hippo.ask`."""
        return self.model_dump(include=set(_Search.model_fields) | {"steps", "reasoning", "history", "max_tokens"})


class RetrieveRequest(_Search):
    """A question."""

    question: Question = Field(description="The question.", examples=[_QUESTION])
    steps: int = Field(1, ge=1, le=8, description="Rounds of retrieving and reasoning, by the language model.")


class ManyRequest(_Search):
    """Many questions."""

    questions: list[Question] = Field(min_length=1, description="The questions.", examples=[[_QUESTION]])
    steps: int = Field(1, ge=1, le=8, description="Rounds of retrieving and reasoning, by the language model.")


class AskRequest(_Search):
    """A question to be answered."""

    question: Question = Field(description="The question.", examples=[_QUESTION])
    steps: int | None = Field(None, ge=1, le=8, description="Rounds of retrieval; null: the server's.")
    reasoning: bool | None = Field(None, description="Whether the model thinks first; null: as the server has it.")
    history: list[Message] = Field(
        [],
        description="What was said before, oldest first: messages with `role` and `content`. The question may go on.",
        examples=[[]],
    )
    max_tokens: int | None = Field(
        None, ge=1, description="Most tokens of the answer, if fewer than the server's; null: these."
    )
    stream: bool = Field(False, description="Whether the answer comes piece by piece, as server-sent events.")


class DocumentBody(_Body):
    """A document."""

    text: str = Field(description="The text.", examples=["Ada Lovelace worked with Charles Babbage."])
    id: str | None = Field(None, description="Its id; null: a hash of title and text.", examples=["ada"])
    title: str | None = Field(None, description="Its title.", examples=["Ada Lovelace"])
    metadata: dict[str, Any] = Field({}, description="A JSON object, for conditions.", examples=[{"year": 1843}])
    timestamp: str | None = Field(None, description="ISO 8601.", examples=["1843-09-01"])


class DocumentsRequest(_Body):
    """Documents to add."""

    documents: list[DocumentBody] = Field(min_length=1, description="The documents.")


class UpdateRequest(_Body):
    """New values of a document; what is not named stays."""

    text: str | None = Field(None, description="Its new text.", examples=["He was born in London."])
    title: str | None = Field(None, description="Its new title, with the text; null: none.")
    metadata: dict[str, Any] | None = Field(None, description="In place of all its metadata.")
    timestamp: str | None = Field(None, description="ISO 8601; null: unknown.")


class DeleteRequest(_Body):
    """Documents to delete: by id or by a condition."""

    ids: list[str] | None = Field(None, description="Their ids.", examples=[["ada"]])
    where: Where = Field(None, description=_WHERE)
    missing_ok: bool = Field(False, description="Pass over ids that the index does not hold.")
    forget: bool = Field(False, description="Leave nothing of them, earlier versions included.")
    dry_run: bool = Field(False, description="Only list the documents that would go.")


Session = Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None
_SESSION = "Name of a conversation."


class RememberRequest(_Body):
    """A text to remember, or the messages of a conversation."""

    text: str | None = Field(None, description="The text.", examples=["Ada Lovelace moved to London."])
    messages: list[Message] | None = Field(
        None, description="In its place: messages with `role` and `content`, or texts.", min_length=1
    )
    session: Session = Field(None, description=_SESSION, examples=["chat-7"])
    timestamp: str | None = Field(None, description="When it was said, ISO 8601; null: now.")
    metadata: dict[str, Any] = Field({}, description="A JSON object, for conditions; `speaker` says who.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.text is None) == (self.messages is None):
            raise ValueError("give either text or messages")
        return self

    def what(self) -> str | list[Message]:
        """What is to be remembered."""
        return self.text if self.text is not None else self.messages or []


class RecallRequest(_Search):
    """A question to what was remembered."""

    question: Question = Field(description="The question.", examples=[_QUESTION])
    session: Session = Field(None, description=f"{_SESSION} null: all.")


class ContextRequest(_Body):
    """A question whose context is wanted."""

    question: Question = Field(description="The question.", examples=[_QUESTION])
    budget_tokens: int = Field(2000, ge=32, le=1_000_000, description="Most tokens, estimated from words.")
    k: int = Field(20, ge=1, description="Passages that are considered, and as many facts.")
    kinds: list[Literal["facts", "triples", "gists", "passages"]] | None = Field(
        None, description="What may be in it; null: all."
    )
    session: Session = Field(None, description=f"{_SESSION} null: all.")
    profile: str | None = Field(None, description="Retrieval profile; null: the server's.", examples=["hippo"])
    where: Where = Field(None, description=_WHERE, examples=["year >= 1800"])
    as_of: str | None = Field(None, description="What was known at this time, ISO 8601; null: now.")
    recency_half_life: float | None = Field(
        None, ge=1e-6, allow_inf_nan=False, description="Days after which a document counts half; null: the profile's."
    )
    newest_wins: bool | None = Field(None, description="Whether newer statements go before older ones.")


class ConsolidateRequest(_Body):
    """What is to be made of what the index holds."""

    kinds: list[Literal["facts", "gists", "contradictions"]] | None = Field(
        None, description="What is made anew; null: all.", examples=[["gists"]]
    )
    abstractive: bool = Field(False, description="Whether the server's language model puts gists into its own words.")


class ForgetRequest(_Body):
    """What to forget: by ids, or by a session or a condition."""

    ids: list[str] | None = Field(None, description="Ids of documents.", examples=[["ada"]])
    session: Session = Field(None, description=_SESSION)
    where: Where = Field(None, description=_WHERE)
    missing_ok: bool = Field(False, description="Pass over ids that are not known.")
    dry_run: bool = Field(False, description="Only list what would be forgotten.")


class PruneRequest(_Body):
    """A policy; what is given has to hold together."""

    older_than: float | None = Field(None, ge=0, allow_inf_nan=False, description="Days.", examples=[365])
    retention_below: float | None = Field(
        None, ge=0, le=1, description="What the profile's forgetting curve leaves of a document."
    )
    where: Where = Field(None, description=_WHERE)
    session: Session = Field(None, description=_SESSION)
    keep_newest: int = Field(0, ge=0, description="Newest documents of each session that stay in any case.")
    as_of: str | None = Field(None, description="From when ages count, ISO 8601; null: from the newest timestamp.")
    profile: str | None = Field(None, description="Whose forgetting curve counts; null: the server's.")
    dry_run: bool = Field(True, description="Only list what would go.")
    forget: bool = Field(False, description="Leave nothing of it, no older versions either.")


class LinkRequest(_Body):
    """Two things that belong together."""

    first: str = Field(description="Id of a document or passage, or name of an entity.", examples=["ada"])
    second: str = Field(description="Another of these.", examples=["charles"])
    kind: str = Field("link", description="What joins them.", examples=["cites"])
    weight: float = Field(1.0, gt=0, allow_inf_nan=False, description="Weight of the edge.")


class UnlinkRequest(_Body):
    """Links to take away."""

    first: str = Field(description="As it was linked.", examples=["ada"])
    second: str = Field(description="As it was linked.", examples=["charles"])
    kind: str | None = Field(None, description="Only of this kind; null: of all kinds.")


class _Part(BaseModel):
    type: str
    text: str | None = None


_SPEECH = ("text", "input_text", "output_text", "refusal")


class ChatMessage(BaseModel):
    """A message of a chat completion."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[_Part] | None = None
    name: str | None = None

    def text(self) -> str:
        """What it says."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.type in _SPEECH and part.text)
        return self.content or ""

    def other_kinds(self) -> list[str]:
        """Types of what it holds besides text."""
        parts = self.content if isinstance(self.content, list) else []
        return [part.type for part in parts if part.type not in _SPEECH]


class _StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """A chat completion as OpenAI's API has it. What is not listed here is accepted and has no effect."""

    model: str = Field("hippo", description="hippo, or hippo/PROFILE.", examples=["hippo"])
    messages: list[ChatMessage] = Field(
        min_length=1,
        description="The last message of the role user is the question; it may go on those before it. Messages of the "
        "system say how to answer.",
        examples=[[{"role": "user", "content": _QUESTION}]],
    )
    stream: bool | None = Field(False, description="Whether the answer comes in chunks.")
    stream_options: _StreamOptions | None = None
    max_completion_tokens: int | None = Field(None, ge=1, description="Most tokens of the answer; null: the server's.")
    max_tokens: int | None = Field(None, ge=1, description="The same, as older clients have it.")
    n: Literal[1] | None = 1

    def limit(self) -> int | None:
        """Most tokens of the answer, where the client says so."""
        return self.max_completion_tokens or self.max_tokens
