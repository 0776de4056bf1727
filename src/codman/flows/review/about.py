"""What a case is about beside its policy: the sites and version of its day, the artefact, what it is for, its plans."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, or_, select

from codman.flows.planning import yet_to_run
from codman.flows.review.changes_seen import ANSWERS
from codman.registry.related import deployments_of, versions_of
from codman.registry.schema import deployments, documents, facts, keys, log_entries, statements, versions
from codman.registry.schema_review import change_plans
from codman.spine.policy import Checkpoint
from codman.spine.product import Product
from codman.spine.review import Case
from codman.spine.site import Deployment, Mode, PlannedMode
from codman.spine.use import RUNNING, WHAT_IT_IS, Use

# what a case there decides lets a use begin somewhere: it takes the use's planned sites over
TAKES_PLANNED: Final = frozenset({Checkpoint.SILENT, Checkpoint.PILOT, Checkpoint.GO_LIVE})
_AS_VOTED: Final = (*WHAT_IT_IS, "downtime_procedure", "demographic_inputs")
_OF_THE_USE: Final = ("tier", "product", "name", *_AS_VOTED)
_SAID_OF_THE_PRODUCT: Final = ("name", "summary", "model_type", "generative")
_OF_THE_PRODUCT: Final = ("kind", *_SAID_OF_THE_PRODUCT)
_OF_A_SITE: Final = ("ehr_build",)
OFFERS_PLANNED: Final = TAKES_PLANNED | {Checkpoint.CHANGE}  # a change may name them too, and takes none by itself


@dataclass(frozen=True, slots=True)
class Reach:
    """The sites and the version of a case."""

    sites: Sequence[str]
    planned: Mapping[str, PlannedMode]  # of those sites, the ones where it is yet to run
    version: str | None


def as_it_runs(
    connection: Connection,
    use: Use,
    checkpoint: Checkpoint,
    sites: Sequence[str],
    planned: Mapping[str, PlannedMode] | None,
    version: str | None,
) -> Reach:
    """What a case is about that leaves a site or the version open: what there is today, and nothing that comes later.

    Args:
        connection: Where to read.
        use: The use.
        checkpoint: Before which checkpoint.
        sites: Those that were named; with none, where it runs and, where it may begin, where it is planned.
        planned: Where it is yet to run; as the use has it without.
        version: The version that was named; without, the one that is at those sites. Where nothing is set up there yet,
            the one that runs elsewhere, else the only one of its product.
    """
    there = _set_up(connection, use)
    if planned is None:
        ahead = yet_to_run(connection, use)
        takes = sites or (list(ahead) if checkpoint in TAKES_PLANNED else [])
        planned = {site: mode for site, mode in ahead.items() if site in takes}
    named = [*(sites or sorted({one.site for one in there})), *sorted(planned)]
    to_run = _to_run(connection, use, named)
    if version is None and len(to_run) == 1:
        version = to_run.pop()
    return Reach(list(dict.fromkeys(named)), planned, version)


def why_not_one_version(connection: Connection, use: Use, sites: Sequence[str], version: str | None) -> str | None:
    """Why a case that lets something run must name its version; None where it names one, or one at most is there.

    Where nothing is set up, it names one of those that its product has: a decision about none lets none of them run.
    """
    if version is not None:
        return None
    several = _to_run(connection, use, sites) - {None}
    if not any(not sites or one.site in sites for one in _set_up(connection, use)):
        many = f"its product has {len(several)} versions" if len(several) > 1 else "its product has a version"
        return f"nothing is set up at its sites yet, and {many}: name the one that it is about" if several else None
    if len(several) < 2:
        return None
    return f"{len(several)} versions are at its sites, and what is shown is of one: name the version that it is about"


def why_no_site(case: Case) -> str | None:
    """Why a case that lets something run cannot be granted as it was opened: it names no site; None where it can."""
    if case.sites or case.leads_to not in RUNNING:
        return None
    return "it names no site and none is planned: name where it is to run before it can be granted"


def _to_run(connection: Connection, use: Use, sites: Sequence[str]) -> set[str | None]:
    """The versions at some sites of a use; where nothing is set up there, at any of them; else all of its product."""
    there = _set_up(connection, use)
    here = {one.version for one in there if not sites or one.site in sites}
    return here or {one.version for one in there} or {one.id for one in versions_of(connection, use.product)}


def _set_up(connection: Connection, use: Use) -> list[Deployment]:
    return [one for one in deployments_of(connection, use.id) if one.mode is not Mode.ENDED]


def what_it_is_about(connection: Connection, case: Case, use: Use, product: Product) -> tuple[str | None, ...]:
    """What is on the table of a case beside what the case itself says: another of it is voted on anew."""
    artefact = connection.execute(
        select(versions.c.label, versions.c.digest, versions.c.ehr_build).where(versions.c.id == case.version)
    ).one_or_none()
    laid = select(change_plans.c.id).where(change_plans.c.case == case.id).order_by(change_plans.c.id)
    plans = connection.execute(laid).scalars().all()
    made = [getattr(product, field) for field in _SAID_OF_THE_PRODUCT]
    what = (
        use.product,
        use.name,
        *(None if one is None else str(one) for one in (getattr(use, field) for field in _AS_VOTED)),
        *(None if one is None else str(one) for one in made),
        *_how_it_runs(connection, case, use),
    )
    return (*(artefact or (None, None, None)), *what, *plans)


def _how_it_runs(connection: Connection, case: Case, use: Use) -> tuple[str, str]:
    """Where its data come from and at which threshold it speaks, as was answered; and the EHR build of each site."""
    named = (use.id, use.product, case.version)
    said = select(facts.c.about, facts.c.field, facts.c.value, facts.c.id)
    answered = connection.execute(said.where(facts.c.about.in_(named), facts.c.field.in_(ANSWERS)).order_by(facts.c.id))
    builds = sorted(
        (one.site, one.ehr_build)
        for one in deployments_of(connection, use.id)
        if one.ehr_build is not None and one.mode is not Mode.ENDED and (not case.sites or one.site in case.sites)
    )
    return json.dumps([list(row) for row in answered]), json.dumps(builds)


def last_changed(connection: Connection, case: Case, use: Use) -> str:
    """When somebody last changed what a case stands on, as the log tells, though it was put back since; empty if never.

    That is what the use and its product are, the version, the EHR builds at its sites, the documents and answers about
    them, and a key by which their evidence counts. New evidence is another than before, so what was voted on is never
    put back by it.
    """
    named = (use.id, use.product, case.version)
    theirs = or_(statements.c.use_id == use.id, statements.c.product_id == use.product)
    beside = (
        select(documents.c.id).where(documents.c.about.in_(named)),
        select(facts.c.id).where(or_(facts.c.about == use.id, facts.c.about.in_(named) & facts.c.field.in_(ANSWERS))),
        select(deployments.c.id).where(deployments.c.use == use.id),
        select(keys.c.id).where(keys.c.keyid.in_(select(statements.c.keyid).where(theirs))),
    )
    about = [use.id, use.product, *(one for each in beside for one in connection.execute(each).scalars())]
    if case.version is not None:
        about.append(case.version)
    told = (
        select(log_entries.c.at, log_entries.c.about_kind, log_entries.c.entry)
        .where(log_entries.c.about.in_(about), log_entries.c.at >= case.created_at)
        .order_by(log_entries.c.number.desc())
    )
    parts = {"use": _OF_THE_USE, "product": _OF_THE_PRODUCT, "deployment": _OF_A_SITE}
    for row in connection.execute(told):
        asked = parts.get(row.about_kind)
        if asked is None or set(asked) & (json.loads(bytes(row.entry))["after"] or {}).keys():
            return str(row.at)
    return ""
