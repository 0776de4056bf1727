"""Flags that several commands take, each said once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How the answer is printed."""

    TEXT = "text"
    JSON = "json"


Positive = Annotated[str | None, typer.Option(metavar="VALUE", help="The label's value that means the event.")]
Band = Annotated[list[str] | None, typer.Option(metavar="COL=0,40,65", help="Cut a numeric column.")]
Level = Annotated[float, typer.Option(metavar="X", help="Of the two-sided intervals.")]
Printed = Annotated[Format, typer.Option("--format", help="How the answer is printed.")]
