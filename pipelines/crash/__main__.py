"""Crashes, failing disks and flipped bits: does an index lose or double anything?

    python -m pipelines.crash --kills 500 --points 300 --faults 500 --full 100 --flips 300 --log runs/crash.jsonl
    python -m pipelines.crash --kills 10 --points 45 --faults 10 --full 5 --flips 10

Each trial takes an index in the middle of a history: documents are added, updated, deleted and synchronised with a
folder, remembered, merged and forgotten, snapshots are published and pruned, stores of older versions are brought up to
date; every third history extracts by a language model whose every reply is paid for. The next operation then comes to
harm:

* "kill": SIGKILL at a random moment;
* "point": SIGKILL at a named point of the library, each in turn (`pipelines.crash.points`);
* "fault": one write, fsync, rename or the like fails with an input/output error;
* "full": the disk is full, a small file system in memory; where none can be mounted, calls fail for want of space;
* "flip": one bit is flipped, in a snapshot, another file, or a log that a crash has left.

Then readers must see the state before or after the operation, complete; `hippo.maintenance.check` must find nothing
wrong but the flipped bit, which has to be named where it changes anything, and repaired; doing the operation again must
finish it and give bit by bit what a fresh index of the same documents holds; and no reply that was kept may be paid
for again. Whatever else happens is a finding; then the exit status is 1.

Trials depend on the seed, the number of histories and their own numbers. With `--log` their outcomes are appended to a
file, and those that are there are not made again: so many trials can be made in pieces, and beside each other from
different `--first`.
"""

import os
import sys
import tempfile
from pathlib import Path

from pipelines.common import new_parser
from pipelines.crash.disk import build_shim, with_shim

_SHIM = "HIPPO_CRASH_FOLDER"


def main() -> None:
    """Parse arguments, and make the trials in a process that the failing disk is loaded into."""
    parser = new_parser(__doc__)
    parser.add_argument("--kills", type=int, default=50, help="processes killed at random moments")
    parser.add_argument("--points", type=int, default=45, help="processes killed at named points")
    parser.add_argument("--faults", type=int, default=50, help="calls to the disk that fail, one in a trial")
    parser.add_argument("--full", type=int, default=10, help="disks that run full")
    parser.add_argument("--flips", type=int, default=30, help="bits that are flipped, one in a trial")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial of each kind")
    parser.add_argument("--histories", type=int, default=2, help="how many; one alone costs the least")
    parser.add_argument("--seed", type=int, default=0, help="of histories and moments")
    parser.add_argument("--log", type=Path, help="file of outcomes, one JSON document a line; is added to")
    arguments = parser.parse_args()
    folder = os.environ.pop(_SHIM, None)
    if folder is None:
        # Removed by the process that takes the place of this one, before this one has imported anything large.
        folder = tempfile.mkdtemp(prefix="hippo-crash-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108
        os.environ[_SHIM] = folder
        with_shim(build_shim(Path(folder)), ["-m", "pipelines.crash", *sys.argv[1:]])
    from pipelines.crash.job import run

    run(arguments, Path(folder))


if __name__ == "__main__":
    main()
