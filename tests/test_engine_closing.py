"""A memory that was closed, or never was."""

import gc

import pytest

from hippo import Hippo
from hippo.errors import IndexClosedError


@pytest.mark.parametrize(
    "use",
    [
        lambda memory: memory.retrieve("Who met Babbage?"),
        lambda memory: memory.add(["Another text."]),
        lambda memory: memory.refresh(),
        lambda memory: memory.status(),
        lambda memory: memory.contents(),
    ],
)
def test_a_closed_memory_says_so(tmp_path, use):
    memory = Hippo.open(tmp_path / "index", encoder="hashing")
    memory.add(["Ada Lovelace met Charles Babbage."])
    memory.close()
    memory.close()
    with pytest.raises(IndexClosedError, match=r"index was closed\. Open it again"):
        use(memory)


def test_a_memory_that_nobody_closes_warns_of_nothing(tmp_path, recwarn):
    memory = Hippo.open(tmp_path / "index", encoder="hashing")
    memory.add(["Ada Lovelace met Charles Babbage."])
    assert memory.retrieve("Who met Babbage?").hits
    del memory
    gc.collect()
    assert not [warning for warning in recwarn if warning.category is ResourceWarning]
