"""`codman backup` and `codman restore`: the whole house in one signed file, and back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Write the whole house into one signed file.",
)


@app.command()
def backup(
    out: Annotated[Path, typer.Option(metavar="FILE.tar", help="Where it goes; keep it where only you can read it.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Private keys and settings too, sealed by a passphrase.")
    ] = False,
    passphrase_stdin: Annotated[
        bool, typer.Option("--passphrase-stdin", help="Read the passphrase from standard input.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the file if it is there already.")] = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Write database, evidence, documents and public keys into one signed file, while the server runs.

    Private keys stay here unless --with-keys: without them a restored house makes itself new ones, and checkpoints from
    before are checked with the old public keys, which come along.
    """
    from codman.flows.backup import backup as keep
    from codman.flows.operator import OPERATOR

    passphrase = read_passphrase(passphrase_stdin) if with_keys else None
    with opened(workspace, database_url) as house:
        kept = keep(house, OPERATOR, out, passphrase=passphrase, replace=replace)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(kept.answer(), indent=2) + "\n")
        return
    keys = "private keys are in it, sealed" if kept.keys else "private keys are not in it"
    sys.stdout.write(
        f"{out}  {kept.size:,} bytes, {kept.entries:,} log entries, {kept.statements:,} statements; {keys}\n"
    )


def read_passphrase(from_stdin: bool) -> str:
    """A passphrase that no process list shows: typed unseen, or the first line of standard input."""
    if from_stdin or not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Passphrase", hide_input=True, err=True))
