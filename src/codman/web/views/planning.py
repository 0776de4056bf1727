"""Planned sites as pages show them: the tree with a mode to choose at each, and where a use is yet to run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.flows.planning import MaySetUp, in_sight, yet_to_run
from codman.flows.review.about import TAKES_PLANNED
from codman.flows.review.beside import LaidOut
from codman.registry.access import Reader
from codman.registry.names import names_of
from codman.registry.register import Place
from codman.spine.review import CaseState
from codman.spine.site import PLANNED_MODES, Mode, PlannedMode
from codman.spine.use import Use

_SAID: Final = {mode.value: mode.value.capitalize() for mode in PLANNED_MODES}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One site of the tree, with the mode that is meant there."""

    id: str
    name: str
    level: str
    depth: int
    options: tuple[tuple[str, str, bool], ...]  # value, words, whether it is chosen; none where it cannot be planned
    not_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class YetToRun:
    """A site where a use is yet to run."""

    name: str
    mode: str
    decided: str  # the mode that was decided for it; empty where nothing is


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """The page that says where a use is to run."""

    lead: str
    over: str  # what the plan is of
    back: str  # its page
    action: str
    revision: int
    rows: tuple[SiteRow, ...]
    error: str


def site_rows(
    name: str,
    places: Sequence[Place],
    within: Sequence[str],
    chosen: Mapping[str, str],
    there: Mapping[str, Mode] | None = None,
) -> tuple[SiteRow, ...]:
    """The tree of sites, each with the modes to choose from.

    Args:
        name: The question's name, with which every field's id begins.
        places: The sites, each after the one it stands below.
        within: Paths of the sites their reader sees; those above have a name only.
        chosen: The mode meant, by site.
        there: Where the use has a deployment, and in which mode.
    """
    top = min((place.path.count("/") for place in places), default=0)
    rows = []
    for number, place in enumerate(places):
        closed = not any(place.path.startswith(path) for path in within)
        mode = (there or {}).get(place.id)
        because = "" if mode is None else "ended there; change that line" if mode is Mode.ENDED else "it runs there"
        meant = chosen.get(place.id, "")
        options = [("", "Not planned", not meant)]
        options += [(f"{place.id}: {value}", words, value == meant) for value, words in _SAID.items()]
        rows.append(
            SiteRow(
                id=f"f-{name}" if number == 0 else f"f-{name}-{number}",
                name=place.name,
                level=place.level,
                depth=place.path.count("/") - top,
                options=() if closed or because else tuple(options),
                not_because=because,
            )
        )
    return tuple(rows)


def planning(rows: tuple[SiteRow, ...], *, lead: str, over: str, back: str, revision: int, error: str = "") -> Planning:
    """The page of a use's plan, or of a case's.

    Args:
        rows: The sites.
        lead: What follows from it.
        over: What the plan is of.
        back: The page of that.
        revision: The revision that was read.
        error: What is wrong with what was sent.
    """
    return Planning(
        lead=lead, over=over, back=back, action=f"{back}/planned", revision=revision, rows=rows, error=error
    )


def may_replan(found: LaidOut, reader: Reader) -> bool:
    """Whether somebody may change the planned sites of a case: who submitted it until a vote, and who presides."""
    case = found.docket.case
    if not found.working or case.checkpoint not in TAKES_PLANNED:
        return False
    own = case.proposed_by == reader.person and case.state is CaseState.OPEN and found.may(reader, "case.create")
    return own or (found.may(reader, "case.change") and found.impartial(reader))


def ahead_lines(connection: Connection, use: Use, reader: Reader, ready: Collection[MaySetUp]) -> tuple[YetToRun, ...]:
    """Where a use is yet to run, as far as its reader sees the sites.

    Args:
        connection: Where to read.
        use: The use.
        reader: Who looks.
        ready: The planned sites where a decision lets it be set up.
    """
    planned: Mapping[str, PlannedMode] = in_sight(connection, reader, yet_to_run(connection, use))
    named = names_of(connection, planned)
    decided = {one.site: one.mode.value for one in ready}
    lines = [
        YetToRun(name=named.get(site, site), mode=mode.value, decided=decided.get(site, ""))
        for site, mode in planned.items()
    ]
    return tuple(sorted(lines, key=lambda one: one.name))
