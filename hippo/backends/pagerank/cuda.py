"""The sweep's arrays as torch tensors, for a CUDA device (or any other that torch knows)."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from hippo.backends.pagerank.problem import Graph
from hippo.backends.pagerank.stopping import Interval, chain_excess
from hippo.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from hippo.protocols import Float64

__all__ = ["TorchArrays"]


class TorchArrays:
    """Float64 tensors on one device; the adjacency is copied there once for each graph.

    Args:
        device: A torch device, "cuda" or "cuda:1" for example.

    Raises:
        MissingExtraError: torch is not installed.
        ConfigError: torch sees no CUDA device.
    """

    def __init__(self, device: str) -> None:
        try:
            import torch
        except ImportError as error:
            raise MissingExtraError("device 'cuda'", "torch", "local") from error
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError("PowerPageRank", "device", 'torch sees no CUDA device; use "auto" or "cpu"')
        self._torch = torch
        self._device = device

    def put(self, array: Float64) -> Any:
        """A copy on the device."""
        return self._torch.from_numpy(np.array(array, dtype=np.float64)).to(self._device)

    def get(self, array: Any) -> Float64:
        """A copy in main memory."""
        copied: Float64 = array.cpu().numpy()
        return copied

    def matrix(self, graph: Graph) -> Any:
        """The adjacency as a sparse CSR tensor, made once for each graph and device."""
        return graph.memo(("torch", self._device), lambda: self._copy(graph))

    def _copy(self, graph: Graph) -> Any:
        torch, matrix = self._torch, graph.adjacency
        parts = [torch.from_numpy(np.array(part)) for part in (matrix.indptr, matrix.indices, matrix.data)]
        with warnings.catch_warnings():
            # torch says once in a process that its sparse CSR tensors are in beta state.
            warnings.filterwarnings("ignore", message="Sparse CSR tensor support", category=UserWarning)
            return torch.sparse_csr_tensor(*parts, size=matrix.shape, device=self._device, check_invariants=False)

    def column(self, block: Any, j: int) -> Any:
        """Column j of a block `(n, m)`, or the only one of `(n, 1)`, contiguous."""
        return block[:, min(j, block.shape[1] - 1)].contiguous()

    def head_excess(self, scores: Any, volume: Any, bounds: Interval, top: int) -> float:
        """See `hippo.backends.pagerank.stopping.head_excess`; only the head leaves the device."""
        k = min(top, len(scores))
        if k == 0:
            return 0.0
        best, head = self._torch.topk(scores, k)
        rest_score, rest_above = -math.inf, 0.0
        if k < len(scores):
            above = bounds.above(volume)
            upper = scores + above
            upper[head] = -math.inf
            highest = upper.argmax()
            rest_score, rest_above = float(scores[highest]), float(above[highest])
        below, over = (self.get(bound(volume[head])) for bound in (bounds.below, bounds.above))
        return chain_excess(self.get(best), below, over, rest_score, rest_above)
