"""`codman audit`: work the log out again, prove an entry of it, take its state away."""

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
    no_args_is_help=True,
    help="Verify the audit log, prove an entry of it, export its state.",
)


@app.command(short_help="Work everything out again.")
def verify(
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A checkpoint exported earlier and kept elsewhere.")
    ] = None,
    export: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the log's state now goes, signed.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Work out every entry, node, salted hash and statement again; exit 1 if anything was changed.

    A log cut short, or a database put back whole, agrees with itself: only a checkpoint kept elsewhere shows it.
    """
    from codman.flows.audit import audit
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:
        found = audit(house, OPERATOR, kept=checkpoint, export=export)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(found.answer(), indent=2, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"verified  {found.entries:,} entries, {found.statements:,} statements, root {found.root}\n")
    if found.against is None:
        sys.stdout.write(
            "not shown: that nothing was cut off or put back. Keep a checkpoint elsewhere (--export FILE)"
            " and give it the next time (--checkpoint FILE).\n"
        )
    else:
        sys.stdout.write(
            f"begins with the {found.against:,} entries of the checkpoint: nothing was cut off or put back\n"
        )


@app.command(short_help="Prove one entry to somebody else.")
def prove(
    entry: Annotated[
        str, typer.Argument(metavar="ENTRY", help="Its index, or a statement's digest.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the pack goes; printed without.")] = None,
    since: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their checkpoint: prove that the log only grew since.")
    ] = None,
    no_texts: Annotated[bool, typer.Option("--no-texts", help="Leave people's own words out.")] = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Prove one entry: a pack with the entry, its proof, the log's signed state and the statement it is about.

    docs/verify_pack.py checks it with Python and `cryptography` alone, against the log's public key (keys/log.pub).
    """
    from codman.errors import BadInput
    from codman.evidence.canonical import canonical
    from codman.evidence.files import read_whole
    from codman.flows.audit_pack import prove as prove_entry
    from codman.flows.operator import OPERATOR

    digest = entry.removeprefix("sha256:")
    if not (digest.isdecimal() or (len(digest) == 64 and set(digest) <= set("0123456789abcdef"))):
        raise BadInput(
            what=f"{entry[:80]!r} names no entry",
            why="it is neither an index nor a digest",
            fix="see codman audit verify",
        )
    with opened(workspace, database_url) as house:
        kept = None if since is None else read_whole(since, at_most=64 * 1024).decode("utf-8", errors="replace")
        pack = prove_entry(
            house, OPERATOR, int(digest) if len(digest) < 16 else digest, since=kept, texts=not no_texts, out=out
        )
    if out is None:
        sys.stdout.write(canonical(pack).decode() + "\n")
    else:
        sys.stderr.write(f"{out}: check it with  python verify_pack.py {out} log.pub\n")


@app.command(short_help="Take the log's signed state away.")
def checkpoint(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes; printed without.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the log's name, size and root, signed. Keep it where this machine's operators cannot change it."""
    from codman.evidence.files import write_whole
    from codman.flows.receipts import checkpoint as state

    with opened(workspace, database_url) as house:
        text = state(house)
    if out is None:
        sys.stdout.write(text)
    else:
        write_whole(out, text.encode())
