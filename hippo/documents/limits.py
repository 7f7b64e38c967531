"""What reading one file may take, where a third-party package parses it."""

from dataclasses import dataclass

from hippo.config import DocumentsConfig

__all__ = ["Limits"]

_MEMORY_PER_BYTE = 32
_MEBIBYTE = 2**20
_DEFAULTS = DocumentsConfig()


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file in a process of its own may take; a file that takes more is skipped.

    Attributes:
        memory: Bytes of memory, besides 32 for each byte of the file; 256 MiB to 2**50.
        seconds: Seconds, and as many more for each MiB of the file; above 0, at most 86400.

    Raises:
        ConfigError: A limit is out of its range.
    """

    memory: int = _DEFAULTS.memory
    seconds: float = _DEFAULTS.seconds

    def __post_init__(self) -> None:
        DocumentsConfig(memory=self.memory, seconds=self.seconds)

    def memory_for(self, size: int) -> int:
        """Bytes of memory for a file of `size` bytes."""
        return self.memory + _MEMORY_PER_BYTE * size

    def seconds_for(self, size: int) -> float:
        """Seconds for a file of `size` bytes."""
        return self.seconds * (1 + size / _MEBIBYTE)
