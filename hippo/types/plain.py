"""What all values share: conversion to plain data."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import datetime
from numbers import Integral, Real
from typing import Any

__all__ = ["Plain", "to_dict"]


def to_dict(value: Any) -> Any:
    """Plain data (dict, list, str, int, float, bool, None) of a value of this module, recursively."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_dict(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_dict(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, Real):  # NumPy's among them
        return int(value) if isinstance(value, Integral) else float(value)
    if isinstance(value, Sequence | Set) and not isinstance(value, bytes | bytearray):
        return [to_dict(item) for item in value]
    return str(value)


class Plain:
    """Adds `to_dict()` to a slotted dataclass."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data of this value, ready for `json.dumps`."""
        data: dict[str, Any] = to_dict(self)
        return data
