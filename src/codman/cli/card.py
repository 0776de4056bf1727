"""`codman inventory card`: a document made of a use, as a file."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from codman.cli.opened import DatabaseUrl, Workspace, opened


class CardFormat(StrEnum):
    """What can be made."""

    CHAI = "chai"
    HTI_1 = "hti-1"
    CYCLONEDX = "cyclonedx"


def card(
    use: Annotated[str, typer.Argument(metavar="USE", help="The use's id.", show_default=False)],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="x.xml of chai, x.html or x.json of hti-1, x.json of cyclonedx.")
    ],
    format_: Annotated[CardFormat, typer.Option("--format", help="chai | hti-1 | cyclonedx.")] = CardFormat.CHAI,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a model card of USE from the registry as it stands: what nobody answered is marked, small groups hidden.

    chai is CHAI's Applied Model Card v0.2, hti-1 the source attributes of 45 CFR 170.315(b)(11)(iv), cyclonedx an
    ML-BOM 1.6. Each says from which statements and which state of the log it was made.
    """
    from codman.flows.generated import write
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:
        made = write(house, OPERATOR, use, format_.value, out)
    told = made.told
    evaluations = len(told.evaluations)
    sys.stderr.write(f"{out}: {told.title}, numbers of {evaluations} evaluation{'' if evaluations == 1 else 's'}\n")
    for said in told.left_out:
        sys.stderr.write(f"{said}\n")
