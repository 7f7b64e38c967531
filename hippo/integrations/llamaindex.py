"""hippo in LlamaIndex: a retriever, and a transform that finds entities and facts as hippo does.

```python
from hippo.integrations.llamaindex import HippoRetriever

retriever = HippoRetriever(path="my-index", k=5)
nodes = retriever.retrieve("Who founded the company that built the bridge?")
```
"""

import os
from collections.abc import Sequence
from typing import Any

from hippo.background import in_thread
from hippo.checks import AsOf, Where, condition, moment, whole
from hippo.config import Config, load_config
from hippo.engine import Hippo
from hippo.errors import InputError, MissingExtraError
from hippo.integrations.memory import memory_of, metadata_of
from hippo.llm import Caller
from hippo.parts import as_llm, by_section, make_extractor, make_llm
from hippo.protocols import LLM, Extractor
from hippo.retrieval.profiles import Profile
from hippo.types import Chunk, Extraction, ExtractionFailure, Fact, Retrieval

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.callbacks.base import CallbackManager
    from llama_index.core.graph_stores.types import KG_NODES_KEY, KG_RELATIONS_KEY, EntityNode
    from llama_index.core.graph_stores.types import Relation as GraphRelation
    from llama_index.core.schema import (
        BaseNode,
        NodeRelationship,
        NodeWithScore,
        QueryBundle,
        RelatedNodeInfo,
        TextNode,
        TransformComponent,
    )
    from pydantic import PrivateAttr
except ImportError as error:
    raise MissingExtraError("hippo.integrations.llamaindex", "llama-index-core", "llamaindex") from error

__all__ = ["FACTS_KEY", "FAILURE_KEY", "HippoExtractor", "HippoRetriever"]

FACTS_KEY = "facts"
"""Metadata of a node: texts of the facts that `HippoExtractor` found."""
FAILURE_KEY = "extraction_failure"
"""Metadata of a node that `HippoExtractor` could not read: why."""
_UNSAID = "RELATED_TO"
"""Label of a relation that a sentence says, without a predicate of its own."""
_FOR_PROGRAMS = ("document_id", "rank", "score", "superseded_by", "explanation")
"""Metadata that neither a language model nor an encoder should read."""


class HippoRetriever(BaseRetriever):
    """Ranks passages of a memory for a question.

    The id of a node is that of the passage (`Hippo.passages` shows what stands around it), its source the document. Its
    metadata are those of the document, with `source`, `title`, `document_id`, `rank`, `score` and, where asked for,
    `explanation`: plain data; language models and encoders are shown only what a reader would want to see.

    Args:
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
        callback_manager: Of LlamaIndex.
        verbose: As `BaseRetriever` has it.

    Raises:
        FilterError: The condition is wrong.
        IndexPathError: There is no index at the path.
        InputError: Neither an index nor a path, or two that differ.
        QuestionError: `k` or `steps` is less than 1.
    """

    def __init__(
        self,
        *,
        index: Hippo | None = None,
        path: str | os.PathLike[str] | None = None,
        k: int = 5,
        where: Where = None,
        profile: str | Profile | None = None,
        explain: bool = False,
        steps: int = 1,
        as_of: AsOf = None,
        recency_half_life: float | None = None,
        newest_wins: bool | None = None,
        derived: bool | None = None,
        callback_manager: CallbackManager | None = None,
        verbose: bool = False,
    ) -> None:
        condition(where)
        moment(as_of)
        self.options: dict[str, Any] = {
            "k": whole("k", k),
            "where": where,
            "profile": profile,
            "explain": explain,
            "steps": whole("steps", steps),
            "as_of": as_of,
            "recency_half_life": recency_half_life,
            "newest_wins": newest_wins,
            "derived": derived,
        }
        self.memory = memory_of(type(self).__name__, index, path)
        super().__init__(callback_manager=callback_manager, verbose=verbose)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(self.memory.retrieve(query_bundle.query_str, **self.options))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return _nodes(await self.memory.aretrieve(query_bundle.query_str, **self.options))


def _nodes(retrieval: Retrieval) -> list[NodeWithScore]:
    return [
        NodeWithScore(
            node=TextNode(
                id_=hit.chunk_id,
                text=hit.text,
                metadata=metadata_of(hit),
                excluded_llm_metadata_keys=[*_FOR_PROGRAMS],
                excluded_embed_metadata_keys=[*_FOR_PROGRAMS],
                relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=hit.document_id)},
            ),
            score=hit.score,
        )
        for hit in retrieval.hits
    ]


