"""For all tests: the project's folder, and freedom from settings of whoever runs them."""

import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# A slow machine is no failure; what a test may take is pytest's timeout.
settings.register_profile("hippo", deadline=None)
settings.load_profile("hippo")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose packages are not there. Large ones are imported by whoever runs such a test, not by all."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            pytest.importorskip(name, reason=f"{name} is not installed", exc_type=ImportError)


def pytest_collection_finish() -> None:
    """Have no later search for garbage go through all that was imported."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Give it back, so that nothing is left when the process ends."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def project() -> Path:
    """Root of the checkout."""
    return Path(__file__).parents[1]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[Path], object], Path], Path]:
    """Puts a copy of an index at a path; what makes it is called once for all tests of a module, with another path."""
    made: dict[Callable[[Path], object], Path] = {}

    def put(make: Callable[[Path], object], path: Path) -> Path:
        if make not in made:
            made[make] = tmp_path_factory.mktemp("prepared") / "index"
            make(made[make])
        shutil.copytree(made[make], path)
        return path

    return put


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the `HIPPO_...` variables of the shell: they would change every configuration."""
    for name in [name for name in os.environ if name.startswith("HIPPO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def make_older() -> Callable[[Path, int], None]:
    """Turns the store of an index into one of an older version: its tables are made by that version's own scripts."""

    def make(root: Path, version: int) -> None:
        import duckdb

        from hippo.store.schema import MIGRATIONS

        file, older = root / "store.duckdb", root / "older.duckdb"
        with duckdb.connect(str(older)) as new:
            for script in MIGRATIONS[:version]:
                new.execute(script)
            new.execute(f"ATTACH '{file}' AS now (READ_ONLY)")
            query = "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = 'older'"
            columns: dict[str, list[str]] = {}
            for table, column in new.execute(query).fetchall():
                columns.setdefault(table, []).append(f'"{column}"')
            known = {
                name
                for (name,) in new.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE database_name = 'now'"
                ).fetchall()
            }
            for table in columns.keys() & known:
                names = ", ".join(columns[table])
                new.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM now.{table}")
            new.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])
            new.execute("DELETE FROM journal WHERE NOT list_contains(?, name)", [list(columns)])
        older.replace(file)

    return make
