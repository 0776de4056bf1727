"""raise_concern: what somebody says is wrong, kept at once, filed without its words, and on its way to a clinician.

Nobody needs an account. The words stand in the record alone, where they can be erased; the statement that is filed has
their salted hash.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import Connection, select, update

from codman.evidence.canonical import canonical, sha256
from codman.evidence.statements import build, canonical_statement, read_bytes
from codman.flows import records
from codman.flows.concerns.numbers import next_number
from codman.flows.concerns.pausing import tell_of_pause
from codman.flows.concerns.people import Told, who_sees
from codman.flows.concerns.reading import can_pause
from codman.flows.concerns.telling import GRAVE, RAISED, notice, spoken, tell_people, tell_systems
from codman.flows.concerns.throttle import WITHIN
from codman.flows.house import House
from codman.registry.about import Known, said_by
from codman.registry.access import Reader, require
from codman.registry.database import Change, instant
from codman.registry.filing import file
from codman.registry.governance import CONCERNS
from codman.registry.identifiers import new_id
from codman.registry.log import SALT_BYTES, Author, salted_hash, size_of
from codman.registry.nouns import PRODUCTS, SITES, USES, VERSIONS
from codman.registry.records import BadField
from codman.registry.requests import Once, remember, reply_to
from codman.registry.schema import deployments
from codman.registry.schema_review import concerns
from codman.review.clocks import Clocks, clocks
from codman.spine.concern import Concern, ConcernCategory, ConcernFields, ConcernSeverity, ConcernState, Pause
from codman.spine.day import written_day
from codman.spine.record import Day, Id, Line, Prose
from codman.spine.record_statements import ConcernPredicate
from codman.spine.site import Mode
from codman.spine.statement import Digest, Kind, Origin, Subject

CREATE: Final = "concern.create"
MOST_WORDS: Final = 4000
WARD: Final = Author("system", "concern-form")  # somebody without an account, or who did not say who they are
UNKNOWN: Final = "not said"

# numbers of five digits and more, dates of birth, and the words that go before a record's number
_TELLING: Final = re.compile(
    r"\d{5,}|\b\d{3}-\d{2}-\d{4}\b|\b\d{1,2}[./-]\d{1,2}[./-](19|20)\d{2}\b|\b(19|20)\d{2}-\d{2}-\d{2}\b"
    r"|\b(MRN|DOB|SSN|date of birth|born on|patient name)\b|\b(?-i:(Mr|Mrs|Ms|Miss)\.? +[A-Z])",
    re.IGNORECASE,
)


class Said(BaseModel):
    """What somebody says."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    category: ConcernCategory
    severity: ConcernSeverity = ConcernSeverity.UNKNOWN
    words: Prose | None = Field(
        default=None, description=f"What happened, at most {MOST_WORDS:,} characters; name no patient"
    )
    ward: Line | None = Field(default=None, description="The ward or unit, in their words")
    contact: Line | None = Field(default=None, description="How to reach them")
    happened_on: Day | None = None
    event_reference: Line | None = Field(default=None, description="Its number in the hospital's own event system")

    @field_validator("words")
    @classmethod
    def _not_too_long(cls, words: str | None) -> str | None:
        if words is not None and len(words) > MOST_WORDS:
            raise ValueError(f"it has more than {MOST_WORDS:,} characters")
        return words


@dataclass(frozen=True, slots=True)
class Place:
    """What a concern is about, as far as it is known."""

    use: Id | None = None
    site: Id | None = None


@dataclass(frozen=True, slots=True)
class Raised:
    """A concern that was taken, and who has it now."""

    concern: Concern
    told: Told


def place_within(house: House, reader: Reader, use: str | None, site: str | None) -> Place:
    """A use and a site as somebody with an account names them.

    Raises:
        NoSuchRecord: They see no such use or site.
    """
    if use is not None:
        records.get(house, reader, "use", use)
    if site is not None:
        records.get(house, reader, "site", site)
    return Place(use, site)


