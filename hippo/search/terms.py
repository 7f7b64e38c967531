"""Terms of a text for lexical search: words of every script, without a language setting.

Text is NFKC-normalised and casefolded. A run of letters, marks and digits is a word; in scripts written without spaces
(Han, Kana, Thai, Lao, Khmer, Myanmar) the words are the overlapping pairs of characters, as in Lucene's CJK analyser.
"""

import hashlib
import unicodedata
from functools import lru_cache

import regex

from hippo.ids import nfkc

__all__ = ["TERMS", "term_hash", "terms"]

TERMS = f"1, Unicode {unicodedata.unidata_version}, regex {regex.__version__}"
"""How texts are cut into terms and terms hashed: the number is raised with any change. What was cut in another way is
read again."""

_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]"
_RUN = regex.compile(rf"({_UNSPACED}+)|((?:(?!{_UNSPACED})[\p{{L}}\p{{M}}\p{{N}}])+)")
_ASCII_RUN = regex.compile(r"[a-z0-9]+")


def terms(text: str) -> list[str]:
    """Terms in order, repeats kept.

    Examples:
        >>> terms("Zoë's 2 cafés in 東京都")
        ['zoë', 's', '2', 'cafés', 'in', '東京', '京都']
        >>> terms("हिन्दी")
        ['हिन्दी']
    """
    if text.isascii():
        return list(_ASCII_RUN.findall(text.lower()))
    found: list[str] = []
    for unspaced, word in _RUN.findall(nfkc(text).casefold()):
        if word:
            found.append(word)
        elif len(unspaced) == 1:
            found.append(unspaced)
        else:
            found.extend(unspaced[i : i + 2] for i in range(len(unspaced) - 1))
    return found


@lru_cache(maxsize=1 << 18)
def term_hash(term: str) -> int:
    """64-bit hash of a term: among a million terms two share one with a probability below 1e-7."""
    return int.from_bytes(hashlib.blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
