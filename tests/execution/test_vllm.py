"""vLLM servers that a job starts. The command `vllm` is `hippo.testing`'s scripted server, a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hippo import Hippo
from hippo.background import run
from hippo.config import load_config
from hippo.errors import ConfigError, LLMRefusedError
from hippo.execution import LocalExecutor, build_index, extract_only, keeper
from hippo.execution.served import servers_of
from hippo.execution.vllm import VllmServer, VllmServers
from hippo.retrieval.profiles import resolve_profile
from hippo.types import LLMRequest, Message
from pipelines.jobs import job_parser

pytest.importorskip("uvicorn", reason="uvicorn is not installed; it comes with hippo-memory[testing]")

PROJECT = Path(__file__).parents[2]
REQUEST = LLMRequest((Message("user", "Which river?"),), 10, "test/1")
VLLM = '''#!{python}
"""What hippo asks of vllm serve: MODEL, --host, --port, /health, /v1/chat/completions; and trouble, if wanted."""
import json, os, signal, sys, threading, time
from pathlib import Path
from hippo.testing import LLMServer, respond

starts = Path(os.environ["VLLM_STARTS"])
command, model, *rest = sys.argv[1:]
options = dict(zip(rest[::2], rest[1::2]))
with starts.open("a") as file:
    about = {{"pid": os.getpid(), "arguments": sys.argv[1:], "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")}}
    file.write(json.dumps(about) + chr(10))
count = lambda: len(starts.read_text().splitlines())
if command != "serve" or options["--host"] != "127.0.0.1" or "--broken" in rest:
    sys.exit("vllm: error: unrecognized arguments")
first = json.loads(starts.read_text().splitlines()[0])["pid"] == os.getpid()

def reply(request):
    if options.get("--trouble") == "dies":
        if first:
            os._exit(1)
        while count() < 3:  # until the first one was started again
            time.sleep(0.05)
    if options.get("--trouble") == "dies-alone" and first:
        os._exit(1)
    return respond(request)

if options.get("--trouble") == "dies-alone" and not first:
    time.sleep(12)  # as long as a model takes to load, for whoever does not wait

ended = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: ended.set())
with LLMServer(port=int(options["--port"]), models=[model], respond=reply):
    ended.wait()
'''


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """A command `vllm` comes first on the path; what was started so far. Nothing of it outlives a test."""
    (tmp_path / "bin").mkdir()
    program, log = tmp_path / "bin" / "vllm", tmp_path / "starts.jsonl"
    program.write_text(VLLM.format(python=sys.executable), "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("VLLM_STARTS", str(log))

    def started() -> list[dict[str, Any]]:
        return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []

    yield started
    for one in started():
        with suppress(OSError):  # it has ended
            # Another process may have its number by now.
            if str(program).encode() in Path(f"/proc/{one['pid']}/cmdline").read_bytes():
                os.kill(one["pid"], signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(holds: Callable[[], bool], seconds: float = 90) -> bool:
    """Whether it holds in time."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def settings(**table: Any) -> dict[str, Any]:
    llm = {"name": "endpoints", "endpoints": {"model": "scripted", "vllm": table}, "concurrency": 4}
    return {"encoder": {"name": "hashing"}, "extractor": {"name": "llm"}, "llm": llm}


