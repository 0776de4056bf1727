"""`codman monitor challenge`: a version in shadow, or beside the one in use, judged on the events of both."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.flows.watch.challenging import Challenged


def challenge(
    use: Annotated[str, typer.Option(metavar="ID", help="The use.")],
    challenger: Annotated[str, typer.Option(metavar="VERSION", help="The version to judge, by its label or id.")],
    planned: Annotated[
        int, typer.Option(metavar="N", min=1, help="Patients you expect by the decision; fixed at the first look.")
    ],
    champion: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version in use; the one that runs if left out.")
    ] = None,
    margin: Annotated[
        list[str] | None, typer.Option(metavar="METRIC=X", help="The loss that would be accepted: auroc=-0.02. Repeat.")
    ] = None,
    threshold: Annotated[
        list[str] | None, typer.Option(metavar="X", help="Flagged is score >= X; the plan's if left out. Repeat.")
    ] = None,
    design: Annotated[
        str,
        typer.Option(
            metavar="DESIGN", help="paired: both score the same patients; ab: each patient was shown one of the two."
        ),
    ] = "paired",
    within: Annotated[
        float, typer.Option(metavar="MINUTES", min=0, max=1440, help="The most that two predictions of a pair differ.")
    ] = 5.0,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="As of this time, ISO 8601 with a zone; now if left out.")
    ] = None,
    file: Annotated[bool, typer.Option("--file", help="File it as evidence of the use, signed by the house.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison statement here.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Say how much better or worse a challenger is than the version in use, on the events of both.

    From the challenger's first prediction on, with outcomes known by now. Look as often as you like: the intervals
    hold at all looks together. Which attempt at a better model it is, the book counts.
    """
    from codman.cli import question as q
    from codman.cli.statement_out import signer_of
    from codman.flows.gate import moment_of
    from codman.flows.operator import OPERATOR
    from codman.flows.watch.challenging import Challenge
    from codman.flows.watch.challenging import challenge as run

    signer_of(None, out)
    asked = Challenge(
        use=use,
        challenger=challenger,
        champion=champion,
        planned=planned,
        margins={name: q.number("--margin", x) for name, x in q.pairs("--margin", margin or [], "auroc=-0.02").items()},
        thresholds=tuple(q.number("--threshold", one) for one in threshold or []),
        within=timedelta(minutes=within),
        design=cast("Literal['paired', 'ab']", q.one_of("--design", design, ("paired", "ab"))),
        at=None if at is None else moment_of(at),
    )
    with opened(workspace, database_url) as house:
        found = run(house, OPERATOR, asked, keep=file)
    _give(found, out, format_)


def _give(found: Challenged, out: Path | None, how: Format) -> None:
    from codman.cli.comparison_text import lines
    from codman.cli.statement_out import print_json
    from codman.evidence.statements import write_statement

    if out is not None:
        write_statement(found.statement, out, None)
        typer.echo(f"{out}  comparison sha256:{found.digest}", err=True)
    if found.filed:
        typer.echo(f"filed  comparison sha256:{found.digest}", err=True)
    if how is Format.JSON:
        print_json(found.statement, None)
        return
    said = found.said
    for line in lines(said):
        typer.echo(line)
    for note in (said.note or "").split("; "):
        typer.echo(f"note: {note}")
