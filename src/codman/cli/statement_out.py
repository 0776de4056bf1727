"""A statement that a command computed: whether it can be written and signed, and how it is given to who asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from codman.cli.flags import Format
from codman.cli.layout import print_line
from codman.errors import BadInput
from codman.evidence.envelope import sign
from codman.evidence.files import refuse_overwriting
from codman.evidence.keys import SigningKey, read_signing_key
from codman.evidence.statements import canonical_statement, write_statement
from codman.spine.engine_statements import MonitoringPredicate
from codman.spine.statement import Statement


def signer_of(key: Path | None, out: Path | None, *read: Path | str | None) -> SigningKey | None:
    """Who signs, once it is known that the statement can be written; both cost nothing beside reading tables.

    Args:
        key: The private key's file; nobody signs without.
        out: Where the statement is to be written, if it is.
        *read: What the command reads, which must not be written over.

    Raises:
        BadInput: The key cannot be read, there is no such folder, or `out` is a file that is read.
    """
    signer = None if key is None else read_signing_key(key)
    if out is not None:
        if not out.parent.is_dir():
            raise BadInput(what=f"{out} cannot be written", why=f"there is no folder {out.parent}", fix="make it first")
        refuse_overwriting(out, *read, key)
    return signer


def print_json(statement: Statement, signer: SigningKey | None) -> None:
    """Print it: canonical JSON, or its signed envelope."""
    payload = canonical_statement(statement)
    typer.echo((payload if signer is None else sign(payload, signer).to_bytes()).decode())


def give_monitoring(
    statement: Statement,
    signer: SigningKey | None,
    out: Path | None,
    how: Format,
    lines: Callable[[MonitoringPredicate], Iterable[str]],
) -> None:
    """Write a monitoring statement where it was asked for; else print it, signed as JSON or unsigned in words."""
    if out is not None:
        digest = write_statement(statement, out, signer)
        typer.echo(f"{out}  monitoring sha256:{digest}", err=True)
    elif how is Format.JSON or signer is not None:
        print_json(statement, signer)
    else:
        for line in lines(MonitoringPredicate.model_validate(statement.predicate)):
            print_line(line)
