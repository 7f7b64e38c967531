"""Many questions of a retriever at once, each as a run of its own in traces.

Language models are asked for all of them together, so their runs are children of the first one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from langchain_core.callbacks import AsyncCallbackManager, CallbackManager
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import get_config_list, patch_config, set_config_context

from hippo.background import in_thread
from hippo.integrations.langchain.documents import documents_of

if TYPE_CHECKING:
    from hippo.integrations.langchain.retriever import HippoRetriever

__all__ = ["abatch", "batch"]

Configs = RunnableConfig | Sequence[RunnableConfig] | None
Options = Mapping[str, Any]
Outcome = list[Document] | Exception
M = TypeVar("M", CallbackManager, AsyncCallbackManager)


def batch(
    retriever: "HippoRetriever",
    inputs: Sequence[str],
    config: Configs,
    options: Options,
    *,
    return_exceptions: bool,
) -> list[list[Document]]:
    """What `HippoRetriever.batch` does."""
    if not inputs:
        return []
    configs = get_config_list(config, len(inputs))
    managers = _managers(CallbackManager, retriever, config, configs)
    names = [_named(retriever, one) for one in configs]
    runs = [
        manager.on_retriever_start(None, query, **name)
        for manager, query, name in zip(managers, inputs, names, strict=True)
    ]
    try:
        with set_config_context(patch_config(None, callbacks=runs[0].get_child())) as context:
            outcomes = context.run(_outcomes, retriever, inputs, options, each=return_exceptions)
    except BaseException as error:
        for run in runs:
            run.on_retriever_error(error)
        raise
    for run, outcome in zip(runs, outcomes, strict=True):
        if isinstance(outcome, Exception):
            run.on_retriever_error(outcome)
        else:
            run.on_retriever_end(outcome)
    return _returned(outcomes, return_exceptions=return_exceptions)


async def abatch(
    retriever: "HippoRetriever",
    inputs: Sequence[str],
    config: Configs,
    options: Options,
    *,
    return_exceptions: bool,
) -> list[list[Document]]:
    """What `HippoRetriever.abatch` does."""
    if not inputs:
        return []
    configs = get_config_list(config, len(inputs))
    managers = _managers(AsyncCallbackManager, retriever, config, configs)
    names = [_named(retriever, one) for one in configs]
    runs = await asyncio.gather(
        *(
            manager.on_retriever_start(None, query, **name)
            for manager, query, name in zip(managers, inputs, names, strict=True)
        )
    )
    try:
        with set_config_context(patch_config(None, callbacks=runs[0].get_child())) as context:
            asked = in_thread(_outcomes, retriever, inputs, options, each=return_exceptions)
            outcomes = await asyncio.create_task(asked, context=context)
    except BaseException as error:
        await asyncio.gather(*(run.on_retriever_error(error) for run in runs))
        raise
    for run, outcome in zip(runs, outcomes, strict=True):
        if isinstance(outcome, Exception):
            await run.on_retriever_error(outcome)
        else:
            await run.on_retriever_end(outcome)
    return _returned(outcomes, return_exceptions=return_exceptions)


def _returned(outcomes: list[Outcome], *, return_exceptions: bool) -> list[list[Document]]:
    first = next((outcome for outcome in outcomes if isinstance(outcome, Exception)), None)
    if first is not None and not return_exceptions:
        raise first
    return cast("list[list[Document]]", outcomes)  # with exceptions in it, as LangChain's own batches


def _outcomes(retriever: "HippoRetriever", queries: Sequence[str], options: Options, *, each: bool) -> list[Outcome]:
    """Documents or error of every question.

    Args:
        retriever: Whose memory is asked.
        queries: The questions.
        options: Of the call.
        each: Whether an error in the block is looked for question by question.
    """
    chosen, memory = retriever.options(options), retriever.memory
    askable = [query for query in queries if isinstance(query, str) and query.strip()]

    def alone(query: str) -> Outcome:
        try:
            return documents_of(memory.retrieve(query, **chosen))
        except Exception as error:
            return error

    if len(askable) > 1:
        try:
            found = iter(memory.retrieve_many(askable, **chosen))
        except Exception:
            if not each:
                raise
        else:
            return [
                documents_of(next(found)) if isinstance(query, str) and query.strip() else alone(query)
                for query in queries
            ]
    return [alone(query) for query in queries]


def _start(retriever: "HippoRetriever", config: RunnableConfig) -> dict[str, Any]:
    """How the run of one question begins, as `BaseRetriever.invoke` has it."""
    return {
        "inheritable_callbacks": config.get("callbacks"),
        "inheritable_tags": config.get("tags"),
        "local_tags": retriever.tags,
        "inheritable_metadata": {**(config.get("metadata") or {}), **retriever._get_ls_params()},
        "local_metadata": retriever.metadata,
    }


def _managers(kind: type[M], retriever: "HippoRetriever", config: Configs, configs: list[RunnableConfig]) -> list[M]:
    """Who is told of the run of each question; where one configuration is for all, it is made of it once.

    Args:
        kind: Of the managers.
        retriever: Whose runs they are.
        config: As it was given.
        configs: Those of the questions.
    """
    if isinstance(config, Sequence):
        return [kind.configure(**_start(retriever, one)) for one in configs]
    return [kind.configure(**_start(retriever, configs[0]))] * len(configs)


def _named(retriever: "HippoRetriever", config: RunnableConfig) -> dict[str, Any]:
    """What the run of a question goes by."""
    return {"name": config.get("run_name") or retriever.get_name(), "run_id": config.get("run_id")}
