"""hippo in LangChain: a retriever, and an index that `langchain_core.indexing.index` keeps equal to a loader.

```python
from hippo import Hippo
from hippo.integrations.langchain import HippoRetriever

retriever = HippoRetriever(index=Hippo.open("my-index"), k=5)
documents = retriever.invoke("Who founded the company that built the bridge?")
```

LangChain's embeddings and chat models serve hippo in turn: `Hippo.open(path, encoder=embeddings, llm=chat_model)`.
"""

from hippo.errors import MissingExtraError

try:
    import langchain_core as _langchain_core
except ImportError as error:
    raise MissingExtraError("hippo.integrations.langchain", "langchain-core", "langchain") from error

from hippo.integrations.langchain.index import HippoIndex
from hippo.integrations.langchain.retriever import HippoRetriever

del _langchain_core

__all__ = ["HippoIndex", "HippoRetriever"]
