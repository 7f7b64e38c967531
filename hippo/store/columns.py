"""Python values to Arrow columns, with bad text named."""

from collections.abc import Sequence

import pyarrow as pa

from hippo.errors import InputError

__all__ = ["bad_text", "strings"]


def bad_text(*texts: str | None) -> str | None:
    r"""Why one of the texts cannot be stored as UTF-8, or None when all can.

    Examples:
        >>> bad_text("北京", None, "nul \0 is fine")
        >>> bad_text("fine", "half a pair: \ud83d")
        "'half a pair: \\ud83d' holds a lone surrogate at character 13"
    """
    for text in texts:
        if text is None:
            continue
        try:
            text.encode()
        except UnicodeEncodeError as error:
            around = text[max(0, error.start - 20) : error.start + 20]
            return f"{around!r} holds a lone surrogate at character {error.start}"
    return None


def strings(values: Sequence[str | None]) -> pa.Array:
    """A column of strings.

    Raises:
        InputError: A value holds a lone surrogate.
    """
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError as error:
        raise InputError(f"text cannot be stored: {bad_text(*values)}") from error
