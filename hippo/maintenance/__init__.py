"""Looking after an index: checking and repairing it, copying it while it is in use, making it smaller.

```python
from hippo.maintenance import backup, check, prune, repair, restore

health = check("my-index")
```
"""

from hippo.maintenance.backup import backup, restore
from hippo.maintenance.doctor import check
from hippo.maintenance.prune import prune
from hippo.maintenance.repair import repair

__all__ = ["backup", "check", "prune", "repair", "restore"]
