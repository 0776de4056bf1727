"""`codman evidence`: keys, signing, verifying, looking, documents."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from codman.errors import BadInput, nearest
from codman.spine.statement import Kind, Origin

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Keys, signing, verifying, documents.",
)


class Format(StrEnum):
    """How the answer is written."""

    TEXT = "text"
    JSON = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is written.")]


@app.command(short_help="Make a key pair: NAME.key and NAME.pub.")
def keygen(out: Annotated[Path, typer.Option(metavar="NAME", help="NAME: writes NAME.key and NAME.pub.")]) -> None:
    """Make a key pair: NAME.key signs and stays with you; NAME.pub checks and goes to everybody."""
    from codman.evidence.keys import generate

    made = generate(out)
    typer.echo(f"{out}.key  signs; only you can read it, keep it so", err=True)
    typer.echo(f"{out}.pub  checks; give it to whoever must trust you", err=True)
    typer.echo(f"sha256:{made.keyid}")


@app.command()
def sign(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A statement; an envelope gets one more signature.", show_default=False),
    ],
    key: Annotated[Path, typer.Option(metavar="FILE", help="Your private key, PEM.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the signed envelope goes.")],
) -> None:
    """Sign a statement."""
    from codman.evidence.envelope import sign as in_envelope
    from codman.evidence.files import refuse_overwriting, write_whole
    from codman.evidence.keys import read_signing_key
    from codman.evidence.statements import read_statement

    refuse_overwriting(out, file, key)
    signer = read_signing_key(key)
    read = read_statement(file)
    envelope = in_envelope(read.body, signer) if read.envelope is None else read.envelope.signed_by(signer)
    write_whole(out, envelope.to_bytes())
    typer.echo(f"{out}  {read.kind.value} sha256:{read.digest}  signed by sha256:{signer.public.keyid[:12]}…", err=True)


@app.command(short_help="Check that a file is whole and who signed it.")
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A signed statement.", show_default=False)],
    key: Annotated[list[Path], typer.Option(metavar="FILE", help="A signer's public key, PEM; repeat for several.")],
    format: FormatOption = Format.TEXT,  # noqa: A002
) -> None:
    """Check that FILE is whole and signed by one of the keys; exit 1 if not, 2 if it is no statement."""
    from codman.evidence.keys import read_verifying_key
    from codman.evidence.verify import verify_file

    found = verify_file(file, [read_verifying_key(one) for one in key])
    if format is Format.JSON:
        typer.echo(json.dumps(found.answer(), indent=2, ensure_ascii=False))
    else:
        for step in found.steps:
            typer.echo(f"{'ok    ' if step.ok else 'FAILED'}  {step.step}: {step.why}")
        typer.echo("verified" if found.verified else "not verified")
    sys.exit(0 if found.verified else 1)


@app.command(short_help="Print what a statement says.")
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A statement, signed or not.", show_default=False)],
    format: FormatOption = Format.TEXT,  # noqa: A002
) -> None:
    """Print what FILE says. A signature is mentioned, not checked: that is `verify`."""
    from codman.cli.statement_text import print_statement
    from codman.evidence.statements import read_statement

    read = read_statement(file)
    if format is Format.JSON:
        typer.echo(read.body.decode())
    else:
        print_statement(read)


@app.command(short_help="State that a document exists.")
def document(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The document.", show_default=False)],
    type: Annotated[str, typer.Option(metavar="TYPE", help="What sort of document, e.g. model-card.")],  # noqa: A002
    product: Annotated[str, typer.Option(metavar="NAME", help="The product it is about.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the statement goes.")],
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="The version it is about.")] = None,
    use: Annotated[str | None, typer.Option(metavar="TEXT", help="The use it is about.")] = None,
    origin: Annotated[Origin, typer.Option(help="Whose word this is.")] = Origin.LOCAL,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Your private key, PEM; signs the statement.")
    ] = None,
) -> None:
    """State that a document exists: its digest, size and media type, never its content."""
    from codman.evidence.files import refuse_overwriting
    from codman.evidence.keys import read_signing_key
    from codman.evidence.statements import write_statement
    from codman.flows.document import document as state

    refuse_overwriting(out, file, key)
    signer = None if key is None else read_signing_key(key)
    statement = state(file, type=type, product=product, version=version, use=use, origin=origin)
    digest = write_statement(statement, out, signer)
    typer.echo(f"{out}  document {type} sha256:{digest}", err=True)


@app.command(short_help="Print the JSON Schema of a kind.")
def schema(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of: {', '.join(Kind)}.", show_default=False)],
) -> None:
    """Print the JSON Schema of a kind of statement."""
    from codman.evidence.schemas import schema as of

    if kind not in list(Kind):
        known = [one.value for one in Kind]
        raise BadInput(what=f"there is no kind {kind!r}", why="no statement is about it", fix=nearest(kind, known))
    typer.echo(json.dumps(of(Kind(kind)), indent=2, ensure_ascii=False))
