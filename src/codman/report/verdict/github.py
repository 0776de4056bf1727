"""A verdict as GitHub workflow commands: one annotation a requirement, at its line of the policy."""

from __future__ import annotations

from codman.report.verdict.words import headline, word
from codman.spine.verdict import Outcome, Result, Verdict


def github(verdict: Verdict) -> str:
    """The verdict as lines that GitHub Actions turns into annotations.

    What blocks and is not met, or cannot be decided, is an error, because it stops the job; what only warns is a
    warning; the rest is a notice.
    """
    lines = [_annotation(r, verdict.policy_file) for r in verdict.results]
    whole = f"{verdict.policy} {verdict.edition}: {verdict.outcome.value}. {headline(verdict)}"
    lines.append(_shown(whole).replace("\n", " ").replace("\r", " "))
    return "\n".join(lines) + "\n"


def _annotation(r: Result, file: str) -> str:
    passes = r.outcome in (Outcome.MET, Outcome.NOT_APPLICABLE)
    level = "notice" if passes else "error" if r.blocks else "warning"
    properties = {"file": file, "line": str(r.line) if r.line and file else "", "title": f"{word(r)}: {r.title}"}
    said = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{level} {said}::{_data(r.sentence)}"


def _data(said: str) -> str:
    return _shown(said).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(said: str) -> str:
    return _data(said).replace(":", "%3A").replace(",", "%2C")


def _shown(said: str) -> str:
    # a log is read in terminals too: an escape sequence in a group's name must not reach one
    return "".join(c if c.isprintable() or c in "\r\n" else "�" for c in said)
