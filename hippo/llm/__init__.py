"""Asking language models: every reply is kept, limits are respected, failures are tried again, costs are counted.

A `Caller` wraps any `hippo.protocols.LLM` and is one itself; whoever needs a model takes an `LLM` and does not know:

    replies = Replies(folder / "replies.sqlite")
    llm = Caller(model, LLMConfig(concurrency=8, max_cost=5.0), use="extraction", replies=replies)
    completion = await llm.complete(request)
    llm.usage.cost
"""

from hippo.llm.caller import Caller
from hippo.llm.replies import REPLIES_FILE, Replies

__all__ = ["REPLIES_FILE", "Caller", "Replies"]
