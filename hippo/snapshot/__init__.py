"""The immutable, memory-mapped index that readers open.

```
my-index/
  snapshots/000042/   .npy arrays, .arrow tables, files of libraries, manifest.json with sizes and SHA-256 sums
  CURRENT             name of the newest complete snapshot, replaced by rename; "none" before the first
```

A reader keeps the snapshot that it opened, whatever is published meanwhile.
"""

from hippo.snapshot.current import current
from hippo.snapshot.manifest import FORMAT
from hippo.snapshot.read import Snapshot
from hippo.snapshot.remove import remove_old
from hippo.snapshot.write import SnapshotWriter

__all__ = ["FORMAT", "Snapshot", "SnapshotWriter", "current", "remove_old"]
