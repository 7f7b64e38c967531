"""A language model whose every reply is paid for, and written down at the moment it is handed over."""

import os
from collections import Counter
from contextlib import closing
from pathlib import Path

from hippo.llm import REPLIES_FILE, Replies
from hippo.testing import ScriptedLLM
from hippo.types import Completion, LLMRequest

__all__ = ["PaidLLM", "kept", "paid"]


class PaidLLM(ScriptedLLM):
    """Answers by rules; the key of each reply is appended to a file.

    Args:
        book: The file.
    """

    def __init__(self, book: Path) -> None:
        super().__init__()
        self._book = book

    async def complete(self, request: LLMRequest) -> Completion:
        """The reply, paid for before it is handed over."""
        completion = await super().complete(request)
        descriptor = os.open(self._book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{Replies.key(self.fingerprint, request)}\n".encode())
        finally:
            os.close(descriptor)
        return completion


def paid(book: Path) -> Counter[str]:
    """How often each reply was paid for, by key."""
    return Counter(book.read_text(encoding="utf-8").split()) if book.exists() else Counter()


def kept(root: Path, keys: Counter[str]) -> set[str]:
    """Those of the keys whose replies an index holds."""
    with closing(Replies(root / REPLIES_FILE)) as replies:
        return set(replies.get_many(keys))
