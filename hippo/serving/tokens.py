"""Bearer tokens and their roles. Only their hashes are kept, and no error or log shows any."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from hmac import compare_digest
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from hippo.errors import ConfigError

__all__ = ["READ_VARIABLE", "WRITE_VARIABLE", "Role", "Tokens", "is_loopback"]

Role = Literal["read", "write"]
"""What a token allows: questions, or changes too."""

READ_VARIABLE, WRITE_VARIABLE = "HIPPO_READ_TOKENS", "HIPPO_WRITE_TOKENS"
_SHORTEST = 16
_COMMENT = re.compile(r"(?:^|\s)#.*")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


class Tokens:
    """The tokens that a server accepts.

    Args:
        hashes: Role and SHA-256 of each token.
    """

    def __init__(self, hashes: Iterable[tuple[Role, bytes]] = ()) -> None:
        self._hashes = tuple(hashes)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    @classmethod
    def read(cls, file: str | None, environment: Mapping[str, str]) -> "Tokens":
        """From a file and the environment.

        Args:
            file: One token a line, after its role: `read TOKEN`, `write sha256:HEX`; # begins a comment at the
                start of a line or after white space. None: no file.
            environment: HIPPO_READ_TOKENS and HIPPO_WRITE_TOKENS hold tokens, apart by spaces or commas.

        Raises:
            ConfigError: The file cannot be read, it or a variable that is set holds no token, a line is no role and
                token, or a token is too short.
        """
        found: list[tuple[Role, bytes]] = []
        variables: tuple[tuple[Role, str], ...] = (("read", READ_VARIABLE), ("write", WRITE_VARIABLE))
        for role, variable in variables:
            given = [token for token in re.split(r"[\s,]+", environment.get(variable, "")) if token]
            if variable in environment and not given:
                raise ConfigError(variable, "tokens", "is set but holds no token: give it one, or unset it")
            found += [(role, _hashed(token, variable)) for token in given]
        if file is not None:
            listed = list(_from_file(Path(file)))
            if not listed:
                raise ConfigError(file, "serve.token_file", "holds no token; a line is `read TOKEN` or `write TOKEN`")
            found += listed
        return cls(found)

    def check(self, host: str, place: str = "config") -> None:
        """Raise a `ConfigError` if there are no tokens and other machines can reach a host."""
        if self or is_loopback(host):
            return
        problem = (
            f"other machines can reach {host!r}, so tokens are needed: set {READ_VARIABLE} and "
            f"{WRITE_VARIABLE}, or serve.token_file; or listen on 127.0.0.1"
        )
        raise ConfigError(place, "serve.host", problem)

    def role(self, authorization: str | None) -> Role | None:
        """What the header `Authorization` of a request allows; None: nothing.

        The time that this takes tells nothing of the tokens: hashes are compared, all of them, in constant time.
        """
        if not self._hashes:
            return "write"
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        given = hashlib.sha256(token.strip().encode("utf-8", "surrogatepass")).digest()
        roles = {role for role, known in self._hashes if compare_digest(known, given)}
        return "write" if "write" in roles else "read" if "read" in roles else None


def _from_file(file: Path) -> Iterable[tuple[Role, bytes]]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), "serve.token_file", f"cannot be read: {error}") from error
    for number, line in enumerate(lines, 1):
        role, _, token = _COMMENT.sub("", line).strip().partition(" ")
        if not role:
            continue
        place = f"{file}, line {number}"
        if role not in ("read", "write") or not token.strip():
            raise ConfigError(place, "serve.token_file", "a line is `read TOKEN` or `write TOKEN`")
        yield role, _hashed(token.strip(), place)  # type: ignore[misc]  # one of the two


def _hashed(token: str, place: str) -> bytes:
    if match := _HASH.fullmatch(token):
        return bytes.fromhex(match[1])
    if len(token) < _SHORTEST:
        problem = f"a token has at least {_SHORTEST} characters; make one with: openssl rand -hex 32"
        raise ConfigError(place, "token", problem)
    return hashlib.sha256(token.encode()).digest()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name other than localhost may be anything.

    Examples:
        >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "memory.example")]
        [True, True, True, False, False]
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
