"""The page of one use: what is missing first, then what it is for, what is known, where it runs, what happened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from codman.flows.accepting import waits_at
from codman.flows.concerns.people import places
from codman.flows.concerns.reading import READ, is_answerable
from codman.flows.filed import Filed
from codman.flows.harm import open_harm
from codman.flows.review.undecided import sentences, uncovered
from codman.registry.access import Reader, may, paths_for
from codman.registry.coverage import coverage_of, tallies
from codman.registry.interests import hand_in
from codman.registry.mine import how_granted
from codman.registry.names import names_of
from codman.registry.nouns import PRODUCTS, SITES
from codman.registry.places import out_of_sight
from codman.registry.related import deployments_of, documents_about, versions_of
from codman.registry.timeline import Asked, abouts_of_use, entries_of
from codman.spine.concern import Pause
from codman.spine.product import Product
from codman.spine.site import Deployment, Mode
from codman.spine.use import RUNNING, Decision, Stage, Use
from codman.web.render import day
from codman.web.views import marks
from codman.web.views.accepting import Accepts, accepts
from codman.web.views.coverage import tally_lines
from codman.web.views.documents import DocumentLine, document_lines
from codman.web.views.history import Event, events, ids_in, planned_in
from codman.web.views.marks import Fact, Gap, Tag
from codman.web.views.use_evidence import Evidence, Known, evidence_of, known

SHOWN_EVENTS: Final = 20
SHOWN_STATEMENTS: Final = 12
_OPEN: Final = frozenset({Decision.UNDECIDED, Decision.LEGACY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The use at one site."""

    id: str
    site: str
    mode: Tag
    since: str | None
    version: str
    clinician: str
    accepted_at: str | None
    mine: bool  # the reader is its clinician, and it waits for them
    changeable: bool
    revision: int
    undecided: str = ""  # why no decision covers it
    accepts: Accepts | None = None  # what there is to accept; None where it is accepted, or has ended


@dataclass(frozen=True, slots=True, kw_only=True)
class UseView:
    """The whole page."""

    id: str
    name: str
    product: str
    product_href: str
    tags: tuple[Tag, ...]
    facts: tuple[Fact, ...]
    gaps: tuple[Gap, ...]
    says: tuple[Fact, ...]
    known: tuple[Known, ...]
    more_known: int
    runs: tuple[Runs, ...]
    coverage: tuple[tuple[str, int, int, Mapping[str, int]], ...]
    documents: tuple[DocumentLine, ...]
    events: tuple[Event, ...]
    revision: int


def use_view(
    connection: Connection, use: Use, reader: Reader, fields: Set[str], statements: Sequence[Filed], now: datetime
) -> UseView:
    """The page of a use the reader may see.

    Args:
        connection: Where to read.
        use: The use.
        reader: Who looks.
        fields: Those of its fields that they may change.
        statements: The evidence filed for it, the newest first; one more than are shown says that there is more.
        now: The time in the house's zone, at which decisions hold or have run out.
    """
    today = now.date().isoformat()
    product = PRODUCTS.get(connection, use.product)
    within = paths_for(reader, "inventory.read")
    labels = {one.id: one.label for one in versions_of(connection, use.product)}
    runs = deployments_of(connection, use.id, within)
    evidence = evidence_of(connection, use.id, runs, labels)
    history = entries_of(connection, Asked(about=abouts_of_use(connection, use.id, within), limit=SHOWN_EVENTS)).items
    named = names_of(
        connection,
        [
            use.owner,
            use.site,
            product.vendor,
            product.embedded_in,
            *(one.site for one in runs),
            *(one.version for one in runs),
            *(one.clinician for one in runs),
            *ids_in(history),
        ],
    )
    named |= out_of_sight(connection, within, planned_in(history))
    paths = _paths(connection, reader, runs)
    names_them = any(one.clinician == reader.person for one in runs)
    hands = hand_in(connection, use, product) if names_them else {}
    seen = {one.id for one in runs}
    bare = [one for one in uncovered(connection, use, today) if one.deployment.id in seen]
    why = {one.deployment.id: one.why for one in bare}
    granted = how_granted(connection, [use.id], today).get(use.id)
    decision = marks.decision(use.decision, granted, partly=bool(bare))
    asked = waits_at(connection, use, runs, now.isoformat(), now.tzinfo or UTC)
    reads = may(reader, "review.read")
    beside = {name: accepts(one, _only(named, runs), reads=reads) for name, one in asked.items()}
    return UseView(
        id=use.id,
        name=use.name,
        product=product.name,
        product_href=f"/products/{product.id}",
        tags=_tags(use, product, decision),
        facts=_facts(use, runs, evidence, named, asked, decision),
        gaps=tuple(
            gaps(
                use,
                runs,
                has_evidence=evidence.tally.verified > 0,
                evidence=evidence,
                fields=fields,
                may_deploy=may(reader, "deployment.create"),
                undecided=sentences(bare, named),
                waiting=asked,
            )
        ),
        says=_says(use, named),
        known=tuple(known(row) for row in statements[:SHOWN_STATEMENTS]),
        more_known=max(0, len(statements) - SHOWN_STATEMENTS),
        runs=tuple(
            replace(_runs(one, named, reader, paths, hands, beside.get(one.id)), undecided=why.get(one.id, ""))
            for one in runs
        ),
        coverage=tally_lines(tallies(coverage_of(connection, use.id))),
        documents=document_lines(documents_about(connection, use.id, *labels), labels),
        events=events(history, named),
        revision=use.revision,
    )


