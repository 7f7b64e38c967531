"""Whether there is a CUDA device: told without torch where there can be none, since importing it takes seconds."""

import importlib
import importlib.util
import os
import sys

__all__ = ["may_have_cuda", "sees_cuda"]


def may_have_cuda() -> bool:
    """Whether the system has a driver of NVIDIA's, also within WSL. Nothing is imported."""
    return any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg")))


def sees_cuda(*, load: bool = False) -> bool:
    """Whether torch sees a CUDA device.

    Args:
        load: Whether torch may be imported for this; only where there may be a device. Else it is asked where it has
            been imported already.
    """
    torch = sys.modules.get("torch")
    if torch is None and load and may_have_cuda() and importlib.util.find_spec("torch") is not None:
        torch = importlib.import_module("torch")
    # While another thread imports torch, it is there without its parts.
    cuda = getattr(torch, "cuda", None)
    available = getattr(cuda, "is_available", None)
    return available is not None and bool(available())
