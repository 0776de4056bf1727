"""Why no challenger is looked at or retraining proposed; apart from what computes them, which is slow to load."""

from __future__ import annotations

from typing import Final

from codman.errors import BadInput, CodmanError

CHALLENGE: Final = "monitor.create"  # the right to look at a challenger
PROPOSE: Final = "case.create"  # the right to propose a retraining


class OtherwisePlanned(BadInput):
    """A look that was planned otherwise at the look before: intervals at all looks together would not hold."""

    def __init__(self, what: str, before: str) -> None:
        super().__init__(
            what=f"the looks at this challenger were planned otherwise: {what}",
            why=f"the first look that was filed said {before}, and what holds at all looks is fixed before the first",
            fix="look again as it was planned, or register a new version and begin with that",
        )


class NoRetraining(CodmanError):
    """A retraining that may not be proposed now."""

    exit_code = 2

    def __init__(self, why: str, fix: str) -> None:
        super().__init__(what="retraining is not proposed", why=why, fix=fix)
