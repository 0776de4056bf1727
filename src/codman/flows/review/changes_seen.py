"""Changes as the log tells of them: every door and every import writes there, so none is missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, or_, select

from codman.evidence.canonical import parse
from codman.registry.places import marked
from codman.registry.schema import deployments, facts, keys, log_entries, sites, statements, uses, versions
from codman.registry.schema_filing import statement_signatures
from codman.registry.schema_review import cases, log_cursors
from codman.review.changes import Shift, number
from codman.review.triage.tier import ORDER
from codman.spine.reopening import Changed
from codman.spine.review import APPROVALS, CaseState
from codman.spine.site import Mode
from codman.spine.use import Tier

THRESHOLD_FACT: Final = "operation/threshold"  # the threshold at which a use raises its alert
DATA_SOURCE_FACT: Final = "operation/data-source"  # where a use takes its data from
# answers whose change asks for what was shown to be shown again
ANSWERS: Final[Mapping[str, Changed]] = {
    THRESHOLD_FACT: Changed.THRESHOLD,
    DATA_SOURCE_FACT: Changed.DATA_SOURCE,
    "chai-model-card/TrustIngredients/AISystemFacts/InputDataSource": Changed.DATA_SOURCE,
}
# what makes another use of it: shown on the patients and in the hands of before, it is shown anew
_WHAT_IT_IS: Final[Mapping[str, str]] = {
    "care_setting": "the care setting",
    "purpose": "what it is for",
    "decision_role": "its role in the decision",
    "autonomy": "what it may do without a person",
    "users": "who sees its output",
    "alert_destination": "where its alerts go",
}
CURSOR: Final = "change control"
_PAGE: Final = 2000
_KEY: Final = "key.change"  # rotated or revoked
_SHOWN: Final = frozenset({"statement", "document"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A change to a use, and the entry that tells of it."""

    index: int
    use: str
    shift: Shift


@dataclass(frozen=True, slots=True)
class Stirred:
    """What some entries tell: changes, and uses about which something new is filed or decided."""

    seen: Sequence[Seen]
    uses: frozenset[str]
    products: frozenset[str]  # something is filed about them for every use
    shown: frozenset[str] = frozenset()  # uses that evidence came for
    shown_products: frozenset[str] = frozenset()  # products that evidence came for, or that a changed key signed for


def read_until(connection: Connection) -> int:
    """The first entry of the log that no round has read yet."""
    row = connection.execute(select(log_cursors.c.position).where(log_cursors.c.name == CURSOR)).one_or_none()
    return 0 if row is None else int(row.position)


def read_log(connection: Connection, start: int, stop: int) -> Stirred:
    """What the entries from `start` up to `stop` tell of uses."""
    seen: list[Seen] = []
    about: set[tuple[str, str]] = set()  # kind and id of what was filed or decided
    signed_for: set[str] = set()
    for low in range(start, stop, _PAGE):
        query = (
            select(log_entries.c.number, log_entries.c.entry)
            .where(
                log_entries.c.number >= low,
                log_entries.c.number < min(low + _PAGE, stop),
                log_entries.c.action.in_([*_CHANGES, *_NEWS, _KEY]),
            )
            .order_by(log_entries.c.number)
        )
        for row in connection.execute(query):
            value = parse(bytes(row.entry), name=f"entry {row.number}")
            action = value["action"]
            if action in _CHANGES:
                seen += [Seen(row.number, use, shift) for use, shift in _CHANGES[action](connection, value)]
            if action == _KEY:
                signed_for |= _signed_for(connection, value["about"]["id"])
            if action in _NEWS:
                about.add((_NEWS[action], value["about"]["id"]))
            if action == "document.create":
                after = value["after"]
                about.add((after["about_kind"], after["about"]))
    told, products = _whose(connection, about)
    shown, shown_products = _whose(connection, (one for one in about if one[0] in _SHOWN))
    return Stirred(seen, frozenset(told), frozenset(products), frozenset(shown), frozenset(shown_products | signed_for))


def merged(seen: Iterable[Seen]) -> list[Seen]:
    """One change at twenty sites, told by twenty entries, as one; in the order of the log."""
    groups: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in seen:
        alone = () if one.shift.became is not None else (one.index,)
        groups[(one.use, one.shift.changed, one.shift.became, *alone)].append(one)
    found = []
    for group in groups.values():
        first, more = group[0], len({one.index for one in group}) - 1
        if more and first.shift.changed is not Changed.SITE:
            because = f"{first.shift.because}, and at {more} more site{'s' if more > 1 else ''}"
            first = replace(first, shift=replace(first.shift, because=because))
        found.append(first)
    return sorted(found, key=lambda one: one.index)


