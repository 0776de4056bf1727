"""One family of errors: what happened, why, and what to do.

CodmanError
├── BadInput            exit 2: a file, a column, an argument is wrong
│   └── subclasses live beside the code that raises them
├── NotProven           exit 1: verification or reproduction failed
├── Undecided           exit 3: cannot decide (missing, stale, unverifiable, inconclusive)
├── Unreachable         exit 4: a server or a network failed
└── MissingExtra        exit 2: an optional part is not installed

Only the doors (cli, web, api) catch these. No message carries a patient's data.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class CodmanError(Exception):
    """An error a person can act on.

    Args:
        what: What happened, in one clause.
        why: The reason, with the file, row, column or digest it is about.
        fix: What to do next.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, why: str, fix: str) -> None:
        super().__init__(f"{what}: {why}; {fix}")
        self.what = what
        self.why = why
        self.fix = fix


class BadInput(CodmanError):
    """A file, a column or an argument is not what the command needs."""

    exit_code = 2


class NotProven(CodmanError):
    """A signature, a digest or a recomputed number does not match."""

    exit_code = 1


class Undecided(CodmanError):
    """There is not enough to decide on."""

    exit_code = 3


class Unreachable(CodmanError):
    """A server or the network did not answer."""

    exit_code = 4


class MissingExtra(BadInput):
    """An optional part of Codman is not installed."""

    def __init__(self, extra: str, needs: str) -> None:
        super().__init__(
            what=f"this needs the optional part '{extra}'",
            why=f"{needs} is not installed",
            fix=f"run: pip install 'codman[{extra}]'",
        )


def nearest(word: str, known: Iterable[str]) -> str:
    """A clause that suggests what was meant: `did you mean 'died'?`, or the known words if nothing is near."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    # difflib ranks a transposition below its cutoff on very short words, so case is tried apart
    close = close or [name for name in names if name.casefold() == word.casefold()]
    if close:
        return "did you mean " + " or ".join(repr(name) for name in close) + "?"
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"choose from: {shown}" if names else "there are none to choose from"
