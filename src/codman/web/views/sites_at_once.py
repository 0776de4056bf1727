"""One form for all sites of a use: which of them, and what is to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from codman.registry.names import names_of
from codman.registry.related import versions_of
from codman.spine.site import Deployment, Mode
from codman.spine.use import Use
from codman.web.views import marks
from codman.web.views.forms import WHY, Ask, Asked, Option, shown
from codman.web.views.modes import narrowed

CHANGED_AT_ONCE: Final = ("mode", "version", "since", "ehr_build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One site."""

    site_id: str
    site: str
    mode: marks.Tag
    version: str
    since: str | None
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SitesAtOnce:
    """The whole page."""

    use: str
    use_href: str
    action: str
    state: str  # one word for all of them as they were read
    rows: tuple[Row, ...]
    asked: tuple[Asked, ...]
    none_chosen: str


def sites_at_once(
    connection: Connection,
    use: Use,
    runs: Sequence[Deployment],
    state: str,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    chosen: set[str] | None,
    refused: Mapping[Mode, str],
) -> SitesAtOnce:
    """The form; at first every site that has not ended is chosen. A mode that no site would take is not offered."""
    named = names_of(connection, [*(one.site for one in runs), *(one.version for one in runs)])
    asks = (
        narrowed(
            Ask(
                name="mode",
                label="Mode",
                kind="choice",
                options=tuple(Option(mode.value, mode.value) for mode in Mode),
                unsaid="as it is at each site",
            ),
            refused,
        ),
        Ask(
            name="version",
            label="Version",
            kind="choice",
            options=tuple(Option(one.id, one.label) for one in versions_of(connection, use.product)),
            unsaid="as it is at each site",
            hint="Another version must be accepted anew by each site's clinician",
        ),
        Ask(name="since", label="Since", kind="day", hint="Empty: as it is at each site"),
        Ask(name="ehr_build", label="EHR build", hint="Empty: as it is at each site"),
        WHY,
    )
    return SitesAtOnce(
        use=use.name,
        use_href=f"/uses/{use.id}",
        action=f"/uses/{use.id}/sites",
        state=state,
        rows=tuple(
            Row(
                site_id=one.site,
                site=named.get(one.site, one.site),
                mode=marks.mode(one.mode),
                version=named.get(one.version or "", ""),
                since=one.since,
                chosen=one.mode is not Mode.ENDED if chosen is None else one.site in chosen,
            )
            for one in runs
        ),
        asked=shown(asks, values, errors),
        none_chosen=errors.get("site", ""),
    )
