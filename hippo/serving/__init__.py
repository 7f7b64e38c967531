"""A memory over HTTP: `hippo serve`, and `hippo explore` for people. Needs the extra `serve`.

```python
from hippo.serving import serve

serve("my-index", port=8000)
```

`create_app` makes the ASGI application for a server of your own choice; `explore` shows an index in a browser.
"""

import importlib

from hippo.errors import MissingExtraError

for _package in ("fastapi", "prometheus_client", "uvicorn"):
    try:
        importlib.import_module(_package)
    except ImportError as error:
        raise MissingExtraError("hippo.serving", _package, "serve") from error

from hippo.serving.app import create_app, create_explorer  # noqa: E402  (after the check)
from hippo.serving.run import explore, serve  # noqa: E402

__all__ = ["create_app", "create_explorer", "explore", "serve"]
