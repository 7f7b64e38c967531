"""`hippo ask`, and `hippo index` with a language model, over HTTP to a server on this machine."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer.testing

from hippo import Hippo
from hippo.cli.waiting import waiting
from hippo.testing import LLMServer, ScriptedLLM

Run = Callable[..., typer.testing.Result]

BORN = "Where was Ada Smith born?"
ANSWER = "Ada Smith was born in Riga and studied in Berlin. [1]"


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer() as running:
        yield running


@pytest.fixture
def call(run: Run, server: LLMServer) -> Run:
    """Runs a command that finds the server's address in the environment."""

    def invoke(*arguments: object, stdin: str | None = None, **environment: str) -> typer.testing.Result:
        return run(*arguments, stdin=stdin, **{"HIPPO_LLM__OPENAI__BASE_URL": server.base_url, **environment})

    return invoke


@pytest.fixture(autouse=True)
def _fresh(index_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key of the shell, and no replies of another test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    yield
    for file in index_path.glob("replies.sqlite*"):
        file.unlink()


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ada.txt").write_text("Ada Smith was born in Riga. Ada Smith studied in Berlin.", "utf-8")
    (folder / "riga.txt").write_text("Riga is the capital of Latvia.", "utf-8")
    return folder


class TestAsk:
    def test_text_then_sources_then_cost(self, call: Run, index_path: Path) -> None:
        done = call("ask", index_path, BORN, "--llm", "openai:test", "-k", 3)
        assert (done.exit_code, done.stderr) == (0, "")
        answer, blank, source, cost = done.stdout.splitlines()
        assert (answer, blank, source) == (ANSWER, "", "[1] Ada Smith  ada")
        assert cost.startswith("1 calls, 0 from the cache, ")
        assert cost.endswith("$0.0000 and more of unknown price")
        again = call("ask", index_path, BORN, "--llm", "openai:test", "-k", 3)
        assert again.stdout.splitlines()[:3] == [answer, blank, source]
        assert "0 calls, 1 from the cache, 0 tokens in, 0 out, $0.0000" in again.stdout

    def test_on_a_conversation(self, call: Run, index_path: Path, tmp_path: Path) -> None:
        file = tmp_path / "messages.json"
        said = [{"role": "user", "content": "Who is Ada Smith?"}, {"role": "assistant", "content": "A founder."}]
        file.write_text(json.dumps(said), "utf-8")
        asked = ("ask", index_path, "Where was she born?", "--llm", "openai:test")
        answer = json.loads(call(*asked, "--history", file, "--max-tokens", 50, "--json").stdout)
        texts = answer["retrieval"]["parameters"]["in_context"]
        assert texts == [f"Where was she born?{more}" for more in ("", " A founder.", " Who is Ada Smith?")]
        assert call(*asked, "--history", file).exit_code == 0
        several = call("ask", index_path, "-", "--history", file, "--llm", "openai:test", stdin="Who?")
        assert (several.exit_code, "goes with one question" in several.stderr) == (1, True)
        for content, problem in (("{", "cannot be read as JSON"), ("{}", "no JSON list of messages")):
            file.write_text(content, "utf-8")
            wrong = call(*asked, "--history", file)
            assert (wrong.exit_code, problem in wrong.stderr) == (1, True)

    def test_json(self, call: Run, index_path: Path) -> None:
        done = call("ask", index_path, BORN, "--llm", "openai:test", "--json")
        answer = json.loads(done.stdout)
        assert (answer["question"], answer["text"], answer["answered"]) == (BORN, ANSWER, True)
        assert [item["document_id"] for item in answer["citations"]] == ["ada"]
        assert answer["usage"]["reader"]["requests"] == 1
        assert answer["retrieval"]["hits"][0]["document_id"] == "ada"

    def test_thoughts_rounds_and_recognition_are_shown(self, call: Run, index_path: Path) -> None:
        options = ["--reasoning", "--steps", "2", "--recognition", "llm", "--llm", "openai:test"]
        done = call("ask", index_path, BORN, *options)
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        assert lines[0].endswith("[1]")
        assert any(line.startswith("thought: [1] comes nearest") for line in lines)
        assert any(line.startswith("recognition kept ") for line in lines)
        assert f"round 1: {BORN}" in lines
        found = call("query", index_path, BORN, *options[1:])
        assert f"round 1: {BORN}" in found.stdout
        assert "recognition kept " in found.stdout

    def test_many_from_standard_input(self, call: Run, server: LLMServer, index_path: Path) -> None:
        questions = f"{BORN}\n\nWhich is the capital of Latvia?\n"
        done = call("ask", index_path, "-", "--llm", "openai:test", stdin=questions)
        assert done.exit_code == 0, done.output
        lines = done.stdout.splitlines()
        assert lines[:2] == [BORN, ANSWER]
        assert "Which is the capital of Latvia?" in lines
        assert "Riga is the capital of Latvia on the river Daugava. [1]" in lines
        both = json.loads(call("ask", index_path, "-", "--llm", "openai:test", "--json", stdin=questions).stdout)
        assert [item["text"] in done.stdout for item in both] == [True, True]
        assert server.stats().arrived == 2

    def test_one_of_many_that_fails(self, call: Run, server: LLMServer, index_path: Path) -> None:
        server.fail_next("length")
        done = call(
            "ask", index_path, "-", "--llm", "openai:test", stdin=f"{BORN}\nWhat is Riga?\n", HIPPO_LLM__CONCURRENCY="1"
        )
        assert done.exit_code == 1
        assert done.stdout.count("error: model 'test' refused the request") == 1
        assert done.stdout.count("calls, ") == 1
        assert "error: model 'test' refused the request" in done.stderr
        server.fail_next("length")
        arguments = ["-", "--llm", "openai:test", "--json"]
        failed = call("ask", index_path, *arguments, stdin=f"What is Berlin?\n{BORN}\n", HIPPO_LLM__CONCURRENCY="1")
        assert failed.exit_code == 1
        assert sorted("error" in item for item in json.loads(failed.stdout)) == [False, True]
        assert json.loads(failed.stderr)["error"] == "LLMRequestError"

    @pytest.mark.parametrize("json_", [False, True])
    def test_without_a_model_or_a_key(self, run: Run, index_path: Path, json_: bool) -> None:
        flags = ["--json"] if json_ else []
        for options, error, message in (
            ([], "ConfigError", "reader needs a language model, and none is set. Set llm.name (`--llm openai:MODEL`)"),
            (["--llm", "openai:test"], "LLMRefusedError", "OPENAI_API_KEY is not set. Set OPENAI_API_KEY"),
            (["--llm", "nonsense"], "UnknownNameError", "Known: endpoints, langchain, openai, scripted, transformers"),
            (["--llm", "openai"], "ConfigError", "llm.name: language model 'openai': model: required, but not given"),
        ):
            done = run("ask", index_path, BORN, *options, *flags)
            assert (done.exit_code, done.stdout) == (1, "")
            assert done.stderr.count("\n") == 1
            if json_:
                assert json.loads(done.stderr)["error"] == error
            assert message in done.stderr

    def test_where_there_is_no_index(self, call: Run, tmp_path: Path) -> None:
        done = call("ask", tmp_path / "nothing", BORN, "--llm", "openai:test")
        assert (done.exit_code, done.stdout) == (1, "")
        assert "nothing" in done.stderr
        assert not (tmp_path / "nothing").exists()

    def test_control_characters_of_a_model_do_not_reach_the_terminal(self, run: Run, index_path: Path) -> None:
        with LLMServer(respond=lambda request: "It \x1b[31mis\x07 Riga.") as server:
            environment = {"HIPPO_LLM__OPENAI__BASE_URL": server.base_url}
            for arguments in ([BORN], ["-"]):
                done = run("ask", index_path, *arguments, "--llm", "openai:test", stdin=f"{BORN}\n", **environment)
                assert done.exit_code == 0, done.output
                assert "It \N{REPLACEMENT CHARACTER}[31mis\N{REPLACEMENT CHARACTER} Riga." in done.stdout

    def test_an_answer_that_breaks_off_ends_its_line(self, call: Run, server: LLMServer, index_path: Path) -> None:
        server.fail_next("cut", 9)
        done = call("ask", index_path, BORN, "--llm", "openai:test", HIPPO_LLM__ATTEMPTS="1")
        assert done.exit_code == 1
        assert done.stdout.endswith("\n")
        assert ANSWER.startswith(done.stdout.strip())
        assert done.stderr.startswith("error: model 'test' did not answer: ")

    def test_a_slow_model_is_told_of(self, index_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Once before the first reply, then with what it took; on a terminal only where JSON is wanted."""
        with Hippo.open(index_path, llm=ScriptedLLM(latency=0.1)) as memory:
            with waiting(memory, as_json=False, first=0.02, each=0.02):
                time.sleep(0.06)
                assert capsys.readouterr().err == ""  # no model was asked
                memory.ask(BORN, steps=2)
            said = capsys.readouterr().err.splitlines()
            assert said[0] == "waiting for the language model: no reply yet; Ctrl-C ends it"
            assert any(line.startswith("waiting for the language model: so far 1 calls, 0 from") for line in said)
            with waiting(memory, as_json=True, first=0.0, each=0.01) as end:
                time.sleep(0.03)
                end()
            with waiting(memory, as_json=False, first=0.02) as end:
                end()
                time.sleep(0.05)
        assert capsys.readouterr().err == ""

    def test_an_index_without_facts(self, call: Run, tmp_path: Path) -> None:
        (tmp_path / "plain.txt").write_text("so it goes on and on without a name", "utf-8")
        assert call("index", tmp_path / "index", tmp_path / "plain.txt", "--encoder", "hashing").exit_code == 0
        for command in ("ask", "query"):
            done = call(command, tmp_path / "index", "what goes on", "--recognition", "llm", "--llm", "openai:test")
            assert done.exit_code == 0, done.output
            assert "recognition had no facts to choose from\n" in done.stdout


class TestIndex:
    def test_with_a_model(self, call: Run, server: LLMServer, tmp_path: Path, notes: Path) -> None:
        index = tmp_path / "index"
        options = ["--extractor", "llm", "--llm", "openai:test", "--encoder", "hashing"]
        said = call("index", index, notes, *options, "--dry-run")
        assert (said.exit_code, server.stats().arrived) == (0, 0), said.output
        assert not index.exists()
        assert said.stdout.startswith("2 documents to add, 0 changed, 0 unchanged\n2 passages to extract, about ")
        assert "about 4 calls, " in said.stdout
        assert "of unknown price (set llm.input_price); 0 replies are cached" in said.stdout
        estimate = json.loads(call("index", index, notes, *options, "--dry-run", "--json").stdout)
        assert (estimate["added"], estimate["chunks"], estimate["calls"], estimate["cost"]) == (2, 2, 4, None)
        done = call("index", index, notes, *options)
        assert done.exit_code == 0, done.output
        assert "2 documents added, 0 changed, 0 unchanged" in done.stdout
        assert "extraction: 4 calls, 0 from the cache, " in done.stdout
        assert server.stats().arrived == 4
        after = json.loads(call("index", index, notes, *options, "--dry-run", "--json").stdout)
        assert (after["unchanged"], after["chunks"], after["calls"]) == (2, 0, 0)
        status = json.loads(call("status", index, "--json").stdout)
        assert status["extractor"].startswith("llm/")
        # The index knows its extractor; the model's name is not part of it.
        answered = call("ask", index, "Where was Ada Smith born?", "--llm", "openai:test", "-k", 1)
        assert answered.stdout.startswith("Ada Smith was born in Riga.")

    def test_a_limit_on_cost(self, call: Run, server: LLMServer, tmp_path: Path, notes: Path) -> None:
        index = tmp_path / "index"
        options = ["--extractor", "llm", "--llm", "openai:test", "--encoder", "hashing", "--quiet"]
        prices = {"HIPPO_LLM__INPUT_PRICE": "1000", "HIPPO_LLM__OUTPUT_PRICE": "0"}
        refused = call("index", index, notes, *options, "--max-cost", "1")
        assert refused.exit_code == 1
        assert "the price of model 'test' is not known. Set llm.input_price and llm.output_price" in refused.stderr
        stopped = call("index", index, notes, *options, "--max-cost", "0.5", **prices)
        assert stopped.exit_code == 0
        assert "of at most $0.5000" in stopped.stderr
        assert " passages are left" in stopped.stderr
        paid = server.stats().replies
        assert paid < 4
        done = call("index", index, *options, "--max-cost", "50", "--json", **prices)
        report = json.loads(done.stdout)
        assert (report["stopped"], report["pending"], report["failed"]) == (None, 0, [])
        assert report["usage"]["extraction"]["requests"] == 4 - paid
        assert server.stats().paid_twice == ()

    def test_batches(self, call: Run, server: LLMServer, tmp_path: Path, notes: Path) -> None:
        options = ["--extractor", "llm", "--llm", "openai:test", "--encoder", "hashing", "--batch", "--json"]
        report = json.loads(call("index", tmp_path / "index", notes, *options).stdout)
        assert (report["added"], report["failed"], server.stats().replies) == (2, [], 4)
        assert server.stats().most_at_once == 1  # the first question alone is asked live

    def test_an_upgrade_without_paths(self, call: Run, server: LLMServer, tmp_path: Path, notes: Path) -> None:
        index = tmp_path / "index"
        first = json.loads(call("index", index, notes, "--encoder", "hashing", "--json").stdout)
        assert server.stats().arrived == 0
        done = call("index", index, "--extractor", "pattern+llm", "--llm", "openai:test", "--json")
        report = json.loads(done.stdout)
        assert (report["added"], report["unchanged"], report["failed"], report["chunks"]) == (0, 0, [], 2)
        assert report["facts"] > first["facts"]
        assert server.stats().arrived == 4
        same = json.loads(call("index", index, "--llm", "openai:test", "--json").stdout)
        assert (same["facts"], same["snapshot"]) == (report["facts"], report["snapshot"])

    @pytest.mark.parametrize("flags", [[], ["--dry-run"]])
    def test_without_paths_there_must_be_an_index(
        self, call: Run, tmp_path: Path, notes: Path, flags: list[str]
    ) -> None:
        for place in (tmp_path / "nothing", notes):
            done = call("index", place, "--encoder", "hashing", "--quiet", *flags)
            assert (done.exit_code, done.stdout) == (1, "")
            assert place.name in done.stderr
            assert done.stderr.count("\n") == 1
        assert sorted(item.name for item in notes.iterdir()) == ["ada.txt", "riga.txt"]
        assert not (tmp_path / "nothing").exists()

    def test_a_model_is_needed_and_a_key_too(self, run: Run, tmp_path: Path, notes: Path) -> None:
        options = ["--encoder", "hashing", "--quiet", "--extractor", "llm"]
        for more, message in (
            ([], "extraction needs a language model, and none is set"),
            (["--llm", "openai:test"], "OPENAI_API_KEY is not set"),
        ):
            done = run("index", tmp_path / "index", notes, *options, *more)
            assert (done.exit_code, done.stdout) == (1, "")
            assert message in done.stderr
        assert not (tmp_path / "index").exists()

    def test_a_published_file(self, run: Run, tmp_path: Path, notes: Path) -> None:
        records = [
            {
                "idx": "chunk-1",
                "passage": "Ada Smith was born in Riga. Ada Smith studied in Berlin.",
                "extracted_entities": ["Ada Smith", "Riga", "Berlin"],
                "extracted_triples": [["Ada Smith", "was born in", "Riga"], ["Ada Smith", "studied in", "Berlin"]],
            }
        ]
        file = tmp_path / "openie_results_ner_test.json"
        file.write_text(json.dumps({"docs": records, "avg_ent_chars": 1.0, "avg_ent_words": 1.0}))
        options = ["--openie", file, "--chunking", "document", "--encoder", "hashing"]
        done = run("index", tmp_path / "index", notes, *options)
        assert done.exit_code == 0, done.output
        assert "2 documents added" in done.stdout
        assert "1 failed, will be tried again:" in done.stderr
        assert "has no record of this passage" in done.stderr
        with Hippo.open(tmp_path / "index") as memory:
            assert memory.contents().facts["text"].to_pylist() == [
                "Ada Smith was born in Riga",
                "Ada Smith studied in Berlin",
            ]
        records.append({**records[0], "passage": "Riga is the capital of Latvia.", "extracted_triples": []})
        file.write_text(json.dumps({"docs": records}))
        again = json.loads(run("index", tmp_path / "index", "--openie", file, "--json").stdout)
        assert (again["failed"], again["facts"]) == ([], 2)
