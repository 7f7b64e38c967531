"""Texts are sorted in files, of which nothing is left."""

from pathlib import Path

import pyarrow as pa

from hippo.store.distinct import distinct


def test_different_texts_in_order_and_in_the_folder_that_is_given(tmp_path: Path) -> None:
    blocks = distinct([pa.array(["b", "a"]), pa.array(["ß", "b"])], 2**30, tmp_path)
    assert next(blocks).to_pylist() == ["a", "b", "ß"]
    assert list(tmp_path.rglob("texts.duckdb"))
    assert list(blocks) == []
    assert list(tmp_path.iterdir()) == []
