"""Where work runs: the stages of a job, in this process, in a pool of processes, or on a Ray cluster.

```
files ─► units ─► read ─► chunk ─► extract ─► embed ─► assemble ─► store, snapshot
                  └────────── on an executor ──────┘   └─ here, from shards ─┘
```

What runs is the same code everywhere, and so is what comes of it.
"""

from hippo.execution.answers import answer_batch
from hippo.execution.build import build_index, extract_only
from hippo.execution.cluster import RayExecutor
from hippo.execution.local import LocalExecutor
from hippo.execution.rankings import evaluate_batch, rank_batch
from hippo.execution.report import BatchReport, BuildReport, StageReport
from hippo.execution.stage import Executor, Plan, Row, Stage

__all__ = [
    "BatchReport",
    "BuildReport",
    "Executor",
    "LocalExecutor",
    "Plan",
    "RayExecutor",
    "Row",
    "Stage",
    "StageReport",
    "answer_batch",
    "build_index",
    "evaluate_batch",
    "extract_only",
    "rank_batch",
]
