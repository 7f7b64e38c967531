"""The cache of replies: several writers, killed ones, damage, folders that cannot be written."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hippo.errors import IndexCorruptError, IndexMismatchError, IndexStateError
from hippo.llm import Replies
from hippo.types import Completion, LLMRequest, Message, Usage

WRITER = """
    import itertools, pathlib, sys
    from hippo.llm import Replies
    from hippo.types import Completion, Usage
    replies = Replies(pathlib.Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in itertools.islice(itertools.count(), int(sys.argv[3])):
        key = f"{sys.argv[2]}{n:063x}"
        replies.put(key, Completion(f"{key} " * 20, usage=Usage(requests=1, input_tokens=n)))
        print(n, flush=True)
"""

as_nobody = pytest.mark.skipif(
    not hasattr(os, "seteuid") or os.geteuid() != 0, reason="only root can become another user"
)


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), name, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def begin(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


@pytest.fixture
def replies(tmp_path: Path) -> Iterator[Replies]:
    opened = Replies(tmp_path / "replies.sqlite")
    yield opened
    opened.close()


REPLY = Completion("a reply", "length", Usage(requests=1, input_tokens=7, output_tokens=3))


def test_what_was_put_is_there_without_its_cost(replies: Replies) -> None:
    replies.put("0a", replace(REPLY, usage=replace(REPLY.usage, cost=1.5, replayed=0)))
    replies.put("0b", Completion(""))
    for _ in range(2):
        assert replies.get("0a") == REPLY
        assert replies.get("0b") == Completion("", usage=Usage(requests=1))
        assert replies.get("0c") is None
        replies.close()


def test_put_replaces(replies: Replies) -> None:
    replies.put("0a", Completion("old"))
    replies.put("0a", REPLY)
    assert replies.get("0a") == REPLY


def test_what_was_removed_is_gone(replies: Replies) -> None:
    replies.remove("0a")
    assert not replies.path.exists()
    for key in ("0a", "0b"):
        replies.put(key, REPLY)
    replies.remove("0a")
    replies.remove("0c")
    assert replies.get_many(["0a", "0b", "0c"]) == {"0b": REPLY}
    assert replies.skipped == 0


def test_many_come_in_the_order_asked_for(replies: Replies) -> None:
    for number in range(2000):
        replies.put(f"{number:04x}", Completion(str(number)))
    asked = [f"{number:04x}" for number in range(2500, 0, -1)]
    found = replies.get_many(asked)
    assert list(found) == [key for key in asked if int(key, 16) < 2000]
    assert all(completion.text == str(int(key, 16)) for key, completion in found.items())
    assert replies.get_many([]) == {}


def test_the_file_is_made_by_the_first_put(tmp_path: Path) -> None:
    replies = Replies(tmp_path / "new" / "r.sqlite")
    assert replies.get("0a") is None
    assert replies.get_many(["0a"]) == {}
    replies.close()
    assert list(tmp_path.iterdir()) == []
    replies.put("0a", REPLY)
    assert replies.path.exists()
    replies.close()
    assert [item.name for item in replies.path.parent.iterdir()] == ["r.sqlite"]


def test_odd_names_of_folders(tmp_path: Path) -> None:
    replies = Replies(tmp_path / "100% of?mode=memory#ü" / "r.sqlite")
    replies.put("0a", REPLY)
    replies.close()
    assert replies.path.is_file()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replies]:
    opened = Replies(tmp_path_factory.mktemp("shared") / "r.sqlite")
    yield opened
    opened.close()


@given(text=st.text(st.characters(codec=None), max_size=20))
@example(text="\ud83d\ude00")
def test_texts_of_every_kind(shared: Replies, text: str) -> None:
    shared.put("0a", Completion(text))
    found = shared.get("0a")
    assert found is not None
    assert found.text == text


surrogates = st.text(st.sampled_from("\ud83d\ude00😀a\0"), max_size=4)


@given(surrogates, surrogates)
@example("\ud83d\ude00", "😀")
def test_another_request_has_another_key(one: str, other: str) -> None:
    def key(text: str, fingerprint: str = "m") -> str:
        return Replies.key(fingerprint, LLMRequest((Message("user", text),), 5, "p/1"))

    assert (key(one) == key(other)) == (one == other)
    assert key(one) != key(one, "n")
    assert (key("", one) == key("", other)) == (one == other)


def test_every_part_of_a_request_is_in_its_key() -> None:
    request = LLMRequest((Message("user", "a"), Message("assistant", "b")), 5, "p/1", {"type": "object", "a": [1]})
    others = [
        replace(request, max_tokens=6),
        replace(request, prompt="p/2"),
        replace(request, schema=None),
        replace(request, schema={"type": "object", "a": [2]}),
        replace(request, messages=request.messages[:1]),
        replace(request, messages=(Message("system", "a"), Message("assistant", "b"))),
    ]
    keys = {Replies.key("m", item) for item in [request, *others]}
    assert len(keys) == 1 + len(others)
    assert all(len(key) == 64 and int(key, 16) >= 0 for key in keys)


def test_a_killed_process_loses_no_reply_that_it_put(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    for name, seconds in (("a", 0.2), ("b", 0.35)):
        process = writer(path, name, 10**9)
        assert process.stdout is not None
        with process, process.stdout as lines:
            begin(process)
            threading.Timer(seconds, process.send_signal, [signal.SIGKILL]).start()
            put = [int(line) for line in lines if line.endswith("\n")]
        assert process.returncode == -signal.SIGKILL
        assert put
        replies = Replies(path)
        keys = [f"{name}{number:063x}" for number in put]
        found = replies.get_many(keys)
        replies.close()
        assert list(found) == keys
        assert all(found[key].text == f"{key} " * 20 for key in keys)
        assert replies.damaged == 0


def test_processes_and_threads_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    processes = [writer(path, name, 150) for name in "abc"]
    replies = Replies(path)
    failed: list[BaseException] = []

    def put(name: str) -> None:
        try:
            for number in range(150):
                replies.put(f"{name}{number:063x}", Completion(name))
                assert replies.get(f"{name}{number:063x}") == Completion(name, usage=Usage(requests=1))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=put, args=[name]) for name in "de"]
    for process in processes:
        begin(process)
    for thread in threads:
        thread.start()
    for process in processes:
        process.communicate(timeout=60)
    for thread in threads:
        thread.join()
    assert failed == []
    assert [process.returncode for process in processes] == [0, 0, 0]
    found = replies.get_many(f"{name}{number:063x}" for name in "abcde" for number in range(150))
    replies.close()
    assert len(found) == 5 * 150


OPENER = """
    import pathlib, sys, time
    from hippo.llm import Replies
    from hippo.types import Completion
    folder, name, other = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    for n in range(150):
        replies = Replies(folder / f"{n}.sqlite")
        (folder / f"{n}.{name}").touch()
        patience = time.monotonic() + 10
        while not (folder / f"{n}.{other}").exists():
            if time.monotonic() > patience:
                sys.exit("alone")
        replies.put(name, Completion("x"))
        replies.close()
"""


def test_processes_make_the_file_at_the_same_moment(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", textwrap.dedent(OPENER), str(tmp_path), *names] for names in ("ab", "ba")]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    try:
        errors = processes[0].stderr.read() if processes[0].wait(60) else ""
        errors += processes[1].stderr.read() if processes[1].wait(60) else ""
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert errors == ""
    replies = Replies(tmp_path / "7.sqlite")
    assert list(replies.get_many(["a", "b"])) == ["a", "b"]
    replies.close()


FORKING = """
    import os, pathlib, sys
    from hippo.llm import Replies
    from hippo.types import Completion
    replies = Replies(pathlib.Path(sys.argv[1]))
    replies.put("0a", Completion("before"))
    child = os.fork()
    replies.put("0b" if child else "0c", Completion("after"))
    if not child:
        replies.close()
        os._exit(len(replies.get_many(["0a", "0c"])) - 2)
    assert os.waitpid(child, 0)[1] == 0
    replies.put("0d", Completion("after"))
    assert len(replies.get_many(["0a", "0b", "0c", "0d"])) == 4
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_parent_and_forked_child_both_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(FORKING), str(tmp_path / "r.sqlite")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_reader_in_the_middle_keeps_no_writer_waiting(replies: Replies) -> None:
    replies.put("0a", REPLY)
    with sqlite3.connect(replies.path, isolation_level=None) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM replies").fetchall()
        begun = time.monotonic()
        replies.put("0b", REPLY)
        assert time.monotonic() - begun < 5
        reader.execute("COMMIT")
    reader.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE replies SET reply = x'7b7d' WHERE key = '0a'",
        "UPDATE replies SET reply = 'text' WHERE key = '0a'",
        "UPDATE replies SET reply = (SELECT reply FROM replies WHERE key = '0b') WHERE key = '0a'",
        "UPDATE replies SET checksum = x'00' WHERE key = '0a'",
        "UPDATE replies SET (reply, checksum) = (SELECT reply, checksum FROM replies WHERE key = '0b')",
    ],
)
def test_a_damaged_row_is_counted_as_missing_and_can_be_put_again(replies: Replies, damage: str) -> None:
    replies.put("0a", REPLY)
    replies.put("0b", Completion("b"))
    replies.close()
    with sqlite3.connect(replies.path) as other:
        other.execute(damage)
    other.close()
    assert replies.get_many(["0a", "0b"]) == {"0b": Completion("b", usage=Usage(requests=1))}
    assert replies.damaged == 1
    replies.put("0a", REPLY)
    assert replies.get("0a") == REPLY


