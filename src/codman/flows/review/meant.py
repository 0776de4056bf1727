"""Whether the policy of a case is still the one that is meant for its use: an edit between chooses no easier one."""

from __future__ import annotations

from sqlalchemy import Connection

from codman.errors import CodmanError
from codman.flows.house import House
from codman.flows.review.about import TAKES_PLANNED, why_no_site, why_not_one_version
from codman.flows.review.cases import CannotDecide, Docket
from codman.flows.review.changing import judged_by
from codman.flows.review.choosing import chosen_for, own_packs
from codman.flows.review.grounds import decisions_in_force
from codman.review.packs.catalog import every_pack
from codman.review.packs.choose import NoPolicy, SeveralPolicies
from codman.spine.day import day_in
from codman.spine.policy import LETS_RUN, Checkpoint
from codman.spine.use import RUNNING


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


class MoreIsAsked(CannotDecide):
    """A step in a case about a change, of a use about which more has been decided since the case was opened."""

    def __init__(self) -> None:
        CodmanError.__init__(
            self,
            what="this case does not ask all that is asked of this change",
            why="what lets the use run was decided since it was opened, and asked more than this case does",
            fix="withdraw it, and open the case again",
        )


def require_meant(house: House, connection: Connection, found: Docket) -> None:
    """Refuse to go on under a policy that the use as it is now would not have been given on the day of its opening.

    The packs of that day choose, so a later edition changes nothing. A policy that no pack has was not chosen by one.

    Raises:
        AnotherPolicy: Its tier, setting, kind or task is another, and so is the policy that is meant for it.
        MoreIsAsked: It is about a change, and a decision since asks what the case does not.
    """
    case = found.case
    # a decision that it was opened under adds nothing to what it holds already
    asked_now = judged_by(
        connection,
        found.use,
        found.policy,
        leads_to=case.leads_to,
        sites=case.sites,
        version=case.version,
        day=house.database.today().isoformat(),
    )
    if asked_now != found.policy:
        raise MoreIsAsked
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


def require_grantable(house: House, connection: Connection, found: Docket) -> None:
    """Refuse to grant what the case as it was opened cannot carry, whatever the votes say.

    Raises:
        AnotherPolicy, MoreIsAsked: As `require_meant`.
        CannotDecide: It names no site: it would let it run at every one to come. Or it names no version, though several
            are at its sites, or nothing is and its product has one: one would run on what was shown of another, or
            none. Or it is about a change, and no decision that it would change is in force.
    """
    require_meant(house, connection, found)
    case = found.case
    if case.leads_to not in RUNNING:
        return
    if (none := why_no_site(case)) is not None:
        instead = "withdraw it, and open a case that names the sites at which it is to run"
        plan = case.checkpoint in TAKES_PLANNED
        raise CannotDecide(none, f"plan where it is to run on the case's page, or {instead}" if plan else instead)
    if (why := why_not_one_version(connection, found.use, case.sites, case.version)) is not None:
        raise CannotDecide(why, "withdraw it, and open a case that names its version")
    in_force = decisions_in_force(connection, case.use, house.database.today().isoformat())
    if case.checkpoint is Checkpoint.CHANGE and not any(one.checkpoint in LETS_RUN for one in in_force):
        why = "no decision that lets this use run is in force, so there is nothing that it would change"
        raise CannotDecide(why, "withdraw it, and bring the use before silent, pilot or go-live")
