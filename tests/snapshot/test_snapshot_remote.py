"""Snapshots published to an object store (a real S3 protocol server on loopback), and opened from there."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from hippo import Hippo
from hippo.cli.app import app
from hippo.errors import IndexCorruptError, IndexEmptyError, IndexPathError, StorageError
from hippo.execution import build_index
from hippo.snapshot.remote import publish_to, pull
from hippo.storage import open_folder

pytest.importorskip("s3fs", reason="s3fs is not installed; it comes with hippo-memory[s3]")
moto = pytest.importorskip("moto.server", reason="moto is not installed; it comes with hippo-memory[dev]")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of botocore and moto
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # s3fs leaves its sockets to the end of the process
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
DOCUMENTS = [
    {"id": "ada", "text": "Ada Arlen met Boris Bremau."},
    {"id": "boris", "text": "Boris Bremau was born in Riga."},
]
QUESTION = "Where was the man born whom Ada Arlen met?"


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """URL of a new bucket, with the variables that lead to it."""
    with pytest.MonkeyPatch.context() as patch:
        server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        }.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("test-bucket")
        yield "s3://test-bucket"
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "index"
    with Hippo.open(path, encoder="hashing") as memory:
        memory.add(DOCUMENTS)
    return path


def test_published_opened_followed(bucket: str, index: Path, tmp_path: Path) -> None:
    url = f"{bucket}/followed"
    with pytest.raises(IndexEmptyError):
        Hippo.open(url, cache=tmp_path / "cache")
    first = publish_to(index, url)
    assert first.snapshot == "000001"
    assert 0 < first.uploaded <= first.files
    assert publish_to(index, url).uploaded == 0
    with Hippo.open(index) as memory, Hippo.open(url, cache=tmp_path / "cache") as reader:
        assert reader.retrieve(QUESTION, k=2).to_dict()["hits"] == memory.retrieve(QUESTION, k=2).to_dict()["hits"]
        assert not reader.refresh()
        memory.add([{"id": "clara", "text": "Clara Corvo was born in Hull."}])
        assert not reader.refresh()
        second = publish_to(index, url)
        assert 0 < second.uploaded < second.files
        assert reader.refresh()
        assert (reader.snapshot, len(reader.documents())) == ("000002", 3)
        with pytest.raises(IndexPathError, match=r"s3://test-bucket/followed: it is published for reading"):
            reader.add(["More."])
    assert sorted(path.name for path in (tmp_path / "cache" / "snapshots").iterdir()) == ["000002"]


def test_old_snapshots_go_with_their_files(bucket: str, index: Path, tmp_path: Path) -> None:
    url = f"{bucket}/pruned"
    with Hippo.open(index) as memory:
        for number in range(3):
            memory.add([{"id": f"new-{number}", "text": f"Person {number} met Ada Arlen."}])
            made = publish_to(index, url, keep=1)
    folder = open_folder(url)
    assert folder.names("snapshots") == [f"snapshots/{made.snapshot}.json"]
    assert len(folder.names("objects")) <= made.files
    assert len(made.removed) == 1
    assert pull(url, tmp_path / "cache")
    assert not pull(url, tmp_path / "cache")


def test_another_index_takes_no_place_of_what_is_there(bucket: str, tmp_path: Path) -> None:
    """Readers know snapshots by name, and both have the name 000001."""
    url = f"{bucket}/succession"
    for name in ("one", "two"):
        with Hippo.open(tmp_path / name, encoder="hashing") as memory:
            memory.add([f"The index {name} lies in Riga."])
    publish_to(tmp_path / "one", url)
    with pytest.raises(StorageError, match="of another or a newer index"):
        publish_to(tmp_path / "two", url)
    publish_to(tmp_path / "one", url)


def test_what_is_damaged_there_is_refused(bucket: str, index: Path, tmp_path: Path) -> None:
    url = f"{bucket}/damaged"
    publish_to(index, url)
    folder = open_folder(url)
    name = max(folder.names("objects"), key=lambda one: len(folder.read(one)))
    data = bytearray(folder.read(name))
    data[len(data) // 2] ^= 1
    folder.write(name, bytes(data))
    with pytest.raises(IndexCorruptError, match="what was fetched is not what was published"):
        Hippo.open(url, cache=tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache" / "snapshots").iterdir()] == []
    folder.remove(name)
    with pytest.raises(StorageError, match=r"objects/"):
        Hippo.open(url, cache=tmp_path / "cache")


def test_commands(bucket: str, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    url, run = f"{bucket}/commands", CliRunner().invoke
    assert f"{url}: snapshot" in run(app, ["publish", str(index), url]).output
    assert "Riga" in run(app, ["query", url, QUESTION, "-k", "2"]).output
    refused = run(app, ["index", url, str(tmp_path)])
    assert refused.exit_code == 1
    assert not Path("s3:").exists()


def test_a_corpus_and_shards_in_a_bucket(bucket: str, tmp_path: Path) -> None:
    corpus = open_folder(f"{bucket}/corpus")
    corpus.write("a/one.txt", b"Ada Arlen met Boris Bremau.")
    corpus.write("two.txt", b"Boris Bremau was born in Riga.")
    corpus.write("picture.png", b"none")
    options = {"overrides": {"encoder": {"name": "hashing"}}}
    report = build_index([corpus.url], tmp_path / "index", work=f"{bucket}/work", **options)
    assert report.index is not None
    assert report.index.added == 2
    again = build_index([corpus.url], tmp_path / "other", work=f"{bucket}/work", **options)
    assert again.stages["extract"].made == 0
    with Hippo.open(tmp_path / "index") as memory:
        assert [one.id for one in memory.documents()] == ["a/one.txt", "two.txt"]
        assert memory.get("two.txt").source == f"{corpus.url}/two.txt"


def test_the_jobs_read_from_a_bucket_and_write_there(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines import answer_batch, build_index

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jobs = open_folder(f"{bucket}/jobs")
    jobs.write("in/ada.txt", DOCUMENTS[0]["text"].encode())
    jobs.write("questions.jsonl", json.dumps({"id": "q", "question": QUESTION}).encode())

    def run(job: ModuleType, *arguments: str) -> None:
        monkeypatch.setattr("sys.argv", ["job", *arguments, "--quiet"])
        job.main()

    run(
        build_index, f"{jobs.url}/in", "--index", str(tmp_path / "index"), "--work", f"{jobs.url}/work",
        "--encoder", "hashing", "--publish", f"{jobs.url}/index",
    )  # fmt: skip
    run(
        answer_batch, f"{jobs.url}/questions.jsonl", "--index", f"{jobs.url}/index", "--no-read",
        "--answers", f"{jobs.url}/answers.jsonl",
    )  # fmt: skip
    [answer] = [json.loads(line) for line in jobs.read("answers.jsonl").splitlines()]
    assert (answer["id"], [one["document_id"] for one in answer["passages"]]) == ("q", ["ada.txt"])
    assert jobs.names("answers.jsonl.work")
