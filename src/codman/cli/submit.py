"""`codman submit`: send evidence to the book of record and keep the receipt."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol

import typer

from codman.cli.flags import Format, Printed
from codman.cli.layout import printable
from codman.cli.opened import DatabaseUrl, Workspace, opened

if TYPE_CHECKING:
    from codman.client import Client
    from codman.client.answers import Filed as Answered
    from codman.evidence.receipt import Receipt
    from codman.flows.filed import Filed
    from codman.flows.house import House

    About = Filed | Answered

_ABOUT: Final = ("product", "version", "use")

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Send evidence to the book of record.",
)


@app.command()
def submit(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Statements, signed or not.", show_default=False)],
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The server; CODMAN_SERVER, else the local workspace.")
    ] = None,
    token: Annotated[str | None, typer.Option(metavar="TOKEN", help="Your token there; CODMAN_TOKEN.")] = None,
    receipt: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the receipt is kept; a list, of several files.")
    ] = None,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Send statements and print a receipt for each; sending the same again gives the same receipt.

    Exit 1 where a signature or a subject is refused, 2 for a file that is no statement, 4 when the server does not
    answer. A file that is refused does not keep the others out.
    """
    from codman.errors import CodmanError
    from codman.evidence.files import read_whole, refuse_overwriting, write_whole
    from codman.settings import read_settings

    if receipt is not None:
        refuse_overwriting(receipt, *files)
    remote, secret = where(workspace, database_url, server, token)
    limit = read_settings(workspace=workspace).max_body_mb * 1024 * 1024
    answers: list[dict[str, object]] = []
    receipts: list[dict[str, object]] = []
    code = 0
    with sender(remote, secret, workspace, database_url) as send:
        for file in files:
            try:
                got = send(read_whole(file, at_most=limit + 1), str(file))
            except CodmanError as error:
                code = max(code, error.exit_code)
                sys.stderr.write(f"{file}: {error.what}\n  why: {error.why}\n  fix: {error.fix}\n")
                answers.append({"file": str(file), "error": {"what": error.what, "why": error.why, "fix": error.fix}})
                continue
            receipts.append(got.model_dump(mode="json"))
            answer: dict[str, object] = {"file": str(file), "receipt": receipts[-1]}
            answers.append(answer)
            filed = send.filed(got.digest)
            if filed is not None:
                answer["linked"] = {name: getattr(filed, f"{name}_id") for name in _ABOUT}
            if format_ is Format.TEXT:
                sys.stdout.write(f"filed  sha256:{got.digest}  entry {got.log_index:,}  {file}\n{_unlinked(filed)}")
    if receipt is not None and receipts:
        whole: object = receipts[0] if len(files) == 1 else receipts
        write_whole(receipt, (json.dumps(whole, indent=2, ensure_ascii=False) + "\n").encode())
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(answers, indent=2, ensure_ascii=False) + "\n")
    raise typer.Exit(code)


def where(
    workspace: Path | None, database_url: str | None, server: str | None, token: str | None
) -> tuple[str | None, str | None]:
    """The server to send to and the token; no server means the book on this machine."""
    from codman.settings import read_settings

    settings = read_settings(workspace=workspace, database_url=database_url, server=server, token=token)
    # a workspace that is named wins over a server from the environment
    remote = None if workspace is not None and server is None else settings.server
    return remote, settings.token.get_secret_value() if settings.token else None


class Sending(Protocol):
    """How a statement gets there, and what became of it."""

    def __call__(self, body: bytes, name: str, /) -> Receipt:
        """Send a statement; `name` is the file it comes from."""

    def filed(self, digest: str) -> About | None:
        """What the book knows of a filed statement; None where the sender may send and not read."""


@dataclass(frozen=True, slots=True)
class _ToServer:
    client: Client

    def __call__(self, body: bytes, _name: str, /) -> Receipt:
        return self.client.submit(body)

    def filed(self, digest: str) -> About | None:
        from codman.errors import CodmanError

        with suppress(CodmanError):  # it is filed; what follows may not take the receipt away
            return self.client.evidence.get(digest)
        return None


@dataclass(frozen=True, slots=True)
class _IntoBook:
    house: House

    def __call__(self, body: bytes, name: str, /) -> Receipt:
        from codman.flows.filing import file_evidence
        from codman.flows.operator import OPERATOR

        source = f"codman submit {printable(Path(name).name)}"[:200]
        return file_evidence(self.house, body, OPERATOR, source=source)

    def filed(self, digest: str) -> About | None:
        from codman.flows.filed import read_evidence
        from codman.flows.operator import OPERATOR

        return read_evidence(self.house, OPERATOR, digest).filed


def _unlinked(filed: About | None) -> str:
    """What a statement names and the book has not, or has more than once: its evidence is found under no page yet."""
    names = [name for name in _ABOUT if filed is not None and getattr(filed, name) and not getattr(filed, f"{name}_id")]
    if not names:
        return ""
    said = ", ".join(f"{name} '{printable(str(getattr(filed, name)))}'" for name in names)
    return f"  not in the book, or not once: {said}; linked when it is\n"


@contextmanager
def sender(
    server: str | None, token: str | None, workspace: Path | None, database_url: str | None
) -> Iterator[Sending]:
    """How a statement gets there: over the network to a server, or straight into the book on this machine."""
    if server is not None:
        from codman.client import Client

        with Client(server, token) as client:
            yield _ToServer(client)
        return
    with opened(workspace, database_url) as house:
        yield _IntoBook(house)
