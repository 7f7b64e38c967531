"""What `pipelines.fuzz` tries besides documents: what other systems, data sets and an index itself leave in files.

What few of the targets need is imported where they do: every process of a run imports this module.
"""

import hashlib
import json
import random
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Any

from hippo.config import DocumentsConfig
from hippo.documents import Limits
from hippo.documents.foreign import FOREIGN
from hippo.documents.process import ParserProcess
from hippo.errors import LLMError
from hippo.fresh.log import FOLDER, Log
from hippo.fresh.records import Said, read
from hippo.identity import IDENTITY_FILE, Identity
from hippo.indexing.runs import RUNS_FOLDER, damaged_runs, read_runs
from hippo.llm import REPLIES_FILE, Replies
from hippo.migration.convert import read_foreign, write_foreign
from hippo.snapshot.current import current
from hippo.snapshot.manifest import Manifest
from hippo.types import Completion, LLMRequest, Usage
from pipelines.fuzz_inputs import json_text, mutated, packed, pick, text
from pipelines.fuzz_seeds_files import (
    BACKUP,
    CHUNKS,
    CONVERSATIONS,
    CURRENT,
    GRAPHML,
    GRAPHML_WORDS,
    IDENTITY,
    KEYS,
    MANIFEST,
    QRELS,
    REPLIES,
    RESULTS,
    RUN,
    SAID,
    TABLES,
    TOKEN_WORDS,
    TOKENS,
    WEIGHTS,
    WORDINGS,
)
from pipelines.fuzz_target import Target, must, of_text, written

__all__ = ["file_targets", "foreign_process"]

_LIMITS = Limits(memory=512 * 2**20, seconds=5.0)
_BYTES = [b"\0", b"\xff\xff\xff\xff", b"\n", b"{", b"]", b"\x80", b"00000000 "]


# Other systems


@cache
def foreign_process() -> ParserProcess:
    """The process that parses Parquet and GraphML."""
    return ParserProcess(_LIMITS, FOREIGN)


def _converted(folder: Path) -> str:
    shutil.rmtree(folder / "made", ignore_errors=True)
    made = write_foreign(
        read_foreign(folder, foreign_process(), max_bytes=DocumentsConfig().max_bytes), folder / "made"
    )
    return "taken over" if made.passages else "none"


def _lightrag(part: str, value: str | bytes, folder: Path) -> str:
    files = {"graph": GRAPHML[0], "chunks": CHUNKS[0], part: value}
    written(folder / "lightrag" / "graph_chunk_entity_relation.graphml", files["graph"])
    written(folder / "lightrag" / "kv_store_text_chunks.json", files["chunks"])
    return _converted(folder / "lightrag")


def _graphrag(value: str | bytes, folder: Path) -> str:
    chosen = len(value) % len(TABLES)
    for number, (name, table) in enumerate(_tables().items()):
        written(folder / "graphrag" / f"{name}.parquet", value if number == chosen else table)
    return _converted(folder / "graphrag")


@cache
def _tables() -> dict[str, bytes]:
    units = ["u1"]
    rows: dict[str, list[dict[str, Any]]] = {
        "text_units": [{"id": "u1", "text": "Ada met Bob.", "document_ids": ["d"]}],
        "entities": [{"id": name, "title": name, "text_unit_ids": units} for name in ("ADA", "BOB")],
        "relationships": [{"source": "ADA", "target": "BOB", "description": "Ada met Bob", "text_unit_ids": units}],
        "documents": [{"id": "d", "title": "a.txt"}],
    }
    return {name: packed(rows[name]) for name in TABLES}


def _table(chance: random.Random) -> bytes:
    files = list(_tables().values())
    chosen = pick(chance, files)
    return mutated(chance, chosen, files, [b"PAR1", b"\x15\0", *_BYTES]) if chance.random() < 0.8 else chosen


# What an index keeps


