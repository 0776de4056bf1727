"""The people of a case, as its page shows them: who reviews it, how they voted, and who presides."""

from __future__ import annotations

from dataclasses import dataclass

from codman.flows.review.beside import LaidOut
from codman.flows.review.chairing import said_of
from codman.flows.review.seats import unseated_in
from codman.registry.access import Reader
from codman.spine.review import Conflict
from codman.web.views import marks
from codman.web.views.marks import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewerLine:
    """Somebody who reviews it."""

    id: str
    name: str
    discipline: str
    interest: str
    note: str
    vote: Tag | None
    stale: bool  # cast on something that has changed since
    reason: str
    delegate: str
    revision: int
    correctable: bool  # nobody has voted: what they judge it as may be put right
    excusable: bool
    liftable: bool  # whether the reader may lift the conflict they stated


def reviewers(found: LaidOut, reader: Reader) -> tuple[ReviewerLine, ...]:
    """Everybody who reviews a case, their votes, and what the reader may do about each."""
    voted = {vote.person: vote for vote in found.docket.votes}
    changes = found.working and found.may(reader, "case.change") and found.impartial(reader)
    presides = found.working and found.may(reader, "case.decide") and found.why_no_decision(reader) is None
    lines = []
    for one in found.docket.reviewers:
        vote = voted.get(one.person)
        hand = "" if vote is None or vote.cast_by == one.person else f"cast by {found.names.get(vote.cast_by, '')}"
        stale = vote is not None and vote.id in found.votes.stale
        lines.append(
            ReviewerLine(
                id=one.id,
                name=found.names.get(one.person, one.person),
                discipline=one.discipline,
                interest={Conflict.NOT_STATED: "interest not stated", Conflict.CONFLICT: "conflict of interest"}.get(
                    one.conflict, ""
                ),
                note=one.conflict_note or "",
                vote=None if vote is None else marks.choice(vote.choice.value),
                stale=stale,
                reason="; ".join(part for part in (vote.reason if vote else None, hand) if part),
                delegate="" if one.delegate is None else found.names.get(one.delegate, one.delegate),
                revision=one.revision,
                correctable=changes and not found.docket.votes and one.person != reader.person,
                excusable=changes and vote is None and one.conflict is not Conflict.CONFLICT,
                liftable=one.conflict is Conflict.CONFLICT and presides,
            )
        )
    return tuple(lines)


def unseated(found: LaidOut) -> str:
    """The disciplines that nobody named has, as a sentence; nothing where none lacks."""
    asked = unseated_in(found.docket)
    if not asked:
        return ""
    named = " and nobody as ".join(asked)
    return f"Nobody here reviews it as {named}: name somebody, or no vote can decide it."


def of_them(why: str) -> str:
    """What is said to somebody about themselves, said of them: `you answer for it` is `answers for it`."""
    first, _, rest = why.partition(" ")
    return f"{'answers' if first == 'answer' else first} {rest}"


def presiding(found: LaidOut) -> tuple[str, ...]:
    """Who presides over a case, and each time it went to another person, as sentences."""
    case, named = found.docket.case, found.names.get(found.docket.case.chair or "", "")
    told = [said_of(one, found.names) for one in found.handed]
    if not found.working:
        return (*([f"{named} presided."] if named else []), *told)
    if case.chair is None:
        return ("Nobody is named to preside: any chair or officer without a hand in the use closes it.",)
    if found.docket.presiding is None:
        return (f"{named} was named to preside and cannot: any chair or officer who may closes it.", *told)
    return (f"{named} presides.", *told)
