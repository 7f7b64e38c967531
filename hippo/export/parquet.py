"""Everything that an index knows as Parquet tables."""

from pathlib import Path
from typing import TYPE_CHECKING

from hippo.export.place import Export, new_folder
from hippo.export.tables import TABLES

if TYPE_CHECKING:
    from hippo.snapshot.contents import Contents

__all__ = ["write_parquet"]


def write_parquet(contents: "Contents", folder: Path) -> Export:
    """Write `documents`, `chunks`, `facts`, `entities` and `edges` as `NAME.parquet`, a row group at a time.

    The columns are those of `hippo.export.tables`. `node` of chunks and entities is what `source` and `target` of
    edges refer to. `hippo index NEW documents.parquet --id-column document_id` reads the documents again.

    Args:
        contents: Of an index: `Hippo.contents()`.
        folder: Folder to make.

    Returns:
        What was written: rows by table.

    Raises:
        InputError: The folder exists and is not empty, or cannot be written.
    """
    import pyarrow.parquet as pq

    rows: dict[str, int] = {}
    folder = Path(folder)
    with new_folder(folder) as temporary:
        for name, pieces in TABLES.items():
            tables = pieces(contents)
            table = next(tables)
            with pq.ParquetWriter(temporary / f"{name}.parquet", table.schema) as writer:
                writer.write_table(table)
                rows[name] = table.num_rows
                for table in tables:
                    writer.write_table(table)
                    rows[name] += table.num_rows
    return Export(str(folder), rows)
