"""What becomes of a concern: somebody has it, more is known, the use is paused or not, a duty to report runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from codman.errors import CodmanError
from codman.flows import records
from codman.flows.concerns.letting_off import as_grave, refuse_letting_off, refuse_own_work, release_repeats
from codman.flows.concerns.moving import tell_of_move
from codman.flows.concerns.pausing import tell_of_pause
from codman.flows.concerns.reading import can_pause, to_change, use_of
from codman.flows.concerns.worse import follow_harm
from codman.flows.house import House
from codman.flows.review.pausing import pause_use
from codman.registry.access import Reader
from codman.registry.database import Change
from codman.registry.governance import CONCERNS
from codman.registry.records import BadField, Stale
from codman.review.clocks import clocks
from codman.spine.concern import Concern, ConcernSeverity, ConcernState, Pause
from codman.spine.day import written_day
from codman.spine.use import Stage

_LONGEST_UNRAISED: Final = timedelta(days=365)  # between what happened and a concern that does not say when
CHANGEABLE: Final = ("severity", "category", "use", "site", "event_reference")


class ConcernClosed(CodmanError):
    """A step on a concern that is closed."""

    exit_code = 2

    def __init__(self) -> None:
        super().__init__(
            what="this concern is closed",
            why="its finding stands, and what was found is not changed afterwards",
            fix="raise a new concern and name this one in it",
        )


class NothingToPause(CodmanError):
    """A pause of a use that does not run, or that nobody could name."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            what="there is nothing to pause", why=why, fix="say which use it is about, or decline the pause"
        )


def acknowledge(house: House, reader: Reader, name: str, *, request: str | None = None) -> Concern:
    """Say that one has it; the first who says so stands.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: It is not theirs to take.
        ConcernClosed: It is closed.
    """
    with house.database.changing(reader.author(request)) as change:
        one = working(change, reader, name, theirs=True)
        if one.state is not ConcernState.RAISED:
            return one
        patch = {
            "state": ConcernState.ACKNOWLEDGED.value,
            "acknowledged_by": reader.person,
            "acknowledged_at": change.at,
        }
        return CONCERNS.change(change, name, patch, None)


def amend(
    house: House,
    reader: Reader,
    name: str,
    patch: Mapping[str, Any],
    revision: int,
    *,
    why: str | None = None,
    request: str | None = None,
) -> Concern:
    """Put down what is known by now: how bad, what about, its number in the hospital's event system.

    A severity that brings a duty to report starts its clock today; one that is less leaves a clock as it is. Harm that
    is put down later, or put to a use, proposes a pause and is told as if it had been raised so. Whoever
    has it in hand may say that it was worse; that it was less than was said, or about another use or site, says who may
    change concerns there and has no hand in the use, with a reason. With another site the day by which it is seen and
    its clock stay, and both sites are told.

    Raises:
        NoSuchRecord: There is none of that name within their reach, or no such use or site.
        NotAllowed: It is not theirs to change, or to make less, or to take off its use or site.
        NotImpartial: They have a hand in the use, and would make it less, or take it off the use or its site.
        BadField: A field is none of these, or cannot hold its value, or a reason is missing.
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    if stray := sorted(set(patch) - set(CHANGEABLE)):
        raise BadField("concern", str(stray[0])[:100], f"what can be changed is: {', '.join(CHANGEABLE)}")
    for kind in ("use", "site"):
        if patch.get(kind) is not None:
            records.get(house, reader, kind, str(patch[kind]))
    with house.database.changing(reader.author(request), why) as change:
        one = working(change, reader, name, theirs=True, revision=revision)
        told = dict(patch)
        made = CONCERNS.validated({**CONCERNS.plain(one), **told})
        refuse_letting_off(change, reader, one, made, why)
        if made.severity is not one.severity and one.clock is None:
            told |= _clock(house, made.severity)
        now: Concern = CONCERNS.change(change, name, told, revision)
        if now.severity not in as_grave(one.severity) or (now.use, now.site) != (one.use, one.site):
            release_repeats(change, name)
        if now.site != one.site:
            tell_of_move(change, house, one, now, but=reader.person)
        return follow_harm(change, house, one, now, by=reader.person)


def propose_pause(house: House, reader: Reader, name: str, revision: int, *, request: str | None = None) -> Concern:
    """Ask that the use be paused; its owner, its clinicians and the officers are told.

    Raises:
        NothingToPause: The use does not run, or is not known.
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request)) as change:
        one = working(change, reader, name, theirs=True, revision=revision)
        _refuse_nothing(change, one)
        return _pause(change, house, reader, name, Pause.PROPOSED, None, revision)


