"""Changes of the demo hospital: a use decided under a condition, whose new versions come, one in plan and one not.

The first is inside the change plan that its decision approved, and passes once it is shown again; the second is outside
and reopens what rests on the version. The condition lapses meanwhile, so a pause is proposed and waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from codman.evidence.canonical import sha256
from codman.flows import records
from codman.flows.change_control import change_round, day_round
from codman.flows.demo.committee import LEAST, Committee, committee_of, seated
from codman.flows.demo.hospital import Scene
from codman.flows.house import House
from codman.flows.papers import file_paper
from codman.flows.review.before_the_decision import add_condition
from codman.flows.review.cases import docket
from codman.flows.review.deciding import decide
from codman.flows.review.opening import open_for, policy_of
from codman.flows.review.plans import draft_plan, put_before
from codman.flows.review.voting import cast, table
from codman.registry.access import Reader
from codman.registry.nouns import USES
from codman.registry.related import deployments_of
from codman.review.packs.choose import NoPolicy
from codman.review.policy.document import DocumentAsk
from codman.simulate.hospital import Hospital
from codman.spine.policy import Checkpoint, Severity
from codman.spine.product import Version
from codman.spine.review import CaseOutcome, Choice
from codman.spine.site import Deployment, Mode
from codman.spine.use import Stage, Use

# days before the history's last one
_DECIDED, _FIRST_UPDATE, _SHOWN_AGAIN, _DUE, _SECOND_UPDATE, _LOOKED = 17, 13, 11, 8, 6, 5
_HOUR: Final = time(17)  # after what the records say of the day
_OF_A_VERSION: Final = ("model-card", "security-assessment")  # each new version needs its own
_PLAN: Final = {
    "modifications": ["version"],
    "protocol": "The vendor sends each update with its model card; we assess its security before it reaches a ward.",
    "requirements": list(_OF_A_VERSION),
    "impact": "Defects mended in days. An update that does worse is seen while it runs silently, and taken back.",
}
_CONDITION: Final = "Show how often the alert is read within the hour, by ward."


def changes(hospital: Hospital) -> Sequence[Scene]:
    """What happens to one silent use in the hospital's last weeks; nothing where none is silent that long."""
    story = _Story(_silent(hospital), hospital.until)
    return [
        Scene(story.at(_DECIDED), story.is_decided),
        Scene(story.at(_FIRST_UPDATE), story.is_updated_in_plan),
        Scene(story.at(_SHOWN_AGAIN), story.is_shown_again),
        Scene(story.at(_SECOND_UPDATE), story.is_updated_beyond_plan),
        Scene(story.at(_LOOKED), day_round),
    ]


def _silent(hospital: Hospital) -> Sequence[str]:
    """The uses that were silent before the story begins, and still are when it ends."""
    before = (hospital.until - timedelta(days=_DECIDED)).isoformat()
    runs = {
        run["use"]
        for run in hospital.standing("deployment").values()
        if run["mode"] == Mode.SILENT.value and run["version"] is not None and run["since"] < before
    }
    return sorted(
        name
        for name, use in hospital.standing("use").items()
        if use["stage"] == Stage.SILENT.value and use["owner"] and use["tier"] and name in runs
    )


