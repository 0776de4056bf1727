"""A verdict as Markdown, for a pull request or a job's summary."""

from __future__ import annotations

import re
from typing import Final

from codman.report.verdict.words import SIGNS, WORDS, about, headline, trust, word
from codman.spine.verdict import Verdict

_MEANS_SOMETHING: Final = re.compile(r"([\\`*_{}\[\]<>#|~@!])")


def markdown(verdict: Verdict) -> str:
    """The verdict as Markdown text."""
    lines = [
        f"## {SIGNS[verdict.outcome]} {_plain(verdict.policy)} {_plain(verdict.edition)}: {WORDS[verdict.outcome]}",
        "",
        " · ".join(_plain(p) for p in (about(verdict), verdict.checkpoint.value, f"judged {verdict.judged_at}") if p),
        "",
        f"{_plain(headline(verdict))} {trust(verdict)}",
        "",
        "| Outcome | Requirement | Why | Evidence |",
        "| --- | --- | --- | --- |",
    ]
    for r in verdict.results:
        evidence = f"`{r.evidence[: len('sha256:') + 12]}…`" if r.evidence else ""
        lines.append(f"| {SIGNS[r.outcome]} {word(r)} | {_plain(r.title)} | {_plain(r.sentence)} | {evidence} |")
    if verdict.notes:
        lines += ["", *(f"- {_plain(note)}" for note in verdict.notes)]
    return "\n".join(lines) + "\n"


def _plain(said: str) -> str:
    # titles and group names come from files: none may become a link, a mention, a cell or a tag
    shown = "".join(c if c.isprintable() else "�" for c in " ".join(said.split()))
    return _MEANS_SOMETHING.sub(r"\\\1", shown)
