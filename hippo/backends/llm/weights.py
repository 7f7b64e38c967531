"""A fingerprint of a local model that does not read all of its gigabytes."""

import hashlib
from pathlib import Path

__all__ = ["digest"]

_SMALL = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json")
_SAMPLES, _SAMPLE = 64, 4096  # of each file of weights; bytes of each


def digest(folder: Path) -> str:
    """Hash of what decides a model's replies: its settings, its tokenizer and its weights.

    Of the weights, names, shapes and 64 samples of each file are read: another model or fine-tuning shows in them.

    Args:
        folder: Folder with `*.safetensors` files.

    Returns:
        16 hexadecimal digits.
    """
    state = hashlib.sha256()
    for file in sorted([folder / name for name in _SMALL] + list(folder.glob("*.jinja"))):
        if file.is_file():
            state.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
    for file in sorted(folder.glob("*.safetensors")):
        size = file.stat().st_size
        state.update(f"{file.name}:{size}".encode())
        with file.open("rb") as stream:
            for sample in range(_SAMPLES):  # the first one holds names and shapes
                stream.seek(sample * max(size - _SAMPLE, 0) // (_SAMPLES - 1))
                state.update(stream.read(_SAMPLE))
    return state.hexdigest()[:16]
