"""Content-addressed ids and entity keys.

Ids are 128-bit BLAKE2b digests in hex, with a personal string per kind, so that the same text never gives the same id
to things of different kinds. They depend on content alone: not on order, process or machine.
"""

import hashlib
import re
import unicodedata
from itertools import groupby

__all__ = [
    "ASCII_NORMALISER",
    "KEY_NORMALISER",
    "ascii_key",
    "chunk_id",
    "content_id",
    "entity_key",
    "nfkc",
    "text_hash",
]

KEY_NORMALISER = "unicode-1"
"""Name and version of `entity_key`, stored in every index: keys of two normalisers never mix."""
ASCII_NORMALISER = "ascii-1"
"""The same of `ascii_key`."""

_SPACE = re.compile(r"\s+")
_MANY_MARKS = re.compile(r"[^\w\s\x00-\x7f]{32,}")
"""No combining mark is a letter, a digit or ASCII, so this finds all long runs of them, and some of symbols."""
_PLAIN = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*")
_PERCENT = re.compile(r"(?<=\d) %")
_NOT_ASCII_NAME = re.compile(r"[^a-z0-9 ]")
_APOSTROPHES = frozenset("'’`")
# Symbols that carry meaning at the edges of a name: "c++", "c#", ".net", "5%", "€20", "20°".
_KEEP_LEFT = frozenset(".#@$€£¥+-−§")
_KEEP_RIGHT = frozenset("+#%°*!$€£¥′″")


def _digest(kind: str, *parts: str) -> str:
    state = hashlib.blake2b(digest_size=16, person=kind.encode())
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        state.update(len(data).to_bytes(8, "little"))
        state.update(data)
    return state.hexdigest()


def text_hash(text: str) -> str:
    """Hash of a text to be embedded: 32 hex digits.

    Examples:
        >>> text_hash("a") == text_hash("a"), len(text_hash("a"))
        (True, 32)
    """
    return _digest("text", text)


def content_id(title: str | None, text: str) -> str:
    """Id of a document whose caller gave none: a hash of its title and text.

    Examples:
        >>> content_id(None, "x") == content_id("", "x")
        True
    """
    return _digest("document", title or "", text)


def chunk_id(document_id: str, position: int, text: str) -> str:
    """Id of a chunk: a hash of its document's id, its position there and its text."""
    return _digest("chunk", document_id, str(position), text)


def nfkc(text: str) -> str:
    r"""Normalisation form NFKC of any text, in about linear time.

    `unicodedata.normalize` puts marks in order by insertion, which takes quadratic time for thousands in a row: long
    runs are put in order before.

    Examples:
        >>> nfkc("ﬁ"), nfkc("a" + "\u0301\u0323" * 99) == unicodedata.normalize("NFKC", "a" + "\u0301\u0323" * 99)
        ('fi', True)
    """
    if not text.isascii():
        text = _MANY_MARKS.sub(_ordered, text)
    return unicodedata.normalize("NFKC", text)


def _ordered(run: re.Match[str]) -> str:
    """Characters decomposed, and the marks between two that are none sorted by their class."""
    characters = "".join(unicodedata.normalize("NFKD", character) for character in run[0])
    classes = groupby(characters, lambda character: unicodedata.combining(character) != 0)
    return "".join("".join(sorted(group, key=unicodedata.combining) if marks else group) for marks, group in classes)


def _is_core(character: str) -> bool:
    """Letters, marks and digits of every script."""
    return unicodedata.category(character)[0] in "LMN"


def entity_key(name: str) -> str:
    """Normalise a name to the key under which its mentions become one entity.

    NFKC, casefold, white space collapsed, outer punctuation and possessives stripped. Letters, marks and digits of
    every script are kept, and so are symbols that carry meaning. Returns "" for text that holds no letter and no digit.
    Trimming takes time linear in the length of the name.

    Examples:
        >>> entity_key("  The  Beatles' "), entity_key("C++"), entity_key(".NET"), entity_key("«Ünïcode»’s")
        ('the beatles', 'c++', '.net', 'ünïcode')
        >>> entity_key("北京"), entity_key("β-Carotene"), entity_key("(Mercury (planet))"), entity_key("...")
        ('北京', 'β-carotene', 'mercury (planet)', '')
    """
    # Most names are plain, and nothing but their case changes.
    return name.lower() if _PLAIN.fullmatch(name) else _entity_key(name)


def _entity_key(name: str) -> str:
    """`entity_key` of any name."""
    text = _SPACE.sub(" ", nfkc(nfkc(name).casefold())).strip()
    text = _PERCENT.sub("%", text)
    start, end = 0, len(text)
    opening = text.find("(")
    before = None
    while before != (start, end):
        before = start, end
        end = _without_possessive(text, start, end)
        while start < end and not _is_core(text[start]):
            if text[start] in _KEEP_LEFT and start + 1 < end and _is_core(text[start + 1]):
                break
            start += 1
        if 0 <= opening < start:
            opening = text.find("(", start)
        while end > start and not _is_core(text[end - 1]):
            if text[end - 1] in _KEEP_RIGHT:
                # Kept or dropped as a whole: "c++", but not "c (++".
                core = _before_symbols(text, start, end)
                if core > start and _is_core(text[core - 1]):
                    break
                end = core
            elif text[end - 1] == ")" and start <= opening < end and _is_core(text[end - 2]):
                break
            else:
                end -= 1
    text = text[start:end]
    return text if any(map(_is_core, text)) else ""


def ascii_key(name: str) -> str:
    r"""Normalise a name as the published HippoRAG systems do: lower case, all but ASCII letters and digits a space.

    Spaces within stay as many as they are. Accented letters and other scripts are lost, so that names without ASCII
    letters and digits all have the key "".

    Examples:
        >>> ascii_key(" U.S. Army "), ascii_key("Zoë’s\tCafé"), ascii_key("北京")
        ('u s  army', 'zo  s caf', '')
    """
    return _NOT_ASCII_NAME.sub(" ", name.lower()).strip(" ")


def _without_possessive(text: str, start: int, end: int) -> int:
    """Where `text[start:end]` ends without its last possessives, "'s" and the apostrophe after an "s"."""
    while end - start > 1:
        last, one_before = text[end - 1], text[end - 2]
        if last == "s" and one_before in _APOSTROPHES:
            end -= 2
        elif last in _APOSTROPHES and one_before == "s":
            end -= 1
        else:
            break
    return end


def _before_symbols(text: str, start: int, end: int) -> int:
    """Where the right-hand symbols at the end of `text[start:end]` begin."""
    while end > start and text[end - 1] in _KEEP_RIGHT:
        end -= 1
    return end