def gaps(
    use: Use,
    runs: Sequence[Deployment],
    *,
    has_evidence: bool,
    evidence: Evidence | None = None,
    fields: Set[str] = frozenset(),
    may_deploy: bool = False,
    undecided: Sequence[str] = (),
    waiting: Collection[str] | None = None,
) -> list[Gap]:
    """What is not known or not done, the gravest first; nothing is asked of a use that is retired.

    Args:
        use: The use.
        runs: Where it runs.
        has_evidence: Whether any filed evidence counts.
        evidence: What is filed, of which version, where that is known.
        fields: The fields that the reader may change: those gaps lead to the form.
        may_deploy: Whether they may say where it runs.
        undecided: Where it runs without a decision and why, as clauses; only its stage is looked at without.
        waiting: Deployments that wait to be accepted; those never accepted without.
    """
    bare = [Gap(f"Without a decision: {one}", "#where") for one in undecided]
    if use.stage is Stage.RETIRED:
        return bare

    def form(name: str) -> str:
        return f"/uses/{use.id}/edit#f-{name}" if name in fields else ""

    found = bare
    running = use.stage in RUNNING
    if running and use.decision in _OPEN and not bare:
        found.append(Gap(f"It runs ({use.stage.value}) and nobody has decided that it may", form("decision")))
    if use.owner is None:
        found.append(Gap("Nobody answers for it", form("owner")))
    if not has_evidence:
        apart = evidence.apart if evidence is not None else ""
        but = f"No filed evidence counts ({apart})" if apart else "No evidence is filed"
        found.append(Gap(f"{but}: how well it works for local patients is not known", "/evidence"))
    elif evidence is not None and evidence.unknown:
        said = f"No evidence that counts names version {evidence.unknown}, which runs"
        found.append(Gap(f"{said}: how well it works for local patients is not known", f"/evidence?use={use.id}"))
    if running and use.monitoring is None:
        found.append(Gap("How it is watched is not said", form("monitoring")))
    unnamed = [one for one in runs if one.clinician is None and one.mode is not Mode.ENDED]
    if unnamed:
        found.append(Gap(f"{_sites(len(unnamed))} without an accountable clinician", "#where"))
    if waiting is None:
        waiting = {one.id for one in runs if one.accepted_at is None}
    theirs = [one for one in runs if one.clinician and one.id in waiting and one.mode is not Mode.ENDED]
    if theirs:
        found.append(Gap(f"{_sites(len(theirs))} not yet accepted by the clinician", "#where"))
    if running and not runs:
        found.append(Gap("Where it runs is not said", f"/deployments/new?use={use.id}" if may_deploy else ""))
    for name, said in (
        ("purpose", "What it is for is not said"),
        ("population", "For which patients is not said"),
        ("tier", "Its risk tier is not set"),
        ("impact", "Whether it is high-impact is not determined"),
        ("downtime_procedure", "What is done when it is down is not said"),
        ("demographic_inputs", "Whether it takes race, sex or age as inputs is not said"),
    ):
        if getattr(use, name) is None:
            found.append(Gap(said, form(name)))
    return found


