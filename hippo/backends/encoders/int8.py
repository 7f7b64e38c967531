"""Linear layers in 8 bits, for processors that multiply bytes several times faster than floats.

Weights have one scale for each output, activations one for each token, found when it passes (Yao et al., "ZeroQuant",
2022). So the numbers of a text do not follow from those of its neighbours, and nothing has to be calibrated. Sums are
integers, hence exact: in which order they are made does not matter.
"""

import logging

import torch

__all__ = ["Int8Linear", "products_in_float", "to_int8"]

_LOG = logging.getLogger("hippo.encoders")
_LIMIT = 127
_EXACT = 1024
"""Products of two bytes that float32 adds up exactly: 127 · 127 · 1024 < 2^24."""
_INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "amx_int8")


class Int8Linear(torch.nn.Module):
    """A linear layer whose matrix product is one of 8-bit integers.

    Args:
        linear: The layer in float32; weight `(outputs, inputs)`.
        fast: Whether the processor multiplies bytes; without, the same integers are found in float32.
    """

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor

    def __init__(self, linear: torch.nn.Linear, *, fast: bool) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self._fast = fast
        scale, weight = _quantised(linear.weight.detach())
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale.flatten())
        self.register_buffer("bias", torch.zeros_like(self.scale) if linear.bias is None else linear.bias.detach())

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """float32 `(…, inputs)` to float32 `(…, outputs)`."""
        scale, tokens = _quantised(states.reshape(-1, self.in_features))
        weight = self.weight
        sums = torch._int_mm(tokens, weight.t()) if self._fast else products_in_float(tokens, weight.t())
        mixed = torch.addcmul(self.bias, sums * scale, self.scale)
        return mixed.view(*states.shape[:-1], self.out_features)


def to_int8(model: torch.nn.Module) -> None:
    """Put 8-bit layers in the place of all linear ones, in 1/4 of their memory."""
    fast = _multiplies_bytes()
    if not fast:
        known = ", ".join(_INSTRUCTIONS)
        _LOG.warning("dtype int8 is no faster here: this processor, or this torch, has none of %s", known)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(parent, name, Int8Linear(child, fast=fast))


def products_in_float(tokens: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The product of int8 matrices `(n, k)` and `(k, m)`, int32 `(n, m)`, without instructions for it, and as exact."""
    sums = torch.zeros(len(tokens), weight.shape[1], dtype=torch.int32)
    for start in range(0, weight.shape[0], _EXACT):
        part = slice(start, start + _EXACT)
        sums += (tokens[:, part].float() @ weight[part].float()).int()
    return sums


def _quantised(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Scales, float32 `(n, 1)`, and int8 `(n, k)` in [-127, 127], whose product is nearest to the rows."""
    scale = rows.abs().amax(dim=1, keepdim=True).clamp_min_(torch.finfo(torch.float32).tiny).div_(_LIMIT)
    return scale, (rows / scale).round_().to(torch.int8)


def _multiplies_bytes() -> bool:
    """Whether the processor has instructions for products of bytes, and torch uses them."""
    if not hasattr(torch, "_int_mm"):
        return False
    if hasattr(torch.cpu, "get_capabilities"):
        has = torch.cpu.get_capabilities()
        return any(has.get(name, False) for name in _INSTRUCTIONS)
    return bool(getattr(torch.cpu, "_is_vnni_supported", bool)())
