"""What the first question to a snapshot would wait for, done before there is one."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from hippo.retrieval.profiles import Profile
from hippo.retrieval.retrieve import Retriever

__all__ = ["prepare"]

_CHARACTERS = 200
"""Of the passage that is asked for."""


def prepare(retriever: Retriever, profile: Profile) -> None:
    """Ask once, with a passage for a question. Nothing is encoded, and no model asked.

    Args:
        retriever: Of a snapshot.
        profile: What will be asked for.
    """
    retriever = retriever.showing(derived=profile.derived)
    contents = retriever.contents
    vectors = contents.vectors.get("passage")
    query = vectors[:1].astype(np.float32, copy=False) if vectors is not None and len(vectors) else None
    if not contents.n_chunks or (query is None and profile.ranking in ("dense", "hybrid")):
        return
    asked = [contents.chunks.column("text")[0].as_py()[:_CHARACTERS]]
    profile = replace(profile, linking="facts")
    retriever.asked(asked, profile, datetime.now(UTC).replace(tzinfo=None))
    retriever.opened(asked, profile)
    retriever.retrieve(asked, query, profile, k=1)