class HippoExtractor(TransformComponent):
    """Finds entities and facts in nodes, by rules unless told otherwise: no language model is needed.

    It fits into an ingestion pipeline and into the `kg_extractors` of a `PropertyGraphIndex`: entities and relations
    go where that looks for them, texts of the facts into `metadata["facts"]`. A node that could not be read is left
    with the reason in `metadata["extraction_failure"]`.

    Args:
        extractor: Name of an extractor ("pattern", "spacy", "llm", several as "pattern+llm") or an object.
        llm: Language model for the extractor, as `Hippo.open` takes it.
        config: Configuration: options of the extractor, and limits, retries and budget of the language model. Replies
            are not kept; LlamaIndex caches what a transform returns.

    Attributes:
        fingerprint: Of the extractor; LlamaIndex keeps its caches apart by it.
    """

    fingerprint: str = ""
    _extractor: Extractor = PrivateAttr()
    _made_of: tuple[Any, ...] = PrivateAttr(())

    def __init__(
        self, extractor: str | Extractor = "pattern", *, llm: Any = None, config: Config | str | None = None
    ) -> None:
        super().__init__()
        if isinstance(extractor, str):
            self._made_of = extractor, llm, config
            extractor = _made(*self._made_of)
        self._extractor, self.fingerprint = extractor, extractor.fingerprint

    @classmethod
    def class_name(cls) -> str:
        """Name under which LlamaIndex knows the transform."""
        return "HippoExtractor"

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:  # noqa: ARG002 - LlamaIndex's
        """The nodes, with what was found in them."""
        outcomes = self._found_again().extract([_chunk(node) for node in nodes])
        for node, outcome in zip(nodes, outcomes, strict=True):
            _write(node, outcome)
        return nodes

    def _found_again(self) -> Extractor:
        """The extractor; made anew in a worker process, whereto LlamaIndex takes nothing that holds locks."""
        known = self.__pydantic_private__ or {}
        if "_extractor" not in known:
            if not known.get("_made_of"):
                raise InputError("the extractor or its model does not travel to other processes; name both by texts")
            self._extractor = _made(*self._made_of)
        return self._extractor

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """The same without blocking the event loop."""
        return await in_thread(self.__call__, nodes, **kwargs)


def _made(extractor: str, llm: Any, config: Config | str | None) -> Extractor:
    model = as_llm(llm)
    settings = load_config(config, by_section(None, extractor=extractor, llm=model))
    return make_extractor(settings, lambda: _caller(settings, model))


def _caller(settings: Config, model: "str | LLM | None") -> LLM:
    """The model with the limits, retries and budget of the configuration; one that has its own stays as it is."""
    if isinstance(model, Caller):
        return model
    return Caller(model if isinstance(model, LLM) else make_llm(settings, "extraction"), settings.llm, use="extraction")


def _chunk(node: BaseNode) -> Chunk:
    text, title = node.get_content(), node.metadata.get("title")
    title = title if isinstance(title, str) and title else None
    return Chunk(node.node_id, node.ref_doc_id or node.node_id, 0, text, 0, len(text), title)


def _write(node: BaseNode, outcome: Extraction | ExtractionFailure) -> None:
    for key in (FACTS_KEY, FAILURE_KEY):
        node.metadata.pop(key, None)
        for excluded in (node.excluded_embed_metadata_keys, node.excluded_llm_metadata_keys):
            excluded += [] if key in excluded else [key]
    entities: dict[str, EntityNode] = {}
    relations: list[GraphRelation] = []
    if isinstance(outcome, ExtractionFailure):
        node.metadata[FAILURE_KEY] = outcome.reason
    else:
        node.metadata[FACTS_KEY] = [fact.text for fact in outcome.facts]
        spellings = {mention.key: mention.surface for mention in reversed(outcome.mentions)}
        keys = {*spellings, *(key for fact in outcome.facts for key in fact.entities)}
        # By key, so that all spellings of a name are one entity of the graph.
        entities = {key: EntityNode(name=key, properties={"name": spellings.get(key, key)}) for key in sorted(keys)}
        pairs = ((fact, left, right) for fact in outcome.facts for left, right in fact.relations)
        relations = [_relation(fact, entities[left], entities[right]) for fact, left, right in pairs]
    for key, found in ((KG_NODES_KEY, list(entities.values())), (KG_RELATIONS_KEY, relations)):
        # Those of other extractors stay; those of an earlier pass are there once.
        node.metadata[key] = [*(one for one in node.metadata.get(key, []) if one not in found), *found]


def _relation(fact: Fact, left: EntityNode, right: EntityNode) -> GraphRelation:
    label = fact.triple.predicate if fact.triple else _UNSAID
    return GraphRelation(label=label, source_id=left.id, target_id=right.id, properties={"sentence": fact.text})
