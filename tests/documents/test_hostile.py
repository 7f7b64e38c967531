"""Files made to do harm: a typed outcome each, in bounded time and memory, and the files beside them are read."""

import io
import json
import os
import struct
import time
import zipfile
from pathlib import Path

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hippo.documents import Columns, Limits, SentenceChunker, WordCounter, coerce_documents, iter_documents
from hippo.errors import DocumentError
from hippo.types import Document, Skipped

SMALL = Limits(memory=256 * 2**20, seconds=20.0)


def outcomes(folder: Path, **options: object) -> dict[str, str]:
    """Text or reason by name."""
    found = {}
    for item in iter_documents(folder, **options):  # type: ignore[arg-type]
        found[Path(item.source or "").name] = item.text if isinstance(item, Document) else item.reason
    return found


# Archives and XML


def word_file(path: Path, *, document: str | None = None, members: dict[str, bytes] | None = None) -> Path:
    """A DOCX file whose parts are replaced."""
    whole = io.BytesIO()
    content = docx.Document()
    content.add_paragraph("Harmless.")
    content.save(whole)
    replaced = dict(members or {})
    if document is not None:
        replaced["word/document.xml"] = document.encode()
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, replaced.pop(name, None) or old.read(name))
        for name, data in replaced.items():
            new.writestr(name, data)
    return path


NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def body(inner: str, before: str = "") -> str:
    return f'<?xml version="1.0"?>{before}<w:document {NAMESPACE}><w:body>{inner}</w:body></w:document>'


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def outcome(path: Path, **options: object) -> Document | Skipped:
    (item,) = iter_documents(path, **options)  # type: ignore[arg-type]
    return item


def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    item = outcome(word_file(tmp_path / "a.docx", members={"word/media/bomb.bin": bytes(64 * 2**20)}))
    assert isinstance(item, Skipped)
    assert "times its size, as zip bombs do; save it again, or convert it to text" in item.reason


def test_zip_bombs_that_lie_about_their_size(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx", document=body(paragraph("x" * 300 * 2**20)))
    data = path.read_bytes()
    real = struct.pack("<I", zipfile.ZipFile(path).getinfo("word/document.xml").file_size)
    path.write_bytes(data.replace(real, struct.pack("<I", 1000)))
    item = outcome(path, limits=SMALL)
    assert isinstance(item, Skipped)
    assert item.reason.startswith(("no readable DOCX: ", "takes more than "))


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("The secret.")
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    laughs = body(paragraph("&e9;"), f'<!DOCTYPE x [<!ENTITY e0 "laugh">{levels}]>')
    outside = body(
        paragraph("&e;") + paragraph("Rest."),
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "{(tmp_path / "secret.txt").as_uri()}">]>',
    )
    attribute = body(f'<w:p w:rsidR="&e9;"/>{paragraph("Rest.")}', f'<!DOCTYPE x [<!ENTITY e0 "laugh">{levels}]>')
    for document in (laughs, outside, attribute):
        item = outcome(word_file(tmp_path / "a.docx", document=document), limits=SMALL)
        text = item.text if isinstance(item, Document) else item.reason
        assert len(text) < 10_000
        assert "secret." not in text


def test_tables_and_trees_without_end(tmp_path: Path) -> None:
    wide = "<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val='2000000000'/></w:tcPr><w:p/></w:tc></w:tr></w:tbl>"
    deep = "<w:tbl><w:tr><w:tc>" * 5000 + "</w:tc></w:tr></w:tbl>" * 5000
    for inner in (wide, deep):
        item = outcome(word_file(tmp_path / "a.docx", document=body(inner)), limits=SMALL)
        assert isinstance(item, Skipped)
        assert item.reason.startswith(("no readable DOCX: ", "takes more than ", "crashed its parser ", "no text"))


