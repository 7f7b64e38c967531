"""The tokens of a text, all of which a condition may have, with all names quoted.

Every word that is no operator becomes a quoted name, so that none of SQL's other words means anything to the parser;
what is no name, value or operator is refused with its place.
"""

from collections.abc import Sequence
from typing import ClassVar, NoReturn

from sqlglot import Token, TokenType
from sqlglot.dialects.duckdb import DuckDB

from hippo.errors import FilterError
from hippo.filters.condition import MOST_CHARACTERS, MOST_LEVELS

__all__ = ["ALLOWED", "DIALECT", "read_tokens", "short"]

ALLOWED = (
    "allowed are names, \"other names\", 'text', numbers, true, false, DATE '…', TIMESTAMP '…', = != < <= > >=, "
    "in (…), between, like, ilike, escape, is null, and, or, not, and parentheses"
)
DIALECT = "duckdb"
_OPERATORS = frozenset("= == != <> < <= > >= , . - ( ) and or not in like ilike escape between is".split())
_CONSTANTS = frozenset(["null", "true", "false"])
_TYPES = frozenset(["date", "timestamp"])
_DEEPEST = 2 * MOST_LEVELS + 2
"""Parentheses and prefixes within one another: `not (…)` is two for one level."""


class _Tokenizer(DuckDB.Tokenizer):
    """Takes no word for a command, whose rest would be one token: here `call` is a name like others."""

    COMMANDS: ClassVar[set[TokenType]] = set()


def read_tokens(where: str) -> list[Token]:
    """The tokens of a condition.

    Raises:
        FilterError: There are others. `args[0]` is the piece at fault.
    """
    if len(where) > MOST_CHARACTERS:
        raise FilterError("where", f"has {len(where):,} characters, at most {MOST_CHARACTERS:,} are read")
    try:
        where.encode()
        tokens = _Tokenizer(dialect=DIALECT).tokenize(where)
    except UnicodeEncodeError as error:
        raise FilterError("where", f"holds a lone surrogate at character {error.start + 1}") from error
    except Exception as error:  # Whatever a tokenizer stumbles over in hostile text.
        raise FilterError("where", "cannot be read; is a quote or a comment not closed?") from error
    return _Gate(where).passed(tokens)


class _Gate:
    """Lets tokens through to the parser, as long as they cannot mean anything but a condition."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._level = 0
        self._open: list[int] = []

    def passed(self, tokens: Sequence[Token]) -> list[Token]:
        """The tokens, all names quoted."""
        if not tokens:
            raise FilterError("where", "is empty")
        kept: list[Token] = []
        before = ""
        for token, following in zip(tokens, [*tokens[1:], None], strict=True):
            if token.comments:
                self._refuse(token, "a comment stands beside it, which is not allowed")
            raw = self._raw(token)
            role = self._role(token, following)
            if role == "name" and token.token_type is not TokenType.IDENTIFIER:
                token = Token(TokenType.IDENTIFIER, raw, token.line, token.col, token.start, token.end)
            self._check_neighbours(token, role, before)
            self._check_level(token, role)
            kept.append(token)
            before = role
        return kept

    def _raw(self, token: Token) -> str:
        return self._where[token.start : token.end + 1]

    def _role(self, token: Token, following: Token | None) -> str:
        """What a token is: an operator by its own word, else "name", "value" or "type"."""
        raw = self._raw(token)
        word = raw.lower()
        if word in _OPERATORS:
            return word
        if word in _TYPES and following is not None and following.token_type is TokenType.STRING:
            return "type"
        if word in _CONSTANTS or token.token_type is TokenType.NUMBER:
            return "value"
        if token.token_type is TokenType.STRING and raw[:1] == "'":
            return "value"
        if token.token_type is TokenType.IDENTIFIER and raw[:1] == '"' and token.text:
            return "name"
        if raw.isidentifier():
            return "name"
        return self._refuse(token, f"is not allowed; {ALLOWED}")

    def _check_neighbours(self, token: Token, role: str, before: str) -> None:
        if before not in ("name", "value", ")"):
            return
        if role == "(" and before == "name":
            self._refuse(token, f"calls a function, which is not allowed; {ALLOWED}")
        if role in ("name", "value", "type", "("):
            self._refuse(token, f"an operator is missing before it; {ALLOWED}")
        if role == "-":
            self._refuse(token, f"is arithmetic, which is not allowed; a name with - goes in double quotes; {ALLOWED}")

    def _check_level(self, token: Token, role: str) -> None:
        """Bound how deep the parser has to go: a prefix lasts to the next and, or, comma or closing parenthesis."""
        if role == "(":
            self._open.append(self._level)
        if role in ("(", "not", "-"):
            self._level += 1
        elif role == ")":
            self._level = self._open.pop() if self._open else 0
        elif role in ("and", "or", ","):
            self._level = self._open[-1] + 1 if self._open else 0
        if self._level > _DEEPEST:
            self._refuse(token, f"nests deeper than {_DEEPEST} levels")

    def _refuse(self, token: Token, problem: str) -> NoReturn:
        raise FilterError(f"{short(self._raw(token))} at character {token.start + 1}", problem)


def short(piece: str) -> str:
    """A piece of text for a message."""
    return piece if len(piece) <= 40 else f"{piece[:39]}…"
