"""What evidence asks of one person: what a review of their use is not shown yet, and what is to be shown again."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.cases import WORKING, docket_within
from codman.flows.review.deciding import blocking
from codman.flows.review.voting import verdict_of
from codman.flows.task import Duty, Task
from codman.registry import governance
from codman.registry.access import Reader, may, paths_for
from codman.registry.inventory import paths_of
from codman.registry.nouns import USES
from codman.registry.schema import uses
from codman.registry.schema_review import cases, reopenings
from codman.spine.reopening import ReopeningState


def of_evidence(house: House, connection: Connection, reader: Reader) -> Iterator[Task]:
    """What is to be shown of the uses somebody answers for; what was reopened, of who presides too.

    Args:
        house: The open house.
        connection: A connection in a transaction.
        reader: Who.
    """
    yield from _not_shown(house, connection, reader)
    yield from _reopened(connection, reader)


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


def _reopened(connection: Connection, reader: Reader) -> Iterator[Task]:
    """Requirements that a change reopened, each once, for who answers for the use and who presides."""
    waiting: dict[str, tuple[set[tuple[str, str]], str]] = {}
    still = reopenings.c.state == ReopeningState.OPEN.value
    for one in governance.every(connection, "reopening", still, order="created_at"):
        waiting.setdefault(one.use, (set(), one.created_at))[0].add((one.policy, one.requirement))
    for use in USES.get_many(connection, sorted(waiting)).values():
        if use.owner != reader.person and not may(reader, "case.change", paths_of(connection, use)):
            continue
        requirements, began = waiting[use.id]
        what = "1 requirement is" if len(requirements) == 1 else f"{len(requirements):,} requirements are"
        yield Task(
            duty=Duty.REOPENED,
            sentence=f"{what} reopened of {use.name}: bring evidence, or a case that decides",
            at=f"/uses/{use.id}/changes",
            since=began,
            use=use.id,
        )