def open_concerns(connection: Connection, use: Use, reader: Reader) -> tuple[Gap, ...]:
    """The open concerns about harm, and the pauses they propose: everybody reads that they are, who may read what."""
    return tuple(
        Gap(
            f"Raised on {day(one.raised_at)}, {one.severity.value}"
            + (": a pause is proposed and nobody has taken or declined it" if one.pause is Pause.PROPOSED else ""),
            f"/incidents/{one.id}"
            if may(reader, READ, places(connection, one)) or is_answerable(connection, reader, one, READ)
            else "",
        )
        for one in open_harm(connection, use.id)
    )


def _sites(number: int) -> str:
    return "1 site" if number == 1 else f"{number} sites"


def _tags(use: Use, product: Product, decision: Tag) -> tuple[Tag, ...]:
    stage = marks.mode(use.stage)
    since = f" since {day(use.stage_since)}" if use.stage_since else ""
    tags = [Tag(stage.text + since, stage.tone, stage.sign), decision]
    if use.tier:
        tags.append(Tag(f"Tier {use.tier.value}"))
    if use.impact:
        tags.append(Tag(use.impact.value.capitalize()))
    if product.kind:
        tags.append(Tag(product.kind.value.capitalize()))
    if product.generative:
        tags.append(Tag("Generative"))
    return tuple(tags)


def _only(named: Mapping[str, str], runs: Sequence[Deployment]) -> Mapping[str, str]:
    """The names of the sites where it runs, as far as the reader sees them."""
    return {one.site: named[one.site] for one in runs if one.site in named}


def _facts(
    use: Use,
    runs: Sequence[Deployment],
    evidence: Evidence,
    named: Mapping[str, str],
    waiting: Collection[str],
    decision: Tag,
) -> tuple[Fact, ...]:
    active = [one for one in runs if one.mode is not Mode.ENDED]
    accepted = sum(one.id not in waiting for one in active)
    return (
        Fact("Decision", decision.text, detail=use.tier.value + " tier" if use.tier else "no tier yet"),
        Fact(
            "Answers for it",
            named.get(use.owner or "", "Nobody"),
            detail=named.get(use.site or "", "the whole house"),
            href=f"/people/{use.owner}" if use.owner else "",
        ),
        Fact("Runs at", _sites(len(active)) if active else "Not said", detail=f"{accepted} accepted" if active else ""),
        evidence.fact(),
    )


def _says(use: Use, named: Mapping[str, str]) -> tuple[Fact, ...]:
    inputs = None if use.demographic_inputs is None else ", ".join(use.demographic_inputs) or "none"
    return (
        Fact("Purpose", use.purpose or ""),
        Fact("Patients", use.population or ""),
        Fact("Care setting", use.care_setting or ""),
        Fact("Role in the decision", use.decision_role.value if use.decision_role else ""),
        Fact("Without a person it may", use.autonomy or ""),
        Fact("Who sees its output", use.users or ""),
        Fact("Where alerts go", use.alert_destination or ""),
        Fact("Demographic inputs", inputs or ""),
        Fact("When it is down", use.downtime_procedure or ""),
        Fact("How it is watched", use.monitoring or ""),
        Fact("Organisation", use.organisation or ""),
        Fact("Site that answers", named.get(use.site or "", "the whole house")),
        Fact("Topic", use.topic or ""),
    )


def _paths(connection: Connection, reader: Reader, runs: Sequence[Deployment]) -> Mapping[str, str]:
    """Where the sites stand, for a reader whose rights end somewhere."""
    if all(held.path == "/" for held in reader.held):
        return {}
    return {name: site.path for name, site in SITES.get_many(connection, [one.site for one in runs]).items()}


def _runs(
    one: Deployment,
    named: Mapping[str, str],
    reader: Reader,
    paths: Mapping[str, str],
    hands: Collection[str],
    beside: Accepts | None,
) -> Runs:
    here = [paths.get(one.site, "/")]
    return Runs(
        id=one.id,
        site=named.get(one.site, one.site),
        mode=marks.mode(one.mode),
        since=one.since,
        version=named.get(one.version or "", ""),
        clinician=named.get(one.clinician or "", ""),
        accepted_at=one.accepted_at,
        mine=beside is not None
        and one.clinician == reader.person
        and may(reader, "deployment.accept", here)
        and reader.person not in hands,
        changeable=may(reader, "deployment.change", here),
        revision=one.revision,
        accepts=beside,
    )
