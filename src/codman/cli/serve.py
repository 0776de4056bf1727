"""`codman serve`: the pages and the API on one port."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from codman.cli.opened import DatabaseUrl, Workspace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(metavar="H", help="Address to serve on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(metavar="P", help="Port; 8000. 0 takes any free one.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front encrypts, and says who asks.")
    ] = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Serve the book of record: pages for people, the API for machines, its documentation at /api/v1/docs.

    Makes the workspace where there is none, and prints a link that makes the first administrator and works once.
    """
    gc.disable()  # until all is loaded: what is loaded stays, and looking through it took a tenth of the start
    from codman.cli.serving import serve as run
    from codman.registry.accounts_invitations import first_link
    from codman.settings import read_settings
    from codman.wiring import open_house

    house = open_house(read_settings(host=host, port=port, workspace=workspace, database_url=database_url))

    def ready(address: str) -> None:
        typer.echo(f"Codman answers at {address} (API: {address}/api/v1/docs); Ctrl+C stops it.", err=True)
        typer.echo(f"The book of record is kept in {house.settings.workspace.absolute()}.", err=True)
        link = first_link(house.database, house.database.clock())
        if link is not None:
            typer.echo("Open this link to become the first administrator; it works once:", err=True)
            typer.echo(f"{address}/join/{link}")
            sys.stdout.flush()

    try:
        run(house, house.settings.host, house.settings.port, behind_proxy=behind_proxy, ready=ready)
    finally:
        house.close()
