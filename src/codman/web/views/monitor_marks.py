"""Words and signs of monitoring: how a requirement stands, what a window came to, where an incident is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from codman.spine.watching import Incident, IncidentState, WatchState
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.marks import Tag

AGES_SAID: Final[Mapping[str, str]] = {"estimated": "Estimated", "partial": "So far", "final": "Final"}
_STANDINGS: Final[Mapping[str, Tag]] = {
    "too few": Tag("Too few", "unsure", "?"),
    "missing": Tag("Not reported", "unsure", "–"),
    "new": Tag("Not due yet", "plain", "○"),
}
_WINDOWS: Final[Mapping[WatchState, Tag]] = {
    WatchState.QUIET: Tag("Quiet", "met", "✓"),
    WatchState.WATCH: Tag("Watch", "unsure", "?"),
    WatchState.ALARM: Tag("Alarm", "unmet", "×"),
    WatchState.BLIND: Tag("Blind", "unmet", "–"),
}
_INCIDENTS: Final[Mapping[IncidentState, Tag]] = {
    IncidentState.OPEN: Tag("Waits for an answer", "unmet", "○"),
    IncidentState.ACKNOWLEDGED: Tag("In hand", "unsure", "◐"),
    IncidentState.SNOOZED: Tag("Put off", "unsure", "‖"),
    IncidentState.RESOLVED: Tag("Resolved", "met", "✓"),
}


def standing_tag(word: str) -> Tag:
    """How a requirement stands."""
    return _STANDINGS.get(word) or marks.outcome(word)


def window_tag(state: WatchState) -> Tag:
    """What a window came to."""
    return _WINDOWS[state]


def incident_tag(one: Incident) -> tuple[Tag, ...]:
    """Where an incident is, and whether it is severe."""
    return (_INCIDENTS[one.state], *([Tag("Severe", "unmet", "!")] if one.severe else []))


def window_words(start: str, end: str) -> str:
    """A window as people say it: `September 2026`, `2 to 8 Nov 2026`; its end is exclusive."""
    first, last = date.fromisoformat(start), date.fromisoformat(end) - timedelta(days=1)
    if first.day == 1 and (last + timedelta(days=1)).day == 1 and (first.year, first.month) == (last.year, last.month):
        return f"{first:%B %Y}"
    if first == last:
        return day(start)
    return f"{day(start)} to {day(last.isoformat())}"
