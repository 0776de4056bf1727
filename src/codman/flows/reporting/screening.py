"""Screening: a workbook that came back is looked through for patients before anything of it is kept.

What cannot be looked through, such as a picture, is refused: the workbook itself is kept as the original.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from codman.flows.concerns.raising import may_identify

TELLING: Final = (
    "it may name a patient: there is a long number, a date or a title in it. Take it out, and send the workbook again"
)
# a comment, a text box, a picture, a file within the file
_UNREAD: Final = re.compile(r"(?i)^xl/(comments|threadedcomments|persons|drawings|media|embeddings|activex|customxml)")
_OURS: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(T00:00:00| to \d{4}-\d{2}-\d{2})?"
)  # the period and the day, as they were written


def telling(cells: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The places of cells whose text looks as if it named a patient.

    Args:
        cells: Place and text of each; what was checked to be a number, and who sends it, left out.
    """
    return (place for place, text in cells if may_identify(text))


def is_ours(text: str) -> bool:
    """Whether this is the period or the day as the workbook had it."""
    return _OURS.fullmatch(text) is not None


def unread(names: Iterable[str]) -> str | None:
    """Why an archive holds what nobody can look through; None where it holds no such thing.

    Args:
        names: Of the parts of the archive.
    """
    if any(_UNREAD.match(name) for name in names):
        return "it holds comments, pictures, drawings or files, which cannot be looked through for patients"
    return None
