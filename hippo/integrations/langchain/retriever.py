"""A memory as a retriever of LangChain."""

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config, set_config_context
from pydantic import InstanceOf, model_validator

from hippo.checks import condition, moment, whole
from hippo.engine import Hippo
from hippo.errors import InputError
from hippo.integrations.langchain.batches import abatch, batch
from hippo.integrations.langchain.documents import documents_of
from hippo.integrations.memory import memory_of
from hippo.retrieval.profiles import Profile

__all__ = ["HippoRetriever"]

_OPTIONS = ("k", "where", "profile", "explain", "steps", "as_of", "recency_half_life", "newest_wins", "derived")


class HippoRetriever(BaseRetriever):
    """Ranks passages of a memory for a question.

    All options are fields, so they can be made configurable (`configurable_fields`), and arguments of `invoke`,
    `ainvoke`, `batch` and `abatch`, which are stronger. A batch is one call of the encoder and one walk.

    The id of a document is that of the passage (`Hippo.passages` shows what stands around it). Its metadata are those
    of the document it is part of, with `source` (theirs, else the document's id), `title`, `document_id`, `rank`,
    `score` and, where asked for, `explanation`: plain data, ready for JSON.

    Language models of LangChain that the memory asks (`Hippo.open(llm=chat_model)`) appear as children of the
    retriever's run in traces, those of a batch as children of the run of its first question.

    Attributes:
        index: The memory; it is not closed. None: the one at `path` is opened.
        path: Folder of an index.
        k: Number of passages.
        where: Which documents count, by a condition on their metadata; None: all.
        profile: Retrieval profile; None: the configuration's.
        explain: Whether metadata say which facts and which path led to a passage.
        steps: Rounds of retrieving and reasoning; more than one need a language model.
        as_of: Answer from what was known then; None: from the present documents.
        recency_half_life: Days after which a passage counts half; None: the profile's.
        newest_wins: Whether passages rank after newer ones that replace what they say; None: the profile's.
        derived: Whether what consolidation made counts too; None: as the profile says.

    Raises:
        FilterError: The condition is wrong.
        InputError: Neither an index nor a path, or two that differ, or an unknown argument.
        QuestionError: `k` or `steps` is less than 1, or a question is empty.
    """

    index: InstanceOf[Hippo] | None = None
    path: Path | None = None
    k: int = 5
    where: str | dict[str, Any] | None = None
    profile: str | InstanceOf[Profile] | None = None
    explain: bool = False
    steps: int = 1
    as_of: datetime | date | str | None = None
    recency_half_life: float | None = None
    newest_wins: bool | None = None
    derived: bool | None = None

    _creates: ClassVar[bool] = False
    """Whether the index may be a new one."""

    @model_validator(mode="after")
    def _open(self) -> Self:
        for name in ("k", "steps"):
            whole(name, getattr(self, name))
        condition(self.where)
        moment(self.as_of)
        self.index = memory_of(type(self).__name__, self.index, self.path, create=self._creates)
        return self

    @property
    def memory(self) -> Hippo:
        """The memory that is asked."""
        if self.index is None:
            raise InputError("the retriever has no index")
        return self.index

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Options of one call: the fields, and what was given instead of them.

        Raises:
            InputError: There is no such option.
        """
        unknown = [name for name in given if name not in _OPTIONS]
        if unknown:
            raise InputError(f"{type(self).__name__} takes {', '.join(_OPTIONS)}, got {unknown[0]!r}")
        return {name: given.get(name, getattr(self, name)) for name in _OPTIONS}

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        chosen = self.options(options)
        with set_config_context(patch_config(None, callbacks=run_manager.get_child())) as context:
            return documents_of(context.run(self.memory.retrieve, query, **chosen))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **options: Any
    ) -> list[Document]:
        chosen = self.options(options)
        with set_config_context(patch_config(None, callbacks=run_manager.get_child())) as context:
            return documents_of(await asyncio.create_task(self.memory.aretrieve(query, **chosen), context=context))

    def batch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """Documents for many questions: few calls of the encoder, one walk for a block of them.

        Args:
            inputs: The questions.
            config: One for all, or one for each; every question is a run of its own.
            return_exceptions: Whether an error takes the place of the documents of its question.
            kwargs: Options, for all questions.
        """
        return batch(self, inputs, config, kwargs, return_exceptions=return_exceptions)

    async def abatch(
        self,
        inputs: list[str],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[list[Document]]:
        """`batch` without blocking the event loop."""
        return await abatch(self, inputs, config, kwargs, return_exceptions=return_exceptions)
