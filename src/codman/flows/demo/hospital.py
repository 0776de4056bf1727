"""load_hospital: an invented health system, written into an open book in the order in which it happened.

Records go in by the registry's own nouns, each change in its author's name with the day's date; evaluations are really
run on the invented predictions, signed, and filed by `file_evidence` as anybody's would be.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from codman.errors import BadInput
from codman.evidence.canonical import canonical, sha256
from codman.evidence.envelope import sign
from codman.evidence.files import write_whole
from codman.evidence.keys import SigningKey, generate, read_signing_key
from codman.evidence.statements import canonical_statement
from codman.flows.assess import assess
from codman.flows.document import document
from codman.flows.filing import file_evidence
from codman.flows.house import House
from codman.registry.access import Held, Reader
from codman.registry.database import Change, instant
from codman.registry.documents import Basis, DocumentFields, FactFields
from codman.registry.keys import KEYS, KeyFields, OwnerKind
from codman.registry.log import SYSTEM, Author, size_of
from codman.registry.nouns import (
    DEPLOYMENTS,
    DOCUMENTS,
    FACTS,
    GRANTS,
    PEOPLE,
    PRODUCTS,
    SITES,
    USES,
    VENDORS,
    VERSIONS,
)
from codman.registry.records import Records
from codman.simulate.history import Added, Answered, Changed, Event, Measured, Papered, Replaced, Revoked, Signer, Step
from codman.simulate.hospital import HISTORY_ENDS, Hospital, make_hospital
from codman.simulate.predictions import predictions
from codman.spine.person import Role
from codman.spine.product import VersionFields
from codman.spine.statement import Statement
from codman.tables.parquet import ParquetSource

PREDICTIONS: Final = "predictions"  # the workspace's folder of invented predictions
Tell = Callable[[str], None]
_KINDS: Final[dict[str, Records[Any, Any]]] = {
    records.kind: records for records in (SITES, PEOPLE, GRANTS, VENDORS, PRODUCTS, VERSIONS, USES, DEPLOYMENTS)
}


class BookInUse(BadInput):
    """A book that holds something already."""

    def __init__(self, workspace: Path) -> None:
        super().__init__(
            what=f"the demo hospital is not loaded into {workspace}",
            why="its book has entries already, and invented ones must not stand among them",
            fix="give an empty workspace",
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """What people of the hospital do at a moment through the flows that anybody uses, beside its records."""

    at: datetime
    play: Callable[[House], object]


def load_hospital(
    house: House,
    seed: int,
    tell: Tell,
    *,
    small: bool = False,
    until: date = HISTORY_ENDS,
    beside: Callable[[Hospital], Sequence[Scene]] = lambda _hospital: (),
) -> Hospital:
    """Write the demo hospital into an empty book.

    The same seed gives the same records, predictions and statements; salts and keys are drawn fresh.

    Args:
        house: The open book, its store and its documents.
        seed: Which hospital.
        tell: Called with one plain sentence after each part.
        small: Two hospitals, twelve uses and at most three evaluations.
        until: The last day of its two years.
        beside: What else happens in it, in the order of time.

    Returns:
        The hospital that was loaded.

    Raises:
        BookInUse: The book is not empty.
    """
    with house.database.reading() as connection:
        if size_of(connection):
            raise BookInUse(house.settings.workspace)
    hospital = make_hospital(seed, small=small, until=until)
    uses = len(hospital.standing("use"))
    tell(f"Invented a health system with {uses} uses of AI, and its history to {until:%Y-%m-%d}.")
    measured = len(hospital.steps(Measured))
    with _clock(house) as clock:
        loading = _Loading(house, hospital)
        scenes = deque(beside(hospital))
        for number, (at, events) in enumerate(groupby(hospital.history, key=lambda event: event.at), 1):
            while scenes and scenes[0].at < at:
                _played(house, clock, scenes.popleft())
            clock.now = at
            loading.write(list(events))
            if number % _TOLD_EACH == 0:
                tell(f"{at:%Y-%m}: {len(loading.digests)} of its statements are signed and filed.")
        for scene in scenes:
            _played(house, clock, scene)
    tell(f"{measured} evaluations were really run, signed and filed; {len(hospital.history):,} steps are in the log.")
    return hospital


_TOLD_EACH: Final = 150


def _played(house: House, clock: _Clock, scene: Scene) -> None:
    clock.now = scene.at
    scene.play(house)


@dataclass(slots=True)
class _Clock:
    """The history's own time."""

    now: datetime = datetime(2000, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def _clock(house: House) -> Iterator[_Clock]:
    before, clock = house.database.clock, _Clock()
    house.database.clock = clock
    try:
        yield clock
    finally:
        house.database.clock = before


@dataclass(slots=True)
class _Loading:
    """What has been written so far."""

    house: House
    hospital: Hospital
    digests: dict[str, str] = field(default_factory=dict)  # of statements, by the step they came from
    names: dict[str, str] = field(default_factory=dict)  # of products, by id
    versions: dict[str, VersionFields] = field(default_factory=dict)
    keys: dict[str, SigningKey] = field(default_factory=dict)

    def write(self, events: list[Event]) -> None:
        """What happened at one moment: each author's steps as one change, evidence by itself."""
        for (author, why, evidence), steps in groupby(events, key=_one_change):
            if evidence:
                for event in steps:
                    self._file(event)
                continue
            named = SYSTEM if author is None else Author("person", author)
            with self.house.database.changing(named, why) as change:
                for event in steps:
                    self._record(change, event.step)

    def _record(self, change: Change, step: Step) -> None:
        match step:
            case Added():
                _KINDS[step.kind].add(change, step.fields, step.id)
                if isinstance(step.fields, VersionFields):
                    self.versions[step.id] = step.fields
                elif step.kind == "product":
                    self.names[step.id] = step.fields.model_dump()["name"]
            case Changed():
                _KINDS[step.kind].change(change, step.id, step.patch, None)
            case Answered():
                FACTS.add(change, self._fact(step), step.id)
            case Signer():
                KEYS.add(change, self._key(step, change.at), step.id)
            case Replaced():
                KEYS.change(change, step.old, {"valid_to": change.at, "replaced_by": step.new}, None)
            case Revoked():
                KEYS.change(change, step.signer, {"revoked_from": instant(step.since)}, None)
            case Measured() | Papered():
                raise AssertionError("evidence is filed by itself")

    def _fact(self, step: Answered) -> FactFields:
        return FactFields(
            about_kind=step.about_kind,
            about=step.about,
            field=step.field,
            value=step.value,
            basis=Basis(step.basis),
            source=step.source,
            evidence=None if step.evidence is None else self.digests[step.evidence],
        )

    def _key(self, signer: Signer, at: str) -> KeyFields:
        """A fresh key for a signer, kept with the workspace's own so that more can be signed with it."""
        name = self.house.settings.workspace / "keys" / signer.id
        public = generate(name)
        self.keys[signer.id] = read_signing_key(name.with_name(name.name + ".key"))
        return KeyFields(
            keyid=public.keyid,
            name=signer.name,
            owner_kind=OwnerKind(signer.owner_kind),
            owner=signer.owner,
            origins=[signer.origin],
            products=list(signer.products) or None,
            site=signer.site,
            public_pem=public.pem,
            valid_from=at,
        )

    def _file(self, event: Event) -> None:
        step = event.step
        assert isinstance(step, Measured | Papered)  # noqa: S101 (told apart by _one_change)
        statement = self._measured(step, event.at) if isinstance(step, Measured) else self._papered(step, event)
        body = sign(canonical_statement(statement), self.keys[step.signer]).to_bytes()
        sender = Reader(event.author or "", "", (Held(Role.ENGINEER), Held(Role.OFFICER)))
        self.digests[step.id] = file_evidence(self.house, body, sender, source="demo hospital").digest

    def _measured(self, step: Measured, at: datetime) -> Statement:
        path = self.house.settings.workspace / PREDICTIONS / f"{step.id}.parquet"
        path.parent.mkdir(exist_ok=True)
        predictions(step.cohort).write_parquet(path)
        version = self.versions[step.version]
        # nobody here has the artefact of an opaque version: its descriptor is what can be pinned
        artefact = version.digest or sha256(canonical(version.descriptor))
        return assess(
            ParquetSource(path, f"{PREDICTIONS}/{path.name}", "predictions"),
            step.spec,
            product=self.names[step.product],
            version=version.label,
            use=step.use,
            origin=step.origin,
            artifact=f"sha256:{artefact}",
            at=_second(at),
        )

    def _papered(self, step: Papered, event: Event) -> Statement:
        body = step.text.encode()
        digest = sha256(body)
        place = self.house.documents / digest[:2] / digest
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, body)
        with TemporaryDirectory() as folder:
            named = Path(folder) / step.file
            named.write_bytes(body)
            statement = document(
                named,
                type=step.type,
                product=self.names[step.product],
                version=self.versions[step.version].label,
                origin=step.origin,
                at=_second(event.at),
            )
        fields = DocumentFields(
            about_kind="product",
            about=step.product,
            type=step.type,
            title=step.title,
            digest=digest,
            size=len(body),
            media_type=statement.predicate["media_type"],
        )
        with self.house.database.changing(Author("person", event.author or ""), event.why) as change:
            DOCUMENTS.add(change, fields, f"document-{step.id}")
        return statement


def _one_change(event: Event) -> tuple[str | None, str | None, bool]:
    return event.author, event.why, isinstance(event.step, Measured | Papered)


def _second(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
