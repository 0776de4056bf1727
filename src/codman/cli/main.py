"""The `codman` command: what there is, loaded only when called, so `codman --help` is instant."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from typing import Any, Final, NamedTuple

from codman import __version__
from codman.errors import BadInput, CodmanError, MissingExtra, nearest

INTERRUPTED: Final = 130
READER_GONE: Final = 141  # what a shell reports when the reader of a pipe went away


class Topic(NamedTuple):
    """The file a command lives in (its `app`) and one line on what it is for."""

    module: str
    line: str
    extra: str | None = None  # the optional part it needs


TOPICS: Final[dict[str, Topic]] = {
    "demo": Topic("codman.cli.demo", "The whole story on a real cohort, then an invented hospital to look at.", "demo"),
    "evaluate": Topic("codman.cli.evaluate", "Predictions in, measurements with intervals out."),
    "compare": Topic("codman.cli.compare", "Two models on the same patients: better, no worse, or unknown."),
    "gate": Topic("codman.cli.gate", "Hold evidence against a policy; the exit code is the verdict."),
    "evidence": Topic("codman.cli.evidence", "Keys, signing, verifying, documents."),
    "submit": Topic("codman.cli.submit", "Send evidence to the book of record; keep the receipt."),
    "events": Topic("codman.cli.events", "Send predictions, outcomes and actions from files."),
    "key": Topic("codman.cli.key", "Register, rotate and revoke the keys whose signatures count."),
    "audit": Topic("codman.cli.audit", "Verify the audit log, prove an entry of it, export its state."),
    "backup": Topic("codman.cli.backup", "Write the whole house into one signed file."),
    "restore": Topic("codman.cli.restore", "Make a new workspace from a backup."),
    "monitor": Topic("codman.cli.monitor", "After go-live: drift, estimated performance, plans, power."),
    "policy": Topic("codman.cli.policy", "Check, commit and compare policies."),
    "reproduce": Topic("codman.cli.reproduce", "Compute a statement's numbers again and say what differs."),
    "report": Topic("codman.cli.report", "A statement as HTML or PDF."),
    "inventory": Topic("codman.cli.inventory", "AI uses: bring a list in, list them, match products, export."),
    "intake": Topic("codman.cli.intake", "Proposals of uses: begin one, list them, show one."),
    "user": Topic("codman.cli.user", "Accounts: let people in, list them, close their accounts."),
    "serve": Topic("codman.cli.serve", "The pages and the API on one port."),
    "token": Topic("codman.cli.token", "API tokens: make, list, revoke."),
    "samplesize": Topic("codman.cli.samplesize", "How many patients and events a wanted precision needs."),
}

_HELP = """\
Usage: codman COMMAND [ARGUMENTS]…

Codman follows every clinical AI system to its end result.

Commands:
{commands}

Options:
  --version   the version, then stop
  --help      this, then stop; `codman COMMAND --help` for one command

Exit codes: 0 done or passed · 1 a requirement is not met, or verification or reproduction failed ·
2 bad input or usage · 3 cannot decide · 4 a server or network failed · 130 interrupted
"""


def main() -> None:
    """Run the command line; every CodmanError becomes one clear message and its exit code."""
    # a command lives seconds and makes thousands of lasting objects: looking for circles among them every 700 is waste
    gc.set_threshold(200_000, 20, 50)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # they read every package
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no ✓ gets a ?, never a traceback
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except CodmanError as error:
        print(f"error: {error.what}\n  why: {error.why}\n  fix: {error.fix}", file=sys.stderr)  # noqa: T201
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the exit does not fail once more
        code = READER_GONE
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        width = max(map(len, TOPICS))
        listed = "\n".join(f"  {name:<{width}}  {topic.line}" for name, topic in TOPICS.items())
        sys.stdout.write(_HELP.format(commands=listed))
        return 0 if arguments else BadInput.exit_code
    name, *rest = arguments
    if name == "--version":
        sys.stdout.write(f"codman {__version__}\n")
        return 0
    if name not in TOPICS:
        raise BadInput(
            what=f"there is no command {name!r}", why="it is not in `codman --help`", fix=nearest(name, TOPICS)
        )
    topic = TOPICS[name]
    app: Any = importlib.import_module(topic.module).app
    _in_plain_words()
    try:
        app(args=rest, prog_name=f"codman {name}")  # typer ends the process itself, with the command's exit code
    except ModuleNotFoundError as error:
        if topic.extra is None or (error.name or "").startswith("codman"):
            raise
        raise MissingExtra(topic.extra, error.name or "a package it needs") from None
    return 0


def _in_plain_words() -> None:
    """Have a refused option say what is wrong with it, without the name Python has for that."""
    import typer

    said = typer.BadParameter.format_message

    def plain(error: typer.BadParameter) -> str:
        return said(error).replace("Value error, ", "", 1)

    typer.BadParameter.format_message = plain  # type: ignore[method-assign,assignment]