Shifts = Iterable[tuple[str, Shift]]


def _deployment(connection: Connection, value: Mapping[str, Any]) -> Shifts:
    row = connection.execute(
        select(deployments, sites.c.name.label("site_name"))
        .join(sites, sites.c.id == deployments.c.site)
        .where(deployments.c.id == value["about"]["id"])
    ).one_or_none()
    before, after = value["before"] or {}, value["after"] or {}
    if row is None or row.mode == Mode.ENDED.value:
        return
    again = before.get("mode") == Mode.ENDED.value
    if value["action"] == "deployment.create" or again:
        yield row.use, Shift(Changed.SITE, f"it is to run at {marked(row.site)}", row.site, row.site_name)
        # the entry's own version: the row may have another since, of which a later entry tells
        version = row.version if again and "version" not in after else after.get("version")
        if version is not None:
            yield row.use, version_shift(connection, None, version, marked(row.site))
    elif after.get("version") is not None:
        yield row.use, version_shift(connection, before.get("version"), after["version"], marked(row.site))
    if before.get("ehr_build") is not None and "ehr_build" in after:
        because = f"the EHR build at {marked(row.site)} became {row.ehr_build or 'unknown'}"
        yield row.use, Shift(Changed.EHR_BUILD, because, row.ehr_build, row.ehr_build)


def version_shift(connection: Connection, old: str | None, new: str, where: str) -> Shift:
    """That a use runs another version somewhere."""
    wanted = select(versions.c.id, versions.c.label).where(versions.c.id.in_([one for one in (old, new) if one]))
    labels = {row.id: row.label for row in connection.execute(wanted)}
    said = f"version {labels[old]} became" if old in labels else "version"
    came = labels.get(new, new)
    because = f"{said} {came} at {where}" if old in labels else f"{said} {came} is to run at {where}"
    return Shift(Changed.VERSION, because, new, came)


def _version(connection: Connection, value: Mapping[str, Any]) -> Shifts:
    """A version that is another than it was under the same name, or runs in another EHR build."""
    name, before = value["about"]["id"], value["before"] or {}
    row = connection.execute(select(versions).where(versions.c.id == name)).one_or_none()
    if row is None:
        return
    other = [field for field in ("digest", "descriptor") if before.get(field) is not None]
    for use in _running(connection, or_(deployments.c.version == name, deployments.c.use.in_(_decided_about(name)))):
        if other:
            yield use, Shift(Changed.VERSION, f"version {row.label} is another artefact under the same name")
        if before.get("ehr_build") is not None:
            because = f"the EHR build of version {row.label} became {row.ehr_build or 'unknown'}"
            # not by its value: the version has it by now, and so it would pass for what was decided on
            yield use, Shift(Changed.EHR_BUILD, because, None, row.ehr_build)


def _decided_about(version: str) -> Select[Any]:
    """The uses whose newest granted decision is about a version: it may be taken from a site for a moment."""
    newer = cases.alias()
    granted = (CaseState.DECIDED.value, [one.value for one in APPROVALS])
    later = select(newer.c.id).where(
        newer.c.use == cases.c.use,
        newer.c.state == granted[0],
        newer.c.outcome.in_(granted[1]),
        newer.c.decided_at > cases.c.decided_at,
    )
    return select(cases.c.use).where(
        cases.c.version == version, cases.c.state == granted[0], cases.c.outcome.in_(granted[1]), ~later.exists()
    )


def _use(_connection: Connection, value: Mapping[str, Any]) -> Shifts:
    # what people wrote stays where they wrote it: a reason says that it was edited, not what it says
    use, before, after = value["about"]["id"], value["before"] or {}, value["after"] or {}
    if "population" in after:
        how = "said for the first time" if before.get("population") is None else "edited"
        yield use, Shift(Changed.POPULATION, f"the population it is for was {how}")
    for field, called in _WHAT_IT_IS.items():
        if field in after:  # what nobody had said, nobody had decided on
            how = "said for the first time" if before.get(field) is None else "edited"
            yield use, Shift(Changed.POPULATION, f"{called} was {how}")
    if _rank(after.get("tier")) > _rank(before.get("tier")):
        was, now = before.get("tier") or "none", after["tier"]
        yield use, Shift(Changed.TIER, f"its tier rose from {was} to {now}", now)
    if before.get("demographic_inputs") is not None:
        yield use, Shift(Changed.DATA_SOURCE, "the list of its demographic inputs was edited")


