"""Documents in, chunks out: read files and Python values, find sentences, cut chunks.

```
files, folders ── iter_documents ──┐
                                   ├─► Document ── Chunker ─► Chunk
Python values ─── coerce_documents ┘
```
"""

from hippo.documents.chunk import SentenceChunker, WholeDocumentChunker
from hippo.documents.formats import KNOWN_SUFFIXES
from hippo.documents.limits import Limits
from hippo.documents.load import check_unique, coerce_documents, iter_documents
from hippo.documents.messages import conversation
from hippo.documents.records import Columns
from hippo.documents.sentences import sentence_spans
from hippo.documents.tokens import WordCounter
from hippo.documents.turns import turn

__all__ = [
    "KNOWN_SUFFIXES",
    "Columns",
    "Limits",
    "SentenceChunker",
    "WholeDocumentChunker",
    "WordCounter",
    "check_unique",
    "coerce_documents",
    "conversation",
    "iter_documents",
    "sentence_spans",
    "turn",
]
