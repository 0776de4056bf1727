"""Which later decision takes the place of an earlier one: one that reaches as far, there, and was come to as strictly.

Pure. A silent run that is granted at one site says nothing about a condition that lapsed for what is live at another,
and one person's emergency decision undoes no rejection of a committee.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from codman.spine.policy import BESIDE
from codman.spine.review import APPROVALS, Case, Procedure
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage

_EXPOSURE: Final = (Stage.SILENT, Stage.PILOT, Stage.LIVE)  # the least first
_STRICT: Final = (Procedure.EMERGENCY, Procedure.EXPEDITED, Procedure.FULL)  # the least first


def exposure(stage: Stage) -> int:
    """How far a stage reaches patients: 0 silent, 1 pilot, 2 live; -1 where nothing runs."""
    return _EXPOSURE.index(stage) if stage in _EXPOSURE else -1


def strictness(case: Case) -> int:
    """How strictly a decision was come to: 0 by one person in an emergency, 1 expedited, 2 by the committee."""
    return _STRICT.index(case.procedure)


def reaches(later: Case, earlier: Case, there: Collection[Deployment], *, reach: int | None = None) -> bool:
    """Whether a granted decision goes as far as an earlier one, at every site of it where the use has not ended.

    Args:
        later: The decision that may take the earlier one's place.
        earlier: The earlier one, granted or a rejection.
        there: The deployments of the use.
        reach: How exposed it must be, as `exposure` counts; as much as the earlier one without.
    """
    needed = exposure(earlier.leads_to) if reach is None else reach
    if later.outcome not in APPROVALS or exposure(later.leads_to) < needed:
        return False
    if not later.sites:
        return True
    over = {one.site for one in there} - {one.site for one in there if one.mode is not Mode.ENDED}
    named = set(earlier.sites) or {one.site for one in there}
    return bool(named) and named - over <= set(later.sites)


def covers(later: Case, earlier: Case, there: Collection[Deployment], *, reach: int | None = None) -> bool:
    """The same, and about the version too: the earlier one's, or what runs at the earlier one's sites by now.

    Args:
        later: As for `reaches`.
        earlier: As for `reaches`.
        there: As for `reaches`.
        reach: As for `reaches`.
    """
    return _of_what_it_grants(later, earlier, there, reach) and _of_its_version(later, earlier, there)


def _of_what_it_grants(later: Case, earlier: Case, there: Collection[Deployment], reach: int | None) -> bool:
    return _on_its_road(later, earlier) and reaches(later, earlier, there, reach=reach)


def _of_its_version(later: Case, earlier: Case, there: Collection[Deployment]) -> bool:
    if later.version is None or later.version == earlier.version:
        return True
    ours = [one for one in there if one.mode is not Mode.ENDED and (not earlier.sites or one.site in earlier.sites)]
    return bool(ours) and all(one.version == later.version for one in ours)


def _on_its_road(later: Case, earlier: Case) -> bool:
    """Whether a decision is of a kind that could: one that lets it run, or one more of the same of what was granted."""
    same = later.checkpoint is earlier.checkpoint and earlier.outcome in APPROVALS
    return later.checkpoint not in BESIDE or same


def takes_the_place_of(later: Case, earlier: Case, there: Collection[Deployment], *, reach: int | None = None) -> bool:
    """Whether a decision supersedes an earlier one: later, as far-reaching, and come to as strictly.

    Args:
        later: As for `reaches`.
        earlier: As for `reaches`.
        there: As for `reaches`.
        reach: As for `reaches`.
    """
    return _of_its_version(later, earlier, there) and brings_another(later, earlier, there, reach=reach)


def brings_another(later: Case, earlier: Case, there: Collection[Deployment], *, reach: int | None = None) -> bool:
    """The same whatever version it is about: the earlier one is left to what still runs in its own.

    Args:
        later: As for `reaches`.
        earlier: As for `reaches`.
        there: As for `reaches`.
        reach: As for `reaches`.
    """
    after = (later.decided_at or "") > (earlier.decided_at or "")
    return after and strictness(later) >= strictness(earlier) and _of_what_it_grants(later, earlier, there, reach)
