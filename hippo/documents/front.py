"""Front matter of Markdown: the YAML between two lines of dashes at its beginning."""

from typing import Any

from hippo.documents.cells import read_scalar

__all__ = ["read_front_matter"]

_LONGEST = 2**16
"""Characters; longer ones are no front matter, and parsing takes a second for each of these."""
_MOST_LEVELS = 60
"""Mappings and lists within one another, below what metadata may have."""
_NULLS = ("", "~", "null", "Null", "NULL")


def read_front_matter(text: str, *, typed: bool = True) -> dict[str, Any] | None:
    r"""The mapping that YAML holds.

    No more than plain data is ever made of it: mappings, lists, text, and what unquoted text reads as by the rules for
    the cells of tables (so `no`, `12:30` and `007` stay text). Types that it names are not looked at.

    Args:
        text: The lines between the dashes.
        typed: Whether unquoted text may be read as a number or the like.

    Returns:
        The mapping; None where there is none: no YAML or another shape, longer than 64 Ki characters, deeper than 60
        levels, a key twice, a reference to another part (by which a short text becomes a huge one), or PyYAML is not
        installed.

    Examples:
        >>> read_front_matter("title: Notes\nyear: 2021\ntags: [a, 'b']")
        {'title': 'Notes', 'year': 2021, 'tags': ['a', 'b']}
        >>> read_front_matter("a: &x [1]\nb: *x") is None
        True
    """
    if len(text) > _LONGEST:
        return None
    try:
        import yaml
    except ImportError:
        return None
    try:
        value = _value(yaml.parse(text, Loader=yaml.BaseLoader), typed=typed)
    # The last two: what is refused below, and escapes that are no characters.
    except (yaml.YAMLError, ValueError, OverflowError):
        return None
    return {} if value is None else value if isinstance(value, dict) else None


def _value(events: Any, *, typed: bool) -> Any:
    """The value that the events of a parser tell of, which parses no further than it is asked to."""
    import yaml

    root: list[Any] = []
    levels: list[_Level] = [_Level(root)]
    for event in events:
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("a reference to another part")
        if isinstance(event, yaml.CollectionEndEvent):
            levels.pop()
        elif isinstance(event, yaml.ScalarEvent):
            levels[-1].add(event.value, _scalar(event.value, typed=typed) if event.implicit[0] else event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            whole: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            levels[-1].add(None, whole)
            levels.append(_Level(whole))
            if len(levels) > _MOST_LEVELS:
                raise ValueError("too many levels")
    if len(root) > 1:
        raise ValueError("more than one document")
    return root[0] if root else None


def _scalar(text: str, *, typed: bool) -> Any:
    if text in _NULLS:
        return None
    return read_scalar(text) if typed else text


class _Level:
    """A mapping or list that is being filled."""

    def __init__(self, whole: "dict[str, Any] | list[Any]") -> None:
        self._whole = whole
        self._key: str | None = None

    def add(self, text: str | None, value: Any) -> None:
        """Add what comes next: a value, or a key, which is the text that the value was read from."""
        if isinstance(self._whole, list):
            self._whole.append(value)
        elif self._key is None:
            if text is None or text in self._whole:
                raise ValueError("a key that is no text, or comes twice")
            self._key = text
        else:
            self._whole[self._key] = value
            self._key = None
