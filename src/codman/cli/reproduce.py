"""`codman reproduce`: compute a statement's numbers again and say what differs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from codman.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codman.flows.reproduce import Difference, Reproduction

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_SHOWN: Final = 40


class Format(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


@app.command()
def reproduce(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An evaluation or a comparison, signed or not.", show_default=False)
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option("--input", metavar="NAME=PATH", help="Where an input is now; repeat for several."),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A public key; with one, the signature is checked first.")
    ] = None,
    format: Annotated[Format, typer.Option(help="How the answer is written.")] = Format.TEXT,  # noqa: A002
) -> None:
    """Compute FILE's numbers again from its inputs; exit 1 if an input or a number differs."""
    from codman.evidence.keys import read_verifying_key
    from codman.flows.reproduce import reproduce as run

    found = run(file, inputs=_named(inputs or []), keys=[read_verifying_key(one) for one in key or []])
    if format is Format.JSON:
        typer.echo(json.dumps(found.answer(), indent=2, ensure_ascii=False))
    else:
        typer.echo(_text(found))
    sys.exit(0 if found.reproduced else 1)


def _named(inputs: list[str]) -> dict[str, Path]:
    named = {}
    for given in inputs:
        name, equals, path = given.partition("=")
        if not (name and equals and path):
            raise BadInput(
                what=f"--input {given} cannot be read",
                why="it is not NAME=PATH",
                fix="write for example: --input predictions=predictions.parquet",
            )
        named[name] = Path(path)
    return named


def _text(found: Reproduction) -> str:
    lines = []
    for one in found.inputs:
        if one.ok:
            lines.append(f"ok       input {one.name}: {one.path} is what it was (sha256 {one.found[:12]}…)")
        else:
            lines.append(
                f"changed  input {one.name}: {one.path} was sha256 {one.stated[:12]}…, it is now {one.found[:12]}…"
            )
    lines += [f"note     software {difference.sentence}" for difference in found.software]
    if found.changed:
        return "\n".join([*lines, "not reproduced: nothing was computed, because an input has changed"])
    lines += [f"differs  {difference.sentence}" for difference in found.differences[:_SHOWN]]
    if len(found.differences) > _SHOWN:
        lines.append(f"         and {len(found.differences) - _SHOWN:,} more; --format json has them all")
    curves = f" and {found.curves:,} curves" if found.curves else ""
    if found.reproduced:
        lines.append(f"reproduced: {found.measurements:,} measurements{curves}, the same to the last bit")
    else:
        lines.append(
            f"not reproduced: {len(found.differences):,} values differ, of {found.measurements:,} measurements{curves}"
            + _size(found.differences)
        )
    return "\n".join(lines)


def _size(differences: Sequence[Difference]) -> str:
    """How far apart the numbers are: rounding of another machine looks nothing like another model."""
    worst = 0.0
    for one in differences:
        then, now = one.then, one.now
        if not isinstance(then, (int, float)) or not isinstance(now, (int, float)):
            return ""
        if then != now:
            worst = max(worst, abs(now - then) / max(abs(then), abs(now)))
    return f"; the largest by {worst:.1g} of its size" + (": rounding, not another result" if worst < 1e-9 else "")
