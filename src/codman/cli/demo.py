"""`codman demo`: the whole story on a real cohort, then the web application on an invented hospital."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from codman.flows.house import House

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def demo(
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder the files are written to; made if it is not there.")
    ] = Path("demo-output"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load the demo hospital, but do not serve it.")] = False,
    small: Annotated[bool, typer.Option("--small", help="A demo hospital of 12 uses instead of 140.")] = False,
    port: Annotated[int | None, typer.Option(metavar="P", help="Port to serve on; 8000. 0 takes any free one.")] = None,
) -> None:
    """Train, evaluate, sign, gate and report on the free-light-chain cohort of Olmsted County; then show a hospital.

    The hospital is invented: 12 hospitals, 140 AI uses, two years. Anybody may look around in any role.
    """
    from codman.flows.demo.showing import demo_house
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
    typer.echo("\nNow a whole health system, invented from end to end, in a book of record of its own.", err=True)
    workspace = out / "hospital"
    house = demo_house(workspace, lambda folder: _opened(folder, port), _progress, until=_today(), small=small)
    try:
        typer.echo(f"\nThe demo hospital is in {workspace}/. Look at it in a browser:")
        typer.echo(f"  codman serve --workspace {workspace}")
        if not no_serve:
            _serve(house)
    finally:
        house.close()


def _opened(folder: Path, port: int | None) -> House:
    from codman.settings import read_settings
    from codman.wiring import open_house

    # its own SQLite file, whatever database the environment names: invented records stay out of a real book
    database = f"sqlite:///{folder.absolute() / 'codman.db'}"
    return open_house(read_settings(workspace=folder, database_url=database, port=port))


def _serve(house: House) -> None:
    from codman.cli.serving import serve

    def ready(address: str) -> None:
        typer.echo(f"\nThe demo hospital answers at {address}/sign-in: choose a role. Ctrl+C stops it.")

    serve(house, house.settings.host, house.settings.port, ready=ready)


def _progress(sentence: str) -> None:
    typer.echo(f"    {sentence}", err=True)


def _today() -> date:
    return datetime.now(UTC).date()
