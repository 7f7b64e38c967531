"""Transcripts of meetings, talks and films: WebVTT and SubRip, a turn for each stretch of one speaker.

Own code, since both are lines between empty lines: what is damaged is left out and counted, which parsers of these
formats do not do.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from hippo.documents.decode import read_text
from hippo.documents.source import FileInput
from hippo.documents.turns import turn
from hippo.types import Document, Skipped

__all__ = ["read_captions"]

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{2})[.,](\d{1,3})"
_CUE = re.compile(rf"^\s*{_TIME}\s+-->\s+{_TIME}")
_VOICE = re.compile(r"^<v(?:\.[^\s>]{1,80})?\s+([^>\n]{1,80})>")
_TAG = re.compile(r"</?[^<>\n]{0,200}>|\{\\[^{}\n]{0,200}\}")
_NAMED = re.compile(r"^(?:[-–]|>>+)?\s*([^\W\d_][\w.' -]{0,40}?)(?::\s+|：\s*)(?=\S)")
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_LONGEST = 600
"""Characters of a turn, about: a longer stretch of one speaker is several turns."""
_PAUSE = 5.0
"""Seconds of silence that end a turn."""


@dataclass(slots=True)
class _Said:
    start: float
    end: float
    speaker: str | None
    text: str


def read_captions(file: FileInput) -> Iterator[Document | Skipped]:
    """Turns of a transcript. Cues of one speaker that follow at once are joined, up to the end of a sentence.

    The session is the file, and the position of a turn the second at which it begins: so captions of pictures can be
    put between, as rows of another file with the same `session`. A reference to the recording comes back with the hit.
    """
    text = read_text(file.path)
    if isinstance(text, Skipped):
        yield text
        return
    joined: list[_Said] = []
    for number, block in enumerate(re.split(r"\n[^\S\n]*(?:\n[^\S\n]*)+", text), 1):
        lines = block.split("\n")
        place = next((at for at, line in enumerate(lines[:3]) if "-->" in line), None)
        if place is None:
            if not lines[0].lstrip("\ufeff").startswith(("WEBVTT", "NOTE", "STYLE", "REGION")) and block.strip():
                yield file.skip("no cue: it has no line of times", number)
            continue
        match = _CUE.match(lines[place])
        if match is None:
            yield file.skip("no cue: its times cannot be read", number)
            continue
        for said in _said(match, lines[place + 1 :]):
            _join(joined, said)
    position = float("-inf")
    for number, said in enumerate(joined):
        # Several may speak in one cue.
        position = said.start if said.start > position else round(position + 0.001, 3)
        yield turn(
            said.text,
            session=file.id,
            position=position,
            speaker=said.speaker,
            key=f"{file.id}/{number}",
            media=[{"uri": file.id, "kind": "video", "start": said.start, "end": said.end}],
            source=file.source,
        )
    if not joined:
        yield file.skip("no text")


def _said(match: "re.Match[str]", lines: list[str]) -> Iterator[_Said]:
    """What a cue says, by speaker."""
    parts = match.groups()
    start, end = _seconds(parts[:4]), _seconds(parts[4:])
    speaker, words = None, list[str]()
    for line in lines:
        voice = _VOICE.match(line.strip())
        plain = unescape(_TAG.sub("", line)).strip()
        named = None if voice else _NAMED.match(plain)
        if named is not None and named[1][0].islower():
            named = None
        if (voice or named) and words:
            yield _Said(start, end, speaker, " ".join(words))
            words = []
        if voice:
            speaker = unescape(voice[1]).strip()
        elif named:
            speaker, plain = named[1].strip(), plain[named.end() :]
        if plain:
            words.append(plain)
    if words:
        yield _Said(start, end, speaker, " ".join(words))


def _seconds(parts: "tuple[str | None, ...]") -> float:
    hours, minutes, seconds, fraction = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000


def _join(joined: list[_Said], said: _Said) -> None:
    last = joined[-1] if joined else None
    if last is not None and last.text == said.text and last.speaker == said.speaker:
        last.end = max(last.end, said.end)  # Captions that roll say each line twice.
        return
    goes_on = (
        last is not None
        and (said.speaker is None or said.speaker == last.speaker)
        and 0 <= said.start - last.end <= _PAUSE
        and not (len(last.text) >= _LONGEST // 3 and last.text.endswith(_ENDS))
        and len(last.text) < _LONGEST
    )
    if last is not None and goes_on:
        last.text, last.end = f"{last.text} {said.text}", said.end
    else:
        joined.append(said)
