"""`codman policy`: check, commit and compare policies; list packs of ready ones and show what they demand."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.flows.review.impact import Impact
    from codman.review.policy.diff import Turned

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Check, commit and compare policies; see the packs of ready ones.",
)


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    JSON = "json"


_Format = Annotated[Format, typer.Option("--format", help="How the answer is written.")]


@app.command(short_help="Check that policies can be used.")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Policies, YAML.", show_default=False)],
    format_: _Format = Format.TEXT,
) -> None:
    """Check that policies can be used, and say what weakens them. A pack is checked policy by policy.

    Exit 2 when one cannot be used: an unknown key or metric, a limit that nothing can keep, requirements that
    contradict. Advice alone is exit 0.
    """
    from codman.flows.gate import check_policies

    checked = check_policies(files)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps({"files": [one.answer() for one in checked]}, indent=2, ensure_ascii=False) + "\n")
    else:
        for one in checked:
            sys.stdout.write("\n".join(one.lines()) + "\n")
    raise typer.Exit(2 if any(one.error for one in checked) else 0)


_Own = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Packs of your own; the folder 'packs' of the workspace where left out."),
]
_At = Annotated[
    str | None, typer.Option("--at", metavar="DAY", help="As they hold on this day, ISO 8601; today if left out.")
]


@app.command(short_help="List the packs of ready policies.")
def packs(
    own: _Own = None,
    at: _At = None,
    workspace: Workspace = None,
    format_: _Format = Format.TEXT,
) -> None:
    """List the packs of ready policies, and whether each holds on a day."""
    from codman.flows.packs import listed

    rows = listed(own=_folder(own, workspace), at=at)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps({"packs": [row.answer() for row in rows]}, indent=2, ensure_ascii=False) + "\n")
        return
    wide = max((len(row.name) for row in rows), default=0)
    for row in rows:
        sys.stdout.write(f"{row.name:<{wide}}  {row.policies:>2} policies  {row.standing:<24}  {row.title}\n")


@app.command(short_help="Show a pack, or one of its policies.")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A pack, or one of its policies.", show_default=False)],
    own: _Own = None,
    at: _At = None,
    workspace: Workspace = None,
    format_: _Format = Format.TEXT,
) -> None:
    """Show what a pack demands at each checkpoint; or one of its policies as a file that `codman gate` takes."""
    from codman.flows.packs import shown

    found = shown(name, own=_folder(own, workspace), at=at)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(found.answer(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(found.text())


def _folder(named: Path | None, workspace: Path | None) -> Path | None:
    """The folder of own packs: as the flag says, else the workspace's."""
    from codman.flows.packs import own_folder

    try:
        from codman.settings import read_settings
    except ModuleNotFoundError:  # without the part 'web' there is no workspace
        return own_folder(named, None)
    return own_folder(named, read_settings(workspace=workspace).workspace)


@app.command(short_help="Say how two editions differ.")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The older edition.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The newer edition.", show_default=False)],
    evidence: Annotated[
        list[Path] | None,
        typer.Argument(metavar="EVIDENCE", help="Statements: which outcomes change on them.", show_default=False),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A trusted public key, PEM; repeatable.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Judge as of this day or time, ISO 8601; now if left out.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="On all that the book of record holds: which uses come out otherwise.")
    ] = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: _Format = Format.TEXT,
) -> None:
    """Say how two editions of a policy differ and, with evidence, which outcomes change. Always exit 0.

    With --all, or a workspace, it is held against the evidence of every use that the policy is meant for.
    """
    from codman.flows.gate import compare_editions

    whole_book = every or workspace is not None or database_url is not None
    if whole_book:
        _refuse_beside(evidence, key, at)
    changes, turns = compare_editions(old, new, evidence or (), keys=key or (), at=at)
    book = _over_the_book(old, new, workspace, database_url) if whole_book else None
    if format_ is Format.JSON:
        answer = {
            "differences": [{"requirement": c.requirement, "way": c.way, "words": c.words} for c in changes],
            "outcomes": [{"requirement": t.requirement, "old": t.old, "new": t.new} for t in turns],
        }
        if book is not None:
            answer |= _answer(book)
        # of a whole house nobody reads the lines, and setting a hundred thousand of them apart takes a second
        sys.stdout.write(json.dumps(answer, indent=None if book is not None else 2, ensure_ascii=False) + "\n")
        return
    if not changes:
        sys.stdout.write("The two editions demand the same.\n")
    for c in changes:
        sys.stdout.write(f"{c.way:<9}  {c.requirement or 'policy'}: {c.words}\n")
    if evidence:
        sys.stdout.write("\nOn this evidence:\n" if turns else "\nOn this evidence no outcome changes.\n")
    for t in turns:
        sys.stdout.write(f"  {_turn(t)}\n")
    if book is not None:
        _print_uses(book)


