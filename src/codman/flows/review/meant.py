"""Whether the policy of a case is still the one that is meant for its use: an edit between chooses no easier one."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.cases import CannotDecide, Docket
from codman.flows.review.choosing import chosen_for, own_packs
from codman.review.packs.catalog import every_pack
from codman.review.packs.choose import NoPolicy, SeveralPolicies
from codman.spine.day import day_in


class AnotherPolicy(CannotDecide):
    """A step in a case whose policy is not the one that is meant for its use as it is now."""

    def __init__(self, held: str, meant: str) -> None:
        why = f"it is judged by {held}, and {meant} is meant for the use as it is now: its tier, setting, kind or task"
        CodmanError.__init__(
            self,
            what="this case's policy is not the one meant for its use",
            why=f"{why} is another than when it was opened",
            fix="withdraw it, and open the case again",
        )


def require_meant(house: House, connection: Connection, found: Docket) -> None:
    """Refuse to go on under a policy that the use as it is now would not have been given on the day of its opening.

    The packs of that day choose, so a later edition changes nothing. A policy that no pack has was not chosen by one.

    Raises:
        AnotherPolicy: Its tier, setting, kind or task is another, and so is the policy that is meant for it.
    """
    case = found.case
    packs = every_pack(own_packs(house))
    if all(one.policy != case.policy for pack in packs for one in pack.at(case.checkpoint)):
        return
    try:
        meant = chosen_for(
            house, connection, found.use, case.checkpoint, day_in(case.created_at, house.database.zone)
        ).policy
    except (NoPolicy, SeveralPolicies):
        return
    if meant.policy != case.policy:
        raise AnotherPolicy(case.policy, meant.policy)
