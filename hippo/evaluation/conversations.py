"""Conversations with questions about them, and readers of the formats in which such benchmarks are published.

* LoCoMo (Maharana et al. 2024, arXiv 2402.17753), `locomo10.json`: gold turns are the `evidence` of a question.
* LongMemEval (Wu et al. 2024, arXiv 2410.10813), `longmemeval_s.json` and others: turns with `has_answer`, else all of
  the answer's sessions.
* MemoryAgentBench (Hu et al. 2025, arXiv 2507.05257), rows as JSON, JSON lines or Parquet: it names no gold passages;
  paragraphs that hold an answer count.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hippo.config import DocumentsConfig
from hippo.documents.foreign import FOREIGN, read_values
from hippo.documents.process import ParserProcess
from hippo.documents.turns import turn
from hippo.errors import DocumentError, UnknownNameError
from hippo.types import Document

__all__ = ["Conversations", "TurnQuestion", "load_conversations"]


@dataclass(frozen=True, slots=True)
class TurnQuestion:
    """A question about what was said.

    Attributes:
        id: Unique in its set.
        text: The question.
        category: What it tests.
        gold: Ids of the turns that answer it; empty: nothing does, or that is not known.
        answers: Accepted answers.
        asked: When it is asked; None: after all that was said.
        older: Turns that a newer one among the gold has replaced.
        conversation: Value of the metadata `conversation` of the turns that it is about; None: all.
    """

    id: str
    text: str
    category: str
    gold: frozenset[str]
    answers: tuple[str, ...] = ()
    asked: datetime | None = None
    older: frozenset[str] = frozenset()
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Conversations:
    """Turns and questions about them.

    Attributes:
        name: Of the set.
        turns: Documents, each with a session, a position and, where it is known, a time.
        questions: In order.
    """

    name: str
    turns: tuple[Document, ...]
    questions: tuple[TurnQuestion, ...]


def load_conversations(path: Path, shape: str) -> Conversations:
    """Read a published set of conversations.

    Args:
        path: The file.
        shape: "locomo", "longmemeval" or "memoryagentbench".

    Raises:
        DocumentError: The file cannot be read, or has another shape.
        UnknownNameError: No such format.
    """
    if shape not in _READERS:
        raise UnknownNameError("format of conversations", shape, sorted(_READERS))
    try:
        records = _records(path)
        turns: list[Document] = []
        questions: list[TurnQuestion] = []
        for number, record in enumerate(records):
            _READERS[shape](record, number, turns, questions)
    except OSError as error:
        raise DocumentError(str(path), f"cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        problem = f"has not the shape of {shape}: {type(error).__name__}: {error}"
        raise DocumentError(str(path), problem) from error
    if not turns:
        raise DocumentError(str(path), f"holds no conversation in the format {shape}")
    return Conversations(shape, tuple(turns), tuple(questions))


def _records(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        with ParserProcess(readers=FOREIGN) as process:
            return list(read_values(path, process, max_bytes=DocumentsConfig().max_bytes))
    text = path.read_text(encoding="utf-8")
    if path.suffix in (".jsonl", ".ndjson"):
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


_LOCOMO = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
_EVIDENCE = re.compile(r"D\d+:\d+")


def _locomo(record: Mapping[str, Any], number: int, turns: list[Document], questions: list[TurnQuestion]) -> None:
    name = str(record.get("sample_id", number))
    said, known = record["conversation"], set()
    sessions = sorted(int(key[8:]) for key in said if re.fullmatch(r"session_\d+", key))
    for session in sessions:
        time = _locomo_time(said.get(f"session_{session}_date_time", ""))
        for place, one in enumerate(said[f"session_{session}"] or ()):
            captions = [f"[image: {one['blip_caption']}]"] if one.get("blip_caption") else []
            images = one.get("img_url") or []
            media = [{"kind": "image", "uri": uri} for uri in ([images] if isinstance(images, str) else images)]
            known.add(one["dia_id"])
            turns.append(
                turn(
                    " ".join([str(one.get("text", "")), *captions]),
                    session=f"{name}/{session}",
                    position=place,
                    speaker=one["speaker"],
                    timestamp=time,
                    key=f"{name}/{one['dia_id']}",
                    metadata={"conversation": name},
                    media=media,
                )
            )
    for place, one in enumerate(record["qa"]):
        category = _LOCOMO.get(one.get("category"), str(one.get("category")))
        gold = {found for text in one.get("evidence") or () for found in _EVIDENCE.findall(str(text))} & known
        answers = (str(one["answer"]),) if "answer" in one else ()
        gold = gold if category != "adversarial" else set()
        questions.append(
            TurnQuestion(
                f"{name}/q{place}",
                str(one["question"]),
                category,
                frozenset(f"{name}/{key}" for key in gold),
                answers,
                conversation=name,
            )
        )


def _locomo_time(text: str) -> datetime | None:
    """As in "1:56 pm on 8 May, 2023"."""
    try:
        return datetime.strptime(text.strip().upper(), "%I:%M %p ON %d %B, %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _longmemeval(record: Mapping[str, Any], number: int, turns: list[Document], questions: list[TurnQuestion]) -> None:
    name = str(record.get("question_id", number))
    dates, ids = record["haystack_dates"], record["haystack_session_ids"]
    answering, marked, of_sessions = set(record.get("answer_session_ids") or ()), set(), set()
    for key, date, messages in zip(ids, dates, record["haystack_sessions"], strict=True):
        session, time = f"{name}/{key}", _longmemeval_time(date)
        for place, one in enumerate(messages):
            own = f"{session}/{place}"
            marked |= {own} if one.get("has_answer") else set()
            of_sessions |= {own} if key in answering else set()
            turns.append(
                turn(
                    one["content"],
                    session=session,
                    position=place,
                    speaker=one["role"],
                    timestamp=time,
                    key=own,
                    metadata={"conversation": name},
                )
            )
    absent = name.endswith("_abs")
    questions.append(
        TurnQuestion(
            name,
            str(record["question"]),
            "abstention" if absent else str(record["question_type"]),
            frozenset() if absent else frozenset(marked or of_sessions),
            (str(record["answer"]),),
            _longmemeval_time(record.get("question_date", "")),
            conversation=name,
        )
    )


def _longmemeval_time(text: str) -> datetime | None:
    """As in "2023/05/30 (Tue) 23:40", the day of the week in any language."""
    try:
        return datetime.strptime(re.sub(r"\s*\([^)]*\)", "", text.strip()), "%Y/%m/%d %H:%M").replace(tzinfo=UTC)
    except ValueError:
        return None


def _memory_agent(record: Mapping[str, Any], number: int, turns: list[Document], questions: list[TurnQuestion]) -> None:
    metadata = record.get("metadata") or {}
    name = f"{metadata.get('source', 'context')}/{number}"
    # Paragraphs follow one another, whatever they are: facts, dialogues, chapters.
    parts = [part.strip() for part in re.split(r"\n\s*\n|\n(?=\d+\. )", record["context"]) if part.strip()]
    for place, part in enumerate(parts):
        turns.append(turn(part, session=name, position=place, metadata={"conversation": name}))
    kinds = metadata.get("question_types") or []
    ids = metadata.get("qa_pair_ids") or metadata.get("question_ids") or []
    for place, (text, accepted) in enumerate(zip(record["questions"], record["answers"], strict=True)):
        answers = tuple(str(one) for one in (accepted if isinstance(accepted, list | tuple) else [accepted]))
        category = str(kinds[place]) if place < len(kinds) else str(metadata.get("source", "question"))
        key = f"{name}/{ids[place] if place < len(ids) else place}"
        folded = [answer.casefold() for answer in answers if answer.strip()]
        gold = {f"{name}/{at}" for at, part in enumerate(parts) if any(answer in part.casefold() for answer in folded)}
        questions.append(TurnQuestion(key, str(text), category, frozenset(gold), answers, conversation=name))


_Reader = Callable[[Mapping[str, Any], int, list[Document], list[TurnQuestion]], None]
_READERS: dict[str, _Reader] = {
    "locomo": _locomo,
    "longmemeval": _longmemeval,
    "memoryagentbench": _memory_agent,
}
