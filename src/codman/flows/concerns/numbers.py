"""A concern's short number: to say on the phone and to look for. It says how many came in a year, and nothing else."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import Connection, func, select

from codman.registry.schema_review import concerns

_DIGITS: Final = 4
_SAID: Final = re.compile(r"(?:C[- ]?)?(20\d{2})[- /]?0*([1-9]\d{0,8})", re.IGNORECASE)


def next_number(connection: Connection, year: int) -> str:
    """The next number of a year, e.g. C-2026-0041; asked for in the change that takes it, where nobody else writes.

    Args:
        connection: The change's own.
        year: The year in the house's zone.
    """
    begins = f"C-{year}-"
    given = select(concerns.c.number).where(concerns.c.number.startswith(begins, autoescape=True))
    last = given.order_by(func.length(concerns.c.number).desc(), concerns.c.number.desc()).limit(1)
    number = connection.execute(last).scalar_one_or_none()
    return _written(year, 1 if number is None else int(number.removeprefix(begins)) + 1)


def number_in(text: str) -> str | None:
    """The number that somebody wrote down or heard, as it is kept: `c 2026 41` is C-2026-0041; None for no number."""
    found = _SAID.fullmatch(text.strip())
    return None if found is None else _written(int(found[1]), int(found[2]))


def _written(year: int, number: int) -> str:
    return f"C-{year}-{number:0{_DIGITS}}"
