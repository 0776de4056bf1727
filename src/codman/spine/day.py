"""Days and times as people write them, in pages, mail, minutes and prints alike. Formats for machines stay ISO 8601.

What is due on a day, or stands until one, goes by the day of the house's own zone; moments are kept in UTC.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def written_day(day: str | date) -> str:
    """A day in a sentence: 3 Oct 2026.

    Args:
        day: A date, or ISO 8601 text that begins with one.
    """
    at = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return f"{at.day} {at:%b %Y}"


def day_in(at: datetime | str, zone: tzinfo) -> date:
    """The day that it is in a zone.

    Args:
        at: A moment; as text, ISO 8601 with its offset.
        zone: Where.
    """
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(zone).date()


def start_of(day: str | date, zone: tzinfo) -> datetime:
    """The moment at which a day begins in a zone.

    Args:
        day: A date, ISO 8601 as text.
        zone: Where.
    """
    return datetime.combine(date.fromisoformat(day) if isinstance(day, str) else day, time(), zone)


def end_of(day: str | date, zone: tzinfo) -> datetime:
    """The last moment of a day in a zone, to the microsecond; UTC."""
    at = date.fromisoformat(day) if isinstance(day, str) else day
    return start_of(at + timedelta(days=1), zone).astimezone(UTC) - timedelta(microseconds=1)


def written_moment(at: datetime, zone: tzinfo) -> str:
    """A time in a sentence, with its zone: 3 Oct 2026, 14:05 UTC."""
    there = at.astimezone(zone)
    return f"{written_day(there)}, {there:%H:%M %Z}"
