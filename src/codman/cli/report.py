"""`codman report`: a statement as HTML or PDF."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def report(
    statement: Annotated[Path, typer.Argument(metavar="STATEMENT", help="A statement, bare or signed.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write it; ends in .html or .pdf.")],
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A public key to check the signature with, PEM; repeatable."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A policy; the report says what it makes of the evidence.")
    ] = None,
    verdict: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `codman gate --format json` wrote; the report carries it.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="The time --policy judges at, ISO 8601; now where left out.")
    ] = None,
) -> None:
    """Write STATEMENT as a report for people: one HTML file or one PDF with the evidence attached."""
    from codman.errors import BadInput
    from codman.evidence.files import refuse_overwriting
    from codman.evidence.keys import read_verifying_key
    from codman.flows.gate import gate
    from codman.report.make import write_report
    from codman.report.proof import from_verdict, read_verdict

    if policy is not None and verdict is not None:
        raise BadInput(
            what="--policy and --verdict were both given",
            why="the report carries one verdict",
            fix="give the policy to judge now, or the verdict that was reached before",
        )
    refuse_overwriting(out, statement, policy, verdict, *(key or ()))
    keys = [read_verifying_key(one) for one in key or ()]
    found = read_verdict(verdict) if verdict is not None else None
    if policy is not None:
        found = from_verdict(gate(policy, [statement], keys=key or (), at=at))
    document = write_report(statement, out, keys=keys, verdict=found)
    typer.echo(f"{out}: {document.headline}", err=True)
