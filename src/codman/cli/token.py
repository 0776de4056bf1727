"""`codman token`: what programs carry to act in somebody's name."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="API tokens: make, list, revoke.",
)


@app.command(short_help="Make a token; it is shown once.")
def create(
    user: Annotated[str, typer.Option(metavar="E", help="Whose rights it carries: their e-mail address.")],
    scope: Annotated[
        list[str], typer.Option(metavar="S", help="evidence.submit, inventory.*, *.read or *; repeatable.")
    ],
    days: Annotated[int, typer.Option(metavar="N", help="How long it is good, 1 to 366.")] = 90,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "made on the command line",
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Make a token for a program. It never carries more than its owner holds when it is used. It is shown once."""
    from codman.flows.operator import OPERATOR
    from codman.registry.accounts_people import person_with
    from codman.registry.accounts_tokens import issue
    from codman.registry.records import NoSuchRecord

    with opened(workspace, database_url) as house, house.database.changing(OPERATOR.author()) as change:
        person = person_with(change.connection, user)
        if person is None or not person.active:
            raise NoSuchRecord("person", user)
        made = issue(change, person.id, scope, house.database.clock(), days=days, name=name)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps({"secret": made.secret, **asdict(made.token)}, indent=2) + "\n")
        return
    typer.echo(f"{made.token.id}, good until {made.token.ends_at}; this is the only time it is shown:", err=True)
    typer.echo(made.secret)


@app.command("list", short_help="Tokens, without their secrets.")
def list_(
    user: Annotated[str | None, typer.Option(metavar="E", help="Only this person's.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """List tokens: whose, what they are good for, until when, when last used. Never the secrets: nobody has them."""
    from codman.cli.layout import print_line
    from codman.registry.accounts_people import person_with
    from codman.registry.accounts_tokens import tokens_of
    from codman.registry.records import NoSuchRecord

    with opened(workspace, database_url) as house, house.database.reading() as connection:
        person = None if user is None else person_with(connection, user)
        if user is not None and person is None:
            raise NoSuchRecord("person", user)
        found = tokens_of(connection, None if person is None else person.id)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False) + "\n")
        return
    for one in found:
        state = f"revoked {one.revoked_at}" if one.revoked_at else f"until {one.ends_at}"
        print_line(
            f"{one.id}  {one.person}  {one.name}  {', '.join(one.scopes)}  {state}  used {one.seen_at or 'never'}"
        )


@app.command(short_help="Make a token worthless.")
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="Its id, as `list` shows it.", show_default=False)],
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="For the audit log.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a token worthless from this moment on."""
    from codman.flows.operator import OPERATOR
    from codman.registry import accounts_tokens

    with opened(workspace, database_url) as house, house.database.changing(OPERATOR.author(), why) as change:
        done: Any = accounts_tokens.revoke(change, token)
    typer.echo(f"{done.id} is revoked", err=True)
