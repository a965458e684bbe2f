"""When a site is due: a crontab line read as cron reads it, fired by APScheduler.

APScheduler's own `CronTrigger.from_crontab` differs from crontab(5) in two points, which are
put right here: it counts the days of the week from Monday, and it joins a day of the
month and a day of the week by *and*, where cron says *or*.
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")


def trigger(line: str, time_zone: str) -> BaseTrigger:
    """The trigger of five cron fields (crontab(5)), in the zone of this IANA name.

    Raises ValueError, whose text says which field is wrong, or that the zone is unknown.
    """
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"{len(fields)} fields where cron has five ({', '.join(FIELDS)})")
    zone = ZoneInfo(time_zone)
    minute, hour, day, month, week_day = fields
    week_days = _week_days(week_day)
    if _is_free(day) or _is_free(week_day):
        return _cron(minute, hour, day, month, week_days, zone)
    return OrTrigger(
        [_cron(minute, hour, day, month, "*", zone), _cron(minute, hour, "*", month, week_days, zone)]
    )


def next_time(line: str, time_zone: str, after: datetime) -> datetime:
    """The first instant after ``after`` at which the schedule fires. Raises ValueError if it never does."""
    at: datetime | None = trigger(line, time_zone).get_next_fire_time(after, after)
    if at is None:
        raise ValueError("no day has this date")
    return at.astimezone(UTC)


def _cron(minute: str, hour: str, day: str, month: str, week_day: str, zone: ZoneInfo) -> CronTrigger:
    return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=week_day, timezone=zone)


def _is_free(field: str) -> bool:
    """crontab(5): a field that begins with a star does not restrict the days."""
    return field.startswith("*")


def _week_days(field: str) -> str:
    """The field with names for numbers (0 and 7 are Sunday), or ``*``. Raises ValueError."""
    if field == "*":
        return field
    days = {day for part in field.lower().split(",") for day in _week_day_range(part)}
    return "*" if len(days) == len(DAYS) else ",".join(DAYS[day] for day in sorted(days))


def _week_day_range(part: str) -> list[int]:
    span, slash, step = part.partition("/")
    if slash and (not step.isdecimal() or int(step) == 0):
        raise ValueError(f"“{part}” is no day of the week")
    first, dash, last = ("0", "-", "6") if span == "*" else span.partition("-")
    start = _week_day(first, part)
    end = _week_day(last, part) if dash else (6 if slash else start)
    if end < start:
        # cron names Sunday 0 and 7, so that "fri-sun" can be read: it ends at 7.
        end += 7
    return [day % 7 for day in range(start, end + 1, int(step) if slash else 1)]


def _week_day(text: str, part: str) -> int:
    if text in DAYS:
        return DAYS.index(text)
    if text.isdecimal() and int(text) <= 7:
        return int(text)
    raise ValueError(f"“{part}” is no day of the week (0 to 7, both ends being Sunday, or sun to sat)")
