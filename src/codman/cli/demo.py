"""`codman demo`: the whole story on a real cohort."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder the files are written to; made if it is not there.")
    ] = Path("demo-output"),
    no_serve: Annotated[
        bool, typer.Option("--no-serve", help="Say nothing of the web application, which is not part of this version.")
    ] = False,
) -> None:
    """Train, evaluate, sign, gate and report on the free-light-chain cohort of Olmsted County."""
    from codman.flows.demo.story import tell_story

    steps = 0

    def tell(sentence: str) -> None:
        nonlocal steps
        steps += 1
        typer.echo(f"{steps:>2}. {sentence}")

    typer.echo("Codman on 7,874 residents of Olmsted County, Minnesota (free-light-chain cohort, Mayo Clinic).\n")
    story = tell_story(out, tell)
    typer.echo(f"\nAll of it is in {story.folder}/. Try next:")
    typer.echo(f"  codman evidence show {story.folder}/evaluation.dsse.json")
    typer.echo(
        f"  codman gate --policy {story.folder}/go-live.yaml {story.folder}/evaluation.dsse.json "
        f"--key {story.folder}/demo.pub"
    )
    typer.echo(f"  codman reproduce {story.folder}/evaluation.dsse.json")
    if not no_serve:
        typer.echo("No web application in this version: the report is the page to open.", err=True)
