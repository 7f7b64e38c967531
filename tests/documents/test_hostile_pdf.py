"""PDF files made to do harm: each is left out for a reason of its own, within time and memory."""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hippo.documents import Columns, Limits
from hippo.documents.load import read_file
from hippo.documents.process import ParserProcess
from hippo.documents.source import FileInput
from hippo.types import Document, Skipped


def pdf_file(path: Path, objects: list[bytes], trailer: bytes = b"") -> Path:
    out = b"%PDF-1.4\n"
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    path.write_bytes(out)
    return path


CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def page(contents: bytes, resources: bytes = b"") -> bytes:
    known = b"<< /Font << /F1 4 0 R >> %s >>" % resources
    return b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %s /Resources %s >>" % (contents, known)


def stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), more, data)


NO_TEXT = "no text; if its pages are scanned, run OCR first"


def hostile_pdfs(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files, and the beginning of the reason why each is left out; "": it is read."""
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    show = b"BT /F1 9 Tf (x) Tj ET"

    def made(name: str, objects: list[bytes], trailer: bytes = b"") -> Path:
        return pdf_file(folder / f"{name}.pdf", [CATALOG, *objects], trailer)

    def packed(name: str, contents: bytes, filters: bytes = b"/FlateDecode") -> Path:
        return made(name, [pages, page(b"5 0 R"), FONT, stream(zlib.compress(contents, 9), b"/Filter " + filters)])

    cyclic = "no readable PDF: PdfReadError: Detected cyclic page references"
    yield made("kids", [b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]), cyclic
    yield made("prev", [pages, page(b"5 0 R"), FONT, stream(b"BT ET")], b"/Prev 9"), NO_TEXT
    loop = made("loop", [pages, page(b"5 0 R"), FONT, stream(show)], b"/Prev %06d")
    data = loop.read_bytes()
    loop.write_bytes(data.replace(b"%06d", b"%06d" % int(data.partition(b"startxref\n")[2].split()[0])))
    yield loop, ""
    forms = b"/XObject << /X 5 0 R >>"
    looped = stream(b"/X Do /X Do", b"/Type /XObject /Subtype /Form /Resources << /XObject << /X 5 0 R >> >>")
    yield made("forms", [pages, page(b"5 0 R", forms), FONT, looped]), NO_TEXT
    bomb = packed("bomb", b"BT /F1 12 Tf (x) Tj ET " * 20_000_000)
    yield bomb, "no readable PDF: LimitReachedError: Limit reached while decompressing"
    filters = packed("filters", b"x", b"[" + b"/FlateDecode " * 10_000 + b"]")
    yield filters, "no readable PDF: LimitReachedError: Maximum filter count"
    yield packed("slow", b"BT /F1 9 Tf " + b"(x) Tj T* " * 3_000_000 + b"ET"), "takes more than 1 s to read; "
    mapped = FONT.replace(b">>", b"/ToUnicode 5 0 R >>")
    ranges = stream(b"begincmap 1 beginbfrange <00000000> <ffffffff> <0041> endbfrange endcmap")
    cmap = made("cmap", [pages, page(b"6 0 R"), mapped, ranges, stream(show)])
    yield cmap, "no readable PDF: LimitReachedError: Maximum /ToUnicode size"
    nested = b"<< /Type /Page /Parent 2 0 R /X " + b"[" * 100_000 + b"]" * 100_000 + b" >>"
    yield made("nested", [pages, nested]), "no readable PDF: PdfReadError"
    itself = pdf_file(folder / "self.pdf", [b"1 0 R", pages])
    yield itself, "no readable PDF: "
    yield made("count", [b"<< /Type /Pages /Kids [] /Count 2147483647 >>"]), NO_TEXT


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux alone")
def test_hostile_pdfs(tmp_path: Path) -> None:
    """Each is left out for its own reason, within time and memory, and the one behind it is read."""
    import resource

    files = dict(hostile_pdfs(tmp_path))
    shown = stream(b"BT /F1 9 Tf (x) Tj ET")
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    good = pdf_file(tmp_path / "good.pdf", [CATALOG, pages, page(b"5 0 R"), FONT, shown])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Time is that of a clock: a busy machine would end the others, too.
    patient, strict = Limits(memory=256 * 2**20), Limits(memory=256 * 2**20, seconds=1.0)
    with ParserProcess(patient) as usual, ParserProcess(strict) as short:
        for path, reason in files.items():
            process = short if path.stem == "slow" else usual
            [item] = read_file(FileInput(path, path.name, Columns(), 2**28), process)
            assert isinstance(item, Skipped if reason else Document), item
            assert isinstance(item, Document) or item.reason.startswith(reason), (path.name, item.reason)
            if process._running is not None:  # else it was ended
                status = Path(f"/proc/{process._running._process.pid}/status").read_text()
                [peak] = re.findall(r"VmHWM:\s+(\d+) kB", status)
                assert int(peak) * 1024 < patient.memory_for(path.stat().st_size) + 100 * 2**20, path.name
        [after] = read_file(FileInput(good, good.name, Columns(), 2**28), usual)
        assert isinstance(after, Document)
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Seconds of the processor for all of them; what starts the processes included.
    assert now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime < 20
