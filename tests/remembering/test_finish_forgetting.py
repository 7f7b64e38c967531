"""What was forgotten leaves the disk, also without a model, and takes nothing along that was remembered since."""

from typer.testing import CliRunner

from hippo import Document, Hippo
from hippo.cli.app import app
from hippo.errors import ModelNotFoundError

CORPUS = [
    {"id": "a", "text": "Ada Lovelace met Charles Babbage in London."},
    {"id": "b", "text": "Charles Babbage built the Analytical Engine."},
    {"id": "c", "text": "Zürich lies in Switzerland."},
]


def test_what_is_remembered_after_it_was_forgotten_stays(tmp_path, monkeypatch):
    forget = Hippo.forget

    def and_remember(self, *arguments, **options):
        gone = forget(self, *arguments, **options)
        self.remember(Document("Zürich lies by a lake.", id="c"))
        return gone

    monkeypatch.setattr(Hippo, "forget", and_remember)
    with Hippo.open(tmp_path / "index", encoder="hashing", config={"indexing": {"merge_after": 0}}) as memory:
        memory.add(CORPUS)
        result = CliRunner().invoke(app, ["forget", str(memory.path), "c"])
        assert result.exit_code == 0, result.stderr
        memory.refresh()
        assert memory.get("c").text == "Zürich lies by a lake."


def test_what_is_forgotten_late_leaves_the_disk_too_where_a_model_is_missing(tmp_path, monkeypatch):
    finish, late = Hippo.finish_forgetting, ["b"]

    def refuse(self):
        raise ModelNotFoundError("a-model", "it is not here", "Fetch it")

    def and_forget(self):
        report = finish(self)
        while late:
            self.forget(late.pop())
        return report

    monkeypatch.setattr(Hippo, "merge", refuse)
    monkeypatch.setattr(Hippo, "finish_forgetting", and_forget)
    with Hippo.open(tmp_path / "index", encoder="hashing", config={"indexing": {"merge_after": 1000}}) as memory:
        memory.add(CORPUS)
        memory.forget("a")
        memory._end_merging()
        assert isinstance(memory.merge_error, ModelNotFoundError)
        assert (memory.status().waiting, memory.status().documents) == (0, 1)
