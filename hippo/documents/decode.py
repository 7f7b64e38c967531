"""Which encoding a file of text has."""

import codecs
import unicodedata
from pathlib import Path

from hippo.documents.records import clean
from hippo.types import Skipped

__all__ = ["UNDECODABLE", "detect_encoding", "read_text"]

UNDECODABLE = "binary or undecodable"
"""Reason for leaving out a file whose bytes are no text."""

_BLOCK = 1 << 18
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NOT_FOR_FILES = frozenset(["idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7"])
"""Codecs of host names, source code and mail, which no browser knows."""
_MOST_MESS = 0.1
"""Mess (0 to 1: the detector's, and the share of symbols and controls) above which a guess is not believed."""
_MOST_ACCENTED = 0.3
"""Largest share of letters with accents in a text that is taken for a Western European one."""
_WESTERN_SIGNS = frozenset("\u00a0«»“”„‘’‚‹›–—…•·¿¡§°€£©®™ºª½¼¾×´")


def detect_encoding(path: Path, declared: str | None = None) -> str | None:
    """Encoding of a file: by its byte order mark, UTF-8 if it is that, else as declared, else guessed.

    The file is read once, in blocks.

    Args:
        path: A file.
        declared: Encoding that the file itself claims to have.

    Returns:
        Name of a codec; None for a binary file or when no guess is good enough.

    Raises:
        OSError: The file cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        first = file.read(4)
        for mark, name in _MARKS.items():
            if first.startswith(mark):
                return name
        file.seek(0)
        last = b""
        foreign: bytes | None = None
        while block := file.read(_BLOCK):
            if b"\0" in block:
                return None
            last = block
            if foreign is None and not _continues(decoder, block):
                foreign = block
    if foreign is None and _continues(decoder, b"", final=True):
        return "utf-8-sig"
    foreign = foreign or last
    return _declared(foreign, declared) or _guess(foreign)


def _continues(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _declared(sample: bytes, name: str | None) -> str | None:
    if name is None:
        return None
    try:
        known = codecs.lookup(name).name not in _NOT_FOR_FILES
        sample.decode(name)
    except (LookupError, UnicodeError):
        return None
    return name if known else None


def _is_western(sample: bytes) -> bool:
    """Whether bytes read as text of a Western European language in Windows-1252, of which Latin-1 is a part.

    Detection by statistics takes short texts of these, the commonest of all, for Central European ones. Some letters
    with accents among many without, and no sign that has no place in prose: that is what they look like, and what
    Cyrillic, Greek or East Asian text read as Windows-1252 does not.
    """
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    foreign = [character for character in text if not character.isascii()]
    letters = sum(character.isalpha() for character in text)
    accented = sum(character.isalpha() for character in foreign)
    return accented <= _MOST_ACCENTED * letters and all(
        character.isalpha() or character in _WESTERN_SIGNS for character in foreign
    )


def _guess(sample: bytes) -> str | None:
    if _is_western(sample):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    if best is None or best.chaos > _MOST_MESS:
        return None
    foreign = [character for character in str(best) if not character.isascii()]
    odd = sum(unicodedata.category(character) in ("So", "Cc", "Cn", "Co") for character in foreign)
    return best.encoding if odd <= _MOST_MESS * len(foreign) else None


def read_text(path: Path, declared: str | None = None) -> str | Skipped:
    r"""The whole text of a file, line breaks as `\n`.

    Args:
        path: A file.
        declared: Encoding that the file itself claims to have.

    Raises:
        OSError: The file cannot be read.
    """
    encoding = detect_encoding(path, declared)
    if encoding is None:
        return Skipped(str(path), UNDECODABLE)
    try:
        return clean(path.read_bytes().decode(encoding))
    except (LookupError, UnicodeError) as error:
        return Skipped(str(path), f"{UNDECODABLE}: {error}")