def _refuse_beside(evidence: list[Path] | None, key: list[Path] | None, at: str | None) -> None:
    from codman.errors import BadInput

    if evidence or key or at:
        raise BadInput(
            what="--all takes no evidence, key or time",
            why="it holds both editions against what the book of record holds now, by the keys registered there",
            fix="leave them out, or leave out --all and the workspace",
        )


def _over_the_book(old: Path, new: Path, workspace: Path | None, database_url: str | None) -> Impact:
    from codman.flows.operator import OPERATOR
    from codman.flows.review.impact import impact
    from codman.review.policy.load import load_policy

    def told(done: int, of: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done:,} of {of:,} uses" + ("\n" if done == of else ""))

    with opened(workspace, database_url) as house:
        return impact(house, OPERATOR, load_policy(old), load_policy(new), progress=told)


def _answer(book: Impact) -> dict[str, Any]:
    return {
        "judged": book.judged,
        "uses": [
            {
                "use": one.use,
                "name": one.name,
                "old": one.old,
                "new": one.new,
                "outcomes": [{"requirement": t.requirement, "old": t.old, "new": t.new} for t in one.turned],
            }
            for one in book.uses
        ],
        "unjudged": [{"use": one.use, "name": one.name, "why": one.why} for one in book.unjudged],
    }


def _print_uses(book: Impact) -> None:
    from codman.cli.layout import print_line

    otherwise = [one for one in book.uses if one.old is not one.new]
    sys.stdout.write(
        f"\nUses: {book.judged:,} judged; {len(otherwise):,} come out otherwise, "
        f"{len(book.uses) - len(otherwise):,} only in a requirement.\n"
    )
    for (was, now), number in book.by_outcome().items():
        sys.stdout.write(f"  {was} → {now}: {number:,}\n")
    for one in book.uses:
        sys.stdout.write("\n")
        print_line(f"{one.name} ({one.use}): {one.old} → {one.new}")
        for t in one.turned:
            print_line(f"  {_turn(t)}")
    for lost in book.unjudged:
        print_line(f"{lost.name} ({lost.use}) was not judged: {lost.why}")


def _turn(t: Turned) -> str:
    return f"{t.requirement}: {t.old or 'not asked'} → {t.new or 'not asked'}"


@app.command(short_help="Promise a policy before the run.")
def commit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy, YAML.", show_default=False)],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Who promises it: a private key, PEM.", show_default=False)],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the signed criteria go.", show_default=False)],
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Send them to the book of record; its receipt goes here.")
    ] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The server; CODMAN_SERVER, else the local workspace.")
    ] = None,
    token: Annotated[str | None, typer.Option(metavar="TOKEN", help="Your token there; CODMAN_TOKEN.")] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Promise a policy before the run: a signed statement that `codman evaluate --criteria` cites.

    With --receipt the book of record takes it too: from that moment on the promise counts, whatever the file says.
    """
    from codman.evidence.files import refuse_overwriting
    from codman.flows.criteria import commit as promise

    refuse_overwriting(out, file, key)
    if receipt is not None:
        refuse_overwriting(receipt, file, key, out)
    promised = promise(file, key=key, out=out).predicate
    sys.stderr.write(f"{out}: {promised['policy']} {promised['edition']} is committed\n")
    if receipt is not None:
        from codman.cli.submit import sender, where
        from codman.evidence.files import write_whole

        remote, secret = where(workspace, database_url, server, token)
        with sender(remote, secret, workspace, database_url) as send:
            got = send(out.read_bytes(), str(out))
        write_whole(receipt, (json.dumps(got.model_dump(mode="json"), indent=2) + "\n").encode())
        sys.stderr.write(f"{receipt}: the log has it as entry {got.log_index:,}\n")
