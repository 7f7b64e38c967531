"""Forgetting: how much of a passage is retained, by its age, its kind, and how often it was recalled.

The forgetting curve of Ebbinghaus (1885), with a half-life h that grows by each recall, from which the age then counts,
as in MemoryBank (Zhong et al. 2023, arXiv 2305.10250):

    R = 2 ** (-age / (h · (1 + recalls)))                      in (0, 1]

A passage's score is multiplied by φ + (1 - φ) · R, φ being `Profile.retention_floor`: what is old ranks lower, and is
never gone. Ages are counted as those of recency are, from the time asked for or from the newest timestamp.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from hippo.documents.turns import SESSION
from hippo.retrieval.recency import DAY, newest_of, passage_times
from hippo.snapshot.derived import DERIVED
from hippo.snapshot.history import EVER
from hippo.store.derived import derived_kind

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from hippo.retrieval.profiles import Profile
    from hippo.snapshot.contents import Contents

__all__ = ["KIND", "Recalled", "Retention"]

KIND = "kind"
"""Key of the metadata with the kind of a document. Without it, what is derived is of its own kind ("gist", "fact",
"contradiction"), what has a session is a "turn", and all else a "document"."""

Recalled = Mapping[str, tuple[int, int]]
"""By id of a chunk: how often it was recalled, and when the last time, in microseconds since 1970."""


class Retention:
    """Kinds and times of the passages of an index.

    Args:
        contents: The index.
    """

    def __init__(self, contents: "Contents") -> None:
        self._contents = contents
        self._times = passage_times(contents)
        kinds = np.array(_kinds(contents.documents), dtype=object)
        self._kinds = kinds[contents.chunks.column("document").to_numpy()] if len(kinds) else kinds

    def left(self, profile: "Profile", until: datetime | None, recalled: Recalled) -> "NDArray[np.float64]":
        """What multiplies the score of each passage, in (0, 1], float64 `(P,)`; 1 where no age or half-life is known.

        Args:
            profile: Half-lives by kind, and the floor.
            until: From when age counts, UTC without a zone; None: from the newest timestamp.
            recalled: What was recalled.
        """
        times, counts = self._times.copy(), np.zeros(len(self._times))
        if recalled:
            keys = list(recalled)
            rows = np.asarray(pc.fill_null(pc.index_in(_strings(keys), value_set=self._chunk_ids), -1), np.int64)
            for row, key in zip(rows.tolist(), keys, strict=True):
                if row >= 0:
                    counts[row], last = recalled[key]
                    times[row] = max(int(times[row]), last) if times[row] != EVER else EVER
        half_lives = np.full(len(times), np.inf)
        for kind, days in profile.retention.items():
            half_lives[self._kinds == kind] = days
        known = (times != EVER) & np.isfinite(half_lives)
        left = np.ones(len(times))
        if known.any():
            ages = np.maximum(newest_of(self._times, until) - times[known], 0) / DAY
            kept = np.exp2(-ages / (half_lives[known] * (1.0 + counts[known])))
            left[known] = profile.retention_floor + (1.0 - profile.retention_floor) * kept
        return left

    @property
    def _chunk_ids(self) -> "pa.Array":
        return self._contents.chunks.column("chunk_id").combine_chunks()


def _kinds(documents: "pa.Table") -> list[str]:
    found = []
    for raw in documents.column("metadata").to_pylist():
        # Parsing what cannot name a kind would take most of the time.
        metadata = json.loads(raw) if any(f'"{key}"' in raw for key in (KIND, SESSION, DERIVED)) else {}
        kind = metadata.get(KIND)
        usual = derived_kind(metadata) or ("turn" if metadata.get(SESSION) is not None else "document")
        found.append(kind if isinstance(kind, str) else usual)
    return found


def _strings(values: list[str]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(values, pa.string())
