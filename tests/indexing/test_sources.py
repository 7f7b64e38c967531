"""Files of two folders that have the same path below them."""

import pytest

from hippo import Hippo
from hippo.errors import DuplicateDocumentError


def test_a_file_of_another_folder_does_not_replace_one_of_the_same_name(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "README.md").write_text(f"This is the read-me of {folder.upper()}.")
    with Hippo.open(tmp_path / "index", encoder="none") as memory:
        memory.add_files(tmp_path / "a")
        with pytest.raises(DuplicateDocumentError, match=r"README\.md.*index a folder that holds both"):
            memory.add_files(tmp_path / "b")
        assert memory.retrieve("read-me").hits[0].text == "This is the read-me of A."
        (tmp_path / "a").rename(tmp_path / "moved")
        (tmp_path / "moved" / "README.md").write_text("Moved and changed.")
        assert memory.add_files(tmp_path / "moved").changed == 1
