"""Vectors in blocks on a device of torch: those that fit stay there, the others are sent whenever they are read."""

import importlib
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.errors import ConfigError, InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hippo.protocols import Float32, Vectors

__all__ = ["Asked", "Blocks", "lacks_memory", "total_cuda"]

_BLOCK = {"cuda": 2**28, "cpu": 2**24}
"""Bytes of a block: many on a GPU, which wants to be filled; on a processor, as many as its caches hold."""
_LEAST = 2**24
"""Bytes of the smallest block that is worth sending to a GPU."""
_TF32 = 2.001 * 2.0**-10
"""What a product of two float32 numbers loses at most, as a share, where both are cut to the 11 bits of TF32."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions on a device.

    Attributes:
        tensor: The questions, each divided by a power of 2, so that it is shorter than 1, `(m, d)`.
        scale: These powers, float64 `(m,)`.
        error: How far a similarity found on the device may be off, float64 `(m,)`.
    """

    tensor: Any
    scale: "NDArray[np.float64]"
    error: "NDArray[np.float64]"


@dataclass(frozen=True, slots=True)
class _Part:
    """A block: its first row, its vectors on the device or where they came from, and by what they are divided there."""

    first: int
    block: Any
    scale: float
    held: bool


class Blocks:
    """The vectors of an index, as a device compares them.

    In float16 each block is divided by a power of 2, so that no vector is longer than 1 and no product overflows. With
    v = a + e and q = b + f, where a and b are rounded, a · b differs from v · q by at most |e| |b| + |v| |f|, by the
    inequality of Cauchy and Schwarz; |e| and |f| are measured. To this comes the rounding of the sum, in float32.

    This holds whatever a process lets torch round, and no setting of it is touched: other threads compute at the same
    time. TF32 keeps all 11 bits of a float16 number; what it takes from float32 ones is part of the bound. On a
    processor NumPy multiplies, which has no such settings.

    Args:
        vectors: float32 or float16 `(n, d)`, contiguous; may be memory-mapped.
        device: "auto", "cpu" or "cuda"; also "cuda:1", for example.
        half: Whether to compare in float16; None: on CUDA.
        memory: Bytes of the device that vectors may take for good; None: half of those that are free on CUDA.

    Attributes:
        torch: The package.
        device: The device in use, as torch names it.
        rows: Vectors of a block; the last one may have fewer.
        held: Vectors that stay on the device, and take memory there unless they are those of the array.
        nbytes: Bytes that comparing all vectors with some questions reads on the device.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: There is no such device, or `memory` is negative.
        InputError: A vector is not finite.
        RuntimeError: The device has no room left: see `lacks_memory`.
    """

    def __init__(self, vectors: "Vectors", device: str, half: bool | None, memory: int | None) -> None:
        self.torch = torch = _import_torch()
        if memory is not None and memory < 0:
            raise ConfigError("vectors 'torch'", "memory", f"must be 0 or more, got {memory}")
        self.device = _checked(torch, device)
        self._cuda = self.device != "cpu"
        self._half = self._cuda if half is None else half
        self._type = torch.float16 if self._half else torch.float32
        size = _BLOCK["cuda" if self._cuda else "cpu"]
        if self._cuda:
            free = _free_cuda(torch, self.device)
            size, memory = min(size, free // 8), free // 2 if memory is None else memory
            if size < _LEAST:
                raise torch.cuda.OutOfMemoryError(f"{free >> 20} MiB of {self.device} are free")
        count, width = vectors.shape
        row = max(1, width * self._type.itemsize)
        self.rows, self.held, self.nbytes = max(1, min(size // row, count)), 0, count * row
        self._length, self._error = 0.0, 0.0
        self._parts: list[_Part] = []
        left = memory or 0
        for number, block in enumerate(self._tensors(vectors)):
            scale, sent = self._measured(number * self.rows, block)
            taken = 0 if sent is block else sent.nbytes
            held = taken <= left
            if held:
                left -= taken
                self.held += len(block)
            self._parts.append(_Part(number * self.rows, sent if held else block, scale, held))

    def __iter__(self) -> Iterator[tuple[int, Any, float]]:
        """Of each block the first row, its vectors on the device, and by what a product is to be multiplied."""
        for part in self._parts:
            yield part.first, part.block if part.held else self._sent(part.block, part.scale), part.scale

    def ask(self, queries: "Float32") -> Asked:
        """Questions, float32 `(m, d)` and finite, as they are compared."""
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
        exponents = np.frexp(lengths)[1]
        scaled = np.ldexp(queries.astype(np.float64), -exponents[:, None])
        sent = scaled.astype(np.float16 if self._half else np.float32)
        lost = np.linalg.norm(scaled - sent, axis=1)
        scale = np.ldexp(1.0, exponents)
        lengths = lengths / scale + lost
        # Of a sum of d products, whatever adds them up, there and where similarities are computed again.
        rounding = (queries.shape[1] + 8) * 2.0**-22 + (_TF32 if self._cuda and not self._half else 0.0)
        error = self._error * lengths + self._length * lost + rounding * lengths * (self._length + self._error)
        return Asked(self.put(sent), scale, scale * error)

    def put(self, array: "NDArray[Any]") -> Any:
        """An array on the device."""
        return self.torch.from_numpy(array).to(self.device)

    def products(self, asked: Any, block: Any) -> Any:
        """Products of some questions and a block on the device, float32 `(m, b)`; summed in float32 too."""
        torch = self.torch
        if not self._cuda:
            return torch.from_numpy(asked.float().numpy() @ block.float().numpy().T)
        # Autocast belongs to this thread, unlike the other settings.
        with torch.autocast("cuda", enabled=False):
            if self._half:
                try:
                    return torch.mm(asked, block.T, out_dtype=torch.float32)
                except (RuntimeError, TypeError) as error:
                    # An older torch has no such product, and none has it while sums in float16 are allowed.
                    if lacks_memory(torch, error):
                        raise
            return asked.float() @ block.float().T

    def _tensors(self, vectors: "Vectors") -> list[Any]:
        """The blocks as tensors over the memory of the array."""
        starts = range(0, len(vectors), self.rows)
        with warnings.catch_warnings():
            # A map may be read-only; nothing writes to it.
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
            return [self.torch.from_numpy(vectors[start : start + self.rows]) for start in starts]

    def _measured(self, first: int, block: Any) -> tuple[float, Any]:
        """By what a block is divided, and the block on the device; its length and rounding are taken note of."""
        norm, wide = self.torch.linalg.vector_norm, block.to(self.device).float()
        # Squares of small numbers would vanish.
        unit = math.ldexp(1.0, min(max(math.frexp(float(wide.abs().max()))[1], -126), 126)) if wide.numel() else 1.0
        lengths = norm(wide / unit, dim=1) * unit
        length = float(lengths.max())
        if not math.isfinite(length):
            row = first + int((~lengths.isfinite()).nonzero()[0])
            raise InputError(f"vectors must be finite and of a length that float32 can hold; row {row} is not")
        scale = math.ldexp(1.0, max(math.frexp(length)[1], -126)) if self._half else 1.0
        sent = self._sent(block, scale)
        # What rounding these adds is less than the last factor.
        lost = unit * float(norm((wide - sent.float() * scale) / unit, dim=1).max()) if self._half else 0.0
        self._length, self._error = max(self._length, 1.001 * length), max(self._error, 1.001 * lost)
        return scale, sent

    def _sent(self, block: Any, scale: float) -> Any:
        """A block on the device, as it is compared."""
        there = block.to(self.device)
        return (there.float() / scale).to(self._type) if self._half else there.to(self._type)


def total_cuda() -> int:
    """Bytes of the CUDA device, free or not."""
    return int(_import_torch().cuda.get_device_properties("cuda").total_memory)


def lacks_memory(torch: Any, error: Exception) -> bool:
    """Whether an error of torch, or of the libraries below it, says that a device has no room left."""
    told = str(error)
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in told or "ALLOC_FAILED" in told


def _free_cuda(torch: Any, device: str) -> int:
    """Bytes of a CUDA device that are free, those that torch holds back for its next tensors among them."""
    cuda = torch.cuda
    return int(cuda.mem_get_info(device)[0] + cuda.memory_reserved(device) - cuda.memory_allocated(device))


def _import_torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise MissingExtraError("vectors 'torch'", "torch", "local") from error


def _checked(torch: Any, device: str) -> str:
    """The device itself; "auto" is CUDA where there is one."""
    kind, _, number = device.partition(":")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    if kind != "cuda" or not (number.isdecimal() or device == "cuda"):
        raise ConfigError("vectors 'torch'", "device", f'must be "auto", "cpu", "cuda" or "cuda:0", got {device!r}')
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= devices:
        seen = f"{devices} of them" if devices else "none"
        raise ConfigError("vectors 'torch'", "device", f'torch sees {seen}, got {device!r}; use "auto" or "cpu"')
    return device
