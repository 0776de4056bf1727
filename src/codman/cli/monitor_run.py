"""`codman monitor run --due`: look at every window whose number is due; a cron job or the server itself does it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened
from codman.errors import BadInput

if TYPE_CHECKING:
    from codman.flows.watch.running import RanDue


def run(
    due: Annotated[bool, typer.Option("--due", help="Look at all windows that are due.")] = False,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of this time, ISO 8601 with a zone; now if left out.")
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Look at every window of every active monitor whose number is due: measure, sign, file, judge, say what is wrong.

    Safe at any time and as often as you like: each window is looked at once. Signals do not change the exit code; 4
    says that a monitor could not be looked at.
    """
    from codman.flows.gate import moment_of
    from codman.flows.watch.running import run_due

    if not due:
        raise BadInput(what="nothing was asked to be run", why="--due is missing", fix="codman monitor run --due")
    with opened(workspace, database_url) as house:
        ran = run_due(house, None if at is None else moment_of(at))
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(ran.answer(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(ran)) + "\n")
    raise typer.Exit(4 if ran.trouble else 0)


def _lines(ran: RanDue) -> list[str]:
    if ran.elsewhere:
        return ["another process is looking at what is due"]
    said = [f"{one.use}  {one.start} to {one.end}  {one.state}" for one in ran.looked]
    said += [f"{one.use}  could not be looked at: {one.why}" for one in ran.trouble]
    said.append(f"windows: {len(ran.looked)}, new signals: {len(ran.signals)}, incidents: {len(ran.incidents)}")
    return said
