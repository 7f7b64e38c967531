"""What a condition looks at: a document's own fields, and the keys of its metadata."""

import re
from dataclasses import dataclass

from hippo.errors import FilterError
from hippo.filters.values import Kind, kind_of, moment

__all__ = ["OWN_FIELDS", "Field"]

OWN_FIELDS = ("id", "title", "source", "timestamp")
"""What a document has by itself; every other name is a key of its metadata."""

_MOST_PARTS = 64
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = frozenset("and or not in like ilike escape between is null true false".split())


@dataclass(frozen=True, slots=True)
class Field:
    """What is looked at.

    Attributes:
        path: Keys that lead to it; upper and lower case differ.
        own: Whether it is one of `OWN_FIELDS`, not metadata.
    """

    path: tuple[str, ...]
    own: bool = False

    def __post_init__(self) -> None:
        if not 1 <= len(self.path) <= _MOST_PARTS or not all(self.path):
            raise FilterError(str(self), f"a field is 1 to {_MOST_PARTS} names, none of them empty")
        if self.own and (self.path[0] not in OWN_FIELDS or len(self.path) > 1):
            raise FilterError(str(self), f"a document's own fields are {', '.join(OWN_FIELDS)}, without parts")
        kind_of(".".join(self.path), str(self))

    @classmethod
    def named(cls, *names: str) -> "Field":
        """The field that a user means: his document's own, or metadata, which the prefix `metadata` makes plain.

        Raises:
            FilterError: There is no such field.
        """
        if names[:1] == ("metadata",):
            if len(names) == 1:
                raise FilterError("metadata", "is no field; name a key of it, such as metadata.year")
            return cls(names[1:])
        if len(names) > 1 and names[0] in OWN_FIELDS:
            problem = f"{names[0]} is a document's own and has no parts; for metadata write metadata.{'.'.join(names)}"
            raise FilterError(".".join(names), problem)
        return cls(names, own=names[0] in OWN_FIELDS)

    def __str__(self) -> str:
        shadowed = not self.own and self.path[:1] and self.path[0] in (*OWN_FIELDS, "metadata")
        return ".".join(_name(part) for part in (("metadata", *self.path) if shadowed else self.path))

    def kind_of(self, value: object) -> Kind:
        """The kind as which a value is compared with the field.

        Raises:
            FilterError: The field cannot have such a value.
        """
        kind = kind_of(value, str(self))
        if not self.own:
            return kind
        if self.path == ("timestamp",):
            if moment(value) is None:
                problem = (
                    f"is compared with a time in ISO 8601, such as '2024-05-01' or '2024-05-01T10:00', got {value!r}"
                )
                raise FilterError(str(self), problem)
            return "moment"
        if kind != "text":
            raise FilterError(str(self), f"is text; write {str(value)!r} in quotes")
        return kind


def _name(part: str) -> str:
    if _BARE.fullmatch(part) and part.lower() not in _RESERVED:
        return part
    return '"' + part.replace('"', '""') + '"'
