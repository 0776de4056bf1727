"""`codman restore`: a new workspace from a backup."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from codman.cli.backup import read_passphrase
from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Make a new workspace from a backup.",
)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE.tar", help="A backup.", show_default=False)],
    workspace: Annotated[Path, typer.Option(metavar="NEW", help="A folder that is not there yet.", show_default=False)],
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The log's public key, kept elsewhere: who must have signed.")
    ] = None,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Open the private keys that are sealed in it.")
    ] = False,
    passphrase_stdin: Annotated[
        bool, typer.Option("--passphrase-stdin", help="Read the passphrase from standard input.")
    ] = False,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Check every byte of FILE, work its log out again, and make a new workspace of it; exit 1 if it is not whole.

    Nothing is left behind by a backup that is refused, and no workspace is ever overwritten.
    """
    from codman.evidence.keys import read_verifying_key
    from codman.flows.backup import restore as put_back

    made = put_back(
        file,
        workspace,
        database_url=database_url,
        passphrase=read_passphrase(passphrase_stdin) if with_keys else None,
        key=None if key is None else read_verifying_key(key),
    )
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(made.answer(), indent=2) + "\n")
        return
    sys.stdout.write(
        f"{workspace}  as of {made.made_at}: {made.entries:,} log entries, {made.statements:,} statements\n"
    )
    if key is None:
        sys.stderr.write("whole; signed by the key that came with it. Give --key log.pub to be sure whose it is.\n")
