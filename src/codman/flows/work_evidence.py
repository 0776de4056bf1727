"""What evidence asks of one person: what a review of their use is not shown yet, and what is to be shown again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, func, select

from codman.flows.change_control import not_shown_of
from codman.flows.house import House
from codman.flows.review.cases import WORKING, docket_within
from codman.flows.review.deciding import blocking
from codman.flows.review.voting import verdict_of
from codman.flows.task import Duty, Task
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.schema import statements, uses
from codman.registry.schema_review import cases, reopenings
from codman.spine.reopening import Reopening, ReopeningState
from codman.spine.use import RUNNING, Stage
from codman.spine.verdict import Outcome, Result


def of_evidence(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """What is to be shown of the uses somebody answers for; what was reopened, of who presides too.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
    """
    yield from _not_shown(house, connection, reader)
    yield from _reopened(house, connection, reader)


def _not_shown(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """What keeps a review of their own use from granting it, for who answers for the use."""
    theirs = cases.c.use.in_(select(uses.c.id).where(uses.c.owner == reader.person))
    working = cases.c.state.in_([state.value for state in WORKING])
    seen = governance.seen(governance.CASES, paths_for(reader, "review.read"))
    for case in governance.every(connection, "case", theirs, working, seen):
        found = docket_within(connection, reader, case.id)
        number = len(blocking(verdict_of(house, connection, found), {one.requirement for one in found.acceptances}))
        if number:
            what = "1 requirement that is" if number == 1 else f"{number:,} requirements that are"
            about = f"The review of {found.use.name}, {case.checkpoint.value},"
            yield Task(
                duty=Duty.SHOW,
                sentence=f"{about} waits for {what} not met: bring what {'it asks' if number == 1 else 'they ask'}",
                at=f"/reviews/{case.id}",
                since=case.created_at,
                due_on=case.due_on,
                use=case.use,
            )


def _reopened(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """Requirements that a change reopened, each once, for who answers for the use and who presides.

    Of what runs, that evidence came and does not meet them is due on the day on which it came.
    """
    waiting: dict[str, list[Reopening]] = defaultdict(list)
    still = reopenings.c.state == ReopeningState.OPEN.value
    for one in governance.every(connection, "reopening", still, order="created_at"):
        waiting[one.use].append(one)
    theirs = [
        use
        for use in USES.get_many(connection, sorted(waiting)).values()
        if use.stage is not Stage.RETIRED
        and (use.owner == reader.person or may(reader, "case.change", paths_of(connection, use)))
    ]
    failing = not_shown_of(house, connection, [use.id for use in theirs])
    for use in theirs:
        again = waiting[use.id]
        newest = failing.get(use.id, {}).items()
        fails = {name: result for name, result in newest if result.outcome is Outcome.NOT_MET}
        not_met = _requirements(one for one in again if one.id in fails)
        yield Task(
            duty=Duty.REOPENED,
            sentence=_to_show_again(use.name, _requirements(again), not_met),
            at=f"/uses/{use.id}/changes",
            since=again[0].created_at,
            due_on=_came(connection, fails.values()) if not_met and use.stage in RUNNING else None,
            use=use.id,
        )


def _requirements(found: Iterable[Reopening]) -> int:
    """How many there are; two changes may touch the same one."""
    return len({(one.policy, one.requirement) for one in found})


def _to_show_again(name: str, reopened: int, failing: int) -> str:
    if not failing:
        what = "1 requirement is" if reopened == 1 else f"{reopened:,} requirements are"
        return f"{what} reopened of {name}: bring evidence, or a case that decides"
    what = "a requirement" if failing == 1 else f"{failing:,} requirements"
    more = reopened - failing
    beside = f"; {more:,} more {'is' if more == 1 else 'are'} reopened" if more > 0 else ""
    return f"Newest evidence of {name} does not meet {what}{beside}: have it put right, or bring a case that decides"


def _came(connection: Connection, fails: Iterable[Result]) -> str | None:
    """The day on which the first evidence was filed that does not meet something."""
    digests = {result.finding.evidence for result in fails} - {None}
    filed = select(func.min(statements.c.filed_at)).where(statements.c.digest.in_(digests))
    first = connection.execute(filed).scalar_one_or_none()
    return None if first is None else first[:10]