def test_members_that_point_out_of_their_archive(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx", members={"../../out.txt": b"x", "/abs.txt": b"x"})
    assert isinstance(outcome(path), Document)
    assert not (tmp_path.parents[1] / "out.txt").exists()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.docx"]


# Text formats


def test_html_and_markdown_nested_deep(tmp_path: Path) -> None:
    deep = 20_000
    (tmp_path / "a.html").write_text("<div>" * deep + "Bottom.")
    (tmp_path / "b.html").write_text("<table><tr><td>" * deep + "Bottom.")
    (tmp_path / "c.md").write_text(">" * deep + " Bottom.")
    (tmp_path / "d.md").write_text("[" * deep + "Bottom" + "](x)" * deep)
    (tmp_path / "e.md").write_text("".join("  " * level + "- a\n" for level in range(1000)))
    (tmp_path / "z.md").write_text("Last.")
    found = outcomes(tmp_path, limits=SMALL)
    assert len(found) == 6
    assert found["a.html"] == found["b.html"] == "Bottom."
    # Nothing is lost without a word.
    assert found["c.md"] == found["e.md"] == "blocks nest deeper than 100 levels; flatten it, or save it as text"
    assert "Bottom" in found["d.md"]
    assert found["z.md"] == "Last."


def test_markdown_nested_as_deep_as_people_write(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("".join("  " * level + f"- item {level}\n" for level in range(40)))
    (tmp_path / "b.md").write_text(">" * 90 + " Quoted.")
    found = outcomes(tmp_path)
    assert "item 39" in found["a.md"]
    assert found["b.md"] == "Quoted."


def test_html_cannot_choose_a_codec_of_source_code(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(b'<meta charset="unicode_escape"><p>El ni\xf1o naci\xf3 en C:\\u0041\\x42')
    item = outcome(tmp_path / "a.html")
    assert isinstance(item, Document)
    assert item.text == "El niño nació en C:\\u0041\\x42"


def test_a_row_of_a_table_without_end(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,b\nfine,1\n" + '"\n",' * 100_000)
    good, bad = iter_documents(tmp_path / "a.csv", max_bytes=10_000)
    assert isinstance(good, Document)
    assert bad == Skipped(
        f"{tmp_path / 'a.csv'}:3",
        "cannot be read from here on: row of 10000 characters or more; shorten it, or raise documents.max_bytes",
    )


def test_tables_may_be_longer_than_their_rows(tmp_path: Path) -> None:
    rows = [f'"Text of\nrow {number}"' for number in range(100)]
    (tmp_path / "a.csv").write_text("\n".join(["text", *rows]))
    assert sum(isinstance(item, Document) for item in iter_documents(tmp_path / "a.csv", max_bytes=50)) == 100


def test_a_table_of_millions_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(",".join("x" * 3 + str(n) for n in range(400_000)))
    item = outcome(tmp_path / "a.csv")
    assert isinstance(item, Skipped)
    assert "row of 1048576 characters or more" in item.reason
    (tmp_path / "b.csv").write_text(",".join(f"x{n}" for n in range(1000)))
    with pytest.raises(DocumentError, match=r"columns present: 'x0', .* 'x19' and 980 more$"):
        list(iter_documents(tmp_path / "b.csv"))


def test_numbers_and_names_too_long_to_be_written_out(tmp_path: Path) -> None:
    digits = "9" * 4000
    rows = [
        f'{{"text": "x", "id": {digits}}}',
        f'{{"text": "x", "n": [{digits}]}}',
        '{"text": "x", "n": ' + "9" * 5000 + "}",
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    reasons = [item.reason for item in iter_documents(tmp_path / "a.jsonl") if isinstance(item, Skipped)]
    assert reasons[:2] == ["holds a whole number of 13288 bits, more than 4096"] * 2
    assert reasons[2].startswith("not JSON: Exceeds the limit")
    huge = 10**5000
    for value in ({"text": "x", "id": huge}, {"text": "x", "n": huge}, {"text": "x", huge: 1}, {huge: 1}):
        with pytest.raises(DocumentError):
            list(coerce_documents([value]))
    with pytest.raises(DocumentError, match="timestamp"):
        list(coerce_documents([{"text": "x", "timestamp": huge}]))
    (tmp_path / "b.json").write_text(json.dumps({"k" * 100_000: 1}))
    with pytest.raises(DocumentError) as caught:
        list(iter_documents(tmp_path / "b.json"))
    assert len(str(caught.value)) < 1000


def test_long_texts_without_breaks(tmp_path: Path) -> None:
    size = 2**20
    chunker = SentenceChunker(max_tokens=128, counter=WordCounter())
    for text in (
        "x" * size,
        "é" * size,
        "🇦🇧" * (size // 4),
        "a\u0301" * (size // 4),
        "a" + "\u0301\u0323" * (size // 4),
    ):
        (tmp_path / "a.txt").write_text(text, encoding="utf-8")
        document = outcome(tmp_path / "a.txt")
        assert isinstance(document, Document)
        assert "".join(chunk.text for chunk in chunker.chunk(document)) == text


def test_parquet_that_lies(tmp_path: Path) -> None:
    whole = io.BytesIO()
    pq.write_table(pa.table({"text": [f"{n} " * 50 for n in range(500)], "n": list(range(500))}), whole)
    data = whole.getvalue()
    pq.write_table(pa.table({"text": ["Intact."]}), tmp_path / "z.parquet")
    footer = struct.unpack("<I", data[-8:-4])[0]
    for number, place in enumerate(range(len(data) - 8 - footer, len(data), 37)):
        damaged = bytearray(data)
        damaged[place : place + 4] = b"\xff\xff\xff\x7f"
        (tmp_path / f"a{number:03}.parquet").write_bytes(damaged)
    items = list(iter_documents(tmp_path, limits=Limits(seconds=20.0)))
    assert any(isinstance(item, Skipped) for item in items)
    assert isinstance(items[-1], Document)
    assert items[-1].text == "Intact."


def test_a_parquet_cell_repeated_a_million_times(tmp_path: Path) -> None:
    rows = pa.array([0] * 4096, pa.int32())
    table = pa.table({"text": pa.DictionaryArray.from_arrays(rows, ["x" * 2**20]), "id": list(range(4096))})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 2**20
    items = iter_documents(tmp_path / "a.parquet", limits=Limits(memory=512 * 2**20))
    assert sum(1 for _ in zip(items, range(100), strict=False)) == 100


def test_rows_keep_their_values_on_the_way(tmp_path: Path) -> None:
    table = pa.table(
        {"text": ["One.\u2028"], "id": [7], "timestamp": ["2024-05-01T10:00:00+02:00"], "metadata": [{"metadata": 5}]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    item = outcome(tmp_path / "a.parquet")
    assert isinstance(item, Document)
    assert (item.id, item.text, item.metadata) == ("7", "One.\u2028", {"metadata": 5})
    assert item.timestamp is not None
    assert item.timestamp.isoformat() == "2024-05-01T10:00:00+02:00"
    columns = Columns(text="id", id="text", metadata=())
    assert "'id' must be a string" in str(outcome(tmp_path / "a.parquet", columns=columns))


# Paths


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not allow")
def test_names_that_would_be_other_paths_elsewhere(tmp_path: Path) -> None:
    for name in ("a\\..\\..\\b.txt", "C:\\x.txt", "a\rb.txt", "a\nb.txt", "fine.txt", "..txt", "a..b.txt", "~.txt"):
        (tmp_path / name).write_text(f"Text of {name}.")
    items = list(iter_documents(tmp_path))
    ids = [item.id for item in items if isinstance(item, Document)]
    assert ids == ["a..b.txt", "fine.txt", "~.txt"]
    reasons = sorted(item.reason for item in items if isinstance(item, Skipped))
    assert reasons == ["hidden"] + ["name holds a backslash or a line break"] * 4


def test_ids_never_leave_their_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.txt").write_text("A.")
    monkeypatch.chdir(tmp_path / "in")
    for root in (Path(".."), Path("../in/../in"), Path("deep/.."), tmp_path, Path()):
        for item in iter_documents(root):
            assert isinstance(item, Document)
            assert item.id is not None
            assert ".." not in item.id.split("/")
            assert not item.id.startswith("/")


def test_conversations_made_to_take_long(tmp_path: Path) -> None:
    head, size = "08/05/2023, 13:56 - Ann: ", 60_000
    cue = "\n\n00:01.000 --> 00:02.000\n"
    files = {
        "attached.txt": head + "<attached: " * (size // 10) + "\n" + "a.jp " * size,
        "heads.txt": (head + "a\n") * (size // 100),
        "tags.vtt": "WEBVTT" + cue + "<b" * size + "{\\a" * size + cue + "A" * size + ": x",
        "blank.vtt": "WEBVTT" + " \n" * size,
        "deep.json": '[{"role":"user","content":' + "[" * size + "]" * size + "}]",
        "tree.json": json.dumps({"mapping": {str(at): {"parent": str(at + 1)} for at in range(3000)}}),
        "nested.mbox": "From a\n"
        + "".join(f"Content-Type: multipart/mixed; boundary={i}\n\n--{i}\n" for i in range(100)),
        "quoted.mbox": "From a\n\nHello.\n" + "\nOn aaaaaa" * size + "\n\nFrom b\nDate: " + "(" * 5000 + "\n\nBye.",
        "good.srt": "1\n00:00:01,000 --> 00:00:02,000\nAnn: Hello.\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    began = time.process_time()
    found = outcomes(tmp_path, limits=SMALL)
    assert time.process_time() - began < 5
    assert found["good.srt"] == "Hello."
    assert found["blank.vtt"] == "no text"
    assert found["deep.json"].startswith("not JSON")
    # The rows of a file are told apart by their numbers.
    assert {name.partition(":")[0] for name in found} == set(files)
    assert sum(len(text) for text in found.values()) < 10 * size * 10
