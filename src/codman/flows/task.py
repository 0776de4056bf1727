"""Task: one thing that waits for somebody, and where it is done.

A task's own sentence holds nobody's words: those stand apart, for a page to show and a mail to leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
    UNDECIDED = "have decided what runs"
    REOPENED = "have shown again what changed"
    SITE = "accept a site"
    TIER = "agree to a lower tier"
    REPORT = "see that a report comes"
    TOLD = "look at what a report tells of"
    CONCERN = "look at a concern"
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
    use: str | None = None
    began: bool = True  # since is when it began to wait; False: when it was saved last
    words: str = ""  # what somebody wrote; for who is signed in, never for a mail

    def late(self, today: str) -> bool:
        """Whether its day has passed."""
        return self.due_on is not None and self.due_on < today
