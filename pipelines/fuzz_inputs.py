"""Inputs for `pipelines.fuzz`: seeds of a known form, mutated, and texts put together from pieces that have done harm.

Everything is drawn from a `random.Random`, so a seed and a number give the same input anywhere.
"""

import io
import json
import random
import zipfile
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from pipelines.fuzz_seeds import CELLS, PDF, PDF_WORDS, PIECES, WORD_WORDS

__all__ = ["docx", "json_text", "mutated", "packed", "pages", "parquet", "pick", "rows", "text"]

T = TypeVar("T", str, bytes)
Item = TypeVar("Item")

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1843, 10**20, 10**1300),
    *(0.5, float("inf"), float("nan"), "2024-05-01", [], {}),
)
_MOST_REPEATS = 5000
"""Seldom as many: deeper than Python recurses."""
_MOST_CHANGES = 6


def pick(chance: random.Random, items: Sequence[Item]) -> Item:
    """One of some items; quicker than `choice`."""
    return items[int(chance.random() * len(items))]


def text(chance: random.Random, seeds: Sequence[str] = (), words: Sequence[str] = ()) -> str:
    """A text: of pieces, or a seed, which is mutated but for one in twenty."""
    if seeds and chance.random() < 0.6:
        seed = pick(chance, seeds)
        return mutated(chance, seed, seeds, [*words, *PIECES]) if chance.random() < 0.95 else seed
    pool = words if words and chance.random() < 0.5 else PIECES
    pieces = [pick(chance, pool if chance.random() < 0.8 else PIECES) for _ in range(int(30 * chance.random() ** 2))]
    if pieces and chance.random() < 0.05:
        repeats = int(_MOST_REPEATS * chance.random() ** 8)
        pieces.insert(int(chance.random() * len(pieces)), pick(chance, pieces) * repeats)
    return "".join(pieces)


def mutated(chance: random.Random, value: T, seeds: Sequence[T], words: Sequence[T]) -> T:
    """A value with some changes: pieces cut out, doubled, repeated, put in, exchanged, or the rest of another seed."""
    for _ in range(1 + int(_MOST_CHANGES * chance.random() ** 3)):
        low, high = sorted((int(chance.random() * (len(value) + 1)), int(chance.random() * (len(value) + 1))))
        if chance.random() < 0.7:
            high = min(high, low + 4)
        piece = value[low:high]
        match int(chance.random() * 12):
            case 0 | 1:
                piece = piece[:0]
            case 2:
                piece = piece + piece
            case 3:
                piece = piece[:8] * int(_MOST_REPEATS * chance.random() ** 8)
            case 4 | 5:
                piece = piece + pick(chance, words)
            case 6 | 7:
                piece = pick(chance, words)
            case 8:
                other = pick(chance, seeds)
                return value[:low] + other[int(chance.random() * (len(other) + 1)) :]
            case _:
                piece = _flipped(chance, piece)
        value = value[:low] + piece + value[high:]
    return value


def _flipped(chance: random.Random, piece: T) -> T:
    """Other numbers in the place of bytes, other code points in that of characters."""
    if isinstance(piece, bytes):
        size: int = pick(chance, (1, 2, 4))
        number: int = pick(chance, _NUMBERS) if chance.random() < 0.5 else int(chance.random() * 2 ** (8 * size))
        written = (number % 2 ** (8 * size)).to_bytes(size, "little" if chance.random() < 0.5 else "big")
        return bytes(written) + piece[size:]
    return "".join(chr((ord(character) ^ (1 << int(chance.random() * 8))) % 0x110000) for character in piece)


def json_text(chance: random.Random, examples: Sequence[str], keys: Sequence[str]) -> str:
    """JSON like an example with some of its values replaced, or of any form; sometimes broken.

    Args:
        chance: Where it is drawn from.
        examples: JSON that is as its reader wants it.
        keys: Some of these are in its objects.
    """
    value = json.loads(pick(chance, examples))
    made = _altered(chance, value, keys, chance.random() ** 3 / 2) if chance.random() < 0.8 else _value(3, chance, keys)
    written: str = json.dumps(made, ensure_ascii=chance.random() < 0.5)
    return mutated(chance, written, [written], PIECES) if chance.random() < 0.3 else written


def _altered(chance: random.Random, value: Any, keys: Sequence[str], rate: float) -> Any:
    """A value with a share of its parts replaced, left out or put elsewhere."""
    if chance.random() < rate:
        return _value(2, chance, keys)
    if isinstance(value, dict):
        kept = [(name, part) for name, part in value.items() if chance.random() >= rate / 2]
        named = [(pick(chance, keys) if chance.random() < rate / 2 else name, part) for name, part in kept]
        return {name: _altered(chance, part, keys, rate) for name, part in named}
    if isinstance(value, list):
        return [_altered(chance, part, keys, rate) for part in value for _ in range(1 + (chance.random() < rate / 2))]
    return text(chance) if isinstance(value, str) and chance.random() < rate else value


