"""hippo as a server of the Model Context Protocol, so that assistants can look things up in a memory.

```sh
hippo mcp my-index            # over standard input and output, as most clients start it
hippo mcp my-index --http     # over streamable HTTP
```

`make_server` gives the same as an object of the SDK, `serve` runs it.
"""

from hippo.errors import MissingExtraError

try:
    import mcp as _mcp
except ImportError as error:
    raise MissingExtraError("hippo.integrations.mcp", "mcp", "mcp") from error

from hippo.integrations.mcp.run import serve_http, serve_stdio
from hippo.integrations.mcp.server import make_server

del _mcp

__all__ = ["make_server", "serve_http", "serve_stdio"]
