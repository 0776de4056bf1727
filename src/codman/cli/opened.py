"""The book of record as a command on its own machine opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from codman.flows.house import House

Workspace = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the book of record is kept.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", metavar="URL", help="postgresql://…; SQLite in the workspace without.")
]


@contextmanager
def opened(workspace: Path | None, database_url: str | None, *, make: bool = False) -> Iterator[House]:
    """The house, closed when done; with `make`, begun where there is none."""
    from codman.settings import read_settings
    from codman.wiring import open_house

    house = open_house(read_settings(workspace=workspace, database_url=database_url), make=make)
    try:
        yield house
    finally:
        house.close()
