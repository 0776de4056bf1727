"""`codman key`: whose signatures count in the book of record."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened
from codman.spine.statement import Origin

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Register, rotate and revoke the keys whose signatures count.",
)

_Public = Annotated[Path, typer.Argument(metavar="FILE.pub", help="The public key, PEM.", show_default=False)]
_Key = Annotated[
    str, typer.Argument(metavar="KEY", help="Its name, id or the first digits of its keyid.", show_default=False)
]


@app.command(short_help="Register a public key.")
def add(
    file: _Public,
    owner: Annotated[str, typer.Option(metavar="KIND:NAME", help="pipeline:NAME, vendor:NAME or lab:NAME.")],
    origin: Annotated[list[Origin], typer.Option(help="What it may claim; repeatable.")],
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it; the file's name.")] = None,
    product: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="It speaks about this product only; repeatable.")
    ] = None,
    site: Annotated[str | None, typer.Option(metavar="ID", help="It speaks about this site's uses only.")] = None,
    valid_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="What is dated before does not count; any time without.")
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Register a public key: whose it is, and what its owner may claim."""
    from codman.errors import BadInput, nearest
    from codman.evidence.files import read_whole
    from codman.evidence.keys import parse_verifying_key
    from codman.flows.keys import add_key
    from codman.flows.operator import OPERATOR
    from codman.registry.keys import OwnerKind

    kind, _, who = owner.partition(":")
    kinds = [one.value for one in OwnerKind if one is not OwnerKind.NOTARY]
    if kind not in kinds or not who:
        raise BadInput(what=f"--owner {owner!r} names nobody", why="it is KIND:NAME", fix=nearest(kind, kinds))
    pem = read_whole(file, at_most=64 * 1024)
    parse_verifying_key(pem, file)  # what is wrong with a file is said under its own name
    with opened(workspace, database_url, make=True) as house:
        made = add_key(
            house,
            OPERATOR,
            pem,
            name=name or file.stem,
            owner_kind=OwnerKind(kind),
            owner=who,
            origins=origin,
            products=product,
            site=site,
            valid_from=valid_from,
        )
    _print([made], format_)


@app.command("list", short_help="Every key, the revoked too.")
def list_(workspace: Workspace = None, database_url: DatabaseUrl = None, format_: Printed = Format.TEXT) -> None:
    """List every key: whose, what it may claim, since when it no longer counts."""
    from codman.flows.keys import list_keys
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:
        _print(list_keys(house, OPERATOR), format_)


@app.command(short_help="Put a new key in an old one's place.")
def rotate(
    key: _Key,
    file: _Public,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call it; the file's name.")] = None,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="For the audit log.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Put a new key in an old one's place. The old one signs nothing new; what it signed stands."""
    from codman.evidence.files import read_whole
    from codman.evidence.keys import parse_verifying_key
    from codman.flows.keys import rotate_key
    from codman.flows.operator import OPERATOR

    pem = read_whole(file, at_most=64 * 1024)
    parse_verifying_key(pem, file)  # what is wrong with a file is said under its own name
    with opened(workspace, database_url) as house:
        _print([rotate_key(house, OPERATOR, key, pem, name or file.stem, why=why)], format_)


@app.command(short_help="Stop trusting a key from a moment on.")
def revoke(
    key: _Key,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From when, ISO 8601 with a zone; now if left out.")
    ] = None,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="For the audit log.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Stop trusting a key from a moment on, which may lie in the past. What the log has from before stands."""
    from codman.flows.keys import revoke_key
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:
        _print([revoke_key(house, OPERATOR, key, since=since, why=why)], format_)


def _print(keys: list[Any], format_: Format) -> None:
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps([key.model_dump(mode="json") for key in keys], indent=2, ensure_ascii=False) + "\n")
        return
    from codman.cli.layout import print_line

    for key in keys:
        ended = f"revoked from {key.revoked_from}" if key.revoked_from else ""
        ended = ended or (f"rotated at {key.valid_to}" if key.valid_to else "good")
        may = ", ".join(origin.value for origin in key.origins)
        print_line(
            f"{key.name}  sha256:{key.keyid[:12]}…  {key.owner_kind.value} {key.owner}  may claim {may}  {ended}"
        )