def filled(path: Path) -> bytes:
    replies = Replies(path)
    for number in range(300):
        replies.put(f"{number:04x}", Completion(f"{number} " * 100))
    replies.close()
    return path.read_bytes()


def test_a_damaged_file_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    content = filled(tmp_path / "good.sqlite")
    for name, damaged in {"none": b"no database" * 1000, "cut": content[: len(content) // 2]}.items():
        path = tmp_path / name
        path.write_bytes(damaged)
        replies = Replies(path)
        with pytest.raises(IndexCorruptError, match=f"{name} is damaged: .* or remove it: its replies"):
            replies.get_many(f"{number:04x}" for number in range(300))
        replies.close()
    with pytest.raises(IndexCorruptError):
        Replies(tmp_path / "none").put("0a", REPLY)


def test_a_flipped_bit_never_gives_another_reply(tmp_path: Path) -> None:
    content, chance, found = filled(tmp_path / "good.sqlite"), random.Random(5), 0
    for trial in range(40):
        damaged = bytearray(content)
        damaged[chance.randrange(100, len(damaged))] ^= 1 << chance.randrange(8)
        path = tmp_path / f"{trial}.sqlite"
        path.write_bytes(damaged)
        replies = Replies(path)
        try:
            got = replies.get_many(f"{number:04x}" for number in range(300))
            assert all(completion.text == f"{int(key, 16)} " * 100 for key, completion in got.items())
            found += replies.damaged
        except IndexCorruptError:
            found += 1
        replies.close()
    assert found > 10


def test_a_newer_format_is_refused(replies: Replies) -> None:
    replies.put("0a", REPLY)
    replies.close()
    with sqlite3.connect(replies.path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(IndexMismatchError, match=r"format of replies '99'.*Upgrade"):
        replies.get("0a")


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IndexStateError, match="could not be read or written"):
        Replies(tmp_path).get("0a")


@as_nobody
@pytest.mark.parametrize("closed", [True, False])
def test_a_read_only_folder_is_read_and_puts_are_counted(tmp_path: Path, closed: bool) -> None:
    folder = tmp_path / "index"
    first = Replies(folder / "r.sqlite")
    first.put("0a", REPLY)
    if closed:
        first.close()
    for parent in (folder, *(item for item in folder.parents if item.is_relative_to(tmp_path.parents[3]))):
        if parent.stat().st_uid == 0 and stat.S_IMODE(parent.stat().st_mode) & 0o005 != 0o005:
            parent.chmod(0o755)
    os.seteuid(65534)
    try:
        replies = Replies(folder / "r.sqlite")
        assert replies.get("0a") == REPLY
        replies.put("0b", REPLY)
        assert (replies.get("0b"), replies.skipped) == (None, 1)
        replies.close()
        absent = Replies(folder / "new" / "other.sqlite")
        absent.put("0b", REPLY)
        assert (absent.get("0b"), absent.skipped) == (None, 1)
        absent.close()
    finally:
        os.seteuid(0)
    first.close()
    assert [item.name for item in folder.iterdir()] == ["r.sqlite"]


def test_a_put_takes_a_moment(replies: Replies) -> None:
    seconds = []
    for number in range(300):
        begun = time.perf_counter()
        replies.put(f"{number:064x}", Completion("word " * 300))
        seconds.append(time.perf_counter() - begun)
    assert sorted(seconds)[150] < 0.02  # 0.05 ms on an idle machine: this finds a sync for each put on a slow disk
