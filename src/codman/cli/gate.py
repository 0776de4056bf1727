"""`codman gate`: hold evidence against a policy; the exit code is the verdict."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


class Format(StrEnum):
    """What can be written; named here too, so that `--help` loads nothing."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    MARKDOWN = "markdown"


@app.command()
def gate(
    evidence: Annotated[
        list[Path], typer.Argument(metavar="EVIDENCE", help="Statements or signed envelopes.", show_default=False)
    ],
    policy: Annotated[Path, typer.Option(metavar="FILE", help="What is demanded, YAML.", show_default=False)],
    key: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A trusted public key, PEM; repeatable. Without one nothing is verified."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Judge as of this day or time, ISO 8601; now if left out.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", help="How the verdict is written.")] = Format.TEXT,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the verdict here instead of to standard output.")
    ] = None,
    tier: Annotated[
        str | None, typer.Option(metavar="WORD", help="Risk tier of the use, for policies that apply to some only.")
    ] = None,
    setting: Annotated[str | None, typer.Option(metavar="WORD", help="Care setting of the use, likewise.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="WORD", help="How the product came: built, bought or embedded.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version that is judged, where evidence has several.")
    ] = None,
    use: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The use that is judged, where evidence has several.")
    ] = None,
) -> None:
    """Hold EVIDENCE against a policy.

    Exit 0: every blocking requirement is met. 1: one is not met. 3: it cannot be decided (missing, stale,
    unverifiable, inconclusive, or nothing to judge). 2: the policy or the evidence cannot be used.
    """
    from codman.evidence.files import refuse_overwriting, write_whole
    from codman.flows.gate import gate as hold
    from codman.report.verdict import formats
    from codman.report.verdict.text import text

    if out is not None:
        refuse_overwriting(out, policy, *evidence, *(key or ()))
    facts = {name: said for name, said in (("tier", tier), ("setting", setting), ("kind", kind)) if said}
    verdict = hold(policy, evidence, keys=key or (), at=at, facts=facts, version=version, use=use)
    if format_ is Format.TEXT and out is None:
        written = text(verdict, colour=_in_colour(), width=_width())
    else:
        written = formats.WRITERS[formats.Format(format_.value)](verdict)
    if out is None:
        sys.stdout.write(written)
    else:
        write_whole(out, written.encode())
        sys.stderr.write(f"{verdict.outcome.value}: {out}\n")
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if format_ is Format.GITHUB and summary:
        _append(Path(summary), formats.WRITERS[formats.Format.MARKDOWN](verdict))
    raise typer.Exit(verdict.exit_code)


def _in_colour() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _width() -> int:
    if not sys.stdout.isatty():
        return 100
    return max(60, min(120, os.get_terminal_size(sys.stdout.fileno()).columns or 100))


def _append(path: Path, written: str) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(written)
    except OSError as error:
        # the verdict stands whether or not the page could be written
        sys.stderr.write(f"the job's summary was not written: {error.strerror}\n")