def _rank(tier: str | None) -> int:
    return 0 if tier is None else ORDER.index(Tier(tier))


def _fact(connection: Connection, value: Mapping[str, Any]) -> Shifts:
    """Another answer to where the data come from or which threshold is used; a first answer changes nothing."""
    row = connection.execute(select(facts).where(facts.c.id == value["about"]["id"])).one_or_none()
    if row is None or row.field not in ANSWERS:
        return
    if value["action"] == "fact.change" and "value" not in (value["after"] or {}):
        return
    if value["action"] == "fact.create" and not _answered_before(connection, row):
        return
    yield from _of_fact(connection, row.field, row.about_kind, row.about, row.value)


def _answered_before(connection: Connection, row: Row[Any]) -> bool:
    others = select(facts.c.value).where(
        facts.c.about == row.about,
        facts.c.field == row.field,
        facts.c.id != row.id,
        facts.c.created_at < row.created_at,
    )
    return any(one != row.value for one in connection.execute(others).scalars())


def _imported(connection: Connection, value: Mapping[str, Any]) -> Shifts:
    before, about = value["before"] or {}, value["about"]
    for name in ANSWERS.keys() & before.keys():
        if before[name] is not None:
            yield from _of_fact(connection, name, about["kind"], about["id"], None)


def _of_fact(connection: Connection, field: str, kind: str, about: str, text: str | None) -> Shifts:
    changed = ANSWERS[field]
    became = None if text is None else _as_number(text) if changed is Changed.THRESHOLD else text[:300]
    because = f"its {changed.value} was edited"
    if changed is Changed.THRESHOLD and became is not None:
        because = f"its threshold became {became}"
    where = {
        "use": uses.c.id == about,
        "product": uses.c.product == about,
        "version": uses.c.id.in_(select(deployments.c.use).where(deployments.c.version == about)),
    }[kind]
    for use in connection.execute(select(uses.c.id).where(where)).scalars():
        yield use, Shift(changed, because, became, became)


def _as_number(text: str) -> str | None:
    try:
        return number(float(text))
    except ValueError:
        return None


def _running(connection: Connection, condition: Any) -> Sequence[str]:
    found = select(deployments.c.use).where(condition, deployments.c.mode != Mode.ENDED.value).distinct()
    return connection.execute(found.order_by(deployments.c.use)).scalars().all()


def _whose(connection: Connection, about: Iterable[tuple[str, str]]) -> tuple[set[str], set[str]]:
    """The uses and the products that statements, documents and cases are about."""
    told: set[str] = set()
    products: set[str] = set()
    for kind, name in about:
        if kind == "use":
            told.add(name)
        elif kind == "product":
            products.add(name)
        elif kind == "version":
            products |= set(connection.execute(select(versions.c.product).where(versions.c.id == name)).scalars())
        elif kind == "deployment":
            told |= set(connection.execute(select(deployments.c.use).where(deployments.c.id == name)).scalars())
        elif kind == "case":
            told |= set(connection.execute(select(cases.c.use).where(cases.c.id == name)).scalars())
        elif kind == "statement":
            row = connection.execute(
                select(statements.c.use_id, statements.c.product_id).where(statements.c.digest == name)
            ).one_or_none()
            if row is not None and row.use_id is not None:
                told.add(row.use_id)
            elif row is not None and row.product_id is not None:
                products.add(row.product_id)
    return told, products


def _signed_for(connection: Connection, key: str) -> set[str]:
    """The products that statements signed with a key are about."""
    query = (
        select(statements.c.product_id)
        .join(statement_signatures, statement_signatures.c.digest == statements.c.digest)
        .join(keys, keys.c.keyid == statement_signatures.c.keyid)
        .where(keys.c.id == key, statements.c.product_id.is_not(None))
    )
    return set(connection.execute(query.distinct()).scalars())


_CHANGES: Final[Mapping[str, Callable[[Connection, Mapping[str, Any]], Shifts]]] = {
    "deployment.create": _deployment,
    "deployment.change": _deployment,
    "version.change": _version,
    "use.change": _use,
    "fact.create": _fact,
    "fact.change": _fact,
    "fact.import": _imported,
}
_NEWS: Final[Mapping[str, str]] = {
    "evidence.file": "statement",
    "evidence.link": "statement",
    "evidence.sign": "statement",
    "document.create": "document",
    "case.change": "case",
    "use.change": "use",
    "deployment.change": "deployment",
}
