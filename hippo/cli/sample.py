"""The sample corpus: inside the installed package, or in the checkout."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from hippo.errors import InputError

__all__ = ["NAME", "sample_folder"]

NAME = "sample"
"""Name of the dataset: `sample.json` and `sample_corpus.json`."""


@contextmanager
def sample_folder() -> Iterator[Path]:
    """Folder of the sample corpus.

    Raises:
        InputError: It is in neither place.
    """
    package = files("hippo")
    packaged = package / "_data"
    if (packaged / f"{NAME}.json").is_file():
        with as_file(packaged) as folder:
            yield folder
        return
    with as_file(package) as code:
        folder = code.parent / "data"
    if not (folder / f"{NAME}.json").is_file():
        raise InputError("the sample corpus is not installed; name a folder that holds one with --data")
    yield folder
