"""Conversations in: lists of messages, exports of chats, transcripts, mailboxes."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, messages_to_dict

from hippo import Hippo
from hippo.documents import conversation, iter_documents
from hippo.errors import DocumentError
from hippo.types import Document, Skipped


def read(path: Path, content: str | bytes) -> tuple[list[Document], list[str]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    items = list(iter_documents(path))
    return (
        [item for item in items if isinstance(item, Document)],
        [item.reason for item in items if isinstance(item, Skipped)],
    )


def said(turns: list[Any]) -> list[tuple[str | None, str]]:
    return [(one.title, one.text) for one in turns if isinstance(one, Document)]


def test_messages_of_openai_with_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "cat.png"}, "caption": "a grey cat"}
    inline = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    turns = conversation(
        [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Look!"}, image, inline]},
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "assistant", "content": "Nice.", "id": "m3", "timestamp": 1683554160},
        ],
        session="s",
        timestamp="2023-05-08T13:00:00Z",
        metadata={"app": "demo"},
    )
    assert [one.reason for one in turns if isinstance(one, Skipped)] == ["a message of the role system", "no text"]
    first, second = (one for one in turns if isinstance(one, Document))
    assert (first.id, first.title, first.text) == ("s/1", "Ann", "Look!\n[image: a grey cat]")
    assert first.metadata["media"] == [
        {"kind": "image", "uri": "cat.png"},
        {"kind": "image", "uri": "data:image/png;base64"},
    ]
    assert first.timestamp == datetime(2023, 5, 8, 13, tzinfo=UTC)
    assert (second.id, second.timestamp) == ("s/m3", datetime(2023, 5, 8, 13, 56, tzinfo=UTC))
    assert second.metadata == {"session": "s", "position": 3, "speaker": "assistant", "app": "demo"}


def test_messages_of_langchain_as_objects_and_as_data() -> None:
    messages = [SystemMessage("x"), HumanMessage("Hello.", name="Ann"), AIMessage([{"type": "text", "text": "Hi."}])]
    expected = [("Ann", "Hello."), ("assistant", "Hi.")]
    assert said(conversation(messages)) == said(conversation(messages_to_dict(messages))) == expected
    # Without a name a session is told by what was said.
    assert conversation(messages)[1].id == conversation(messages_to_dict(messages))[1].id  # type: ignore[union-attr]
    assert conversation(messages[:2])[1].id != conversation(messages)[1].id  # type: ignore[union-attr]


def test_tuples_and_serialised_messages_of_langchain_and_calls_between_messages_of_openai() -> None:
    expected = [("user", "Hello."), ("assistant", "Hi.")]
    assert said(conversation([("system", "Be kind."), ("human", "Hello."), ("ai", "Hi.")])) == expected
    assert said(conversation([dumpd(HumanMessage("Hello.")), dumpd(AIMessage("Hi."))])) == expected
    call = {"name": "look", "args": {}, "id": "c1", "type": "tool_call"}
    called = [
        HumanMessage("Hello."),
        AIMessage("", tool_calls=[call]),
        ToolMessage("40 °C", tool_call_id="c1"),
        AIMessage("Hi."),
    ]
    turns = conversation(called)
    assert said(turns) == expected
    assert [one.reason for one in turns if isinstance(one, Skipped)] == ["no text", "a message of the role tool"]
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hello."}]},
        {"type": "reasoning", "id": "r", "summary": []},
        {"type": "function_call", "name": "look", "arguments": "{}", "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": "40 °C"},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]},
    ]
    turns = conversation(items)
    assert said(turns) == expected
    assert sum("which nobody says" in one.reason for one in turns if isinstance(one, Skipped)) == 3
    parts = [{"type": "thinking", "thinking": "x", "text": "x"}, {"type": "text", "text": "Hi."}]
    refused = [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": None, "refusal": "No."}]
    assert said(conversation([{"role": "assistant", "content": parts}])) == [("assistant", "Hi.")]
    assert said(conversation(refused)) == [("user", "Hello."), ("assistant", "No.")]
    spoken = {"role": "assistant", "content": None, "audio": {"id": "audio_1", "data": "AAAA", "transcript": "Hi."}}
    [turn] = conversation([spoken], session="s")
    assert (turn.text, turn.metadata["media"]) == ("Hi.", [{"kind": "audio", "uri": "audio_1"}])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "messages", ["text", {"role": "user"}, [5], [{"role": "user"}], [{"text": "a", "date": "never"}]]
)
def test_what_is_no_message_is_refused(messages: Any) -> None:
    with pytest.raises(DocumentError):
        conversation(messages)


TREE = {
    "title": "Cats",
    "conversation_id": "c1",
    "current_node": "d",
    "mapping": {
        "a": {"message": None, "parent": None},
        "b": {
            "message": {"author": {"role": "user"}, "content": {"parts": ["Cats?"]}, "create_time": 1e9},
            "parent": "a",
        },
        "c": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["No."]}}, "parent": "b"},
        "d": {"message": {"author": {"role": "assistant"}, "content": {"parts": ["Yes."]}}, "parent": "b"},
    },
}
CLAUDE = {
    "uuid": "u",
    "name": "Dogs",
    "chat_messages": [{"sender": "human", "text": "Dogs?", "created_at": "2024-05-01"}],
}
TELEGRAM = {
    "name": "Ben",
    "id": 7,
    "messages": [
        {"id": 1, "from": "Ben", "date": "2024-05-01T10:00:00", "text": ["a ", {"type": "bold", "text": "b"}]}
    ],
}
FACEBOOK = {
    "participants": [{"name": "Ann"}],
    "title": "Trip",
    "messages": [
        {"sender_name": "Ben", "timestamp_ms": 1683554161000, "content": "Gr\u00c3\u00bc\u00c3\u009fe!"},
        {"sender_name": "Ann", "timestamp_ms": 1683554160000, "content": "Hi."},
    ],
}
SLACK = [{"user": "U1", "text": "Lunch?", "ts": "1700000000.000100"}]


@pytest.mark.parametrize(
    ("data", "expected", "session"),
    [
        ([TREE], [("user", "Cats?"), ("assistant", "Yes.")], "x.json#c1"),
        ([CLAUDE, {**CLAUDE, "uuid": "v"}], [("user", "Dogs?"), ("user", "Dogs?")], "x.json#u"),
        (TELEGRAM, [("Ben", "a b")], "x.json#7"),
        ({"about": "x", "chats": {"list": [TELEGRAM, {"id": 8, "type": "left"}]}}, [("Ben", "a b")], "x.json#7"),
        (FACEBOOK, [("Ann", "Hi."), ("Ben", "Grüße!")], "x.json#Trip"),
        (SLACK, [("U1", "Lunch?")], "x.json"),
    ],
)
def test_exports_of_chats(tmp_path: Path, data: Any, expected: Any, session: str) -> None:
    turns, _ = read(tmp_path / "x.json", json.dumps(data))
    assert said(turns) == expected
    assert turns[0].metadata["session"] == session
    assert len({turn.id for turn in turns}) == len(turns)


def test_a_circle_in_a_tree_ends(tmp_path: Path) -> None:
    message = {"author": {"role": "user"}, "content": {"parts": ["a"]}}
    nodes = {"a": {"parent": "b", "message": message}, "b": {"parent": "a", "message": message}}
    turns, _ = read(tmp_path / "x.json", json.dumps({"mapping": nodes, "current_node": "a"}))
    assert len(turns) == 2


def test_lines_of_messages_and_of_conversations(tmp_path: Path) -> None:
    lines = [
        {"role": "user", "content": "One."},
        {"messages": [{"role": "user", "content": "Two."}, {"role": "assistant", "content": "Three."}]},
        {"text": "Four.", "session": "s", "speaker": "Ann", "position": 1},
    ]
    turns, _ = read(tmp_path / "x.jsonl", "\n".join(map(json.dumps, lines)))
    assert said(turns) == [("user", "One."), ("user", "Two."), ("assistant", "Three."), ("Ann", "Four.")]
    assert [turn.metadata["session"] for turn in turns] == ["x.jsonl", "x.jsonl:2", "x.jsonl:2", "s"]


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("08/05/2023, 13:56 - Ann: Hello.\nBye.\n13/05/2023, 13:57 - Ben: a: b", [(5, 8, 13), (5, 13, 13)]),
        ("5/8/23, 1:56 PM - Ann: Hello.\nBye.\n5/8/23, 1:57\u202fPM - Ben: a: b", [(5, 8, 13), (5, 8, 13)]),
        (
            "[08.05.23, 13:56:02] Ann: Hello.\nBye.\n\u200e[08.05.23, 23:57:02] ~\u202fBen: a: b",
            [(5, 8, 13), (5, 8, 23)],
        ),
        ("[08/05/2023 13:56:02] Ann: Hello.\nBye.\n[08/05/2023 13:57:02] Ben: a: b", [(5, 8, 13), (5, 8, 13)]),
        ("8/5/23, 1:56\u00a0p.\u00a0m. - Ann: Hello.\nBye.\n13/5/23, 1:57 a. m. - Ben: a: b", [(5, 8, 13), (5, 13, 1)]),
        ("08/05/2023 à 13:56 - Ann: Hello.\nBye.\n8.5.2023 klo 13.57 - Ben: a: b", [(5, 8, 13), (5, 8, 13)]),
        ("2023-05-08, 13:56 – Ann: Hello.\nBye.\n2023-05-13, 13:57 - Ben: a: b", [(5, 8, 13), (5, 13, 13)]),
    ],
)
def test_whatsapp(tmp_path: Path, text: str, times: list[tuple[int, int, int]]) -> None:
    turns, _ = read(tmp_path / "chat.txt", text)
    assert said(turns) == [("Ann", "Hello.\nBye."), ("Ben", "a: b")]
    found = [turn.timestamp for turn in turns]
    assert [(time.month, time.day, time.hour) for time in found if time] == times


def test_whatsapp_notices_and_files(tmp_path: Path) -> None:
    text = (
        "08/05/2023, 13:55 - Messages are encrypted.\n"
        "08/05/2023, 13:56 - Ann: IMG-1.jpg (file attached)\nA whiteboard\n"
        "08/05/2023, 13:57 - Ann: <Media omitted>\n"
        "08/05/2023, 13:58 - Ann: Soon. <This message was edited>\n"
        "08/05/2023, 13:59 - Ann: This message was deleted\n"
        "08/05/2023, 14:00 - Ann: I saw that this message was deleted.\nNo image omitted\n"
        "08/05/2023, 14:01 - Ann: Look: \u200eimage omitted\n"
    )
    turns, reasons = read(tmp_path / "chat.txt", text)
    seen = "I saw that this message was deleted.\nNo image omitted"
    assert [turn.text for turn in turns] == ["A whiteboard", "Soon.", seen, "Look:"]
    assert reasons[1] == "no text"
    assert turns[0].text == "A whiteboard"
    assert turns[0].metadata["media"] == [{"kind": "image", "uri": "IMG-1.jpg"}]
    assert reasons[0] == "a notice of WhatsApp, which nobody said"
    for line in ("2024-05-01 10:00 start: ok\n", "[2024-05-01 10:00:00] INFO: start\n"):
        assert said(read(tmp_path / "log.txt", line)[0]) == [(None, line)]


@pytest.mark.parametrize(("suffix", "comma", "head"), [(".vtt", ".", "WEBVTT\n\nNOTE hi\n\n"), (".srt", ",", "")])
def test_transcripts(tmp_path: Path, suffix: str, comma: str, head: str) -> None:
    cues = [
        f"1\n00:00:01{comma}000 --> 00:00:04{comma}000\nAnn: Now to",
        f"2\n00:00:04{comma}100 --> 00:00:06{comma}500\nthe <i>costs</i>.",
        f"3\n00:00:09{comma}000 --> 00:00:10{comma}000\nBen: Yes?\nAnn: Please.",
        "4\nnonsense\nx",
        f"5\n00:0x:09{comma}000 --> 00:00:10{comma}000\nx",
    ]
    turns, reasons = read(tmp_path / f"talk{suffix}", head + "\n\n".join(cues))
    assert said(turns) == [("Ann", "Now to the costs."), ("Ben", "Yes?"), ("Ann", "Please.")]
    media = {"uri": f"talk{suffix}", "kind": "video", "start": 1.0, "end": 6.5}
    assert turns[0].metadata == {"session": f"talk{suffix}", "position": 1.0, "speaker": "Ann", "media": [media]}
    assert reasons == ["no cue: it has no line of times", "no cue: its times cannot be read"]
    assert read(tmp_path / f"none{suffix}", head + "\n")[1][-1] == "no text"
    voiced = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v.first Eva Lund>Hello.</v>\n"
    assert said(read(tmp_path / "v.vtt", voiced)[0]) == [("Eva Lund", "Hello.")]
    cue = "00:0{}.000 --> 00:0{}.500\n{}\n\n"
    lines = ("&gt;&gt; ÉVA: R&amp;D &lt;3", "Мария: Да.", "李明：好。", "<v Tom &amp; Jo>Hi.", "and so: on")
    names = "WEBVTT\n\n" + "".join(cue.format(number, number, line) for number, line in enumerate(lines))
    assert said(read(tmp_path / "n.vtt", names)[0]) == [
        ("ÉVA", "R&D <3"),
        ("Мария", "Да."),
        ("李明", "好。"),
        ("Tom & Jo", "Hi. and so: on"),
    ]


MAILS = """From ann Mon May  8 13:56:02 2023
From: Ann Lee <ann@example.org>
Subject: =?utf-8?q?K=C3=B6ln?=
Date: Mon, 8 May 2023 13:56:02 +0200
Message-ID: <1@example.org>