def take_pause(
    house: House, reader: Reader, name: str, revision: int, reason: str, *, request: str | None = None
) -> Concern:
    """Pause the use everywhere it runs, as far as this is theirs to do; all who answer for it are told.

    Raises:
        NotAllowed: They may not pause this use.
        CannotMove: It cannot be paused from where it is.
        NothingToPause: It does not run, or is not known.
        ConcernClosed: It is closed.
        Stale: The concern was changed since they looked.
    """
    with house.database.reading() as connection:
        one = to_change(connection, reader, name, theirs=True)
        if one.state is ConcernState.CLOSED:
            raise ConcernClosed
        if one.revision != revision:
            raise Stale("concern", name, revision, one.revision)
        use = use_of(connection, one)
        runs = can_pause(connection, use)
    if use is None:
        raise NothingToPause("nobody has said which use it is about")
    if use.stage is not Stage.PAUSED:  # paused already: that it was taken is put down all the same
        if not runs:
            raise NothingToPause(f"the use is {use.stage.value}, and runs nowhere")
        pause_use(house, reader, use.id, use.revision, reason, request=request)
    with house.database.changing(reader.author(request), reason) as change:
        working(change, reader, name, theirs=True)
        return _pause(change, house, reader, name, Pause.TAKEN, reason, None)


def decline_pause(
    house: House, reader: Reader, name: str, revision: int, reason: str, *, request: str | None = None
) -> Concern:
    """Let the use run on, with a reason; by who may change concerns there and has no hand in the use.

    Raises:
        NotAllowed: They may not.
        NotImpartial: They have a hand in the use.
        BadField: No pause is proposed, or no reason is given.
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), reason) as change:
        one = working(change, reader, name, revision=revision)
        refuse_own_work(change, reader, one, "decline this pause")
        if one.pause is not Pause.PROPOSED:
            raise BadField("concern", "pause", "no pause is proposed")
        if not reason.strip():
            raise BadField("concern", "reason", "say why the use can run on")
        return _pause(change, house, reader, name, Pause.DECLINED, reason, revision)


def set_clock(
    house: House,
    reader: Reader,
    name: str,
    revision: int,
    rule: str | None,
    why: str,
    *,
    aware_on: str | None = None,
    request: str | None = None,
) -> Concern:
    """Say which duty to report runs, or that none applies: no device, or no part of it in what happened.

    A clock that runs is taken away, or given more time, by nobody who has a hand in the use; a clock is started, or
    made to end sooner, by anybody who may change concerns there.

    Args:
        house: The open house.
        reader: Who says so; who may change concerns there.
        name: Which concern.
        revision: The revision they saw.
        rule: The rule; None says that none applies.
        why: The reason.
        aware_on: The day the facility's medical personnel became aware; the day it was raised without.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They may not.
        NotImpartial: They have a hand in the use, and would take a clock away or give it more time.
        BadField: There is no such rule, the day is none, or no reason is given.
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    if not why.strip():
        raise BadField("concern", "why", "say why it applies, or why none does")
    rules = clocks(house.settings.concern_clocks)
    with house.database.changing(reader.author(request), why) as change:
        one = working(change, reader, name, revision=revision)
        if rule is None:
            refuse_own_work(change, reader, one, "say that no duty to report runs")
            return CONCERNS.change(change, name, {"clock": None, "clock_due": None, "clock_met_on": None}, revision)
        known = rules.rule(rule)
        day = _day("aware_on", aware_on) or _raised_on(house, one)
        if known is None or not known.holds(day):
            raise BadField("concern", "clock", f"there is no such rule on {day.isoformat()}")
        if day > house.database.today():
            raise BadField("concern", "aware_on", "the day is yet to come")
        due = rules.due(known, day).isoformat()
        if one.clock_due is not None and due > one.clock_due:
            refuse_own_work(change, reader, one, "give this duty to report more time")
        return CONCERNS.change(change, name, {"clock": rule, "clock_due": due, "clock_met_on": None}, revision)