def _value(levels: int, chance: random.Random, keys: Sequence[str]) -> Any:
    roll = chance.random()
    if levels and roll < 0.35:
        return (_object if roll < 0.2 else _list)(levels - 1, chance, keys)
    if roll < 0.75:
        return text(chance)
    return pick(chance, _VALUES)


def _object(levels: int, chance: random.Random, keys: Sequence[str]) -> Any:
    names = [pick(chance, keys) if chance.random() < 0.9 else text(chance) for _ in range(int(8 * chance.random()))]
    return {name: text(chance) if chance.random() < 0.5 else _value(levels, chance, keys) for name in names}


def _list(levels: int, chance: random.Random, keys: Sequence[str]) -> Any:
    return [_value(levels, chance, keys) for _ in range(int(5 * chance.random()))]


def rows(chance: random.Random, delimiter: str) -> str:
    """A table as text; sometimes broken."""
    names = ["text", "id", "title", "timestamp", "other"][: 1 + int(5 * chance.random())]
    lines = [delimiter.join(names)]
    for _ in range(int(6 * chance.random())):
        cells = [pick(chance, CELLS) if chance.random() < 0.3 else text(chance).replace('"', '""') for _ in names]
        lines.append(delimiter.join(f'"{cell}"' if chance.random() < 0.8 else cell for cell in cells))
    written = pick(chance, ("\n", "\r\n", "\r")).join(lines)
    return mutated(chance, written, [written], PIECES) if chance.random() < 0.4 else written


def pages(chance: random.Random) -> bytes:
    """A PDF whose objects are mutated before its table of offsets is made, or whose bytes are."""
    objects = list(PDF)
    if chance.random() < 0.7:
        place = int(chance.random() * len(objects))
        objects[place] = mutated(chance, objects[place], PDF, PDF_WORDS)
    out = b"%PDF-1.7\n"
    table = b""
    for number, content in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\n" % (
        len(objects) + 1,
        table,
        len(objects) + 1,
    )
    out += b"startxref\n%d\n%%%%EOF\n" % out.rindex(b"xref\n0")
    return mutated(chance, out, [out], PDF_WORDS) if chance.random() < 0.4 else out


def docx(chance: random.Random) -> bytes:
    """A Word file with one part mutated and packed again, or with its bytes mutated."""
    parts = dict(_parts())
    whole = io.BytesIO()
    if chance.random() < 0.8:
        name = pick(chance, [*parts, "word/document.xml", "word/document.xml"])
        parts[name] = mutated(chance, parts[name], [parts[name]], WORD_WORDS)
    method = zipfile.ZIP_DEFLATED if chance.random() < 0.3 else zipfile.ZIP_STORED
    with zipfile.ZipFile(whole, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    packed = whole.getvalue()
    return mutated(chance, packed, [packed], WORD_WORDS) if chance.random() < 0.3 else packed


@cache
def _parts() -> tuple[tuple[str, bytes], ...]:
    from docx import Document

    content = Document()
    content.add_heading("A title", level=0)
    content.add_paragraph("A paragraph.", style="List Bullet")
    content.add_table(rows=2, cols=2).cell(0, 0).merge(content.tables[0].cell(1, 1)).text = "A cell."
    whole = io.BytesIO()
    content.save(whole)
    with zipfile.ZipFile(whole) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def parquet(chance: random.Random) -> bytes:
    """A Parquet file of odd columns, or one with its bytes mutated."""
    files = _tables()
    chosen = pick(chance, files)
    words = [b"PAR1", b"\x15\0", b"\x19\x1c", b"\xff\xff\xff\x0f"]
    return mutated(chance, chosen, files, words) if chance.random() < 0.9 else chosen


@cache
def _tables() -> tuple[bytes, ...]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = ["One.", None, "Two. " * 20, ""]
    tables = [
        pa.table({"text": texts, "id": [1, 2, 3, 4], "timestamp": pa.array([0, 1, 2, None], pa.timestamp("us"))}),
        pa.table({"text": pa.array(texts).dictionary_encode(), "m": [{"a": [1, None]}, None, {"a": []}, {"a": None}]}),
        pa.table({"text": pa.array([b"\xff", b"", b"x", None], pa.binary()), "id": [0.5, float("nan"), None, 1e300]}),
    ]
    found = []
    for one in tables:
        for codec in ("none", "snappy", "zstd"):
            whole = io.BytesIO()
            pq.write_table(one, whole, compression=codec)
            found.append(whole.getvalue())
    return tuple(found)


def packed(rows: Sequence[Any]) -> bytes:
    """A Parquet file of some rows, each a mapping."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), whole)
    return whole.getvalue()
