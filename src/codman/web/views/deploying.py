"""One form that puts a use at many sites: the tree of sites, where it is not yet, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from codman.flows.choices import CLINICIANS
from codman.flows.planning import MaySetUp
from codman.registry.register import Place
from codman.registry.related import versions_of
from codman.spine.site import Mode, PlannedMode
from codman.spine.use import Use
from codman.web.views.forms import WHY, Ask, Asked, Option, shown
from codman.web.views.lists import Lists
from codman.web.views.modes import narrowed

SAID_FOR_ALL: Final = ("mode", "version", "since", "clinician", "ehr_build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One site of the tree."""

    site_id: str
    name: str
    level: str
    depth: int
    not_because: str  # why it cannot be chosen; empty where it can
    planned: str  # how it is planned there, and whether that was decided; empty where it is not
    chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """The whole page."""

    use: str
    use_href: str
    action: str
    sentence: str
    sites: tuple[Choice, ...]
    asked: tuple[Asked, ...]
    every: tuple[Asked, ...]
    none_chosen: str
    ready: int  # planned sites that were decided and can be chosen


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Where a use is yet to run."""

    planned: Mapping[str, PlannedMode]  # the mode meant, by site
    ready: Sequence[MaySetUp]  # those that were decided
    refused: Mapping[Mode, str] = field(default_factory=dict)  # why a new site may not be put in a mode

    def said(self, site: str) -> str:
        """How it is planned at a site, in words; nothing where it is not."""
        if site not in self.planned:
            return ""
        decided = next((one.mode.value for one in self.ready if one.site == site), None)
        return f"planned: {self.planned[site].value}, {'not decided yet' if decided is None else f'decided: {decided}'}"

    def first(self, within: Sequence[str], paths: Mapping[str, str]) -> tuple[set[str], dict[str, str]]:
        """What the form begins with: the sites that were decided, and what holds for all of them.

        Every site begins as silent: its clinician accepts, and then it follows its use as far as was decided.

        Args:
            within: Paths of the sites where its reader may deploy.
            paths: The path of each site.
        """
        theirs = [one for one in self.ready if any(paths.get(one.site, "").startswith(path) for path in within)]
        if not theirs:
            return set(), {}
        version = theirs[0].version if len({one.version for one in theirs}) == 1 else None
        return {one.site for one in theirs}, {
            "mode": Mode.SILENT.value,
            **({} if version is None else {"version": version}),
        }


NOTHING_AHEAD: Final = Ahead(planned={}, ready=())


def clinicians(lists: Lists) -> Ask:
    """The question who accepts the use at all of the sites."""
    return lists.ask(
        "person",
        name="clinician",
        label="Accountable clinician of all these sites",
        hint="Each site has its own as a rule: leave it open, and name them one by one",
        who=CLINICIANS,
    )


def deploying(
    connection: Connection,
    use: Use,
    places: Sequence[Place],
    there: Mapping[str, Mode],
    within: Sequence[str],
    clinician: Ask,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    chosen: Set[str],
    ahead: Ahead = NOTHING_AHEAD,
) -> Deploying:
    """The form.

    Args:
        connection: Where to read.
        use: The use.
        places: The sites its reader sees, each after the one it stands below.
        there: Ids of the sites where it is already, and in which mode.
        within: Paths of the sites where its reader may deploy.
        clinician: The question who may be named as clinician.
        values: The answers as text.
        errors: What is wrong, by field.
        chosen: Ids of the sites that were ticked.
        ahead: Where it is planned.
    """
    asks = (
        narrowed(
            Ask(
                name="mode",
                label="Mode",
                kind="choice",
                options=tuple(Option(mode.value, mode.value) for mode in Mode if mode is not Mode.ENDED),
                needed=True,
            ),
            ahead.refused,
        ),
        Ask(
            name="version",
            label="Version",
            kind="choice",
            options=tuple(Option(one.id, one.label) for one in versions_of(connection, use.product)),
        ),
        Ask(name="since", label="Since", kind="day"),
        clinician,
        Ask(name="ehr_build", label="EHR build"),
        WHY,
    )
    top = min((place.path.count("/") for place in places), default=0)
    closed = {place.id: _not_because(place, there, within) for place in places}
    free = sum(not why for why in closed.values())
    running = sum(mode is not Mode.ENDED for mode in there.values())
    return Deploying(
        use=use.name,
        use_href=f"/uses/{use.id}",
        action=f"/uses/{use.id}/sites/new",
        sentence=_sentence(free, running),
        sites=tuple(
            Choice(
                site_id=place.id,
                name=place.name,
                level=place.level,
                depth=place.path.count("/") - top,
                not_because=closed[place.id],
                planned=ahead.said(place.id),
                chosen=place.id in chosen,
            )
            for place in places
        ),
        asked=shown(asks, values, errors),
        every=shown((Ask(name="site", label="Sites"), *asks), values, errors),
        none_chosen=errors.get("site", ""),
        ready=sum(not closed.get(one.site, "out of reach") for one in ahead.ready),
    )


def _not_because(place: Place, there: Mapping[str, Mode], within: Sequence[str]) -> str:
    if place.id in there:
        return "ended there; change that line" if there[place.id] is Mode.ENDED else "it runs there"
    return "" if any(place.path.startswith(path) for path in within) else "not yours to decide for"


def _sentence(free: int, runs: int) -> str:
    said = "It runs at no site yet" if not runs else f"It runs at {runs} site{'' if runs == 1 else 's'}"
    if not free:
        return f"{said}, and there is no other that you could choose."
    return f"{said}; {free} more can be chosen. All the sites you choose are added together, or none is."