def raise_concern(
    house: House,
    said: Said,
    place: Place,
    *,
    reader: Reader | None = None,
    named: bool = True,
    once: Once | None = None,
    in_flood: bool = False,
    request: str | None = None,
) -> Raised:
    """Take a concern.

    Args:
        house: The open house.
        said: What they say.
        place: What it is about: of a poster's link, or what they chose.
        reader: Who says it, where they are signed in; None needs no account.
        named: Whether it is kept who said it.
        once: Makes the same sent again find what the first one made.
        in_flood: More came by its way than people send. Where it repeats the words of another of these minutes, that
            one is told and this one kept beside it; with words of its own it is told like any.
        request: The request it came with, for the log.

    Raises:
        NotAllowed: They are signed in and may raise none.
        BadField: A day to come, or a place that is not there.
        BadClocks: The hospital's own file of clocks cannot be used.
        NotRecorded: It could not be written; nothing was taken.
    """
    if reader is not None:
        require(reader, CREATE)
    who = WARD if reader is None or not named else reader.author(request)
    rules = clocks(house.settings.concern_clocks)
    with house.database.changing(who) as change:
        if once is not None and (reply := reply_to(change.connection, once)) is not None:
            kept = CONCERNS.get(change.connection, str(reply["concern"]))
            return Raised(kept, who_sees(change.connection, kept))
        raised = _raise(change, house, said, place, rules, None if who is WARD else who.id, in_flood=in_flood)
        if once is not None:  # its name alone: a reply that is kept must not keep words that are erased
            remember(change, once, {"concern": raised.concern.id})
        return raised


def may_identify(words: str | None) -> bool:
    """Whether words look as if they named a patient: a long number, a date, a title before a name."""
    return words is not None and _TELLING.search(words) is not None


def proof_of_words(connection: Connection, concern: Concern) -> tuple[bytes, str] | None:
    """The salt and the words whose hash the filed statement holds; None where there are none, or no longer."""
    salt = connection.execute(select(concerns.c.words_salt).where(concerns.c.id == concern.id)).scalar_one_or_none()
    return None if salt is None or concern.words is None else (bytes(salt), concern.words)


def _raise(
    change: Change, house: House, said: Said, place: Place, rules: Clocks, person: str | None, *, in_flood: bool
) -> Raised:
    connection = change.connection
    place = _whole(connection, place)
    local = house.database.today()
    if said.happened_on is not None and said.happened_on > local.isoformat():
        raise BadField("concern", "happened_on", "the day is yet to come")
    rule = rules.starting(said.severity, local)
    salt = secrets.token_bytes(SALT_BYTES)
    name = new_id("concern")
    runs = place.use is not None and can_pause(connection, USES.get(connection, place.use))
    proposed = runs and said.severity in GRAVE
    fields = ConcernFields(
        **said.model_dump(),
        number=next_number(connection, local.year),
        use=place.use,
        site=place.site,
        raised_by=person,
        raised_at=change.at,
        see_by=instant(house.database.clock() + rules.seen_within(said.severity)),
        pause=Pause.PROPOSED if proposed else None,
        pause_at=change.at if proposed else None,
        clock=None if rule is None else rule.id,
        clock_due=None if rule is None else rules.due(rule, local).isoformat(),
        in_flood=in_flood,
        repeats=_repeated(house, connection, said, place) if in_flood else None,
    )
    digest = _file(change, house, fields, name, salt)
    concern = CONCERNS.add(change, fields.model_copy(update={"statement": digest}), name)
    if said.words is not None:
        connection.execute(update(concerns).where(concerns.c.id == name).values(words_salt=salt))
    told = who_sees(connection, concern)
    if concern.repeats is None:
        _tell(change, house, concern, told)
    return Raised(concern, told)


