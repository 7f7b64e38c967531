"""A damaged index: questions name the damage, and the remedy that the message gives works."""

from pathlib import Path

import pytest

from hippo import Hippo
from hippo.errors import IndexCorruptError

TEXTS = ["Ada Lovelace met Charles Babbage.", "Charles Babbage was born in London."]


def lose_current(root: Path) -> None:
    (root / "CURRENT").unlink()


def name_another(root: Path) -> None:
    (root / "CURRENT").write_text("000077\n")


def cut_an_array(root: Path) -> None:
    file = next((root / "snapshots").glob("*/graph.indices.npy"))
    file.write_bytes(file.read_bytes()[:-4])


def lose_a_manifest(root: Path) -> None:
    next((root / "snapshots").glob("*/manifest.json")).unlink()


@pytest.mark.parametrize("damage", [lose_current, name_another, cut_an_array, lose_a_manifest])
def test_adding_again_mends_a_damaged_snapshot(tmp_path, damage):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        memory.add(TEXTS)
        before = memory.retrieve("Who was born in London?")
    damage(root)
    with Hippo.open(root) as memory:
        with pytest.raises(IndexCorruptError, match="hippo index"):
            memory.retrieve("Who was born in London?")
        report = memory.add(TEXTS)
        assert (report.added, report.unchanged, report.embedded) == (0, 2, 0)
        assert memory.retrieve("Who was born in London?").hits == before.hits


def test_an_interrupted_first_run_keeps_its_settings(tmp_path):
    root = tmp_path / "index"

    class HaltError(Exception):
        pass

    def interrupt(step):
        if step.stage == "extract":
            raise HaltError

    overrides = {"encoder": {"hashing": {"dimension": 64}}}
    with Hippo.open(root, encoder="hashing", overrides=overrides) as memory, pytest.raises(HaltError):
        memory.add(TEXTS, progress=interrupt)
    with Hippo.open(root) as memory:
        assert memory.status().encoder == "hashing-1:64"
        assert memory.add(TEXTS).chunks == 2


def test_one_snapshot_is_kept(tmp_path):
    root = tmp_path / "index"
    with Hippo.open(root, encoder="hashing") as memory:
        for text in TEXTS:
            memory.add([text])
        assert [item.name for item in (root / "snapshots").iterdir()] == ["000002"]


def test_words_alone_make_no_evidence_of_what_they_do_not_touch(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add([f"Town {number} was founded by Person {number}." for number in range(20)])
        found = memory.retrieve("zzzz qqqq", k=3, explain=True)
        assert len(found.hits) == 3
        assert found.seeds == ()
        assert len(memory.retrieve("Who founded Town 7?").seeds) >= 1


def test_equal_passages_keep_their_order_alone_and_in_a_block(tmp_path):
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add([{"id": f"d{number:04}", "text": "Ada Lovelace met Charles Babbage."} for number in range(100)])
        questions = ["Who met Babbage?", *(f"Question number {number}?" for number in range(20))]
        for profile in ("dense", "hybrid", "hippo"):
            alone = memory.retrieve(questions[0], profile=profile, k=8)
            among = memory.retrieve_many(questions, profile=profile, k=8)[0]
            assert [hit.document_id for hit in alone.hits] == [hit.document_id for hit in among.hits]
            assert [hit.document_id for hit in alone.hits] == [f"d{number:04}" for number in range(8)]


@pytest.mark.parametrize("part", ["encoder", "extractor"])
def test_a_part_of_a_wrong_type_is_named(tmp_path, part):
    with pytest.raises(Exception, match=f"keyword: {part}: must be a name or an object with"):
        Hippo.open(tmp_path / "index", **{part: 42})
