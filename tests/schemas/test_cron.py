"""Cron expressions in zones: each time once, in order, wherever one begins to count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cron import Cron

LISBON = ZoneInfo("Europe/Lisbon")
ZONES = st.sampled_from(["America/Sao_Paulo", "Europe/Lisbon", "America/Santiago", "Asia/Kathmandu"]).map(ZoneInfo)
ANY = st.just(datetime(2026, 1, 1, tzinfo=UTC))
CHANGES = st.sampled_from(
    [datetime(2026, *at, tzinfo=UTC) for at in ((3, 29, 1), (10, 25, 1), (4, 5, 3))]
)  # fmt: skip
"""When clocks are changed in Lisbon and Santiago."""
MOMENTS = st.one_of(
    st.builds(lambda at, by: at + timedelta(minutes=by), ANY, st.integers(-500_000, 500_000)),
    st.builds(lambda at, by: at + timedelta(minutes=by), CHANGES, st.integers(-300, 300)),
)
CRONS = st.builds(
    "{} {} {} {} {}".format,
    st.sampled_from(["0", "30", "*/20", "15,45", "*"]),
    st.sampled_from(["*", "0", "1", "9", "*/2", "0-3", "1,13"]),
    st.sampled_from(["*", "1", "29,31", "L"]),
    st.sampled_from(["*", "3,10", "2-4"]),
    st.sampled_from(["*", "mon-fri", "sun", "5#1"]),
).map(Cron.parse)


def local(*times: datetime) -> list[str]:
    return [f"{at.astimezone(LISBON):%d %H:%M}" for at in times]


@settings(deadline=None)
@given(CRONS, ZONES, MOMENTS, st.floats(0, 1))
def test_the_next_time_is_the_same_from_wherever_before_it(
    cron: Cron, zone: ZoneInfo, moment: datetime, share: float
) -> None:
    following = cron.after(moment, zone)
    assert following > moment
    between = moment + (following - moment) * share
    assert cron.after(min(between, following - timedelta(microseconds=1)), zone) == following


@settings(deadline=None)
@given(CRONS, ZONES, MOMENTS, st.integers(0, 3000), st.integers(1, 12))
def test_the_last_times_are_the_end_of_all_of_them(
    cron: Cron, zone: ZoneInfo, moment: datetime, minutes: int, most: int
) -> None:
    until, times = moment + timedelta(minutes=minutes), []
    at = cron.after(moment, zone)
    while at <= until:
        times.append(at)
        at = cron.after(at, zone)
    assert cron.last(most, moment, until, zone) == times[-most:]


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789*/,-#LWmontue ²"), max_size=20))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        cron = Cron.parse(text)
    except ValueError:
        return
    assert cron.after(datetime(2026, 1, 1, tzinfo=UTC), LISBON) > datetime(2026, 1, 1, tzinfo=UTC)


def test_an_hour_that_is_left_out_or_comes_twice() -> None:
    daily, often = Cron.parse("30 1 * * *"), Cron.parse("*/30 * * * *")
    spring, autumn = datetime(2026, 3, 28, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert local(*daily.last(9, spring, spring + timedelta(days=2), LISBON)) == ["29 02:00", "30 01:30"]
    assert local(*daily.last(9, autumn, autumn + timedelta(days=2), LISBON)) == ["25 01:30", "26 01:30"]
    assert len(often.last(99, spring, spring + timedelta(hours=6), LISBON)) == 12
    assert len(often.last(99, autumn, autumn + timedelta(hours=6), LISBON)) == 12


@pytest.mark.parametrize("text", ["", "0 9 * *", "0 0 30 2 *", "@daily", "0 9 * * fri-mon", "0 9 0 * *", "60 * * * *"])
def test_what_never_comes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write minute, hour, day, month and weekday"):
        Cron.parse(text)


def test_a_year_of_minutes_is_looked_back_at_quickly() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    assert len(Cron.parse("* * * * *").last(100, until - timedelta(days=400), until, LISBON)) == 100
