"""Opening a case: which use, before which checkpoint; then by which policy, for which sites, who must have voted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from codman.errors import BadInput
from codman.flows import records
from codman.flows.choices import Who
from codman.flows.planning import yet_to_run
from codman.flows.review.about import OFFERS_PLANNED, TAKES_PLANNED
from codman.flows.review.cases import WORKING
from codman.flows.review.opening import LEADS_TO, open_for, policy_of
from codman.flows.review.reading import list_cases
from codman.registry.access import NotAllowed
from codman.registry.interests import hand_in
from codman.registry.inventory import paths_of
from codman.registry.names import names_of
from codman.registry.nouns import PRODUCTS
from codman.registry.places import out_of_sight
from codman.registry.records import AlreadyThere, BadField
from codman.registry.related import deployments_of
from codman.spine.policy import Checkpoint
from codman.spine.review import Procedure
from codman.spine.site import Mode
from codman.spine.use import Use
from codman.web.pages.errors import status_of
from codman.web.topic import Topic
from codman.web.views.forms import Ask, Option, answers, unanswered
from codman.web.views.lists import Lists, is_search, searched
from codman.web.views.marks import Fact
from codman.web.views.sent import Form
from codman.web.views.step import Picks, Refused, refused_by, step_view
from codman.web.visit import FormDep, Visit, VisitDep

topic = Topic()

_BESIDE: Final = {
    Checkpoint.CHANGE: "adds a version or a site to what was decided",
    Checkpoint.MONITORING: "how it does where it runs; lets nothing new run",
}
_LEAD: Final = (
    "What the checkpoint demands is chosen by the use's tier, task, setting and kind, and kept word for word."
)
_PROCEDURES: Final[Mapping[Procedure, str]] = {
    Procedure.FULL: "Full: quorum and votes",
    Procedure.EXPEDITED: "Expedited: one reviewer and the chair; ends after half a year",
    Procedure.EMERGENCY: "Emergency: the chair alone; ends after 30 days",
}


@topic.get("/reviews/new")
def open_page(visit: VisitDep) -> Response:
    """The form that opens a case: first the use and the checkpoint, then the rest."""
    values = {name: value[:300] for name, value in visit.request.query_params.items()}
    chosen = set(visit.request.query_params.getlist("site"))
    if values.get("use") and values.get("checkpoint") in {one.value for one in LEADS_TO} and "find" not in values:
        return _rest(visit, {"procedure": Procedure.FULL.value, "quorum": "3", **values}, chosen)
    return _first(visit, values, sent="checkpoint" in values and "find" not in values)


@topic.post("/reviews/new")
def open_review(visit: VisitDep, form: FormDep) -> Response:
    """Open a case, or show the form again with what is wrong."""
    if form.get("use") is None or form.get("checkpoint") not in {one.value for one in LEADS_TO}:
        return _first(visit, form.values, sent=True, status=422)
    chosen = set(form.every.get("site", []))
    if is_search(form):
        return _rest(visit, form.values, chosen)
    use: Use = records.get(visit.house, visit.reader, "use", form.get("use") or "")
    asks = _asks(visit, use, form.values)
    errors = unanswered(asks, form.values)
    refused: Refused | None = None
    status = 422
    if not errors:
        try:
            case = open_for(
                visit.house, visit.reader, use.id, Checkpoint(form.get("checkpoint") or ""), **_said(asks, form)
            )
            return visit.go(f"/reviews/{case.id}")
        except BadField as error:
            errors = {error.field: error.why}
        except (AlreadyThere, NotAllowed, BadInput) as error:
            refused, status = refused_by(error), status_of(error)
    return _rest(visit, form.values, chosen, errors, refused, status=status)


def _said(asks: tuple[Ask, ...], form: Form) -> dict[str, Any]:
    said = answers(asks, form)
    quorum = said.pop("quorum", None)
    try:
        procedure = Procedure(said.pop("procedure", None) or Procedure.FULL)
    except ValueError:
        raise BadField("case", "procedure", "choose one of the list") from None
    if quorum is not None and (not isinstance(quorum, float) or quorum != int(quorum) or not 1 <= quorum <= 100):
        raise BadField("case", "quorum", "write a whole number from 1 to 100")
    return {
        **{name: value for name, value in said.items() if value is not None and name != "disciplines"},
        "disciplines": said.get("disciplines") or [],
        "procedure": procedure,
        "quorum": 3 if quorum is None else int(quorum),
        "sites": form.every.get("site", []),
    }


def _first(visit: Visit, values: Mapping[str, str], *, sent: bool, status: int = 200) -> Response:
    lists = _lists(visit, values)
    options = tuple(
        Option(one.value, f"{one.value}: {_BESIDE.get(one, f'leads to {to.value}')}") for one, to in LEADS_TO.items()
    )
    asks = (
        lists.ask("use", name="use", label="Which use", needed=True),
        Ask(name="checkpoint", label="Before which checkpoint", kind="choice", options=options, needed=True),
    )
    view = step_view(
        title="Open a review",
        lead=_LEAD,
        back=("/reviews", "Back to the reviews"),
        action="/reviews/new",
        submit="Go on",
        asks=asks,
        values=values,
        errors=unanswered(asks, values) if sent else None,
        hidden={"procedure": values["procedure"]} if values.get("procedure") in set(Procedure) else None,
    )
    return visit.show("step.html", view, status=status, method="get")


def _rest(
    visit: Visit,
    values: Mapping[str, str],
    chosen: set[str],
    errors: Mapping[str, str] | None = None,
    refused: Refused | None = None,
    *,
    status: int = 200,
) -> Response:
    use: Use = records.get(visit.house, visit.reader, "use", values["use"])
    checkpoint = Checkpoint(values["checkpoint"])
    facts = [Fact("Use", use.name, href=f"/uses/{use.id}"), Fact("Checkpoint", checkpoint.value)]
    try:
        met = policy_of(visit.house, visit.reader, use.id, checkpoint)
        facts.append(Fact("Policy", met.policy.policy, detail=met.why))
        facts.append(Fact("Requirements", str(len(met.policy.requires))))
    except BadInput as error:
        refused = refused or refused_by(error)
    there = list_cases(
        visit.house, visit.reader, where={"use": [use.id], "state": [state.value for state in WORKING]}, limit=20
    )
    same = next((one for one in there.items if one.checkpoint is checkpoint), None)
    if same is not None:
        facts.append(Fact("Open already", "See that case", detail="one at a time", href=f"/reviews/{same.id}"))
    view = step_view(
        title=f"Open a review of {use.name}",
        lead=_LEAD,
        back=("/reviews/new", "Another use or checkpoint"),
        action="/reviews/new",
        submit="Open it",
        asks=_asks(visit, use, values),
        values=values,
        errors=errors,
        hidden={"use": use.id, "checkpoint": checkpoint.value},
        facts=facts,
        refused=refused,
        picks=_sites(visit, use, checkpoint, chosen),
    )
    return visit.show("step.html", view, status=status)


def _sites(visit: Visit, use: Use, checkpoint: Checkpoint, chosen: set[str]) -> Picks | None:
    with visit.house.database.reading() as connection:
        runs = [one.site for one in deployments_of(connection, use.id, visit.within) if one.mode is not Mode.ENDED]
        ahead = yet_to_run(connection, use) if checkpoint in OFFERS_PLANNED else {}
        ahead = {
            site: mode for site, mode in ahead.items() if site not in out_of_sight(connection, visit.within, ahead)
        }
        named = names_of(connection, [*runs, *ahead])
    said = {**dict.fromkeys(runs, ""), **{site: f" (planned: {mode.value})" for site, mode in ahead.items()}}
    options = tuple((site, f"{named.get(site, site)}{words}", site in chosen) for site, words in said.items())
    every = "every site of the use, planned ones too" if checkpoint in TAKES_PLANNED else "every site where it runs"
    hint = f"Each site's clinician accepts for themselves. Choose none, and the decision names {every}."
    return Picks(name="site", title="For which sites", hint=hint, options=options) if options else None


def _asks(visit: Visit, use: Use, values: Mapping[str, str]) -> tuple[Ask, ...]:
    lists = _lists(visit, values)
    with visit.house.database.reading() as connection:
        paths = paths_of(connection, use)
        who = Who("case.decide", paths, hand_in(connection, use, PRODUCTS.get(connection, use.product)))
    emergency = visit.may("case.emergency", paths)
    procedures = tuple(
        Option(one.value, words) for one, words in _PROCEDURES.items() if emergency or one is not Procedure.EMERGENCY
    )
    return (
        lists.ask("version", name="version", label="Which version", unsaid="the one that runs there, or its only one"),
        Ask(name="procedure", label="Procedure", kind="choice", options=procedures, needed=True),
        Ask(name="quorum", label="Votes that are needed", kind="amount", hint="Abstentions are not counted"),
        Ask(name="disciplines", label="Disciplines that must have voted", kind="lines", hint="With commas between"),
        lists.ask("person", name="chair", label="Who presides", unsaid="whoever of the chairs closes it", who=who),
        Ask(name="due_on", label="To be decided by", kind="day"),
        Ask(name="why", label="Why", hint="Kept in the audit log. Leave patients out of it."),
    )


def _lists(visit: Visit, values: Mapping[str, str]) -> Lists:
    return Lists(house=visit.house, reader=visit.reader, values=values, words=searched(values))
