"""The values that flow from stage to stage: frozen, slotted, comparable, convertible to plain data.

Offsets are in characters (code points) of the text they refer to, start inclusive, end exclusive.
"""

from hippo.types.documents import (
    Chunk,
    Document,
    Extraction,
    ExtractionFailure,
    Fact,
    Mention,
    Skipped,
    TextKind,
    Triple,
    Version,
    passage_of,
)
from hippo.types.graph import Entity, EntityPath, Link, Neighbor, Passage
from hippo.types.mixed import Consolidation, Context, ContextItem, FactHit, PrunedDocument
from hippo.types.models import Completion, LLMRequest, Message, Usage
from hippo.types.plain import to_dict
from hippo.types.reports import (
    BackgroundWork,
    Backup,
    ChangeReport,
    Estimate,
    Health,
    Problem,
    Progress,
    Pruned,
    Run,
    Status,
)
from hippo.types.results import (
    Answer,
    Citation,
    Explanation,
    Hit,
    PathStep,
    Recognition,
    Retrieval,
    SeedFact,
    SourceShare,
    Step,
)
from hippo.types.stored import DocumentEntry, StoredDocument
from hippo.types.synonyms import Synonym, SynonymDecision, SynonymName
from hippo.types.views import Sentence, Spread, View, ViewEdge, ViewNode

__all__ = [
    "Answer",
    "BackgroundWork",
    "Backup",
    "ChangeReport",
    "Chunk",
    "Citation",
    "Completion",
    "Consolidation",
    "Context",
    "ContextItem",
    "Document",
    "DocumentEntry",
    "Entity",
    "EntityPath",
    "Estimate",
    "Explanation",
    "Extraction",
    "ExtractionFailure",
    "Fact",
    "FactHit",
    "Health",
    "Hit",
    "LLMRequest",
    "Link",
    "Mention",
    "Message",
    "Neighbor",
    "Passage",
    "PathStep",
    "Problem",
    "Progress",
    "Pruned",
    "PrunedDocument",
    "Recognition",
    "Retrieval",
    "Run",
    "SeedFact",
    "Sentence",
    "Skipped",
    "SourceShare",
    "Spread",
    "Status",
    "Step",
    "StoredDocument",
    "Synonym",
    "SynonymDecision",
    "SynonymName",
    "TextKind",
    "Triple",
    "Usage",
    "Version",
    "View",
    "ViewEdge",
    "ViewNode",
    "passage_of",
    "to_dict",
]
