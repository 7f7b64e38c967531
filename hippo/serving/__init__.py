"""A memory over HTTP: `hippo serve`. Needs the extra `serve`.

```python
from hippo.serving import serve

serve("my-index", port=8000)
```

`create_app` makes the ASGI application for a server of your own choice.
"""

from hippo.serving.app import create_app
from hippo.serving.run import serve

__all__ = ["create_app", "serve"]
