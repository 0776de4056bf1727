"""Days and times as people write them, in pages, mail, minutes and prints alike. Formats for machines stay ISO 8601."""

from __future__ import annotations

from datetime import date, datetime, tzinfo


def written_day(day: str | date) -> str:
    """A day in a sentence: 3 Oct 2026.

    Args:
        day: A date, or ISO 8601 text that begins with one.
    """
    at = date.fromisoformat(day[:10]) if isinstance(day, str) else day
    return f"{at.day} {at:%b %Y}"


def written_moment(at: datetime, zone: tzinfo) -> str:
    """A time in a sentence, with its zone: 3 Oct 2026, 14:05 UTC."""
    there = at.astimezone(zone)
    return f"{written_day(there)}, {there:%H:%M %Z}"
