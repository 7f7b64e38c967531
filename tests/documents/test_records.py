from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo.documents import Columns, coerce_documents
from hippo.documents.records import clean, parse_timestamp, plain, record_document
from hippo.errors import DocumentError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-01", datetime(2024, 5, 1, tzinfo=UTC)),
        ("2024-05-01T10:30:00Z", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        (" 2024-05-01 10:30 ", datetime(2024, 5, 1, 10, 30, tzinfo=UTC)),
        ("2024-05-01T10:30:00+02:00", datetime(2024, 5, 1, 10, 30, tzinfo=timezone(timedelta(hours=2)))),
        (date(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)),
        (datetime(2024, 5, 1, 8), datetime(2024, 5, 1, 8, tzinfo=UTC)),  # noqa: DTZ001  (naive on purpose)
        (None, None),
        ("", None),
        (float("nan"), None),
    ],
)
def test_timestamps(value: object, expected: datetime | None) -> None:
    parsed = parse_timestamp(value, "row 1")
    assert parsed == expected
    assert parsed is None or parsed.tzinfo is not None


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 1714550400, ["2024"]])
def test_bad_timestamps_name_the_value(value: object) -> None:
    with pytest.raises(DocumentError, match=r"row 1: timestamp ") as caught:
        parse_timestamp(value, "row 1")
    assert repr(value) in str(caught.value)


def test_other_keys_and_nested_metadata_become_metadata() -> None:
    record = {"text": "x", "lang": "en", "metadata": {"year": 2000, "on": date(2000, 1, 2)}, "score": float("inf")}
    document = record_document(record, Columns(), "row 1")
    assert document.metadata == {"lang": "en", "year": 2000, "on": "2000-01-02", "score": None}
    assert record_document(record, Columns(metadata=("lang",)), "row 1").metadata == {"lang": "en"}


def test_missing_text_lists_what_is_there() -> None:
    with pytest.raises(DocumentError, match="no key 'text'; keys present: 'body', 'id'"):
        record_document({"body": "x", "id": 1}, Columns(), "row 1")
    with pytest.raises(DocumentError, match="no column 'year'; columns present: 'text'"):
        Columns(metadata=("year",)).require(["text"], "f.csv")
    with pytest.raises(DocumentError, match="no column 'key'"):
        Columns(id="key").require(["text"], "f.csv")
    Columns().require(["text"], "f.csv")


@pytest.mark.parametrize("record", [{"text": 5}, {"text": "x", "id": [1]}, {"text": "x", "title": {}}, {"text": b"x"}])
def test_wrong_types(record: dict[str, object]) -> None:
    with pytest.raises(DocumentError, match=r"documents\[0\]: '(text|id|title)' must be"):
        list(coerce_documents([record]))


@given(st.text())
def test_clean_text_can_be_stored(text: str) -> None:
    result = clean(text)
    result.encode()
    assert "\r" not in result
    assert "\0" not in result
    assert clean(result) == result


def test_clean_keeps_everything_else() -> None:
    assert clean("a\r\nb\rc\x00 \ud800 \u00a0é  ") == "a\nb\nc \ufffd \u00a0é  "


def test_plain_values() -> None:
    assert plain({1: (1.5, True, None, {"b", "a"}), "x": Path("a")}, "here") == {
        "1": [1.5, True, None, ["a", "b"]],
        "x": "a",
    }
    with pytest.raises(DocumentError, match="here: metadata must be JSON values, dates or numbers, got object"):
        plain({"x": object()}, "here")
