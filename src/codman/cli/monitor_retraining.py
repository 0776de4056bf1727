"""`codman monitor retraining`: what speaks for updating a model that got worse, put before those who decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.spine.retraining import Retraining
    from codman.spine.watching import WatchStep


def retraining(
    incident: Annotated[str, typer.Option(metavar="ID", help="In which the model got worse.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of this time, ISO 8601 with a zone; now if left out.")
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Propose a retraining: what changed, how many outcomes are known since, what an update would gain at least.

    Only where it is settled that the model got worse, not care. Nothing is trained: a person files the proposal for
    review, or declines it. Asked again, the proposal that stands is told.
    """
    from codman.flows.gate import moment_of
    from codman.flows.operator import OPERATOR
    from codman.flows.watch.retraining import propose_retraining

    with opened(workspace, database_url) as house:
        step = propose_retraining(house, OPERATOR, incident, at=None if at is None else moment_of(at))
    if format_ is Format.JSON:
        typer.echo(step.model_dump_json(indent=2))
        return
    for line in _lines(step):
        typer.echo(line)


def _lines(step: WatchStep) -> Iterator[str]:
    said = step.proposal
    yield f"{step.id}  {step.state}"
    if said is None:
        return
    yield f"since {said.since[:10]}: {said.rows:,} predictions, {said.labelled:,} outcomes known{_people(said)}"
    for heading, rows in (("what changed", said.moved), ("how it does now", said.now)):
        if rows:
            yield ""
            yield f"{heading}:"
            yield from (f"  {row}" for row in rows[:15])
    for update in dict.fromkeys(row.params["update"] for row in said.gains):
        yield ""
        yield f"{update}, the update minus the model in use:"
        yield from (f"  {row}" for row in said.gains if row.params["update"] == update)
    yield ""
    yield said.plan_says
    yield from (f"note: {note}" for note in said.notes)


def _people(said: Retraining) -> str:
    if said.patients is None:
        return ""
    events = "" if said.events is None else f", {said.events:,} with the event"
    return f", of {said.patients:,} patients{events}"
