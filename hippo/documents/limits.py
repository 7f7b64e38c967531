"""What reading one file may take, where a third-party package parses it."""

from dataclasses import dataclass

from hippo.errors import ConfigError

__all__ = ["Limits"]

_MEMORY_PER_BYTE = 32
_MEBIBYTE = 2**20
_LEAST_MEMORY = 256 * _MEBIBYTE
"""Room for the interpreter and its packages."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file in a process of its own may take; a file that takes more is skipped.

    Attributes:
        memory: Bytes of memory, besides 32 for each byte of the file; at least 256 MiB.
        seconds: Seconds, and as many more for each MiB of the file; above 0.

    Raises:
        ConfigError: A limit is out of its range.
    """

    memory: int = 1024 * _MEBIBYTE
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.memory < _LEAST_MEMORY:
            raise ConfigError("Limits", "memory", f"must be at least {_LEAST_MEMORY} bytes, got {self.memory}")
        if not 0 < self.seconds < float("inf"):
            raise ConfigError("Limits", "seconds", f"must be above 0, got {self.seconds}")

    def memory_for(self, size: int) -> int:
        """Bytes of memory for a file of `size` bytes."""
        return self.memory + _MEMORY_PER_BYTE * size

    def seconds_for(self, size: int) -> float:
        """Seconds for a file of `size` bytes."""
        return self.seconds * (1 + size / _MEBIBYTE)
