"""Without its package an integration says which extra brings it."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("langgraph", "langgraph.store.base", "langgraph"),
        ("llamaindex", "llama_index.core", "llamaindex"),
        ("mcp", "mcp", "mcp"),
    ],
)
def test_a_missing_package_is_named(module: str, package: str, extra: str) -> None:
    code = f"""
import sys
sys.modules[{package!r}] = None
from hippo.errors import MissingExtraError
try:
    import hippo.integrations.{module}
except MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith(f"hippo.integrations.{module} needs the package ")
    assert done.stdout.strip().endswith(f'pip install "hippo-memory[{extra}]"')
