"""Tokens of a request, estimated without the model's tokenizer: for rate limits, budgets and dry runs."""

import json
import re

from hippo.types import LLMRequest, to_dict

__all__ = ["input_tokens", "text_tokens"]

_PIECES = re.compile(r"[A-Za-z]{1,6}|[0-9]{1,3}|[!-/:-@\[-`{-~]|\s{2,}|[^\x00-\x7f]+")
_PER_MESSAGE = 4
_PER_REQUEST = 3


def text_tokens(text: str) -> int:
    """Estimated tokens of a text, on the high side.

    Six letters or three digits of ASCII are a token, and so is a punctuation mark. Other scripts are counted by their
    bytes, two a token: one token for a letter of Greek, Cyrillic or Arabic, one and a half for a character of Chinese,
    Japanese, Korean, Thai or Hindi, two for an emoji.

    Examples:
        >>> text_tokens("The cat sat."), text_tokens("internationalisation"), text_tokens("北京"), text_tokens("")
        (4, 4, 3, 0)
    """
    tokens = 0
    for piece in _PIECES.findall(text):
        tokens += 1 if piece.isascii() else -(-len(piece.encode("utf-8", "surrogatepass")) // 2)
    return tokens


def input_tokens(request: LLMRequest) -> int:
    """Estimated tokens that a request sends: its turns, its schema, and what providers add to each turn."""
    tokens = _PER_REQUEST + sum(_PER_MESSAGE + text_tokens(message.content) for message in request.messages)
    if request.schema is not None:
        tokens += text_tokens(json.dumps(to_dict(request.schema), ensure_ascii=False))
    return tokens
