"""Reading: from retrieved passages to an answer with citations, and retrieval in several steps.

```
Retrieval ── prompt (context, marks) ─► LLM ─► reply ─► Answer
    ▲                                    │
    └─────────── steps (fusion) ◄────────┘
```
"""

from hippo.reader.answer import Reader
from hippo.reader.following import retrieve_in_context
from hippo.reader.fusion import fuse, mix
from hippo.reader.history import History
from hippo.reader.marks import without_citations
from hippo.reader.prompt import ANSWER_VERSION, THOUGHT_VERSION, Prompt, build, build_thought
from hippo.reader.reply import NOT_FOUND
from hippo.reader.steps import retrieve_in_steps

__all__ = [
    "ANSWER_VERSION",
    "NOT_FOUND",
    "THOUGHT_VERSION",
    "History",
    "Prompt",
    "Reader",
    "build",
    "build_thought",
    "fuse",
    "mix",
    "retrieve_in_context",
    "retrieve_in_steps",
    "without_citations",
]
