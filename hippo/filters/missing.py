"""Why a condition matches nothing: names that no document has."""

import json

import pyarrow as pa

from hippo.filters.condition import Condition, IsNull, Not
from hippo.filters.match import matching
from hippo.filters.statement import compared

__all__ = ["known_keys", "missing_fields"]


def missing_fields(condition: Condition, documents: pa.Table) -> list[str]:
    """Fields of a condition that no document has a value for, in order of their first mention.

    Args:
        condition: The condition.
        documents: As for `matching`.

    Raises:
        FilterError: It took too long.
    """
    fields = dict.fromkeys(field for field, _, _ in compared(condition))
    return [str(field) for field in fields if not matching(Not(IsNull(field)), documents).any()]


def known_keys(documents: pa.Table) -> list[str]:
    """Keys at the top of the metadata of documents, in code point order."""
    return sorted({key for text in documents.column("metadata").to_pylist() for key in json.loads(text)})