def _repeated(house: House, connection: Connection, said: Said, place: Place) -> str | None:
    """The first of these minutes that says the same in the same words; without words nothing is called the same."""
    if said.words is None:
        return None
    since = instant(house.database.clock() - WITHIN)
    found = connection.execute(
        select(concerns.c.id)
        .where(
            concerns.c.raised_at >= since,
            concerns.c.words == said.words,
            concerns.c.category == said.category.value,
            concerns.c.severity == said.severity.value,
            concerns.c.use.is_not_distinct_from(place.use),
            concerns.c.site.is_not_distinct_from(place.site),
            concerns.c.ward.is_not_distinct_from(said.ward),
            concerns.c.repeats.is_(None),
            concerns.c.state == ConcernState.RAISED.value,
        )
        .order_by(concerns.c.raised_at)
        .limit(1)
    )
    return found.scalar_one_or_none()


def _whole(connection: Connection, place: Place) -> Place:
    """A use that runs at one site alone is meant there."""
    if place.use is None or place.site is not None:
        return place
    found = connection.execute(
        select(deployments.c.site).where(deployments.c.use == place.use, deployments.c.mode != Mode.ENDED.value)
    ).scalars()
    sites = set(found)
    return Place(place.use, sites.pop()) if len(sites) == 1 else place


def _file(change: Change, house: House, fields: ConcernFields, name: str, salt: bytes) -> str:
    """File the statement: a claim, signed by nobody, of what was said without its words."""
    connection = change.connection
    use = None if fields.use is None else USES.get(connection, fields.use)
    product = None if use is None else PRODUCTS.get(connection, use.product)
    running = _version_at(connection, fields)
    version = None if running is None else VERSIONS.get(connection, running)
    predicate = ConcernPredicate(
        product=UNKNOWN if product is None else product.name,
        version=None if version is None else version.label,
        use=None if use is None else use.name,
        origin=Origin.LOCAL,
        evaluated_at=fields.raised_at,
        note=name,
        category=fields.category.value,
        severity=fields.severity.value,
        words=None if fields.words is None else Digest(sha256=salted_hash(salt, fields.words)),
        site=None if fields.site is None else SITES.get(connection, fields.site).name[:200],
        raised_at=fields.raised_at,
    )
    pinned = None if version is None else version.digest
    subject = Subject(
        name=predicate.product if version is None else f"{predicate.product}@{version.label}",
        digest=Digest(sha256=pinned or sha256(canonical({"use": fields.use, "version": running}))),
    )
    read = read_bytes(canonical_statement(build(Kind.CONCERN, subject, predicate)), name="the concern")
    house.store.put(read)
    known = Known(None if product is None else product.id, running, fields.use)
    index = size_of(connection) + len(change.entries)
    file(change, said_by(read), known, None, size=len(read.body), source="concern", index=index)
    return read.digest


def _version_at(connection: Connection, fields: ConcernFields) -> str | None:
    if fields.use is None or fields.site is None:
        return None
    found = connection.execute(
        select(deployments.c.version).where(
            deployments.c.use == fields.use,
            deployments.c.site == fields.site,
            deployments.c.version.is_not(None),
            deployments.c.mode != Mode.ENDED.value,
        )
    ).scalars()
    versions = set(found)
    return versions.pop() if len(versions) == 1 else None


def _tell(change: Change, house: House, concern: Concern, told: Told) -> None:
    by = spoken(concern.see_by, house.settings.zone)
    text = f"Somebody raised a concern. Open it and say that you have it by {by}."
    if concern.in_flood:
        text += " It came in a flood of concerns, with words of its own."
    if concern.pause is Pause.PROPOSED:
        text += " A pause of this use is proposed: take it or decline it there."
    if concern.clock_due is not None:
        text += f" A duty to report may run until {written_day(concern.clock_due)}."
    told_of = notice(house, change.connection, concern, "concern.raised", f"Concern: {concern.severity.value}", text)
    tell_people(change, told.people, told_of, f"concern/{concern.id}/{RAISED}")
    tell_systems(change, house, told_of, f"concern/{concern.id}/{RAISED}")
    if concern.pause is Pause.PROPOSED:  # also those whom it would not reach first
        tell_of_pause(change, house, concern, but={one.id for one in told.people})
