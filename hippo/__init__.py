"""hippo: graph-based long-term memory for language models.

```python
from hippo import Hippo

memory = Hippo.open("my-index")
memory.add_files("notes/")
for hit in memory.retrieve("Who founded the company that built the bridge?").hits:
    print(hit.rank, hit.title, hit.text)
```
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "AnswerStream",
    "ChangeReport",
    "Chunk",
    "Citation",
    "Columns",
    "Config",
    "Context",
    "Document",
    "DocumentEntry",
    "Entity",
    "EntityPath",
    "Estimate",
    "Explanation",
    "Fact",
    "FactHit",
    "Hippo",
    "HippoError",
    "Hit",
    "Link",
    "Neighbor",
    "Passage",
    "PathStep",
    "Profile",
    "ProgressBars",
    "Recognition",
    "Retrieval",
    "SeedFact",
    "Skipped",
    "Status",
    "StoredDocument",
    "Synonym",
    "SynonymDecision",
    "Triple",
    "Usage",
    "Version",
    "load_config",
]

_HOMES = {
    "Answer": "types",
    "AnswerStream": "answers",
    "ChangeReport": "types",
    "Chunk": "types",
    "Citation": "types",
    "Columns": "documents",
    "Config": "config",
    "Context": "types",
    "Document": "types",
    "DocumentEntry": "types",
    "Entity": "types",
    "EntityPath": "types",
    "Estimate": "types",
    "Explanation": "types",
    "Fact": "types",
    "FactHit": "types",
    "Hippo": "engine",
    "HippoError": "errors",
    "Hit": "types",
    "Link": "types",
    "Neighbor": "types",
    "Passage": "types",
    "PathStep": "types",
    "Profile": "retrieval.profiles",
    "ProgressBars": "progress",
    "Recognition": "types",
    "Retrieval": "types",
    "SeedFact": "types",
    "Skipped": "types",
    "Status": "types",
    "StoredDocument": "types",
    "Synonym": "types",
    "SynonymDecision": "types",
    "Triple": "types",
    "Usage": "types",
    "Version": "types",
    "load_config": "config",
}

if TYPE_CHECKING:
    from hippo.answers import AnswerStream
    from hippo.config import Config, load_config
    from hippo.documents import Columns
    from hippo.engine import Hippo
    from hippo.errors import HippoError
    from hippo.progress import ProgressBars
    from hippo.retrieval.profiles import Profile
    from hippo.types import (
        Answer,
        ChangeReport,
        Chunk,
        Citation,
        Context,
        Document,
        DocumentEntry,
        Entity,
        EntityPath,
        Estimate,
        Explanation,
        Fact,
        FactHit,
        Hit,
        Link,
        Neighbor,
        Passage,
        PathStep,
        Recognition,
        Retrieval,
        SeedFact,
        Skipped,
        Status,
        StoredDocument,
        Synonym,
        SynonymDecision,
        Triple,
        Usage,
        Version,
    )


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that `import hippo` stays fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'hippo' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"hippo.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
