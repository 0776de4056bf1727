"""The table of moves between the stages of a use: which leads where, at which checkpoint, by whom, with what needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from codman.spine.policy import Checkpoint
from codman.spine.use import Stage


class Need(StrEnum):
    """What a move needs, as a page says it."""

    INTAKE = "a complete intake"
    TIER = "a tier"
    DECISION = "a decision in force that covers it"
    VERSION = "the version that was decided on"
    ACCEPTANCE = "the acceptance of each site's clinician"
    DOWNTIME = "a downtime procedure"
    NO_HARM = "no concern about harm that is open"
    CONDITIONS = "the conditions of its decision, kept"
    SHOWN = "what changed since it was decided, shown again"
    RETIREMENT = "a case that decides its retirement"
    HAZARDS = "a check of who and what still depends on it"
    REASON = "a reason"


@dataclass(frozen=True, slots=True)
class Transition:
    """One way from a stage to another."""

    before: Stage | None  # None: it enters the book
    after: Stage
    checkpoint: Checkpoint
    action: str  # what somebody must be allowed to do, as registry.access names it
    needs: frozenset[Need] = frozenset()
    back: bool = False  # it leads away from patients, or back to questions
    legacy: bool = False  # only for what ran before anybody asked


_TO_RUN: Final = frozenset(
    {
        Need.DECISION,
        Need.VERSION,
        Need.ACCEPTANCE,
        Need.DOWNTIME,
        Need.NO_HARM,
        Need.CONDITIONS,
        Need.SHOWN,
    }
)
_SILENTLY: Final = frozenset({Need.DECISION})  # nobody acts on it, so nothing is missed when it is down
_WHY: Final = frozenset({Need.REASON})
_RUNS_AT: Final[Mapping[Stage, tuple[Checkpoint, frozenset[Need]]]] = {
    Stage.SILENT: (Checkpoint.SILENT, _SILENTLY),
    Stage.PILOT: (Checkpoint.PILOT, _TO_RUN),
    Stage.LIVE: (Checkpoint.GO_LIVE, _TO_RUN),
}
EXPOSURE: Final = (Stage.SILENT, Stage.PILOT, Stage.LIVE)  # the least first
BEFORE_RUNNING: Final = (Stage.PROPOSED, Stage.TRIAGED, Stage.IN_REVIEW)


def _towards_running() -> Iterable[Transition]:
    for after, (checkpoint, needs) in _RUNS_AT.items():
        # with the conditions too: else a paused use came back by way of a review that nobody held
        yield Transition(Stage.IN_REVIEW, after, checkpoint, "use.decide", needs | {Need.CONDITIONS})
        for before in EXPOSURE[: EXPOSURE.index(after)]:
            yield Transition(before, after, checkpoint, "use.decide", needs)
        # what stays where it is and is decided at last, or again
        yield Transition(after, after, checkpoint, "use.decide", needs)
        yield Transition(Stage.PAUSED, after, checkpoint, "use.decide", needs | _WHY | {Need.CONDITIONS})
        yield Transition(None, after, checkpoint, "inventory.import", legacy=True)
        for less in EXPOSURE[: EXPOSURE.index(after)]:
            yield Transition(after, less, Checkpoint.CHANGE, "use.decide", _WHY, back=True)


def _stopping() -> Iterable[Transition]:
    for before in EXPOSURE:
        # a reason and nothing else: what harms is stopped first and explained at length later
        yield Transition(before, Stage.PAUSED, Checkpoint.PAUSE, "use.pause", _WHY, back=True)
    for before in (*EXPOSURE, Stage.PAUSED):
        needs = _WHY | {Need.RETIREMENT, Need.HAZARDS}
        yield Transition(before, Stage.RETIRED, Checkpoint.RETIRE, "use.retire", needs, back=True)
    for before in BEFORE_RUNNING:  # withdrawn, unless it runs all the same, or was brought back to questions
        needs = _WHY | {Need.RETIREMENT}
        yield Transition(before, Stage.RETIRED, Checkpoint.RETIRE, "use.change", needs, back=True)
    yield Transition(None, Stage.PAUSED, Checkpoint.PAUSE, "inventory.import", legacy=True)
    yield Transition(None, Stage.RETIRED, Checkpoint.RETIRE, "inventory.import", legacy=True)


TRANSITIONS: Final[tuple[Transition, ...]] = (
    Transition(None, Stage.PROPOSED, Checkpoint.INTAKE, "use.create"),
    Transition(Stage.PROPOSED, Stage.TRIAGED, Checkpoint.TRIAGE, "use.triage", frozenset({Need.INTAKE, Need.TIER})),
    Transition(Stage.TRIAGED, Stage.IN_REVIEW, Checkpoint.VALIDATION, "review.open", frozenset({Need.TIER})),
    Transition(Stage.TRIAGED, Stage.PROPOSED, Checkpoint.INTAKE, "use.triage", _WHY, back=True),
    Transition(Stage.IN_REVIEW, Stage.TRIAGED, Checkpoint.VALIDATION, "use.decide", _WHY, back=True),
    Transition(Stage.PAUSED, Stage.IN_REVIEW, Checkpoint.VALIDATION, "review.open", _WHY | {Need.TIER}, back=True),
    Transition(Stage.RETIRED, Stage.PROPOSED, Checkpoint.INTAKE, "use.create", _WHY, back=True),
    *_towards_running(),
    *_stopping(),
)
