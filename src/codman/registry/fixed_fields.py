"""What of a record is not the editor's to set: what a review decides, and what evidence or a deployment hangs on."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, or_, select

from codman.registry.interests import hand_in
from codman.registry.namesakes import why_not_as_before
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.officers import who_may
from codman.registry.records import BadField
from codman.registry.replay_rows import IMPORTED
from codman.registry.schema import deployments, documents, log_entries, statements, uses
from codman.registry.schema_review import cases, reviewers, triages
from codman.spine.review import CaseState
from codman.spine.site import Mode
from codman.spine.statement import Kind
from codman.spine.use import WHAT_IT_IS, Decision, Impact, Stage, Tier

# what a review sets, never the keeper of a record alone
DECIDED: Final = frozenset({"stage", "stage_since", "decision", "tier", "impact"})
RAN_BEFORE: Final = frozenset({Stage.SILENT, Stage.PILOT, Stage.LIVE, Stage.PAUSED, Stage.RETIRED})
UNDECIDED: Final = frozenset({Decision.UNDECIDED, Decision.LEGACY})  # the other words are a committee's
_EXPOSURE: Final = {Stage.SILENT: 1, Stage.PILOT: 2, Stage.LIVE: 3}  # of any other stage none: no patient meets it
IMPACT_DETERMINATION: Final = "impact-determination"  # the document that says why it is not high-impact (OMB M-25-21)
_LESS_THAN: Final[Mapping[Impact, frozenset[str | None]]] = {
    Impact.HIGH: frozenset({Impact.PRESUMED.value, Impact.NOT_HIGH.value, None}),
    Impact.PRESUMED: frozenset({Impact.NOT_HIGH.value, None}),
}
_STANDS: Final = ("decision", "stage", "stage_since")
_TIERS: Final = (Tier.LOW, Tier.MEDIUM, Tier.HIGH)
_TO_A_CASE: Final = "open a case, or take it to another stage from the use's page"
_ARTEFACT: Final = ("product", "label", "digest", "descriptor")  # what evidence and acceptances name a version by
_WORKING: Final = (CaseState.OPEN.value, CaseState.VOTING.value)
_DEPLOYED: Final = ("deployment.create", "deployment.change")
_SAYS_WHAT_IT_IS: Final = frozenset({*WHAT_IT_IS, "product", "impact"})
_NOT_JUDGED: Final = (Kind.DECISION.value, Kind.REPORT.value, Kind.CONCERN.value)
_ANSWER: Final = ("about_kind", "about", "field", "source")


class FixedField(BadField):
    """A field that said what others have since relied on."""

    def __init__(self, kind: str, field: str, why: str, fix: str) -> None:
        super().__init__(kind, field, why, fix)


def version_stays(connection: Connection, version: Any, changed: Collection[str]) -> None:
    """Refuse to make another artefact of a version that somebody measured, decided about or put to work.

    Args:
        connection: Where to read.
        version: The version as it was.
        changed: The fields that would change.

    Raises:
        FixedField: Its product, label, digest or descriptor would.
    """
    touched: list[str] = [field for field in _ARTEFACT if field in changed]
    if version.descriptor_statement is not None and "descriptor_statement" in changed:
        touched.append("descriptor_statement")
    if not touched:
        return
    if _any(connection, select(literal(1)).where(statements.c.version_id == version.id)):
        why = "evidence is filed about this version as it is"
    elif _any(connection, select(literal(1)).where(deployments.c.version == version.id)):
        why = "this version is deployed as it is"
    else:
        return
    raise FixedField("version", touched[0], why, "add a new version, with its own label, for the other artefact")


def set_by_review(connection: Connection, use: str) -> frozenset[str]:
    """The fields of a use that nobody edits any more, because it was triaged or came before the committee."""
    if _any(connection, select(literal(1)).where(cases.c.use == use)):
        return DECIDED
    if _any(connection, select(literal(1)).where(triages.c.use == use)):
        return DECIDED - {"impact"}
    return frozenset()


def use_stays(connection: Connection, use: Any, after: Mapping[str, Any]) -> None:
    """Refuse to move a use to another product once something ties it to the one it has, or to decide it by editing.

    Nor does an edit make an owner of somebody who is to judge it: that would take their vote away.

    What a case decided, and a tier that triage gave, change by a case and by triage: an edit, on a page or in a file,
    would pass the votes, the evidence, the second person and the sites by. What nobody here has looked at yet may be
    corrected still, to what a new use may say of itself: that it runs, undecided, and under which tier or a higher one.

    Args:
        connection: Where to read.
        use: The use as it was.
        after: The fields that would change, with their new values.

    Raises:
        FixedField: Its product would, or what its review sets, or its owner reviews it; or it runs, and would be of a
            product that a committee had or somebody stopped.
    """
    if after.get("owner") is not None and _any(connection, _reviews(use.id, after["owner"])):
        why = "they review an open case of this use, or preside there, and whoever answers for it decides nothing"
        raise FixedField("use", "owner", why, "name somebody else, or wait until that case is closed")
    touched = sorted(DECIDED & after.keys())
    if touched and _any(connection, select(literal(1)).where(cases.c.use == use.id)):
        raise FixedField("use", touched[0], "this use has come before the committee, which decides it", _TO_A_CASE)
    if "tier" in after:
        if _any(connection, select(literal(1)).where(triages.c.use == use.id)):
            why = "this use was triaged, which gave it its tier"
            raise FixedField(
                "use", "tier", why, "raise or lower it from the use's tier page: lowering takes two people"
            )
        if use.tier is not None and (after["tier"] is None or _lower(after["tier"], use.tier)):
            why = f"it is {use.tier.value}, and no one person lowers a tier"
            raise FixedField(
                "use", "tier", why, "triage it, and lower it from the use's tier page with a second person"
            )
    if after.keys() & set(_STANDS):
        _decides_nothing(connection, use, after)
    if "product" in after and (tied := why_not_moved(connection, use.id)) is not None:
        raise FixedField("use", "product", tied, "add a new use of the other product, and retire this one")
    if "product" in after and (use.stage in RAN_BEFORE or _any(connection, _still_there(use.id))):
        stopped = why_not_as_before(connection, after["product"], use.id)
        if stopped is not None:
            fix = "propose a use of that product, and have it decided"
            raise FixedField("use", "product", f"this use runs undecided, and {stopped}", fix)


def takes_another(connection: Connection, kind: str, old: Any, after: Mapping[str, Any], by: str | None) -> None:
    """Refuse what takes somebody else: a lower impact, another name of what evidence names, a judge as its owner.

    Args:
        connection: Where to read.
        kind: Which kind of record.
        old: The record as it was.
        after: The fields that would change, with their new values.
        by: Who changes it; None is a file.

    Raises:
        FixedField: As `impact_stays`, `name_stays`, `judge_stays` and `first_tier_stays`.
    """
    if kind == "use":
        impact_stays(connection, old, after, by)
        judge_stays(connection, after.get("owner"), by, old)
        first_tier_stays(connection, after.get("tier"), after.get("owner"), by, old)
    if kind in ("use", "product"):
        name_stays(connection, kind, old, after, by)


def impact_stays(connection: Connection, use: Any, after: Mapping[str, Any], by: str | None) -> None:
    """Refuse one person, or a file, that would make less than high-impact of a use that is so.

    Who determines that it is not files that in writing, and another person changes it. It is about the use as it was
    that day: with another purpose, version or product, or once it was said to be more, it is determined anew.

    Args:
        connection: Where to read.
        use: The use as it was.
        after: The fields that would change, with their new values.
        by: Who changes it; None is a file.

    Raises:
        FixedField: It would be lowered, and no other person has filed the determination of the use as it is.
    """
    if use.impact not in _LESS_THAN or "impact" not in after or after["impact"] not in _LESS_THAN[use.impact]:
        return
    theirs = log_entries.alias()
    filed = (
        select(literal(1))
        .select_from(documents)
        .join(log_entries, log_entries.c.about == documents.c.id)
        .where(
            documents.c.about == use.id,
            documents.c.type == IMPACT_DETERMINATION,
            log_entries.c.action == "document.create",
            log_entries.c.number > _became_so(connection, use.id),
            ~exists(select(theirs.c.number).where(theirs.c.about == documents.c.id, theirs.c.actor == by)),
        )
    )
    if by is None or not _any(connection, filed):
        why = f"it is {use.impact.value}, and no one person, and no file, says that it is less"
        fix = (
            f"have another person file the determination of the use as it is now, a document of type "
            f"'{IMPACT_DETERMINATION}'; then change it"
        )
        raise FixedField("use", "impact", why, fix)


def judge_stays(connection: Connection, owner: str | None, by: str | None, use: Any = None) -> None:
    """Refuse to make an owner of somebody of the committee, but by themselves or by who presides without a hand in it.

    Whoever answered for a use once decides nothing about it: its owner would pick the judges by naming them for a day.

    Args:
        connection: Where to read.
        owner: Who would answer for it.
        by: Who says so; None is a file, which only the office brings.
        use: The use as it was; None of a new one.

    Raises:
        FixedField: It is another's to say.
    """
    if owner is None or by is None or owner == by or not who_may(connection, "case.vote", [owner]):
        return
    hands = {} if use is None else hand_in(connection, use, PRODUCTS.get(connection, use.product))
    if by not in hands and who_may(connection, "case.change", [by]):
        return
    why = "they belong to the committee, and whoever answers for a use once decides nothing about it from then on"
    fix = "have them take it on themselves, or a chair or an officer without a hand in the use name them"
    raise FixedField("use", "owner", why, fix)


def first_tier_stays(
    connection: Connection, tier: str | None, owner: str | None, by: str | None, use: Any = None
) -> None:
    """Refuse a first tier below high by who has a hand in the use: it says how closely they are looked at.

    Args:
        connection: Where to read.
        tier: The tier it would have.
        owner: Who would answer for it.
        by: Who says so; None is a file, which only the office brings.
        use: The use as it was; None of a new one.

    Raises:
        FixedField: It is for triage, or for another to say.
    """
    if by is None or tier in (None, Tier.HIGH.value) or (use is not None and use.tier is not None):
        return
    hands = {} if use is None else hand_in(connection, use, PRODUCTS.get(connection, use.product))
    if by == owner or by in hands:
        why = "you have a hand in this use, and its tier says how closely it is looked at"
        raise FixedField("use", "tier", why, "triage it, or have somebody without a hand in it give its tier")


def _became_so(connection: Connection, use: str) -> int:
    """The entry of the log by which a use became what it is: its purpose, impact or product, or a version of it."""
    at_its_sites = select(deployments.c.id).where(deployments.c.use == use)
    told = connection.execute(
        select(log_entries.c.number, log_entries.c.action, log_entries.c.entry)
        .where(
            or_(
                and_(log_entries.c.action == "use.change", log_entries.c.about == use),
                and_(log_entries.c.action.in_(_DEPLOYED), log_entries.c.about.in_(at_its_sites)),
            )
        )
        .order_by(log_entries.c.number.desc())
    )
    for row in told:
        after = json.loads(bytes(row.entry))["after"]
        if _SAYS_WHAT_IT_IS & after.keys() if row.action == "use.change" else after.get("version") is not None:
            return int(row.number)
    return -1


def name_stays(connection: Connection, kind: str, old: Any, after: Mapping[str, Any], by: str | None) -> None:
    """Refuse to rename what evidence names, or would name, by who has a hand in the use, or by a file.

    Evidence belongs to what it named when it came. Under another's name for a moment, a use, or the product of it,
    would take that other's evidence over.

    Args:
        connection: Where to read.
        kind: use or product.
        old: The record as it was.
        after: The fields that would change, with their new values.
        by: Who changes it; None is a file.

    Raises:
        FixedField: Its name would.
    """
    name = after.get("name")
    if name is None or _plain(name) == _plain(old.name):
        return
    told = select(literal(1)).where(_told_of(kind, old, name), statements.c.kind.not_in(_NOT_JUDGED))
    if not _any(connection, told):
        return
    of_it = uses.c.id == old.id if kind == "use" else uses.c.product == old.id
    hands: dict[str, str] = {}
    for row in connection.execute(select(uses).where(of_it)).all():
        use = USES.read(row)
        hands |= hand_in(connection, use, PRODUCTS.get(connection, use.product))
    made = (log_entries.c.about == old.id, log_entries.c.action == f"{kind}.create", log_entries.c.actor == by)
    if by is not None and by not in hands and not _any(connection, select(literal(1)).where(*made)):
        return
    own = "no file renames it" if by is None else f"you {hands.get(by, 'put it into the book')}"
    why = f"filed evidence goes by this name, or by the new one, and {own}"
    raise FixedField(kind, "name", why, f"have somebody without a hand in the {kind} rename it")


def _told_of(kind: str, old: Any, name: str) -> ColumnElement[bool]:
    """Evidence about a use or a product, and what waits for one of another name."""
    if kind == "product":
        waits = and_(statements.c.product_id.is_(None), func.lower(statements.c.product) == _plain(name))
        return or_(statements.c.product_id == old.id, waits)
    unknown = and_(statements.c.product_id == old.product, statements.c.use_id.is_(None))
    return or_(statements.c.use_id == old.id, and_(unknown, func.lower(statements.c.use_name) == _plain(name)))


def _plain(name: str) -> str:
    return name.strip().lower()


def entry_decides_nothing(connection: Connection, made: Any, by: str) -> None:
    """Refuse a new use that calls itself decided, by other than a case here, or as `first_tier_stays` does.

    Raises:
        FixedField: It has a word that only a committee gives, or a first tier that is another's to give.
    """
    first_tier_stays(connection, made.tier, made.owner, by)
    if made.decision not in UNDECIDED:
        why = "only a case decides, and a new use had none"
        fix = f"enter it as '{Decision.LEGACY.value}' if it runs, file the decision taken elsewhere, and open a case"
        raise FixedField("use", "decision", why, fix)


def _decides_nothing(connection: Connection, use: Any, after: Mapping[str, Any]) -> None:
    """Hold an edited stage or decision against what may be said of a use that no committee has looked at."""
    field = next(name for name in _STANDS if name in after)
    if _any(connection, select(literal(1)).where(triages.c.use == use.id)):
        raise FixedField("use", field, "this use was triaged here, and goes on from there", _TO_A_CASE)
    decision = Decision(after.get("decision", use.decision))
    if "decision" in after and not {decision, use.decision} <= UNDECIDED:
        raise FixedField("use", "decision", "only a case decides, or takes a decision back", "open a case")
    stage = Stage(after.get("stage", use.stage))
    if stage is Stage.RETIRED and use.stage is not stage and _any(connection, _still_there(use.id)):
        why = "it is still there at a site: a case decides that what runs retires"
        raise FixedField("use", "stage", why, "open a case that asks for its retirement, or end it at each site first")
    if decision not in UNDECIDED and _EXPOSURE.get(stage, 0) > _EXPOSURE.get(use.stage, 0):
        why = f"nothing here says that what was decided elsewhere reaches {stage.value}"
        raise FixedField("use", "stage", why, "open a case")


def _reviews(use: str, person: str) -> Select[Any]:
    """A seat of somebody in a case of a use that is still worked on: as reviewer, as delegate, or presiding over it."""
    seats = select(literal(1)).outerjoin_from(cases, reviewers, cases.c.id == reviewers.c.case)
    theirs = or_(reviewers.c.person == person, reviewers.c.delegate == person, cases.c.chair == person)
    return seats.where(cases.c.use == use, theirs, cases.c.state.in_(_WORKING))


def _still_there(use: str) -> Select[Any]:
    return select(literal(1)).where(deployments.c.use == use, deployments.c.mode != Mode.ENDED.value)


def _lower(tier: str, than: Tier) -> bool:
    return _TIERS.index(Tier(tier)) < _TIERS.index(than)


def deployment_stays(connection: Connection, deployment: Any, changed: Collection[str]) -> None:
    """Refuse to carry what runs to another site or use, once a committee has had either use before it.

    Args:
        connection: Where to read.
        deployment: The deployment as it was.
        changed: The fields that would change.

    Raises:
        FixedField: Its use or site would.
    """
    touched = [field for field in ("use", "site") if field in changed]
    if touched and _any(connection, select(literal(1)).where(cases.c.use == deployment.use)):
        why = "what was decided and accepted here is about this use at this site"
        raise FixedField("deployment", touched[0], why, "end this one, and put down the other")


def fact_stays(_connection: Connection, fact: Any, changed: Collection[str]) -> None:
    """Refuse to make something else of an answer: changes are seen by what it answers, an imported one by its source.

    Args:
        _connection: Not asked.
        fact: The fact as it was.
        changed: The fields that would change.

    Raises:
        FixedField: What it is about, its field or its source would.
    """
    touched = [field for field in _ANSWER if field in changed]
    if set(touched) - {"source"}:
        raise FixedField("fact", touched[0], "what an answer answers stays", "add another answer, and correct this one")
    if touched and fact.source.startswith(IMPORTED):
        raise FixedField("fact", touched[0], "this answer came with a file", "add an answer of your own beside it")


def why_not_moved(connection: Connection, use: str) -> str | None:
    """What ties a use to its product; None where nothing does."""
    if _any(connection, select(literal(1)).where(cases.c.use == use)):
        return "a case was opened about this use of its product"
    if _any(connection, select(literal(1)).where(statements.c.use_id == use)):
        return "evidence is filed about this use of its product"
    if _any(connection, select(literal(1)).where(deployments.c.use == use, deployments.c.version.is_not(None))):
        return "versions of its product are deployed for it"
    return None


def _any(connection: Connection, query: Select[Any]) -> bool:
    return connection.execute(query.limit(1)).first() is not None
