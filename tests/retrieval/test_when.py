"""Times in texts and questions, and what they do to rankings."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hippo import Hippo
from hippo.calendar import Span, day_name, named_span
from hippo.dates import find_dates
from hippo.errors import ConfigError
from hippo.recalls import RECALLS_FILE
from hippo.retrieval.when import asked_times

MONDAY = date(2023, 5, 8)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("yesterday", "7 May 2023"),
        ("the day before yesterday", "6 May 2023"),
        ("last Friday", "5 May 2023"),
        ("last Monday", "1 May 2023"),
        ("next Monday", "15 May 2023"),
        ("this Monday", "8 May 2023"),
        ("last weekend", "6 May 2023 to 7 May 2023"),
        ("last week", "1 May 2023 to 7 May 2023"),
        ("two weeks ago", "24 April 2023 to 30 April 2023"),
        ("a couple of months ago", "March 2023"),
        ("12 years ago", "2011"),
        ("in three days", "11 May 2023"),
        ("last month", "April 2023"),
        ("next year", "2024"),
        ("last May", "May 2022"),
        ("next May", "May 2024"),
        ("this May", "May 2023"),
        ("last summer", "1 June 2022 to 31 August 2022"),
        ("the last two weeks", "24 April 2023 to 8 May 2023"),
        ("in March", "March 2023"),
        ("on 3rd of June", "3 June 2023"),
        ("on December 24", "24 December 2022"),
        ("on 3 June 2021", "3 June 2021"),
        ("in May 2021", "May 2021"),
        ("on 2021-06-03", "3 June 2021"),
        ("in 2021", "2021"),
    ],
)
def test_dates_in_text(text: str, name: str) -> None:
    [found] = find_dates(f"It was {text}, I think.", MONDAY)
    assert found.span.name == name


@pytest.mark.parametrize("text", ["you may march in line", "2021 people", "31 June 2021", "room 2024", "a second ago"])
def test_what_is_no_date(text: str) -> None:
    assert [one.span.name for one in find_dates(text, MONDAY) if not one.relative] == []
    assert find_dates("yesterday", None) == []


@given(st.dates(), st.integers(0, 9999), st.sampled_from(["days ago", "weeks ago", "years ago", "days from now"]))
def test_no_date_is_beyond_the_calendar(day: date, count: int, unit: str) -> None:
    for one in find_dates(f"{count} {unit}, last May, next summer, on 29 February, this weekend", day):
        assert one.span.start < one.span.end
        assert one.span.name


@given(st.dates())
def test_days_are_read_as_they_are_written(day: date) -> None:
    assert named_span(day_name(day)) == (Span.of_days(day) if day.year >= 1000 else named_span(day_name(day)))


NOW = datetime(2024, 5, 1)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("What did Ann do in May 2021?", [("in", "2021-05-01", "2021-06-01")]),
        ("What happened between March and May 2021?", [("in", "2021-03-01", "2021-06-01")]),
        ("What happened from 2019 to 2021?", [("in", "2019-01-01", "2022-01-01")]),
        ("What did she say before 3 June 2022?", [("before", None, "2022-06-03")]),
        ("What did she say after 3 June 2022?", [("after", "2022-06-04", None)]),
        ("Who has been here since 2019?", [("after", "2019-01-01", None)]),
        ("When did Ann move?", []),
        ("When is the meeting that was planned?", [("present", None, None)]),
        ("Where will Ann work?", [("present", None, None)]),
        ("In which city will Ann work?", [("present", None, None)]),
        ("Where am I?", [("present", None, None)]),
        ("What sports did Ann play as a child?", []),
        ("What sports was Ann good at?", []),
        ("Wo war Ann am Montag?", []),
        ("Wohin will Ann reisen?", []),
    ],
)
def test_times_in_questions(question: str, found: list[Any]) -> None:
    times, _ = asked_times(question, NOW)
    days = [(one.order, *(end and str(end.date()) for end in (one.start, one.end))) for one in times]
    assert days == found


@pytest.mark.parametrize(
    ("question", "order", "event"),
    [
        ("Where did Ann live before she moved to Rome?", "before", "she moved to Rome"),
        ("What was on the board when she talked about rent?", "when", "she talked about rent"),
        ("What did Ben eat after the long hike?", "after", "the long hike"),
        ("Where does Ann live now?", "now", None),
    ],
)
def test_events_in_questions(question: str, order: str, event: str | None) -> None:
    [found], _ = asked_times(question, NOW)
    assert (found.order, found.event) == (order, event)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Any:
    values = [
        ("a", "I visited the museum of clocks.", "2022-03-05"),
        ("b", "I visited the museum of toys.", "2022-09-05"),
        ("c", "I visited the museum of trams last year.", "2024-01-05"),
        ("d", "We adopted a dog called Rex.", "2022-06-01"),
        ("e", "The weather is fine.", None),
    ]
    root = tmp_path_factory.mktemp("when") / "index"
    with Hippo.open(root, encoder="hashing", config={"retrieval": {"count_recalls": True}}) as memory:
        memory.add(
            {"id": key, "text": text, "timestamp": time, "session": key, "speaker": "Ann"} for key, text, time in values
        )
        yield memory


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Which museum did Ann visit in March 2022?", "abc"),
        ("Which museum did Ann visit in September 2022?", "bac"),
        ("Which museum did Ann visit in 2023?", "cab"),
        ("Which museum did Ann visit before they adopted a dog?", "ab"),
        ("Which museum did Ann visit after they adopted a dog?", "ba"),
        ("Which museum does Ann visit now?", "cb"),
    ],
)
@pytest.mark.parametrize("profile", ["hippo", "hybrid"])
def test_passages_of_the_time_asked_about_come_first(memory: Hippo, question: str, first: str, profile: str) -> None:
    from dataclasses import replace

    from hippo.retrieval.profiles import PROFILES

    timed = replace(PROFILES[profile], time_weight=4.0)
    found = memory.retrieve(question, k=5, profile=timed, explain=True)
    places = {hit.document_id: hit for hit in found.hits}
    assert found.parameters["times"]
    assert min(first, key=lambda key: places[key].rank) == first[0]
    factors = {key: hit.explanation.time for key, hit in places.items() if hit.explanation}
    assert max(first, key=lambda key: factors[key]) == first[0]
    assert factors[first[0]] > 2 > factors["e"] == 1
    plain = memory.retrieve(question, k=5, profile=replace(timed, time_weight=0.0), explain=True)
    assert "times" not in plain.parameters
    assert plain.hits[0].explanation is not None
    assert plain.hits[0].explanation.time is None
    # A question has the same answer alone and among others.
    many = memory.retrieve_many(["Who is Rex?", question], k=5, profile=timed)[1]
    assert [hit.chunk_id for hit in many.hits] == [hit.chunk_id for hit in found.hits]


def test_relative_times_are_counted_from_the_time_asked_for(memory: Hippo) -> None:
    [time] = memory.retrieve("What happened last March?", as_of="2022-11-01").parameters["times"]
    assert (time["start"], time["end"]) == ("2022-03-01T00:00:00", "2022-04-01T00:00:00")


def test_what_is_old_fades_and_what_is_recalled_less(memory: Hippo) -> None:
    from dataclasses import replace

    from hippo.retrieval.profiles import PROFILES

    fading = replace(PROFILES["hippo"], retention={"turn": 100.0}, retention_floor=0.25)
    question = "Which museum did Ann visit?"
    (memory.path / RECALLS_FILE).unlink(missing_ok=True)
    first = {hit.document_id: hit for hit in memory.retrieve(question, k=5, profile=fading, explain=True).hits}
    left = {key: hit.explanation.retention for key, hit in first.items() if hit.explanation}
    assert left["c"] == left["e"] == 1.0
    assert left["a"] == pytest.approx(0.25 + 0.75 * 2 ** (-671 / 100))
    assert left["a"] < left["b"] < 1
    # It was recalled now, which is after all that was said.
    again = memory.retrieve(question, k=1, profile=fading, explain=True).hits[0].explanation
    assert again is not None
    assert again.retention == 1.0
    kept = memory.retrieve(question, k=5, profile=replace(fading, retention={"document": 1.0}), explain=True).hits
    assert {hit.explanation.retention for hit in kept if hit.explanation} == {1.0}
    with pytest.raises(ConfigError, match=r"retention\.turn: must be above 0"):
        memory.retrieve(question, profile=replace(fading, retention={"turn": 0.0}))


def test_without_times_or_sessions_a_question_is_asked_as_it_is(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["Ann moved in 2021.", "In 2022 Ann left."])
        question = "What did Ann do before she moved in 2022?"
        found = memory.retrieve(question, explain=True)
        assert "times" not in found.parameters
        assert [hit.explanation.time for hit in found.hits if hit.explanation] == [None, None]
        assert found == replaced_seconds(memory.retrieve(question, explain=True, profile=untimed()), found)


def untimed() -> Any:
    from dataclasses import replace

    from hippo.retrieval.profiles import PROFILES

    return replace(PROFILES["hippo"], time_weight=0.0)


def replaced_seconds(one: Any, other: Any) -> Any:
    from dataclasses import replace

    return replace(one, seconds=other.seconds, parameters=other.parameters)


def test_nothing_is_counted_unless_asked_for(tmp_path: Path) -> None:
    with Hippo.open(tmp_path / "index", encoder="hashing") as memory:
        memory.add(["One."])
        memory.retrieve("One?")
    assert not (tmp_path / "index" / RECALLS_FILE).exists()


@pytest.mark.parametrize(
    "question",
    [
        "What happened between last year and 0001-01-01?",
        "What happened between May and 0001-06-01?",
        "What happened between 1800 years ago and 1700-01-01?",
    ],
)
def test_years_before_all_calendars_are_no_error(question: str) -> None:
    assert asked_times(question, NOW)[0]


def test_this_winter_has_begun_last_year() -> None:
    [winter] = find_dates("What did she do this winter?", date(2024, 1, 15))
    assert (winter.span.start.year, winter.span.start.month) == (2023, 12)


def test_verbs_after_numbers_are_no_months() -> None:
    assert find_dates("Which of the 2 may enter?", date(2024, 1, 15)) == []
    assert len(find_dates("She left on 2 May.", date(2024, 1, 15))) == 1


def test_a_question_without_times_stays_as_it_is() -> None:
    assert asked_times("What  is this !", NOW)[1] == "What  is this !"
