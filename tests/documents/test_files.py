"""Every format, from real files."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import docx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pypdf import PdfReader, PdfWriter

from hippo.documents import Columns, iter_documents
from hippo.errors import DocumentError, MissingExtraError
from hippo.ids import content_id
from hippo.types import Document, Skipped

ROOT = Path(__file__).parents[2]


def only(path: Path, **options: object) -> Document:
    (item,) = iter_documents(path, **options)  # type: ignore[arg-type]
    assert isinstance(item, Document), item
    return item


def skipped(path: Path, **options: object) -> Skipped:
    (item,) = iter_documents(path, **options)  # type: ignore[arg-type]
    assert isinstance(item, Skipped), item
    return item


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pdf(*pages: str) -> bytes:
    """A PDF written by hand: one Helvetica line a page."""
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, text in enumerate(pages):
        content = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * index} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n".encode()
    return out + f"startxref\n{out.rindex(b'xref')}\n%%EOF\n".encode()


@pytest.mark.parametrize("suffix", [".txt", ".text", ".rst", ".log", ".TXT"])
def test_plain_text_is_kept(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"a{suffix}", "\ufeffOne  \r\n\r\n two.\n")
    assert only(path) == Document("One  \n\n two.\n", id=f"a{suffix}", source=str(path))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-32", "shift_jis", "cp1251"])
def test_other_encodings(tmp_path: Path, encoding: str) -> None:
    text = {
        "shift_jis": "今日はとても天気がいいので、公園を散歩しました。明日は雨が降るそうです。" * 4,
        "cp1251": "Сегодня хорошая погода, и мы гуляем в парке. Завтра будет дождь." * 4,
    }.get(encoding, "Der Bär läuft über die große Brücke, und die Vögel hören zu. " * 4)
    assert only(written(tmp_path / "a.txt", text.encode(encoding))).text == text


@pytest.mark.parametrize(
    "data", [b"abc\0def", bytes(range(128, 256)) * 3, b"\x89PNG\r\n\x1a\n\0\0", b"text \xff\xfe\x81\x8d"]
)
def test_binary_is_skipped(tmp_path: Path, data: bytes) -> None:
    assert skipped(written(tmp_path / "a.txt", data)).reason.startswith("binary or undecodable")


def test_markdown(tmp_path: Path) -> None:
    source = "# The *Title*\n\nSome **bold** [link](http://x.org) &amp; `code`\nline two.\n\n- one\n- two\n\n1. three\n"
    table = (
        "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## Part\n\n```\nx = 1\n```\n\n<div>raw <b>html</b></div>\n\n<!-- no -->\n"
    )
    document = only(written(tmp_path / "a.md", source + table))
    assert document.title == "The Title"
    assert document.text == (
        "Some bold link & code\nline two.\n\n- one\n\n- two\n\n1. three\n\na | b\n\n1 | 2\n\nPart\n\nx = 1\n\nraw html"
    )


def test_markdown_front_matter_and_lone_heading(tmp_path: Path) -> None:
    document = only(written(tmp_path / "a.md", '---\ntitle: "Named"\ntags: [x]\n---\nBody.\n\n# Later\n'))
    assert (document.title, document.text) == ("Named", "Body.\n\nLater")
    assert document.metadata == {"tags": ["x"]}
    assert only(written(tmp_path / "b.md", "# Alone\n")).text == "Alone"


def test_html(tmp_path: Path) -> None:
    page = """<html><head><title> The
      page </title><style>p {}</style></head><body><nav>menu</nav><h1>Head</h1><p>Some <b>bold</b>ed
      text.<br>Next.</p><script>var x;</script><!-- hidden --><ul><li>one<li><p>two</p></ul>
      <table><tr><th>a<th>b<tr><td>1<td>2</table><pre>x
 y</pre></body></html>"""
    document = only(written(tmp_path / "a.html", page))
    assert document.title == "The page"
    assert document.text == "Head\n\nSome bolded text.\nNext.\n\n- one\n\n- two\n\na | b\n\n1 | 2\n\nx\ny"


def test_html_declares_its_encoding(tmp_path: Path) -> None:
    page = '<meta charset="iso-8859-7"><p>Καλημέρα</p>'
    assert only(written(tmp_path / "a.htm", page.encode("iso-8859-7"))).text == "Καλημέρα"
    assert only(written(tmp_path / "b.htm", '<?xml version="1.0"?><html xmlns="x"><p>XML</p></html>')).text == "XML"
    assert skipped(written(tmp_path / "c.htm", "<script>only()</script>")).reason == "no text"


def test_pdf(tmp_path: Path) -> None:
    document = only(written(tmp_path / "my-file.pdf", pdf("First page", "goes on here.", "Third.")))
    assert document.text == "First page\ngoes on here.\n\nThird."
    assert (document.title, document.metadata) == ("my-file", {"pages": 3})


def test_pdf_title_and_passwords(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Text here."))))
    writer.add_metadata({"/Title": "Real title"})
    writer.write(tmp_path / "a.pdf")
    assert only(tmp_path / "a.pdf").title == "Real title"
    writer.add_metadata({"/Title": " "})
    writer.write(tmp_path / "blank.pdf")
    assert only(tmp_path / "blank.pdf").title == "blank"
    writer.encrypt("", "owner", algorithm="RC4-128")
    writer.write(tmp_path / "open.pdf")
    assert only(tmp_path / "open.pdf").text == "Text here."
    locked = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Text here."))))
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(tmp_path / "locked.pdf")
    assert "encrypted" in skipped(tmp_path / "locked.pdf").reason


def test_pdf_whose_title_stands_on_top(tmp_path: Path) -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Iron  Bridge", "at Hull", "It was built in 1859."))))
    writer.add_metadata({"/Title": "Iron Bridge at Hull"})
    writer.write(tmp_path / "a.pdf")
    document = only(tmp_path / "a.pdf")
    assert (document.title, document.text) == ("Iron Bridge at Hull", "It was built in 1859.")
    writer.add_metadata({"/Title": "Iron"})
    writer.write(tmp_path / "b.pdf")
    assert only(tmp_path / "b.pdf").text.split() == "Iron Bridge at Hull It was built in 1859.".split()
    alone = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Iron Bridge"))))
    alone.add_metadata({"/Title": "Iron Bridge"})
    alone.write(tmp_path / "c.pdf")
    assert only(tmp_path / "c.pdf").text == "Iron Bridge"


def test_pdf_without_text(tmp_path: Path) -> None:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(tmp_path / "scan.pdf")
    assert "OCR" in skipped(tmp_path / "scan.pdf").reason


def word_file(path: Path) -> Path:
    content = docx.Document()
    content.add_heading("The title", level=0)
    content.add_paragraph("First paragraph.")
    content.add_paragraph("item", style="List Bullet")
    table = content.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), "abcd", strict=True):
        cell.text = text
    content.add_paragraph("Last.")
    content.save(str(path))
    return path


def test_docx(tmp_path: Path) -> None:
    document = only(word_file(tmp_path / "a.docx"))
    assert document.title == "The title"
    assert document.text == "First paragraph.\n\n- item\n\na | b\n\nc | d\n\nLast."
    assert "unpacks to" in skipped(tmp_path / "a.docx", max_bytes=(tmp_path / "a.docx").stat().st_size).reason


@pytest.mark.parametrize("suffix", [".pdf", ".docx", ".parquet"])
def test_broken_files(tmp_path: Path, suffix: str) -> None:
    item = skipped(written(tmp_path / f"a{suffix}", b"not one at all"))
    assert item.source == str(tmp_path / f"a{suffix}")
    assert item.reason.startswith(f"no readable {suffix[1:]}") or item.reason.lower().startswith(
        f"no readable {suffix[1:]}"
    )


def test_a_zip_that_is_no_docx(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("x.txt", "x")
    assert "no readable DOCX" in skipped(tmp_path / "a.docx").reason
    whole = word_file(tmp_path / "b.docx").read_bytes()
    assert "no readable DOCX" in skipped(written(tmp_path / "c.docx", whole[: len(whole) // 2])).reason


@pytest.mark.parametrize(("suffix", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
def test_csv(tmp_path: Path, suffix: str, delimiter: str) -> None:
    rows = ["id|text|title|year", '1|"Two\nlines"|A|1999', "|Hashed||", "", "3||C|2000", "4|x"]
    path = written(tmp_path / f"t{suffix}", "\ufeff" + "\n".join(rows).replace("|", delimiter))
    first, second, empty, ragged = iter_documents(path)
    assert first == Document("Two\nlines", id="1", title="A", metadata={"year": 1999}, source=f"{path}:2")
    assert second == Document("Hashed", id=content_id(None, "Hashed"), metadata={"year": None}, source=f"{path}:4")
    assert empty == Skipped(f"{path}:6", "no text")
    assert ragged == Skipped(f"{path}:7", "2 cells in a table of 4 columns")


def test_csv_columns(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "key,body,when,lang\nk,Hello.,2024-05-01,en\nl,Bye.,soon,en\n")
    columns = Columns(text="body", id="key", timestamp="when", metadata=())
    good, bad = iter_documents(path, columns=columns)
    assert isinstance(good, Document)
    assert (good.id, good.text, good.metadata) == ("k", "Hello.", {})
    assert good.timestamp is not None
    assert good.timestamp.isoformat() == "2024-05-01T00:00:00+00:00"
    assert bad == Skipped(f"{path}:3", "timestamp 'soon' is not ISO 8601, such as 2024-05-01T10:00:00Z")
    with pytest.raises(DocumentError, match="no column 'text'; columns present: 'key', 'body', 'when', 'lang'"):
        list(iter_documents(path))
    with pytest.raises(DocumentError, match="more than one column is named 'text'"):
        list(iter_documents(written(tmp_path / "u.csv", "text,text\na,b\n")))


def test_csv_long_cells_and_open_quotes(tmp_path: Path) -> None:
    long = "word " * 100_000
    assert only(written(tmp_path / "a.csv", f"id,text\n1,{long}\n")).text == long
    good, cut = iter_documents(written(tmp_path / "b.csv", 'text\nfine\n"never closed\nmore\n'))
    assert isinstance(good, Document)
    assert isinstance(cut, Skipped)
    assert (cut.source, cut.reason[:30]) == (f"{tmp_path / 'b.csv'}:3", "cannot be read from here on: u")
    assert skipped(written(tmp_path / "c.csv", "id,text\n")).reason == "no rows"


def test_jsonl(tmp_path: Path) -> None:
    lines = ['{"text": "One.", "id": 1, "n": {"a": [1, null]}}', "", "{broken", "[1]", '{"id": 2}', '{"text": 7}']
    path = written(tmp_path / "t.jsonl", "\n".join(lines))
    first, *rest = iter_documents(path)
    assert first == Document("One.", id="1", metadata={"n": {"a": [1, None]}}, source=f"{path}:1")
    assert [item.source for item in rest] == [f"{path}:{line}" for line in (3, 4, 5, 6)]
    assert all(isinstance(item, Skipped) for item in rest)
    with pytest.raises(DocumentError, match="no column 'text'; columns present: 'body', 'id'"):
        list(iter_documents(written(tmp_path / "u.ndjson", '{"body": "x", "id": 3}')))
    assert skipped(written(tmp_path / "v.jsonl", "\n\n")).reason == "no rows"


def test_jsonl_rows_over_the_limit(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", json.dumps({"text": "x" * 500}) + '\n{"text": "short"}\n')
    long, short = iter_documents(path, max_bytes=100)
    assert isinstance(long, Skipped)
    assert long.source == f"{path}:1"
    assert isinstance(short, Document)
    assert short.source == f"{path}:2"


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"text": ["a", None, "c"] * 200, "id": list(range(600)), "x": [1.5] * 600}), path)
    items = list(iter_documents(path))
    assert items[0] == Document("a", id="0", metadata={"x": 1.5}, source=f"{path}:1")
    assert items[1] == Skipped(f"{path}:2", "no text")
    assert items[-1].source == f"{path}:600"
    with pytest.raises(DocumentError, match="no column 'body'; columns present: 'text', 'id', 'x'"):
        list(iter_documents(path, columns=Columns(text="body")))


def test_benchmark_corpora(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.json", json.dumps([{"title": "T", "text": "One.", "idx": 4}, {"id": "q", "text": "Two."}])
    )
    first, second = iter_documents(path)
    assert first == Document("One.", id=content_id("T", "One."), title="T", metadata={"idx": 4}, source=f"{path}:1")
    assert isinstance(second, Document)
    assert second.id == "q"
    document = only(written(tmp_path / "b.json", json.dumps({"T": ["One.", " Two."]})))
    assert (document.title, document.text) == ("T", "One. Two.")


@pytest.mark.parametrize("data", ['"text"', "5", '{"a": 1}', '{"a": [1]}', "[1]", '[{"body": "x"}]'])
def test_json_of_another_shape(tmp_path: Path, data: str) -> None:
    with pytest.raises(DocumentError, match=r"known shapes: |columns present: 'body'"):
        list(iter_documents(written(tmp_path / "a.json", data)))


@pytest.mark.parametrize("data", ["{", "[" * 100_000, "[]", "{}"])
def test_json_without_passages_is_skipped(tmp_path: Path, data: str) -> None:
    assert skipped(written(tmp_path / "a.json", data)).reason.startswith(("not JSON: ", "no passages"))


@pytest.mark.parametrize(
    ("suffix", "module", "package"),
    [
        (".md", "markdown_it", "markdown-it-py"),
        (".html", "bs4", "beautifulsoup4"),
        (".pdf", "pypdf", "pypdf"),
        (".docx", "docx", "python-docx"),
    ],
)
def test_missing_packages_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, module: str, package: str
) -> None:
    # The process that parses finds what this one would, and what it is called with.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    written(hidden / f"{module}.py", "raise ImportError")
    monkeypatch.syspath_prepend(hidden)
    with pytest.raises(MissingExtraError) as caught:
        list(iter_documents(written(tmp_path / f"a{suffix}", "text")))
    assert caught.value.args[1:] == (package, "documents")


def test_importing_is_light() -> None:
    heavy = "regex, spacy, bs4, yaml, pypdf, docx, pyarrow, markdown_it, charset_normalizer, numpy"
    code = f"import sys, hippo.documents; print([name for name in '{heavy}'.split(', ') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_rows_nested_too_deep_are_skipped(tmp_path: Path) -> None:
    row = '{"text": "x", "deep": ' + "[" * 500 + "]" * 500 + "}"
    lines = written(tmp_path / "a.jsonl", f'{row}\n{{"text": "fine", "deep": [[[1]]]}}\n')
    assert [getattr(item, "reason", None) for item in iter_documents(lines)] == [
        "metadata nest deeper than 64 levels",
        None,
    ]
    assert skipped(written(tmp_path / "a.json", f"[{row}]")).source.endswith("a.json:1")


@pytest.mark.parametrize("name", ["undefined", "idna", "base64", "no-such-thing"])
def test_html_that_declares_no_encoding_of_text(tmp_path: Path, name: str) -> None:
    page = f'<meta charset="{name}"><p>' + "Der Bär läuft über die große Brücke. " * 6
    assert "Brücke" in only(written(tmp_path / "a.html", page.encode("cp1252"))).text


def test_table_lines_over_the_limit(tmp_path: Path) -> None:
    header = skipped(written(tmp_path / "a.csv", "text," + "x" * 200), max_bytes=100)
    assert header.source == f"{tmp_path / 'a.csv'}:1"
    assert header.reason.endswith("here on: row of 100 characters or more; shorten it, or raise documents.max_bytes")
    items = list(iter_documents(written(tmp_path / "b.csv", "text\nshort\n" + "x" * 200), max_bytes=100))
    assert [type(item) for item in items] == [Document, Skipped]


@pytest.mark.parametrize(
    "text",
    [
        "João não está em São Paulo, a sua irmã Conceição está em Lisboa.",
        "François Lefèvre à Besançon, près de la forêt, où il vécut.",
        "El niño nació en Logroño.",
        "André Ampère",
        "Göran Åkesson bor på Öland.",
    ],
)
def test_short_western_texts_in_latin_1(tmp_path, text):
    (tmp_path / "a.txt").write_bytes(text.encode("latin-1"))
    [document] = iter_documents(tmp_path)
    assert document.text == text


@pytest.mark.parametrize(
    "text", ["Москва — столица России, самый крупный город страны.", "Η Αθήνα είναι η πρωτεύουσα."]
)
def test_other_alphabets_are_not_taken_for_western_ones(tmp_path, text):
    encoding = "cp1251" if text[0] == "М" else "iso8859-7"
    (tmp_path / "a.txt").write_bytes((text + " ").encode(encoding, "ignore") * 20)
    [document] = iter_documents(tmp_path)
    assert document.text.startswith(text[:10])
