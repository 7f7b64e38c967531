"""Secrets are not shown: what an option holds whose name is that of a key, a token, a password or a header.

Used wherever values come into an error, a `repr` or a log.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["MASK", "is_secret", "redacted", "secrets_in", "told_by", "without_secrets"]

MASK = "***"
"""Stands for a secret."""

_SECRET = re.compile(
    r"(?i:keys?|token|secrets?|passwords?|passwd|passphrase|credentials?|authorization|bearer|cookies?|headers?)(?![a-z])"
)
_POINTER = re.compile(r"[_-](?:env|file|path|column|name)$", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_SHORTEST = 4
"""Characters that a value must have to be looked for in a text: a shorter one would be found in any word."""


def is_secret(name: str) -> bool:
    """Whether an option of this name holds a secret, rather than the name of a variable or file with one.

    Examples:
        >>> [is_secret(name) for name in ("api_key", "apiKey", "Authorization", "hf_token", "default_headers")]
        [True, True, True, True, True]
        >>> [is_secret(name) for name in ("api_key_env", "token_file", "max_tokens", "tokenizer", "keywords")]
        [False, False, False, False, False]
    """
    return bool(_SECRET.search(name)) and not _POINTER.search(name)


def redacted(value: Any, name: str = "") -> Any:
    """A value for showing: secrets in it, and logins in addresses, are masked.

    Args:
        value: The value of an option; tables and lists are looked into.
        name: Name of the option.

    Examples:
        >>> redacted({"model": "m", "api_key": "sk-1", "base_url": "https://me:pass@host/v1"})
        {'model': 'm', 'api_key': '***', 'base_url': 'https://***@host/v1'}
        >>> redacted({"X-Title": "hippo"}, "default_headers")
        {'X-Title': '***'}
    """
    if isinstance(value, Mapping):
        secret = is_secret(name)
        return {key: redacted(item, name if secret else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [redacted(item, name) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if is_secret(name) and value not in (None, "") and not isinstance(value, bool):
        return MASK
    return _LOGIN.sub(MASK, value) if isinstance(value, str) else value


def secrets_in(value: Any, name: str = "") -> Iterator[str]:
    """The texts in a value that `redacted` would mask because of their names."""
    if isinstance(value, Mapping):
        secret = is_secret(name)
        for key, item in value.items():
            yield from secrets_in(item, name if secret else str(key))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from secrets_in(item, name)
    elif isinstance(value, str) and is_secret(name):
        yield value


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """A text in which some secrets, and logins in addresses, are masked.

    Examples:
        >>> without_secrets("wrong key sk-12 for https://me:pass@host/v1", ["sk-12"])
        'wrong key *** for https://***@host/v1'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, MASK)
    return _LOGIN.sub(MASK, text)


def told_by(error: Exception, options: Mapping[str, Any]) -> tuple[str, Exception | None]:
    """What an exception says about options, without the secrets among them.

    The errors of pydantic repeat whatever they were given; of them only places and problems are told.

    Returns:
        The text, and the exception where it may be shown as a cause: None where it says more than the text.
    """
    text = str(error)
    if type(error).__module__.startswith("pydantic") and hasattr(error, "errors"):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        text = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'options'}: {item['msg']}" for item in found)
    text = without_secrets(text, secrets_in(options))
    return text, error if text == str(error) else None
