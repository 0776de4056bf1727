"""`codman user`: who may come in, as what, and the end of it."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened
from codman.spine.person import Role

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Accounts: let people in, list them, close their accounts.",
)

_Email = Annotated[str, typer.Option(metavar="E", help="What they sign in with.")]
_Site = Annotated[
    str | None, typer.Option(metavar="S", help="Where the role begins: a site's id, path or name; everywhere without.")
]
_FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command(short_help="Let somebody in, with a password or by a one-time link.")
def add(
    email: _Email,
    role: Annotated[Role, typer.Option(help="What they are here to do.")],
    site: _Site = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What people call them; the e-mail's name.")] = None,
    password_stdin: _FromStdin = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Let somebody in: with the password on standard input, or else by a link that works once, within a day."""
    from codman.flows.address import address_of
    from codman.flows.operator import OPERATOR
    from codman.registry.accounts_invitations import invite
    from codman.registry.accounts_passwords import PASSWORDS, check_password
    from codman.registry.accounts_people import add_account, site_named
    from codman.registry.nouns import PEOPLE

    called = name or email.partition("@")[0]
    PEOPLE.validated({"name": called, "email": email})
    kept = None
    if password_stdin:
        password = _password()
        check_password(password, email=email, name=name)
        kept = PASSWORDS.hashed(password)
    with opened(workspace, database_url, make=True) as house, house.database.changing(OPERATOR.author()) as change:
        where = None if site is None else site_named(change.connection, site)
        if kept is None:
            now = house.database.clock()
            token = invite(change, role, now, invited_by=None, email=email, site=where)
            said = {
                "email": email,
                "role": role.value,
                "site": where,
                "link": f"{address_of(house.settings)}/join/{token}",
            }
        else:
            person = add_account(change, email=email, name=called, password_hash=kept, role=role, site=where)
            said = {"id": person.id, "email": email, "role": role.value, "site": where}
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    elif kept is None:
        typer.echo(f"send this to {email}; it works once, within 24 hours:", err=True)
        typer.echo(said["link"])
    else:
        typer.echo(f"{said['id']}  {email}  {role.value}")


@app.command("list", short_help="Everybody who can come in or holds a role.")
def list_(workspace: Workspace = None, database_url: DatabaseUrl = None, format_: Printed = Format.TEXT) -> None:
    """List everybody who can come in or holds a role."""
    from dataclasses import asdict

    from codman.cli.layout import print_line
    from codman.registry.accounts_people import accounts

    with opened(workspace, database_url) as house, house.database.reading() as connection:
        found = accounts(connection)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False) + "\n")
        return
    for one in found:
        comes = "closed" if not one.active else " and ".join(one.signs_in_with) or "cannot sign in"
        print_line(f"{one.email or one.person}  {one.name}  {', '.join(one.roles) or 'no role'}  {comes}")


@app.command(short_help="Close somebody's account.")
def deactivate(
    email: _Email,
    why: Annotated[str | None, typer.Option(metavar="TEXT", help="For the audit log.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Close somebody's account: their sessions and tokens end at once; what they did stays in the book."""
    from codman.flows.operator import OPERATOR
    from codman.registry.accounts_people import deactivate as close
    from codman.registry.accounts_people import person_with
    from codman.registry.records import NoSuchRecord

    with opened(workspace, database_url) as house, house.database.changing(OPERATOR.author(), why) as change:
        person = person_with(change.connection, email)
        if person is None:
            raise NoSuchRecord("person", email)
        close(change, person.id)
    typer.echo(f"{email} is closed; their sessions and tokens have ended", err=True)


def _password() -> str:
    """The first line of standard input: a password on the command line would stand in the shell's history."""
    return sys.stdin.readline().rstrip("\r\n")