def _log_lines(chance: random.Random) -> bytes:
    """Records with their check sums, but for some; numbers follow one another where they were not altered."""
    lines = []
    for _ in range(1 + int(4 * chance.random())):
        body = json_text(chance, SAID, KEYS).encode("utf-8", "surrogatepass").replace(b"\n", b" ")
        lines.append(b"%08x %s\n" % (zlib.crc32(body), body))
    whole = b"".join(sorted(lines)) if chance.random() < 0.5 else b"".join(lines)
    return mutated(chance, whole, [whole], _BYTES) if chance.random() < 0.2 else whole


def _log(value: str | bytes, folder: Path) -> str:
    written(folder / "log" / FOLDER / f"{0:012d}.log", value)
    log = Log(folder / "log")
    log.damaged()
    log.cut()
    said = Said()
    read(log.since(0) or [], said)
    return "remembered" if said.documents or said.links or said.gone else "nothing"


def _summed(chance: random.Random, example: str) -> str:
    """JSON with the sum of its content, but for some."""
    made = json_text(chance, [example], KEYS)
    try:
        body = json.loads(made)
        body["sha256"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    except (ValueError, TypeError, RecursionError):
        return made
    return json.dumps(body)


def _manifest(value: str) -> str:
    found = Manifest.from_json(Path("manifest.json"), value)
    must(Manifest.from_json(Path("manifest.json"), found.to_json()) == found, "a manifest is read as it is written")
    return "manifest"


def _identity(value: str | bytes, folder: Path) -> str:
    written(folder / "identity" / IDENTITY_FILE, value)
    return "identity" if Identity.read(folder / "identity") else "none"


def _current(value: str | bytes, folder: Path) -> str:
    written(folder / "current" / "CURRENT", value)
    (folder / "current" / "snapshots" / "000001").mkdir(parents=True, exist_ok=True)
    return "snapshot" if current(folder / "current") == "000001" else "none"


def _backup(value: str | bytes, folder: Path) -> str:
    from hippo.maintenance.backup import BACKUP_FILE, contents_of

    body = contents_of(written(folder / "backup" / BACKUP_FILE, value).parent)
    for name in body["files"]:
        must((folder / "backup" / name).resolve().is_relative_to((folder / "backup").resolve()), "files lie inside")
    return "backup"


def _runs(value: str | bytes, folder: Path) -> str:
    written(folder / "runs" / RUNS_FOLDER / "20240508T100000.000000Z.json", value)
    found, damaged = read_runs(folder / "runs"), damaged_runs(folder / "runs")
    must(len(found) + len(damaged) == 1, "a manifest is read or damaged")
    return "run" if found else "damaged"


def _replies(value: str | bytes, folder: Path) -> str:
    path = written(folder / "replies" / REPLIES_FILE, value)
    try:
        with closing(Replies(path)) as replies:
            damage = replies.damage()
            return "replies" if replies.get_many(["a" * 64]) and not damage else "damaged"
    finally:
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _database(chance: random.Random) -> bytes:
    whole = _kept_replies()
    return mutated(chance, whole, [whole], _BYTES) if chance.random() < 0.9 else whole


@cache
def _kept_replies() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / REPLIES_FILE
        with closing(Replies(path)) as replies:
            replies.put("a" * 64, Completion("Ulm.", "stop", Usage(requests=1, input_tokens=3, output_tokens=1)))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        return path.read_bytes()


# Endpoints, models, data sets


def _endpoint(value: str) -> str:
    from hippo.backends.llm.openai_batch import read_lines
    from hippo.backends.llm.openai_reply import Listener, read_reply
    from hippo.backends.llm.translate import Refusal, classify

    outcome, request = "none", LLMRequest((), 1, "fuzz/1")
    for line in read_lines(value.encode("utf-8", "surrogatepass")):
        try:
            Listener("m", request).hear(line)
            read_reply("m", line.get("response") or line, request)
            outcome = "reply"
        except LLMError:
            classify("m", Refusal.read(None, line))
    return outcome


def _weights(value: str | bytes, folder: Path) -> str:
    from hippo.backends.encoders.bert import DAMAGE, mapped

    try:
        return "arrays" if mapped(written(folder / "model.safetensors", value)) else "none"
    except DAMAGE:
        return "damaged"


def _tokens(value: str | bytes, folder: Path) -> str:
    from hippo.serving.tokens import Tokens

    found = Tokens.read(str(written(folder / "tokens", value)), {})
    found.role("Bearer \ud800")
    return "tokens"


def _judgements(value: str | bytes, folder: Path) -> str:
    from hippo.evaluation.sources import load_beir

    written(folder / "beir" / "corpus.jsonl", '{"_id": "d1", "text": "x"}\n{"_id": "d2", "text": "y"}\n')
    written(folder / "beir" / "queries.jsonl", '{"_id": "q1", "text": "x"}\n{"_id": "q2", "text": "y"}\n')
    written(folder / "beir" / "qrels" / "test.tsv", value)
    return "judgements" if load_beir(folder / "beir").questions else "none"


def _conversations(value: str | bytes, folder: Path) -> str:
    from hippo.evaluation.conversations import load_conversations

    shape, _, rest = (value if isinstance(value, str) else value.decode()).partition(" ")
    return "turns" if load_conversations(written(folder / "conversations.json", rest), shape).turns else "none"


def _conversation(chance: random.Random) -> str:
    shape = pick(chance, list(CONVERSATIONS))
    return f"{shape} {json_text(chance, [CONVERSATIONS[shape]], KEYS)}"


def _results(value: str | bytes, folder: Path) -> str:
    from hippo.plots.results import read_json_results

    return "results" if read_json_results(written(folder / "results.json", value)).measures else "none"


def _wording(value: str) -> str:
    from hippo.evaluation.phrasing import read_wording

    return "wording" if read_wording(value, ("Ada", "Bob"))[1] is None else "unusable"


def _lines(chance: random.Random, examples: Sequence[str]) -> str:
    return "\n".join(json_text(chance, examples, KEYS) for _ in range(1 + int(3 * chance.random())))


def file_targets() -> Iterator[Target]:
    """Targets that are no documents."""

    def of_file(
        name: str, share: float, make: Callable[[random.Random], str | bytes], check: Callable[[str | bytes, Path], str]
    ) -> Target:
        return Target(name, share, 300, make, check)

    def like(*examples: str) -> Callable[[random.Random], str]:
        return partial(json_text, examples=examples, keys=KEYS)

    yield of_file(
        "LightRAG graph", 0.005, partial(text, seeds=GRAPHML, words=GRAPHML_WORDS), partial(_lightrag, "graph")
    )
    yield of_file("LightRAG chunks", 0.005, like(*CHUNKS), partial(_lightrag, "chunks"))
    yield of_file("GraphRAG tables", 0.005, _table, _graphrag)
    yield of_file("log of what was remembered", 0.2, _log_lines, _log)
    yield of_text("manifest", 0.3, 3000, partial(_summed, example=MANIFEST), _manifest)
    yield of_file("identity", 0.1, like(IDENTITY), _identity)
    yield of_file("CURRENT", 0.1, partial(text, seeds=CURRENT), _current)
    yield of_file("backup", 0.1, like(BACKUP), _backup)
    yield of_file("manifest of a run", 0.1, partial(_summed, example=RUN), _runs)
    yield of_file("kept replies", 0.02, _database, _replies)
    yield of_text("replies of endpoints", 0.5, 5000, partial(_lines, examples=REPLIES), _endpoint)
    weights = partial(_mutated, seeds=WEIGHTS)
    yield of_file("weights", 0.1, weights, _weights)
    yield of_file("tokens", 0.1, partial(text, seeds=TOKENS, words=TOKEN_WORDS), _tokens)
    yield of_file("judgements", 0.1, partial(text, seeds=QRELS, words=["\t", "\n", "q1", "d1", "1e400"]), _judgements)
    yield of_file("conversations", 0.2, _conversation, _conversations)
    yield of_file("results", 0.1, like(*RESULTS), _results)
    yield of_text("wordings of questions", 0.3, 5000, partial(text, seeds=WORDINGS, words=['"question": ']), _wording)


def _mutated(chance: random.Random, seeds: Sequence[bytes]) -> bytes:
    return mutated(chance, pick(chance, seeds), seeds, _BYTES)
