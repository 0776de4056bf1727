"""Which questions each kind of record asks, in the order people answer them, grouped under a heading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from codman.flows.choices import CLINICIANS
from codman.spine.person import Role
from codman.spine.product import ProductKind
from codman.spine.site import Mode, SiteLevel
from codman.spine.use import Decision, DecisionRole, Impact, Stage, Tier
from codman.web.views.forms import Ask, Option
from codman.web.views.frame import ROLES
from codman.web.views.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions under one heading."""

    title: str
    asks: tuple[Ask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The form of one kind of record."""

    kind: str
    plural: str
    noun: str
    groups: Callable[[Lists], tuple[Group, ...]]
    here: Callable[[Mapping[str, Any]], str]  # where to go once it is kept


def every_ask(groups: Sequence[Group]) -> tuple[Ask, ...]:
    """All questions of a form."""
    return tuple(ask for group in groups for ask in group.asks)


def offered(groups: Sequence[Group], fields: Set[str]) -> tuple[Group, ...]:
    """The questions about these fields alone; a heading with none goes."""
    kept = (Group(title=one.title, asks=tuple(ask for ask in one.asks if ask.name in fields)) for one in groups)
    return tuple(one for one in kept if one.asks)


def without_decisions(groups: Sequence[Group]) -> tuple[Group, ...]:
    """The same for who decides nothing: a new use is proposed, or ran before anybody asked."""
    open_to_all = {"stage": _BEFORE_REVIEW, "decision": _NO_DECISION}
    return tuple(
        Group(
            title=group.title,
            asks=tuple(
                replace(ask, options=open_to_all[ask.name], hint=_HINT_BEFORE if ask.name == "decision" else ask.hint)
                if ask.name in open_to_all
                else ask
                for ask in group.asks
            ),
        )
        for group in groups
    )


def ran_or_proposed(values: Mapping[str, Any]) -> bool:
    """Whether a new use's stage and decision are two that who decides nothing was offered."""
    stages, decisions = {one.value for one in _BEFORE_REVIEW}, {one.value for one in _NO_DECISION}
    return values.get("stage") in stages and values.get("decision") in decisions


def _words(kind: type[StrEnum]) -> tuple[Option, ...]:
    return tuple(Option(one.value, one.value) for one in kind)


_BEFORE_REVIEW: Final = tuple(one for one in _words(Stage) if one.value not in (Stage.TRIAGED, Stage.IN_REVIEW))
_NO_DECISION: Final = tuple(one for one in _words(Decision) if one.value in (Decision.UNDECIDED, Decision.LEGACY))
_HINT_BEFORE: Final = "What runs or ran already is undecided (legacy), until a review decides"


def _product(lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="What it is",
            asks=(
                Ask(name="name", label="Name", needed=True),
                Ask(name="kind", label="How the hospital came by it", kind="choice", options=_words(ProductKind)),
                lists.ask("vendor", name="vendor", label="Vendor"),
                lists.ask("product", name="embedded_in", label="Part of another product"),
                Ask(name="summary", label="What it does", kind="prose"),
                Ask(name="model_type", label="Kind of model", hint="e.g. gradient-boosted trees"),
                Ask(name="generative", label="Generative", kind="yesno"),
                Ask(name="submission", label="FDA submission number", hint="e.g. K253532, DEN200001, P190001"),
            ),
        ),
    )


def _version(lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="Which edition",
            asks=(
                lists.ask("product", name="product", label="Product", needed=True),
                Ask(name="label", label="Version, as its maker names it", hint="e.g. 3.1", needed=True),
                Ask(name="digest", label="sha256 of the artefact", hint="Leave it empty where nobody has the artefact"),
                Ask(
                    name="descriptor",
                    label="Descriptor, where nobody has the artefact",
                    kind="prose",
                    hint="One `name: value` a line: vendor, product, build, configuration, observed_on, ehr_build",
                ),
                Ask(name="ehr_build", label="EHR build in which it was last seen"),
                Ask(name="released_on", label="Released on", kind="day"),
                lists.ask("version", name="parent", label="Made from"),
                Ask(name="change_note", label="What changed", kind="prose"),
                Ask(name="pccp", label="What falls under a predetermined change control plan", kind="prose"),
            ),
        ),
    )


def _vendor(_lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="Who supplies",
            asks=(
                Ask(name="name", label="Name", needed=True),
                Ask(name="contact", label="Contact", hint="A role or a shared mailbox"),
            ),
        ),
        Group(
            title="The contract",
            asks=(
                Ask(name="contract_starts", label="Starts", kind="day"),
                Ask(name="contract_ends", label="Ends", kind="day"),
                Ask(name="baa", label="Business associate agreement signed", kind="yesno"),
                Ask(name="data_rights", label="What the vendor may do with the hospital's data", kind="prose"),
                Ask(name="change_notice", label="Duty to tell of changes, and how early", kind="prose"),
                Ask(name="annual_cost", label="Annual cost, in the house's currency", kind="amount"),
            ),
        ),
    )


def _site(lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="The place",
            asks=(
                Ask(name="name", label="Name", needed=True),
                Ask(name="level", label="Level", kind="choice", options=_words(SiteLevel), needed=True),
                lists.ask("site", name="parent", label="Stands below"),
            ),
        ),
    )


