"""replan: change where a use is yet to run by a case, before it is decided; whoever voted is asked again."""

from __future__ import annotations

from collections.abc import Mapping

from codman.flows.house import House
from codman.flows.planning import refuse_planned
from codman.flows.review.about import TAKES_PLANNED
from codman.flows.review.cases import docket_within, require_impartial, working
from codman.registry.access import Reader
from codman.registry.governance import CASES
from codman.registry.records import BadField
from codman.spine.review import Case, CaseState


def replan(
    house: House,
    reader: Reader,
    case: str,
    revision: int,
    planned: Mapping[str, str | None],
    *,
    why: str | None = None,
    request: str | None = None,
) -> Case:
    """Change the planned sites of a case, and with them the sites that its decision will name.

    Who submitted it does so until somebody voted, then who presides without a hand in the use.

    Args:
        house: The open house.
        reader: Who does it.
        case: Which case.
        revision: The revision they saw.
        planned: The mode meant, by site; None takes a site away. Those it does not name stay (RFC 7396).
        why: The reason they give.
        request: The request it came with, for the log.

    Raises:
        NoSuchRecord: There is none of that name within their reach.
        NotAllowed: They neither submitted it nor preside.
        NotYours: Votes were cast, and they have a hand in the use, or a conflict of interest.
        CaseClosed: It is decided or withdrawn.
        Stale: It was changed since they looked.
        BadField: A site is not there or has a deployment, none would be left, or nothing begins at this checkpoint.
    """
    with house.database.changing(reader.author(request), why) as change:
        connection = change.connection
        found = docket_within(connection, reader, case)
        own = found.case.proposed_by == reader.person and found.case.state is CaseState.OPEN
        found = working(connection, reader, case, "case.create" if own else "case.change", revision)
        if not own:
            require_impartial(found, reader)
        if found.case.checkpoint not in TAKES_PLANNED:
            why_not = f"nothing begins by a decision at {found.case.checkpoint.value}: it is about where it runs"
            raise BadField("case", "planned", why_not, fix="leave the plan as it is")
        old = found.case.planned
        named = {site for site, mode in planned.items() if mode != old.get(site)}
        refuse_planned(connection, reader, named, kind="case")
        refuse_planned(
            connection, reader, [one for one in named if planned[one] is not None], found.use.id, kind="case"
        )
        after = {site: mode for site, mode in {**old, **planned}.items() if mode is not None}
        sites = [site for site in found.case.sites if site not in old or site in after]
        sites += [site for site in sorted(after) if site not in sites]
        if found.case.sites and not sites:
            raise BadField(
                "case",
                "planned",
                "no site would be left, and its decision would hold everywhere",
                fix="leave one site, or withdraw the case",
            )
        return CASES.change(change, case, {"planned": after, "sites": sites}, revision)