@dataclass(slots=True)
class _Story:
    """One use, from its decision to the proposed pause."""

    silent: Sequence[str]
    until: date
    name: str = ""  # the use; none of them where no policy held on the day of the decision
    owner: Reader | None = None

    def at(self, days_before: int) -> datetime:
        return datetime.combine(self.until - timedelta(days=days_before), _HOUR, UTC)

    def is_decided(self, house: House) -> None:
        """The committee lets it run silently, under a condition, with a plan for its updates."""
        with house.database.reading() as connection:
            found = list(USES.get_many(connection, self.silent).values())
            committee = committee_of(house, connection, found)
        if committee is None:
            return
        use, asked = next(((use, asked) for use in found if (asked := _papers(house, committee, use))), (None, ()))
        if use is None:
            return
        self.name, owner = use.id, committee.owners[use.id]
        with house.database.reading() as connection:
            runs = _runs(connection, self.name)
        version = _version(house, owner, str(runs[0].version))
        for sort in asked:
            about = ("version", version.id) if sort in _OF_A_VERSION else ("product", use.product)
            _filed(house, owner, sort, *about)
        allows = {"version": [_next(version, self.at(_FIRST_UPDATE))]}
        plan = draft_plan(house, owner, {**_PLAN, "use": self.name, "allows": allows})
        case = open_for(
            house,
            owner,
            self.name,
            Checkpoint.SILENT,
            version=version.id,
            sites=[run.site for run in runs],
            chair=committee.chair.person,
        )
        put_before(house, owner, plan.id, case.id, plan.revision)
        voters = seated(house, committee, case, LEAST)
        due_on = self.at(_DUE).date().isoformat()
        condition = {"sentence": _CONDITION, "owner": owner.person, "due_on": due_on}
        add_condition(house, committee.chair, case.id, condition)
        for voter in voters:
            cast(house, voter, case.id, Choice.WITH_CONDITIONS, on=table(house, voter, case.id))
        now = docket(house, committee.chair, case.id).case
        why = "It may run unseen; before a pilot we want to know that the alert is read."
        decide(house, committee.chair, case.id, now.revision, CaseOutcome.CONDITIONAL, why)
        self.owner = owner

    def is_updated_in_plan(self, house: House) -> None:
        """The update that the plan foresaw."""
        self._updated(house, _FIRST_UPDATE)

    def is_shown_again(self, house: House) -> None:
        """The papers that the plan asks for, about the version that runs now."""
        if self.owner is not None:
            running = _version(house, self.owner, self._running(house))
            for sort in _OF_A_VERSION:
                _filed(house, self.owner, sort, "version", running.id)
            change_round(house)

    def is_updated_beyond_plan(self, house: House) -> None:
        """An update that nobody foresaw."""
        self._updated(house, _SECOND_UPDATE)

    def _updated(self, house: House, day: int) -> None:
        if self.owner is None:
            return
        old = _version(house, self.owner, self._running(house))
        new = records.create(house, self.owner, "version", _successor(old, self.at(day)), why="the vendor's update")
        with house.database.reading() as connection:
            runs = _runs(connection, self.name)
        for run in runs:
            patch = {"version": new.id}
            records.change(
                house, self.owner, "deployment", run.id, patch, run.revision, why="the update was switched on"
            )
        change_round(house)

    def _running(self, house: House) -> str:
        with house.database.reading() as connection:
            return str(_runs(connection, self.name)[0].version)


def _runs(connection: Connection, use: str) -> list[Deployment]:
    return [run for run in deployments_of(connection, use) if run.mode is Mode.SILENT and run.version is not None]


def _papers(house: House, committee: Committee, use: Use) -> Sequence[str]:
    """The documents that its committee asks for before it runs silently; none where papers alone do not do."""
    try:
        policy = policy_of(house, committee.owners[use.id], use.id, Checkpoint.SILENT).policy
    except NoPolicy:  # the packs begin later than the history ends
        return ()
    needed = [r.asks for r in policy.requires if r.severity is Severity.BLOCK]
    sorts = [one.type for one in needed if isinstance(one, DocumentAsk)]
    return sorts if len(sorts) == len(needed) and set(_OF_A_VERSION) <= set(sorts) else ()


def _version(house: House, reader: Reader, name: str) -> Version:
    found: Version = records.get(house, reader, "version", name)
    return found


def _next(version: Version, at: datetime) -> str:
    """What the version after this one is called: numbered, or by the day on which somebody saw it."""
    return f"{version.label}.1" if version.descriptor is None else f"as found {at:%Y-%m-%d}"


def _successor(old: Version, at: datetime) -> Mapping[str, Any]:
    label = _next(old, at)
    pinned: dict[str, Any] = {"digest": sha256(f"{old.product} {label}".encode())}
    if old.descriptor is not None:
        seen = {**old.descriptor, "observed_on": f"{at:%Y-%m-%d}"}
        pinned = {"descriptor": seen, "ehr_build": old.ehr_build}
    return {"product": old.product, "label": label, "parent": old.id, **pinned}


def _filed(house: House, owner: Reader, sort: str, about_kind: str, about: str) -> None:
    title = sort.replace("-", " ").capitalize()
    text = f"{title}\n\nInvented, for {about_kind} {about} of the demo hospital.\n"
    file_paper(
        house,
        owner,
        text.encode(),
        about_kind=about_kind,
        about=about,
        type=sort,
        title=title,
        media_type="text/plain",
    )
