"""The page that shows an index: served by `hippo explore`, or written as one file by `hippo query --html`.

```python
from hippo.explorer import write_page

write_page(memory.view("Who built it?", sentences=3), "view.html")
```
"""

from hippo.explorer.page import ASSETS, Asset, page_of, served_page, write_page

__all__ = ["ASSETS", "Asset", "page_of", "served_page", "write_page"]