def servers(**table: Any) -> VllmServers:
    found = VllmServers.of(load_config(overrides=settings(**table)), "extraction")
    assert found is not None
    return found


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_a_command_ends_with_whoever_asked_for_it(tmp_path: Path, how: signal.Signals) -> None:
    """However that one ends, and with all that the command has started."""
    child = "import os,subprocess,sys,time; own = subprocess.Popen(['sleep', '600']); "
    child += f"open({str(tmp_path / 'new')!r}, 'w').write(f'{{os.getpid()}} {{own.pid}}'); "
    child += f"os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pids')!r}); time.sleep(600)"
    # Whoever runs the tests may not heed it.
    asking = "import signal,subprocess,sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    asking += f"p = subprocess.PIPE; subprocess.Popen({[sys.executable, '-I', keeper.__file__]!r}"
    asking += f" + [{sys.executable!r}, '-c', {child!r}], stdin=p, stdout=p).stdout.read()"
    process = subprocess.Popen([sys.executable, "-c", asking], stdin=subprocess.PIPE, start_new_session=True)
    assert until((tmp_path / "pids").exists)
    pids = [int(one) for one in (tmp_path / "pids").read_text().split()]
    assert all(alive(pid) for pid in pids)
    os.killpg(process.pid, how)
    process.communicate()
    assert until(lambda: not any(alive(pid) for pid in pids))


def test_a_server_is_asked_when_it_is_well_and_ends_when_told(starts: Callable[[], list[dict[str, Any]]]) -> None:
    ended: list[bool] = []
    server = VllmServer(servers(arguments=["--seed", "1"]), ended.append)
    assert until(lambda: server.state != "starting"), server.said
    assert run(server.complete(REQUEST)).text
    [started] = starts()
    assert started["arguments"][:4] == ["serve", "scripted", "--host", "127.0.0.1"]
    assert started["arguments"][-2:] == ["--seed", "1"]
    server.stop()
    assert (server.state, ended) == ("ended", [])
    assert until(lambda: not alive(started["pid"]))


def test_what_a_server_says_before_it_ends_is_kept(starts: Callable[[], list[dict[str, Any]]]) -> None:
    ended: list[bool] = []
    server = VllmServer(servers(arguments=["--broken", "1"]), ended.append)
    assert until(lambda: ended == [False])
    assert (server.state, server.said) == ("ended", "vllm: error: unrecognized arguments")
    assert len(starts()) == 1


def test_what_cannot_be_started_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "one.txt"
    source.write_text("Ada Arlen met Boris Bremau.", "utf-8")
    with pytest.raises(ConfigError, match=r"started on a Ray cluster alone.*or start `vllm serve scripted` yourself"):
        build_index(
            [source], tmp_path / "index", work=tmp_path / "work", executor=LocalExecutor(), overrides=settings()
        )
    with Hippo.open(tmp_path / "other", overrides=settings()) as memory, pytest.raises(LLMRefusedError, match="Start"):
        memory.add(["Ada Arlen met Boris Bremau."])
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ConfigError, match=r"has no command `vllm`\. .*pip install vllm.*llm\.endpoints\.urls"):
        VllmServer(servers())


def test_servers_are_those_of_the_uses_that_questions_have() -> None:
    given = settings()

    def wanted(profile: str, *, read: bool) -> VllmServers | None:
        config = load_config(overrides=given)
        return servers_of(config, [resolve_profile(profile)], read=read)

    assert wanted("hippo", read=False) is None
    assert wanted("hippo", read=True) == servers()
    given["recognition"] = {"name": "llm"}
    assert wanted("hippo", read=False) == servers()
    assert wanted("bm25", read=False) is None
    given["llm"]["uses"] = {"recognition": {"endpoints": {"vllm": {"servers": 2}}}}
    assert wanted("hippo", read=False) == servers(servers=2)
    with pytest.raises(ConfigError, match="reader and recognition want different ones"):
        wanted("hippo", read=True)


