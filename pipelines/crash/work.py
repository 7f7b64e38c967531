"""The process that is killed, or whose disk fails: `python -m pipelines.crash.work INDEX SEED LENGTH FIRST LAST`.

Does the operations from FIRST to before LAST, and says so in a line when one begins and when one has ended. An error of
hippo ends it with exit status 1, any other with a traceback and status 2.
"""

import sys
import traceback
from pathlib import Path

from hippo.errors import HippoError
from pipelines.crash.history import history, perform


def main() -> None:
    """Do the operations."""
    root = Path(sys.argv[1])
    seed, length, first, last = map(int, sys.argv[2:6])
    for number, operation in enumerate(history(seed, length)[first:last], first):
        print(f"begin {number}", flush=True)
        try:
            perform(root, operation)
        except HippoError as error:
            print(f"error {type(error).__name__}: {error}", flush=True)
            sys.exit(1)
        except Exception:
            traceback.print_exc(file=sys.stdout)
            sys.exit(2)
        print(f"end {number}", flush=True)


if __name__ == "__main__":
    main()
