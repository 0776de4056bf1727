"""A verdict for a terminal: sign and word first, colour only on top of them."""

from __future__ import annotations

import textwrap
from typing import Final

from codman.report.verdict.words import SIGNS, WORDS, about, headline, trust, word
from codman.spine.verdict import Outcome, Verdict

_COLOURS: Final = {
    Outcome.MET: "32",
    Outcome.NOT_MET: "31",
    Outcome.UNVERIFIABLE: "31",
    Outcome.MISSING: "33",
    Outcome.STALE: "33",
    Outcome.INCONCLUSIVE: "33",
    Outcome.NOT_APPLICABLE: "2",
}


def text(verdict: Verdict, *, colour: bool = False, width: int = 100) -> str:
    """The verdict as lines of text.

    Args:
        verdict: What was found.
        colour: Add ANSI colours; nothing is said by colour alone.
        width: Columns to wrap at.
    """
    lines = [_printable(f"{verdict.policy} {verdict.edition} · {verdict.checkpoint.value}")]
    lines += [_printable(part) for part in (about(verdict), f"judged {verdict.judged_at}") if part]
    lines.append("")
    column = max((len(word(r)) for r in verdict.results), default=0)
    for r in verdict.results:
        mark = _paint(f"{SIGNS[r.outcome]} {word(r):<{column}}", r.outcome, colour=colour)
        lines.append(f"{mark}  {_printable(r.title)}")
        indent = " " * 4
        lines += textwrap.wrap(
            _printable(r.sentence), width=width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )
    lines.append("")
    whole = f"{SIGNS[verdict.outcome]} {WORDS[verdict.outcome].upper()}"
    lines.append(f"{_paint(whole, verdict.outcome, colour=colour)}  {headline(verdict)} {trust(verdict)}")
    lines += [f"  {_printable(note)}" for note in verdict.notes]
    return "\n".join(lines) + "\n"


def _paint(said: str, outcome: Outcome, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[outcome]}m{said}\x1b[0m" if colour else said


def _printable(said: str) -> str:
    # names come from files: an escape sequence in one must not reach the terminal
    return "".join(c if c.isprintable() else "�" for c in said)
