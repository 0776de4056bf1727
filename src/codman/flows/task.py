"""Task: one thing that waits for somebody, and where it is done.

A task's own sentence holds nobody's words: those stand apart, for a page to show and a mail to leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

HOURS_MATTER: Final = timedelta(hours=48)  # a moment that is further away is told by its day
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


class Duty(StrEnum):
    """What somebody is to do."""

    PROPOSAL = "finish a proposal"
    PROPOSED = "go on with a proposal"
    INTEREST = "state your interest"
    VOTE = "vote"
    ANSWER = "answer a question"
    REVIEWERS = "name reviewers"
    CLOSE = "close a case"
    CONDITION = "meet a condition"
    ACCEPT = "accept a document"
    PAUSE = "say whether it pauses"
    RENEWAL = "renew a decision"
    MOVE = "take a use where it was decided to go"
    SET_UP = "set up a planned site"
    UNDECIDED = "have decided what runs"
    SHOW = "bring what a review asks for"
    REOPENED = "have shown again what changed"
    SITE = "accept a site"
    ACCEPTED = "have a site accepted"
    TIER = "agree to a lower tier"
    APPLIES = "say whether a requirement applies"
    REPORT = "see that a report comes"
    TOLD = "look at what a report tells of"
    CONCERN = "look at a concern"
    SEE_THROUGH = "see a concern to its close"
    ACTION = "do what a concern led to"
    INCIDENT = "answer what monitoring saw"
    WATCH = "have watched what runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One thing that waits for somebody."""

    duty: Duty
    sentence: str  # for a person; holds nobody's own words
    at: str  # path of the page where it is done
    since: str  # ISO 8601
    due_on: str | None = None  # day
    due_at: str | None = None  # the moment, ISO 8601, where it is due within hours rather than by a day
    use: str | None = None
    began: bool = True  # since is when it began to wait; False: when it was saved last
    words: str = ""  # what somebody wrote; for who is signed in, never for a mail

    def late(self, now: datetime) -> bool:
        """Whether its moment, or its day, has passed.

        Args:
            now: The time, in the house's zone.
        """
        if self.due_at is not None:
            return datetime.fromisoformat(self.due_at) < now
        return self.due_on is not None and self.due_on < now.date().isoformat()

    def hours(self, now: datetime) -> str | None:
        """How long there is, where hours matter: `in 3 hours`, `2 hours late`; None where its day says enough."""
        if self.due_at is None:
            return None
        left = datetime.fromisoformat(self.due_at) - now
        if abs(left) >= HOURS_MATTER:
            return None
        unit, one = ("hour", _HOUR) if abs(left) >= _HOUR else ("minute", _MINUTE)
        number = max(1, abs(left) // one)
        said = f"{number} {unit}{'' if number == 1 else 's'}"
        return f"in {said}" if left >= timedelta(0) else f"{said} late"