def _person(_lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="Who",
            asks=(
                Ask(name="name", label="Name", needed=True),
                Ask(name="email", label="E-mail", kind="email"),
                Ask(name="discipline", label="Discipline", hint="e.g. critical care, nursing, equity, IT operations"),
                Ask(name="active", label="May sign in", kind="yesno"),
            ),
        ),
    )


def _grant(lists: Lists) -> tuple[Group, ...]:
    roles = tuple(Option(role.value, ROLES[role.value]) for role in Role)
    return (
        Group(
            title="The role",
            asks=(
                lists.ask("person", name="person", label="Person", needed=True),
                Ask(name="role", label="Role", kind="choice", options=roles, needed=True),
                lists.ask(
                    "site",
                    name="site",
                    label="At this site and below",
                    unsaid="the whole house",
                ),
            ),
        ),
    )


def _use(lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="What it is for",
            asks=(
                lists.ask("product", name="product", label="Product", needed=True),
                Ask(name="name", label="Name of the use", hint="The product, for whom and where", needed=True),
                Ask(name="purpose", label="Purpose", kind="prose"),
                Ask(name="population", label="Patients it is for", kind="prose"),
                Ask(name="care_setting", label="Care setting", hint="e.g. inpatient, emergency, imaging"),
                Ask(name="topic", label="Topic"),
            ),
        ),
        Group(
            title="What it does to a decision",
            asks=(
                Ask(name="decision_role", label="Role in the decision", kind="choice", options=_words(DecisionRole)),
                Ask(name="autonomy", label="What it may do without a person"),
                Ask(name="users", label="Who sees its output", hint="e.g. ward nurse"),
                Ask(name="alert_destination", label="Where alerts go"),
                Ask(
                    name="demographic_inputs",
                    label="Demographic inputs",
                    kind="lines",
                    hint="With commas between, e.g. age, sex. Write none where it takes none.",
                ),
                Ask(name="downtime_procedure", label="What is done when it is down", kind="prose"),
            ),
        ),
        Group(
            title="Who answers",
            asks=(
                lists.ask("person", name="owner", label="Owner"),
                lists.ask(
                    "site",
                    name="site",
                    label="Site that answers for it",
                    unsaid="the whole house",
                ),
                Ask(name="organisation", label="Organisation, as the source says"),
                Ask(name="monitoring", label="How it is watched", kind="prose"),
            ),
        ),
        Group(
            title="Where it stands",
            asks=(
                Ask(name="stage", label="Stage", kind="choice", options=_words(Stage), needed=True),
                Ask(name="stage_since", label="Since", kind="day"),
                Ask(
                    name="decision",
                    label="Decision",
                    kind="choice",
                    options=_words(Decision),
                    needed=True,
                    hint="Stage, decision, impact and tier are set by those who may decide",
                ),
                Ask(name="impact", label="Impact (OMB M-25-21)", kind="choice", options=_words(Impact)),
                Ask(name="tier", label="Risk tier", kind="choice", options=_words(Tier)),
            ),
        ),
    )


def _deployment(lists: Lists) -> tuple[Group, ...]:
    return (
        Group(
            title="Where it runs",
            asks=(
                lists.ask("use", name="use", label="Use", needed=True),
                lists.ask("site", name="site", label="Site", needed=True),
                lists.ask("version", name="version", label="Version"),
                Ask(name="mode", label="Mode", kind="choice", options=_words(Mode), needed=True),
                Ask(name="since", label="Since", kind="day"),
                lists.ask(
                    "person",
                    name="clinician",
                    label="Accountable clinician of this site",
                    hint="Accepts it here; another clinician or version must accept it anew",
                    who=CLINICIANS,
                ),
                Ask(name="ehr_build", label="EHR build"),
                Ask(
                    name="serves",
                    label="MLflow alias that says which version is served here",
                    hint="As MLflow writes it, e.g. models:/sepsis@champion; a rollback moves it",
                ),
                Ask(name="note", label="Note", kind="prose"),
            ),
        ),
    )


PAPERS: Final[Mapping[str, Paper]] = {
    paper.kind: paper
    for paper in (
        Paper(
            kind="product", plural="products", noun="product", groups=_product, here=lambda r: f"/products/{r['id']}"
        ),
        Paper(
            kind="version",
            plural="versions",
            noun="version",
            groups=_version,
            here=lambda r: f"/products/{r['product']}",
        ),
        Paper(kind="vendor", plural="vendors", noun="vendor", groups=_vendor, here=lambda r: f"/vendors/{r['id']}"),
        Paper(kind="site", plural="sites", noun="site", groups=_site, here=lambda _r: "/sites"),
        Paper(kind="person", plural="people", noun="person", groups=_person, here=lambda r: f"/people/{r['id']}"),
        Paper(kind="grant", plural="grants", noun="role", groups=_grant, here=lambda r: f"/people/{r['person']}"),
        Paper(kind="use", plural="uses", noun="use", groups=_use, here=lambda r: f"/uses/{r['id']}"),
        Paper(
            kind="deployment",
            plural="deployments",
            noun="deployment",
            groups=_deployment,
            here=lambda r: f"/uses/{r['use']}",
        ),
    )
}