def meet_clock(
    house: House,
    reader: Reader,
    name: str,
    revision: int,
    on: str,
    *,
    why: str | None = None,
    request: str | None = None,
) -> Concern:
    """Put down the day on which the report went out.

    Raises:
        NotAllowed: They may not.
        NotImpartial: They have a hand in the use.
        BadField: No clock runs, or the day is none, yet to come, or before it happened or anybody became aware of it;
            or another day is put down already.
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    with house.database.changing(reader.author(request), why) as change:
        one = working(change, reader, name, revision=revision)
        if one.clock is None:
            raise BadField("concern", "clock", "no duty to report runs")
        refuse_own_work(change, reader, one, "say that a duty to report was met")
        day = _day("clock_met_on", on)
        if day is None or day > house.database.today():
            raise BadField("concern", "clock_met_on", "give the day the report went out, today at the latest")
        happened = _day("happened_on", one.happened_on) or _raised_on(house, one) - _LONGEST_UNRAISED
        if day < happened:
            raise BadField("concern", "clock_met_on", "a report does not go out before what it reports happened")
        rules = clocks(house.settings.concern_clocks)
        rule = rules.rule(one.clock)
        if rule is not None and one.clock_due is not None and rules.due(rule, day).isoformat() < one.clock_due:
            why_not = "the clock runs from a later day: say first, with the duty, on which day one became aware"
            raise BadField("concern", "clock_met_on", why_not)
        if one.clock_met_on not in (None, day.isoformat()):
            said = (
                f"it is put down as sent on {written_day(one.clock_met_on)}: say anew which duty runs, with the reason"
            )
            raise BadField("concern", "clock_met_on", said)
        return CONCERNS.change(change, name, {"clock_met_on": day.isoformat()}, revision)


def working(change: Change, reader: Reader, name: str, *, theirs: bool = False, revision: int | None = None) -> Concern:
    """A concern that is still worked on, for somebody who may.

    Raises:
        ConcernClosed: It is closed.
        Stale: It was changed since they looked.
    """
    one = to_change(change.connection, reader, name, theirs=theirs)
    if revision is not None and one.revision != revision:
        raise Stale("concern", name, revision, one.revision)
    if one.state is ConcernState.CLOSED:
        raise ConcernClosed
    return one


def _pause(
    change: Change, house: House, reader: Reader, name: str, pause: Pause, why: str | None, revision: int | None
) -> Concern:
    """Put down what became of a pause, who says so and why, and tell those who answer for the use."""
    because = (why or "").strip() or None
    said = {"pause": pause.value, "pause_by": reader.person, "pause_at": change.at, "pause_why": because}
    done: Concern = CONCERNS.change(change, name, said, revision)
    tell_of_pause(change, house, done, but={reader.person})
    return done


def _refuse_nothing(change: Change, one: Concern) -> None:
    use = use_of(change.connection, one)
    if use is None:
        raise NothingToPause("nobody has said which use it is about")
    if not can_pause(change.connection, use):
        raise NothingToPause(f"the use is {use.stage.value}, and runs nowhere")


def _clock(house: House, severity: ConcernSeverity) -> dict[str, Any]:
    """The clock that a severity starts today; nothing where it starts none."""
    rules = clocks(house.settings.concern_clocks)
    today = house.database.today()
    rule = rules.starting(severity, today)
    return {} if rule is None else {"clock": rule.id, "clock_due": rules.due(rule, today).isoformat()}


def _raised_on(house: House, one: Concern) -> date:
    return datetime.fromisoformat(one.raised_at).astimezone(house.settings.zone).date()


def _day(field: str, text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadField("concern", field, "it is no day: write 2026-11-30") from None
