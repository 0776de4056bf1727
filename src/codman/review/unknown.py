"""Of what is decided in an emergency, whether anything at all was known; a decision that knew nothing says so."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from codman.spine.verdict import Outcome

LEAST_REASON: Final = 20  # characters: room for a sentence, none for "ok"
_SAID: Final = "Nothing was known about it:"
_NOTHING: Final = frozenset({Outcome.MISSING, Outcome.UNVERIFIABLE, Outcome.NOT_APPLICABLE})


def nothing_known(outcomes: Collection[Outcome]) -> bool:
    """Whether not one requirement of a case has been shown or refuted, whole or in part; whatever does not apply."""
    return bool(outcomes) and set(outcomes) <= _NOTHING


def said_of_nothing(outcomes: Collection[Outcome], *, now: bool = False) -> str:
    """That nothing was known, as a decision, its reasons and its page say it.

    Args:
        outcomes: How each requirement stood; what does not apply is not counted.
        now: Whether it is said of what is still to be decided.
    """
    asked = sum(one is not Outcome.NOT_APPLICABLE for one in outcomes)
    verb = "is" if now else "was"
    if not asked:
        return f"{_SAID.replace('was', verb)} no requirement applied, so nothing {verb} judged."
    of_them = (
        f"its one requirement {verb} not shown" if asked == 1 else f"none of its {asked} requirements {verb} shown"
    )
    return f"{_SAID.replace('was', verb)} {of_them}."


def says_nothing_known(reasons: str | None) -> bool:
    """Whether the reasons of a decision say that nothing was known, as a decision puts it before them itself."""
    return (reasons or "").startswith(_SAID)
