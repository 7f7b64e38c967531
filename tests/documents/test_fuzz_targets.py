"""Whatever in the library parses bytes that it did not write has a target in the fuzzing job."""

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

import hippo
from hippo.documents import foreign
from hippo.documents.formats import ISOLATED, READERS
from hippo.errors import HippoError
from pipelines import fuzz_files, fuzz_targets
from pipelines.fuzz_targets import TARGETS
from pipelines.fuzz_worker import input_of

ROOT = Path(hippo.__file__).parent
PARSERS = frozenset(
    """json.loads json.load tomllib.loads tomllib.load yaml.parse yaml.load csv.reader csv.DictReader json_repair.loads
    BeautifulSoup MarkdownIt PdfReader docx.Document zipfile.ZipFile tarfile.open networkx.read_graphml
    ElementTree.parse ElementTree.fromstring message_from_bytes mailbox.mbox parsedate_to_datetime
    pq.ParquetFile pq.read_table pq.read_schema pa.ipc.open_file pa.ipc.open_stream np.load np.frombuffer np.memmap
    base64.b64decode struct.unpack sqlite3.connect faiss.read_index
    date.fromisoformat datetime.fromisoformat datetime.strptime""".split()
)
"""Calls that make values of bytes or text."""

READ_BY: Mapping[str, str] = {
    "backends/encoders/bert": "weights",
    "backends/llm/openai_batch": "replies of endpoints",
    "backends/llm/translate": "replies of endpoints",
    "config/read": "configuration",
    "documents/benchmark": "file.json",
    "documents/cells": "file.csv",
    "documents/foreign": "GraphRAG tables",
    "documents/front": "front matter",
    "documents/html": "file.html",
    "documents/mail": "file.mbox",
    "documents/markup": "file.md",
    "documents/office": "file.docx",
    "documents/records": "file.csv",
    "documents/tables": "file.csv",
    "documents/wire": "file.html",
    "evaluation/conversations": "conversations",
    "evaluation/phrasing": "wordings of questions",
    "evaluation/questions": "questions",
    "evaluation/sources": "judgements",
    "extraction/openie_records": "OpenIE records",
    "extraction/parse": "replies with lists",
    "filters/mapping": "conditions as mappings",
    "filters/text": "conditions",
    "filters/values": "conditions as mappings",
    "fresh/log": "log of what was remembered",
    "fresh/records": "log of what was remembered",
    "identity": "identity",
    "indexing/decisions": "synonym decisions",
    "indexing/runs": "manifest of a run",
    "llm/replies": "kept replies",
    "maintenance/backup": "backup",
    "migration/lightrag": "LightRAG chunks",
    "plots/results": "results",
    "snapshot/manifest": "manifest",
}
"""Target by module: what it parses comes from outside, or lies in a file of an index that may be damaged."""

OWN = {
    "tables and arrays of a snapshot, whose SHA-256 sums are compared": (
        "backends/vectors/faiss backends/vectors/grown consolidation/gists exploration/passages export/jsonl "
        "filters/missing graph/sequence retrieval/facts retrieval/policy retrieval/results retrieval/retention "
        "retrieval/sources snapshot/derived snapshot/history snapshot/read snapshot/stored integrations/langgraph"
    ),
    "rows of the store, whose sums are compared when it is opened": (
        "indexing/handed store/documents store/extracted recalls graph/buckets"
    ),
    "shards and temporary files of the same job": (
        "execution/answers execution/cluster execution/rankings execution/read execution/shards scratch"
    ),
    "a result of `hippo eval --out`, and the lock of a publisher": "evaluation/results snapshot/remote",
    "an argument of the command, or a file that it names": "cli/ask cli/change cli/remember",
    "a model folder, whose files its libraries read": "backends/folder",
    "what tests ask": "testing/hashing testing/responder testing/server_app testing/server_batches testing/vectors",
}
"""Modules that parse only what is ours, by the reason."""


def calls(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_every_parser_has_a_target() -> None:
    parsing = {
        file.relative_to(ROOT).with_suffix("").as_posix()
        for file in ROOT.rglob("*.py")
        if not PARSERS.isdisjoint(calls(file))
    }
    own = {name for names in OWN.values() for name in names.split()}
    assert not own & READ_BY.keys()
    assert parsing == own | READ_BY.keys(), "give what parses foreign bytes a target, or say why it needs none"
    assert set(READ_BY.values()) <= TARGETS.keys()


def test_every_format_of_files_has_a_target() -> None:
    tried = {name.removeprefix("file") for name in TARGETS if name.startswith("file")}
    readers = {READERS[suffix] for suffix in tried & READERS.keys()}
    assert {suffix for suffix, reader in READERS.items() if reader not in readers} == set()
    assert foreign.READERS.keys() == {".graphml", ".parquet"}  # the graph of LightRAG and the tables of GraphRAG


def test_targets_reach_the_modules_that_they_stand_for(tmp_path: Path) -> None:
    elsewhere = {READERS[suffix].__module__ for suffix in ISOLATED} | {foreign.__name__}
    reached: set[str] = set()

    def hook(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            reached.add(frame.f_code.co_filename)

    try:
        for module, name in READ_BY.items():
            if f"hippo.{module.replace('/', '.')}" in elsewhere:
                continue  # in the process that is there for this
            for number in range(30):
                value = input_of(TARGETS[name], 2, number)
                sys.setprofile(hook)
                try:
                    with suppress(HippoError, *TARGETS[name].allowed):
                        TARGETS[name].check(value, tmp_path)
                finally:
                    sys.setprofile(None)
                if str(ROOT / f"{module}.py") in reached:
                    break
            else:
                pytest.fail(f"{name} does not reach {module}")
    finally:
        fuzz_targets._process().close()
        fuzz_files.foreign_process().close()
