"""Planned sites: where a use is to run and does not yet; which of them a decision lets be set up, and how.

A plan says nothing of what runs and grants nothing. It ends where a deployment of the use begins, one that has ended
included: that line says then how it stands there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Final

from sqlalchemy import Connection, Text, cast, select

from codman.flows.decided import decisions_of
from codman.registry.access import Reader, paths_for
from codman.registry.database import Change
from codman.registry.nouns import USES
from codman.registry.places import inside
from codman.registry.records import BadField
from codman.registry.schema import deployments, sites, uses
from codman.review.stages import in_force_at
from codman.spine.review import Case
from codman.spine.site import PLANNED_MODES, PlannedMode
from codman.spine.use import Stage, Use

_STAGES: Final[Mapping[PlannedMode, Stage]] = {mode: Stage(mode.value) for mode in PLANNED_MODES}


@dataclass(frozen=True, slots=True)
class MaySetUp:
    """A planned site where a decision in force lets the use be set up."""

    site: str
    mode: PlannedMode  # what was meant there, as far as it was decided
    case: str
    version: str | None  # the version it was decided for; none is any
    decided_at: str


def yet_to_run(connection: Connection, use: Use) -> dict[str, PlannedMode]:
    """The planned sites of a use where it has no deployment, each with the mode meant there."""
    has = _deployed(connection, use.id)
    return {site: mode for site, mode in use.planned.items() if site not in has}


def may_set_up(connection: Connection, use: Use, at: str, zone: tzinfo) -> list[MaySetUp]:
    """The planned sites of a use that a decision in force names, in the order of their ids.

    A site meant to be live, of which only silent was decided, may be set up as silent.

    Args:
        connection: Where to read.
        use: The use.
        at: When, ISO 8601.
        zone: Of the house's days.
    """
    planned = yet_to_run(connection, use)
    if not planned or use.stage is Stage.RETIRED:
        return []
    standing = decisions_of(connection, use, zone)
    found = []
    for site, meant in sorted(planned.items()):
        for mode in reversed(PLANNED_MODES[: PLANNED_MODES.index(meant) + 1]):
            decided = in_force_at(standing, site, _STAGES[mode], at)
            if decided is not None:
                found.append(MaySetUp(site, mode, decided.case, decided.version, decided.at))
                break
    return found


def uses_planned(connection: Connection) -> list[Use]:
    """The uses that name a planned site, in the order of their ids."""
    rows = connection.execute(select(uses).where(cast(uses.c.planned, Text) != "{}").order_by(uses.c.id))
    return [USES.read(row) for row in rows]


def with_planned(connection: Connection, reader: Reader, old: Any, patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """A patch of a use with its planned sites as they will be; those it does not name stay (RFC 7396).

    Args:
        connection: Where to read.
        reader: Who changes it: they name, and take away, only sites within their sight.
        old: The use as it is.
        patch: New values by field.

    Raises:
        BadField: A site is not there, or the use has a deployment there.
    """
    if "planned" not in patch or not isinstance(patch["planned"], Mapping | None):
        return patch
    seen = _in_sight(connection, reader, [*old.planned, *(patch["planned"] or {})])
    # taken away as a whole, those out of sight stay: who cannot see them does not know of them
    said = dict.fromkeys(seen & old.planned.keys()) if patch["planned"] is None else dict(patch["planned"])
    after = {site: mode for site, mode in {**old.planned, **said}.items() if mode is not None}
    named = {site for site, mode in said.items() if mode != old.planned.get(site)}
    refuse_planned(connection, reader, [site for site in named if site not in seen or site in after], old.id)
    return {**patch, "planned": after}


def instead(
    connection: Connection, reader: Reader, old: Mapping[str, PlannedMode], planned: Mapping[str, str]
) -> dict[str, str | None]:
    """Planned sites as a patch that takes the place of all the old ones within the reader's sight."""
    return {**dict.fromkeys(_in_sight(connection, reader, old)), **planned}


def as_words(planned: Mapping[str, PlannedMode]) -> dict[str, str]:
    """The same as plain words."""
    return {site: mode.value for site, mode in planned.items()}


def in_sight(connection: Connection, reader: Reader, planned: Mapping[str, PlannedMode]) -> dict[str, PlannedMode]:
    """Those of some planned sites that a reader sees, in the order of their ids."""
    seen = _in_sight(connection, reader, planned)
    return {site: mode for site, mode in sorted(planned.items()) if site in seen}


def as_seen(connection: Connection, reader: Reader, kind: str, record: Any) -> Any:
    """A record as a reader sees it: of a use, only the planned sites within their sight."""
    if kind != "use" or not record.planned:
        return record
    return record.model_copy(update={"planned": in_sight(connection, reader, record.planned)})


def refuse_planned(
    connection: Connection, reader: Reader, named: Iterable[str], use: str | None = None, *, kind: str = "use"
) -> None:
    """Refuse to plan a site that is not there, or where the use has a deployment already.

    Raises:
        BadField: One of them is.
    """
    wanted = sorted(set(named))
    seen = _in_sight(connection, reader, wanted)
    missing = [site for site in wanted if site not in seen]
    if missing:
        raise BadField(kind, "planned", f"there is no site {missing[0][:60]!r}")
    has = _deployed(connection, use) if use is not None and wanted else set()
    there = [site for site in wanted if site in has]
    if there:
        raise BadField(kind, "planned", f"it has a deployment at {there[0]} already: change that one")


def still_ahead(connection: Connection, case: Case) -> dict[str, PlannedMode]:
    """The planned sites of a case where its use still has no deployment, in the order of their ids."""
    has = _deployed(connection, case.use)
    return {site: mode for site, mode in sorted(case.planned.items()) if site not in has}


def keep_planned(change: Change, use: Use, case: Case) -> Use:
    """The use with the planned sites that its decision named: from then on they wait to be set up."""
    has = _deployed(change.connection, use.id)
    more = {site: mode.value for site, mode in case.planned.items() if site not in has and site not in use.planned}
    return USES.change(change, use.id, {"planned": {**use.planned, **more}}, None) if more else use


def _deployed(connection: Connection, use: str) -> set[str]:
    return set(connection.execute(select(deployments.c.site).where(deployments.c.use == use)).scalars())


def _in_sight(connection: Connection, reader: Reader, named: Iterable[str]) -> set[str]:
    within = inside(paths_for(reader, "inventory.read"))
    wanted = [site for site in named if isinstance(site, str)]
    return set(connection.execute(select(sites.c.id).where(sites.c.id.in_(wanted), within)).scalars())