Shall we meet?
>From my side yes.

From ben Mon May  8 14:56:02 2023
From: ben@example.org
Subject: Re: Koln
Date: never
Message-ID: <2@example.org>
In-Reply-To: <1@example.org>
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain

Gladly.

On Mon, Ann Lee wrote:
> Shall we meet?
--b
Content-Type: text/html

<p>Gladly.</p>
--b--

From x Mon
Content-Type: text/html

<p>Buy!</p><blockquote>Shall we meet?</blockquote>

From y Mon
Content-Type: image/png
Content-Transfer-Encoding: base64

AAAA
"""


def test_mailboxes_by_thread(tmp_path: Path) -> None:
    turns, reasons = read(tmp_path / "all.mbox", MAILS)
    first, second, html = turns
    assert said([first, second]) == [
        ("Ann Lee", "Köln\n\nShall we meet?\nFrom my side yes."),
        ("ben@example.org", "Gladly."),
    ]
    assert {turn.metadata["session"] for turn in (first, second)} == {"all.mbox#<1@example.org>"}
    assert [turn.timestamp for turn in (first, second)] == [datetime(2023, 5, 8, 11, 56, 2, tzinfo=UTC), None]
    assert html.text == "Buy!"
    assert reasons == ["no text"]
    assert read(tmp_path / "none.mbox", "no mail at all")[1] == ["no messages"]


def test_turns_know_speaker_day_and_relative_dates(tmp_path: Path) -> None:
    said_then = [("user", "I met Bob yesterday."), ("user", "Bob was kind.")]
    turns = conversation(
        [{"role": role, "name": "Ann", "content": text} for role, text in said_then],
        session="s",
        timestamp="2023-05-08",
    )
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([turn for turn in turns if isinstance(turn, Document)])
        fact = memory.get("s/0").facts
        [[first]] = fact.values()
        assert first.text == "Ann. I met Bob yesterday. (7 May 2023)"
        assert ("ann", "7 may 2023") in first.relations
        assert memory.entities("7 May 2023")[0].match == "exact"
        assert memory.contents().tables.passages[0].as_py() == "Ann, 8 May 2023\nI met Bob yesterday."
        # Another time is another day.
        memory.update("s/0", timestamp="2024-01-01")
        [[moved]] = memory.get("s/0").facts.values()
        assert moved.text == "Ann. I met Bob yesterday. (31 December 2023)"
        memory.update("s/0", metadata={})
        [[plain]] = memory.get("s/0").facts.values()
        assert plain.text == "Ann. I met Bob yesterday."


def test_odd_times_and_ids_end_no_run(tmp_path: Path) -> None:
    huge = '[{"role": "user", "content": "Hello.", "timestamp": 1' + "0" * 400 + "}]"
    assert read(tmp_path / "huge.json", huge) == ([], ["its time is a number beyond every calendar"])
    days = '[{"role": "user", "content": "Hello.", "date": "20240501"}]'
    [turn], _ = read(tmp_path / "days.json", days)
    assert turn.timestamp is not None
    assert (turn.timestamp.year, turn.timestamp.month, turn.timestamp.day) == (2024, 5, 1)
    twice = '[{"role": "user", "content": "A", "id": 1}, {"role": "user", "content": "B", "id": 1}]'
    found, _ = read(tmp_path / "twice.json", twice)
    assert len({one.id for one in found}) == 2
    lines = "\n".join(f'{{"role": "user", "content": "Line {number}", "id": "conv-7"}}' for number in range(3))
    found, _ = read(tmp_path / "lines.jsonl", lines)
    assert len({one.id for one in found}) == 3


@pytest.mark.parametrize("plain", [" \n", "> Shall we meet?\n"])
def test_a_plain_part_that_says_nothing_hides_no_html(tmp_path: Path, plain: str) -> None:
    parts = f"--b\nContent-Type: text/plain\n\n{plain}--b\nContent-Type: text/html\n\n<p>Gladly.</p>\n--b--\n"
    head = 'From x Mon\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="b"\n\n'
    turns, reasons = read(tmp_path / "box.mbox", head + parts)
    assert ([turn.text for turn in turns], reasons) == (["Gladly."], [])


def test_encodings_of_mail(tmp_path: Path) -> None:
    text = "Grüße aus Köln."
    bodies = [
        ("iso-8859-1", "quoted-printable", b"Gr=FC=DFe aus K=F6ln."),
        ("windows-1252", "8bit", text.encode("cp1252")),
        ("utf-8", "base64", b64encode(text.encode())),
        ("utf-16", "base64", b64encode(text.encode("utf-16"))),
    ]
    head = "From x\nFrom: Ann <a@x.org>\nContent-Type: text/plain; charset={}\nContent-Transfer-Encoding: {}\n\n"
    raw = b"".join(head.format(charset, how).encode() + body + b"\n\n" for charset, how, body in bodies)
    turns, reasons = read(tmp_path / "box.mbox", raw)
    assert ([turn.text for turn in turns], reasons) == ([text] * len(bodies), [])


def test_a_charset_that_nobody_knows_loses_no_other_message(tmp_path: Path) -> None:
    head = "From x\nFrom: Ann <a@x.org>\nDate: Wed, 1 May 2024 10:00:00 +0000\n"
    odd = f'{head}Message-ID: <1@x>\nContent-Type: text/plain; charset="x-unknown"\n\nGrüße from Lima.\n\n'
    plain = f"{head}Message-ID: <2@x>\n\nRome lies on the Tiber.\n"
    turns, reasons = read(tmp_path / "box.mbox", odd + plain)
    assert [one.text for one in turns] == ["Grüße from Lima.", "Rome lies on the Tiber."]
    assert reasons == []
