"""`codman events`: predictions, outcomes and actions from files into the house."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from codman.cli.flags import Format, Printed
from codman.cli.opened import DatabaseUrl, Workspace, opened
from codman.cli.submit import where

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Predictions, outcomes and actions from files into the house.",
)
_SHOWN = 20  # refused events that are printed
_REFUSED = 2

Sends = Callable[[Any], tuple[int, int, list[tuple[int, str]]]]  # accepted, repeated, and where it was refused and why


@app.callback()
def _topic() -> None:
    pass


@app.command(short_help="Send the events of files; again after a break it goes on where it was.")
def send(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="NDJSON of CloudEvents; Parquet or Arrow.", show_default=False),
    ],
    server: Annotated[str | None, typer.Option(metavar="URL", help="CODMAN_SERVER; the book here without.")] = None,
    token: Annotated[str | None, typer.Option(metavar="T", help="CODMAN_TOKEN.")] = None,
    afresh: Annotated[bool, typer.Option("--afresh", help="From the first event, whatever was sent before.")] = False,
    workspace: Workspace = None,
    database_url: DatabaseUrl = None,
    format_: Printed = Format.TEXT,
) -> None:
    """Send events; each is taken once, however often it is sent. A refused event does not keep the others out.

    How far a file is sent stands beside it in FILE.sent.json until all of it is: begun again, the command goes on from
    there. Exit 2 where an event was refused, 4 when the server does not answer.
    """
    from codman.flows.events.files import pieces

    remote, secret = where(workspace, database_url, server, token)
    answers = []
    code = 0
    with _sender(remote, secret, workspace, database_url) as give:
        for file in files:
            progress = _Progress(file)
            if afresh:
                progress.forget()
            for first, events in pieces(file, progress.sent):
                accepted, repeated, refused = give(events)
                progress.note(first + len(events), accepted, repeated, [(first + at, why) for at, why in refused])
            answer = {"file": str(file), **progress.counts()}
            progress.forget()
            answers.append(answer)
            code = _REFUSED if progress.refused else code
            if format_ is Format.TEXT:
                _print(file, progress)
    if format_ is Format.JSON:
        sys.stdout.write(json.dumps(answers, indent=2, ensure_ascii=False) + "\n")
    raise typer.Exit(code)


class _Progress:
    """How far a file is sent, on the disk after each part."""

    def __init__(self, file: Path) -> None:
        self._path = file.with_name(f"{file.name}.sent.json")
        self._which = _which(file)
        self.sent = self.accepted = self.repeated = 0
        self.refused: list[tuple[int, str]] = []
        with suppress(OSError, ValueError, KeyError, TypeError):
            there = json.loads(self._path.read_bytes())
            if there["file"] == self._which:  # another file of this name begins anew
                self.sent, self.accepted, self.repeated = there["sent"], there["accepted"], there["repeated"]
                self.refused = [(one["index"], one["why"]) for one in there["refused"]]

    def counts(self) -> dict[str, Any]:
        """What became of its events."""
        refused = [{"index": at, "why": why} for at, why in self.refused]
        return {"sent": self.sent, "accepted": self.accepted, "repeated": self.repeated, "refused": refused}

    def note(self, sent: int, accepted: int, repeated: int, refused: list[tuple[int, str]]) -> None:
        """Another part is with the house."""
        from codman.evidence.files import write_whole

        self.sent = sent
        self.accepted += accepted
        self.repeated += repeated
        self.refused += refused
        with suppress(Exception):  # where nothing may be written beside it, it only begins anew after a break
            write_whole(self._path, json.dumps({"file": self._which, **self.counts()}).encode())

    def forget(self) -> None:
        """All of it is sent, or nothing shall count."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def _which(file: Path) -> list[int]:
    try:
        found = file.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _print(file: Path, progress: _Progress) -> None:
    counts = f"accepted {progress.accepted:,}  repeated {progress.repeated:,}  refused {len(progress.refused):,}"
    sys.stdout.write(f"{counts}  {file}\n")
    for at, why in progress.refused[:_SHOWN]:
        sys.stderr.write(f"{file}: event {at + 1:,}: {why}\n")
    if len(progress.refused) > _SHOWN:
        sys.stderr.write(f"{file}: and {len(progress.refused) - _SHOWN:,} more; --format json names them all\n")


@contextmanager
def _sender(server: str | None, token: str | None, workspace: Path | None, database_url: str | None) -> Iterator[Sends]:
    """Over the network to a server, or straight into the house on this machine."""
    if server is not None:
        from codman.client import Client

        with Client(server, token) as client:

            def to_server(events: Any) -> tuple[int, int, list[tuple[int, str]]]:
                got = client.events.send(events) if isinstance(events, list) else client.events.send_table(events)
                return got.accepted, got.repeated, [(one.index, one.why) for one in got.refused]

            yield to_server
        return
    from codman.flows.events.opening import open_batch, open_table
    from codman.flows.events.sending import send_opened
    from codman.flows.operator import OPERATOR

    with opened(workspace, database_url) as house:

        def into_house(events: Any) -> tuple[int, int, list[tuple[int, str]]]:
            read = open_batch(events) if isinstance(events, list) else open_table(events, {})
            got = send_opened(house, read, OPERATOR)
            return got.accepted, got.repeated, [(one.index, one.why) for one in got.refused]

        yield into_house
        house.events.move()