def test_what_keeps_a_server_from_being_started_is_kept(
    starts: Callable[[], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed; it comes with hippo-memory[ray]")
    from hippo.execution.served import _Actor

    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(was_current_actor_reconstructed=False))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    state, problem = run(_Actor(servers()).state())
    assert (state, starts()) == ("missing", [])
    assert "No such file or directory" in problem


def test_servers_that_nothing_would_ask_are_not_passed_over(tmp_path: Path) -> None:
    source = tmp_path / "one.txt"
    source.write_text("Ada Arlen met Boris Bremau.", "utf-8")
    given = settings() | {"extractor": {"name": "pattern"}}
    with pytest.raises(ConfigError, match=r"the extractor 'pattern' asks no language model\. Choose one that does"):
        extract_only([source], work=tmp_path / "work", overrides=given)
    # A file that has the table for other jobs is right.
    assert extract_only([source], work=tmp_path / "work", config=given).chunks == 1


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (
            {"server": 2},
            r"llm\.endpoints\.vllm\.server: no such option\. Known: servers, gpus, cpus, arguments",
        ),
        ({"servers": 0}, "must be a whole number of 1 or more, got 0"),
        ({"servers": True}, "must be a whole number of 1 or more, got True"),
        ({"gpus": 1.5}, r"llm\.endpoints\.vllm\.gpus: above 1 it must be a whole number, got 1\.5"),
        ({"cpus": "2"}, "must be a number of 0.001 or more, got '2'"),
        ({"arguments": "--seed 1"}, "must be a list of texts, got '--seed 1'"),
    ],
)
def test_a_wrong_table_is_told_by_its_key(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        servers(**table)


def test_a_model_is_no_option_and_servers_run_or_are_started() -> None:
    given = settings()
    given["llm"]["endpoints"]["model"] = "--trust-remote-code"
    with pytest.raises(ConfigError, match="must name a model, got '--trust-remote-code'"):
        VllmServers.of(load_config(overrides=given), "extraction")
    given["llm"]["endpoints"]["model"] = 7
    with pytest.raises(ConfigError, match="must name a model, got 7"):
        VllmServers.of(load_config(overrides=given), "extraction")
    given["llm"]["endpoints"] |= {"model": "any", "urls": ["http://localhost:1/v1"]}
    with pytest.raises(ConfigError, match=r"llm\.endpoints\.urls: not with endpoints\.vllm"):
        VllmServers.of(load_config(overrides=given), "extraction")
    assert VllmServers.of(load_config(overrides={"llm": {"name": "openai:m"}}), "extraction") is None
    assert VllmServers.of(load_config(overrides=settings(gpus=2)), "extraction") == servers(gpus=2)
    given["llm"]["uses"] = {"reader": {"name": "openai:m"}}
    del given["llm"]["endpoints"]["urls"]
    assert VllmServers.of(load_config(overrides=given), "reader") is None
    assert "--tensor-parallel-size 2" in " ".join(servers(gpus=2).command("vllm", 1))


@pytest.mark.parametrize(
    ("table", "enough"),
    [({}, True), ({"servers": 2}, False), ({"gpus": 0, "servers": 2}, False), ({"gpus": 0, "cpus": 1.5}, True)],
)
def test_servers_leave_room_for_workers(table: dict[str, Any], enough: bool) -> None:
    from hippo.execution.served import _room

    cluster = SimpleNamespace(cluster_resources=lambda: {"CPU": 2.0, "GPU": 1.0})
    found, told = _room(cluster, servers(**table))
    assert found == enough
    assert "are wanted of 1 GPUs and 2 processors. Set servers, gpus or cpus of llm.endpoints.vllm to less" in told


def corpus(path: Path, documents: int) -> Path:
    rows = [{"id": f"{one:03d}", "text": f"Ada Arlen {one} met Boris Bremau in Riga."} for one in range(documents)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def extracted_on_ray(source: Path, work: Path, trouble: str, *options: str) -> dict[str, Any]:
    """Report of a job whose servers get into some trouble."""
    pytest.importorskip("ray.data", reason="Ray Data is not installed; it comes with hippo-memory[ray]")
    command = [sys.executable, "-m", "pipelines.extract_only", str(source), "--work", str(work), "--executor", "ray"]
    command += ["--extractor", "llm", "--vllm", "scripted", "--vllm-gpus", "0", "--quiet", "--json"]
    command += ["--vllm-argument=--trouble", f"--vllm-argument={trouble}", *options]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=280, cwd=PROJECT, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.mark.slow
def test_a_job_starts_servers_and_replaces_one_that_dies(
    starts: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    from hippo.testing import LLMServer

    source = corpus(tmp_path / "corpus.jsonl", 24)
    options = ("--vllm-servers", "2", "--part", "4", "--workers", "2", "--num-cpus", "6")
    report = extracted_on_ray(source, tmp_path / "work", "dies", *options)
    assert (report["chunks"], report["failed"]) == (24, 0)
    assert report["usage"]["requests"] == 48
    assert len(starts()) >= 3
    assert until(lambda: not any(alive(one["pid"]) for one in starts()))
    # Servers of the same model that run somewhere: what was extracted is found, and nobody is asked.
    with LLMServer() as server:
        llm = {"name": "endpoints", "endpoints": {"model": "scripted", "urls": [server.base_url]}}
        again = extract_only(
            [source], work=tmp_path / "work", overrides={"extractor": {"name": "llm"}, "llm": llm}, part_documents=4
        )
        assert (again.stages["extract"].made, server.stats().replies) == (0, 0)


@pytest.mark.slow
def test_a_server_that_is_the_only_one_is_waited_for(
    starts: Callable[[], list[dict[str, Any]]], tmp_path: Path
) -> None:
    """It takes longer to come back than all attempts, and longer than a reply may."""
    source = corpus(tmp_path / "corpus.jsonl", 4)
    (tmp_path / "hippo.toml").write_text("[llm]\nattempts = 3\ntimeout = 10\n", "utf-8")
    options = ("--config", str(tmp_path / "hippo.toml"), "--num-cpus", "4")
    report = extracted_on_ray(source, tmp_path / "work", "dies-alone", *options)
    assert (report["chunks"], report["failed"], len(starts())) == (4, 0, 2)


DRIVER = """
import sys
from pathlib import Path
import ray
from hippo.execution import RayExecutor, answer_batch, extract_only
from hippo.evaluation.questions import load_questions
ray.init("local", num_cpus=6, num_gpus=2, include_dashboard=False, object_store_memory=100_000_000, log_to_driver=False)
overrides = {
    "llm": {"name": "endpoints", "endpoints": {"model": "scripted", "vllm": {"servers": 2}}},
    "extractor": {"name": "llm"}, "encoder": {"name": "hashing"}, "recognition": {"name": "llm"},
}
source, index, work, questions = sys.argv[1:]
asked = load_questions(Path(questions))
found, _ = answer_batch(asked, index, work=work, executor=RayExecutor(1), overrides=overrides, k=1, read=False)
print(len(found), sum("error" in one for one in found), flush=True)
while True:
    extract_only([source], work=work + "/other", executor=RayExecutor(1), overrides=overrides, part_documents=1)
"""


@pytest.mark.slow
def test_servers_have_gpus_of_their_own_and_end_with_a_driver_that_is_killed(
    starts: Callable[[], list[dict[str, Any]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray.data", reason="Ray Data is not installed; it comes with hippo-memory[ray]")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ada Arlen met Boris Bremau."])
    (tmp_path / "questions.jsonl").write_text('{"id": "a", "question": "Whom did Ada Arlen meet?"}\n', "utf-8")
    paths = [corpus(tmp_path / "corpus.jsonl", 8), tmp_path / "index", tmp_path / "work", tmp_path / "questions.jsonl"]
    with (tmp_path / "log").open("w") as log:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, *map(str, paths)], stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert driver.stdout is not None
        assert "1 0\n" in driver.stdout, (tmp_path / "log").read_text()[-3000:]  # Ray writes there, too
        assert sorted(one["gpus"] for one in starts()) == ["0", "1"]
        assert until(lambda: not any(alive(one["pid"]) for one in starts()[:2]))
        assert until(lambda: len(starts()) >= 4)
    finally:
        driver.kill()
        driver.communicate()
    assert until(lambda: not any(alive(one["pid"]) for one in starts()))


def test_the_options_of_the_jobs() -> None:
    from pipelines.jobs import add_vllm, llm_of

    parser = job_parser("Any.\n\n    python -m pipelines.any")
    parser.add_argument("--llm")
    add_vllm(parser)

    def section(*arguments: str) -> dict[str, Any]:
        return llm_of(parser.parse_args(arguments))

    assert section() == {}
    assert section("--llm", "openai:m") == {"llm": {"name": "openai:m"}}
    found = section("--vllm", "m", "--vllm-servers", "4", "--vllm-gpus", "2", "--vllm-argument=--max-model-len=8192")
    assert VllmServers.of(load_config(overrides=found), "extraction") == VllmServers(
        "m", {}, servers=4, gpus=2, arguments=("--max-model-len=8192",)
    )
    with pytest.raises(SystemExit, match="need --vllm MODEL"):
        section("--vllm-servers", "4")
    with pytest.raises(SystemExit, match="give one of them"):
        section("--vllm", "m", "--llm", "openai:m")
