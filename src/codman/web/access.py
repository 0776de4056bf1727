"""What each page asks of its reader: one table. A route that is not in it keeps the application from starting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.routing import BaseRoute

from codman.registry.access import ACTIONS, NotSignedIn, Reader, may, require

PUBLIC: Final = "public"  # anybody, signed in or not
SIGNED_IN: Final = "signed in"  # whoever is signed in; it shows them only their own

PAGES: Final[Mapping[str, str]] = {
    "GET /inventory": "inventory.read",
    "GET /": SIGNED_IN,
    "GET /inventory/export.{form}": "inventory.export",
    "POST /inventory/views": "view.save",
    "POST /inventory/views/{view_id}/remove": "view.save",
    "GET /attention": "inventory.read",
    "GET /coverage": "inventory.read",
    "GET /uses/{use_id}/coverage": "inventory.read",
    "GET /uses/{use_id}/documents": "inventory.export",
    "GET /uses/{use_id}/documents/{form}": "inventory.export",
    "GET /reviews": "review.read",
    "GET /reviews/{name}": "review.read",
    "GET /reviews/{name}/decision": "review.read",
    "GET /reviews/{name}/minutes": "review.read",
    "GET /reviews/{name}/minutes.md": "review.export",
    "GET /reviews/{name}/reviewers": "case.change",
    "POST /reviews/{name}/reviewers": "case.change",
    "GET /reviews/{name}/interest": "case.vote",
    "POST /reviews/{name}/interest": "case.vote",
    "GET /reviews/{name}/delegation": "case.vote",
    "POST /reviews/{name}/delegation": "case.vote",
    "GET /reviews/{name}/votes": "case.vote",
    "POST /reviews/{name}/votes": "case.vote",
    "GET /reviews/{name}/remarks": "case.remark",
    "POST /reviews/{name}/remarks": "case.remark",
    "GET /reviews/{name}/conditions": "case.change",
    "POST /reviews/{name}/conditions": "case.change",
    "GET /reviews/{name}/acceptances": "case.accept",
    "POST /reviews/{name}/acceptances": "case.accept",
    "GET /reviews/{name}/exclusions": "exclusion.create",
    "POST /reviews/{name}/exclusions": "exclusion.create",
    "POST /exclusions/{name}/agree": "exclusion.agree",
    "POST /exclusions/{name}/refuse": "exclusion.create",
    "GET /reviews/{name}/planned": "case.create",
    "POST /reviews/{name}/planned": "case.create",
    "GET /reviews/{name}/withdrawal": "case.create",
    "POST /reviews/{name}/withdrawal": "case.create",
    "GET /reviews/{name}/chair": "case.decide",
    "POST /reviews/{name}/chair": "case.decide",
    "GET /reviews/{name}/decide": "case.decide",
    "POST /reviews/{name}/decide": "case.decide",
    "GET /reviewers/{name}/discipline": "case.change",
    "POST /reviewers/{name}/discipline": "case.change",
    "POST /reviewers/{name}/excuse": "case.change",
    "POST /reviewers/{name}/lift": "case.decide",
    "GET /policies": "policy.read",
    "GET /policies/{name}": "policy.read",
    "GET /frameworks/{name}": "policy.read",
    "GET /controls": "review.read",
    "GET /uses/{use_id}/controls": "review.read",
    "GET /reviews/new": "case.create",
    "POST /reviews/new": "case.create",
    "GET /conditions/{name}/close": "condition.change",
    "POST /conditions/{name}/close": "condition.change",
    "GET /conditions/{name}/done": "review.read",
    "POST /conditions/{name}/done": "review.read",
    "GET /conditions/{name}/return": "case.change",
    "POST /conditions/{name}/return": "case.change",
    "GET /conditions/{name}/prolong": "case.change",
    "POST /conditions/{name}/prolong": "case.change",
    "GET /uses/{use_id}/stage": "inventory.read",  # each way has a right of its own: the move asks which
    "POST /uses/{use_id}/stage": "inventory.read",
    "GET /reports": "report.read",
    "GET /uses/{use_id}/reports": "report.read",
    "GET /reports/{name}": "report.read",
    "POST /reports/{name}/link": "schedule.change",
    "POST /reports/{name}/links/revoke": "schedule.change",
    "POST /reports/{name}/excuse": "report.excuse",
    "POST /reports/{name}/heed": "report.excuse",
    "POST /reports/{name}/await": "schedule.change",
    "GET /reports/{name}/workbook": "report.read",
    "POST /reports/{name}/workbook": "report.create",
    "GET /schedules/new": "schedule.create",
    "POST /schedules/new": "schedule.create",
    "GET /schedules/{name}/edit": "schedule.change",
    "POST /schedules/{name}/edit": "schedule.change",
    "POST /schedules/{name}/end": "schedule.change",
    "GET /report/{token}": PUBLIC,
    "POST /report/{token}": PUBLIC,
    "GET /report/{token}/workbook": PUBLIC,
    "POST /report/{token}/workbook": PUBLIC,
    "POST /matches/{name}": "match.decide",
    "GET /uses/{use_id}/changes": "review.read",
    "GET /uses/{use_id}/plans/new": "plan.create",
    "POST /uses/{use_id}/plans/new": "plan.create",
    "GET /plans/{name}": "review.read",
    "GET /plans/{name}/case": "plan.create",
    "POST /plans/{name}/case": "plan.create",
    "GET /pauses/{name}/confirm": "use.pause",
    "POST /pauses/{name}/confirm": "use.pause",
    "GET /pauses/{name}/decline": "case.change",
    "POST /pauses/{name}/decline": "case.change",
    "GET /uses/{use_id}/triage": "review.read",
    "POST /uses/{use_id}/triage": "use.triage",
    "POST /uses/{use_id}/tier": "triage.change",
    "POST /uses/{use_id}/triage/{name}/agree": "triage.agree",
    "POST /uses/{use_id}/triage/{name}/refuse": "triage.change",
    "POST /uses/{use_id}/determination": "use.triage",
    "POST /uses/{use_id}/intake": "intake.create",
    "GET /intakes": "intake.read",
    "POST /intakes": "intake.create",
    "POST /intakes/from-file": "intake.create",
    "GET /intakes/{name}": "intake.read",
    "GET /intakes/{name}/pages/{page_id}": "intake.read",
    "POST /intakes/{name}/pages/{page_id}": "intake.change",
    "POST /intakes/{name}/submit": "intake.change",
    "POST /intakes/{name}/withdraw": "intake.change",
    "POST /intakes/{name}/take-up": "intake.change",
    "GET /uses/{use_id}": "inventory.read",
    "GET /uses/{use_id}/planned": "use.change",
    "POST /uses/{use_id}/planned": "use.change",
    "GET /uses/{use_id}/sites": "deployment.change",
    "POST /uses/{use_id}/sites": "deployment.change",
    "GET /uses/{use_id}/sites/new": "deployment.create",
    "POST /uses/{use_id}/sites/new": "deployment.create",
    "POST /deployments/{name}/accept": "deployment.accept",
    "GET /products/{product_id}": "inventory.read",
    "GET /documents/new": "document.create",
    "POST /documents/new": "document.create",
    "GET /documents/{name}/content": "document.read",
    "GET /doubts": "evidence.settle",
    "POST /doubts/{digest}": "evidence.settle",
    "GET /evidence/{digest}/meaning": "evidence.settle",
    "POST /evidence/{digest}/meaning": "evidence.settle",
    "GET /evidence": "evidence.read",
    "GET /evidence/{digest}": "evidence.read",
    "GET /evidence/{digest}/statement.json": "evidence.read",
    "GET /evidence/{digest}/envelope.json": "evidence.read",
    "GET /people": "person.read",
    "GET /people/{person_id}": "person.read",
    "GET /sites": "inventory.read",
    "GET /vendors": "inventory.read",
    "GET /vendors/{vendor_id}": "inventory.read",
    "GET /status": "outbox.read",
    "POST /status/messages/{name}/again": "outbox.send",
    "POST /status/messages/{name}/drop": "outbox.drop",
    "POST /status/jobs/{name}/again": "job.run",
    "GET /keys": "key.read",
    "GET /keys/new": "key.create",
    "POST /keys/new": "key.create",
    "POST /keys/{name}/revoke": "key.change",
    "POST /keys/{name}/replace": "key.change",
    "GET /audit": "audit.read",
    "GET /audit/checkpoint": "audit.export",
    "GET /audit/{index}": "audit.read",
    "GET /audit/erasures": "audit.read",
    "POST /audit/{index}/erase": "audit.erase",
    "POST /audit/{index}/hold": "audit.hold",
    "POST /audit/{index}/privilege": "privileged.read",
    "POST /audit/erasures/{name}/agree": "audit.erase",
    "POST /audit/erasures/{name}/withdraw": "audit.erase",
    "POST /grants/{name}/remove": "grant.remove",
    "GET /products/new": "product.create",
    "GET /products/{name}/edit": "product.change",
    "POST /products/new": "product.create",
    "POST /products/{name}/edit": "product.change",
    "GET /versions/new": "version.create",
    "GET /versions/{name}/edit": "version.change",
    "POST /versions/new": "version.create",
    "POST /versions/{name}/edit": "version.change",
    "GET /vendors/new": "vendor.create",
    "GET /vendors/{name}/edit": "vendor.change",
    "POST /vendors/new": "vendor.create",
    "POST /vendors/{name}/edit": "vendor.change",
    "GET /sites/new": "site.create",
    "GET /sites/{name}/edit": "site.change",
    "POST /sites/new": "site.create",
    "POST /sites/{name}/edit": "site.change",
    "GET /people/new": "person.create",
    "GET /people/{name}/edit": "person.change",
    "POST /people/new": "person.create",
    "POST /people/{name}/edit": "person.change",
    "GET /uses/new": "use.create",
    "GET /uses/{name}/edit": "inventory.read",  # who decides or keeps: the change itself asks which
    "POST /uses/new": "use.create",
    "POST /uses/{name}/edit": "inventory.read",
    "GET /deployments/new": "deployment.create",
    "GET /deployments/{name}/edit": "deployment.change",
    "POST /deployments/new": "deployment.create",
    "POST /deployments/{name}/edit": "deployment.change",
    "GET /grants/new": "grant.create",
    "POST /grants/new": "grant.create",
    "GET /concern": PUBLIC,  # nobody on a ward needs an account to say that something is wrong
    "POST /concern": PUBLIC,
    "GET /concern/sent/{name}": PUBLIC,
    "GET /concern/{token}": PUBLIC,
    "POST /concern/{token}": PUBLIC,
    "GET /concern/{token}/poster": PUBLIC,
    "GET /uses/{use_id}/posters": "deployment.change",
    "POST /uses/{use_id}/posters": "deployment.change",
    "POST /uses/{use_id}/posters/take-back": "deployment.change",
    "GET /incidents": "concern.read",
    "GET /incidents/export.{form}": "concern.export",
    "GET /incidents/{name}": SIGNED_IN,  # also its clinician and the use's owner, whatever their role
    "POST /incidents/{name}/acknowledge": SIGNED_IN,
    "GET /incidents/{name}/amend": SIGNED_IN,
    "POST /incidents/{name}/amend": SIGNED_IN,
    "GET /incidents/{name}/propose-pause": SIGNED_IN,
    "POST /incidents/{name}/propose-pause": SIGNED_IN,
    "GET /incidents/{name}/pause": "use.pause",
    "POST /incidents/{name}/pause": "use.pause",
    "GET /incidents/{name}/run-on": "concern.change",
    "POST /incidents/{name}/run-on": "concern.change",
    "GET /incidents/{name}/clock": "concern.change",
    "POST /incidents/{name}/clock": "concern.change",
    "GET /incidents/{name}/report": "concern.change",
    "POST /incidents/{name}/report": "concern.change",
    "GET /incidents/{name}/actions": SIGNED_IN,
    "POST /incidents/{name}/actions": SIGNED_IN,
    "GET /incidents/{name}/actions/{action}/done": SIGNED_IN,  # whoever was given it
    "POST /incidents/{name}/actions/{action}/done": SIGNED_IN,
    "GET /incidents/{name}/close": "concern.change",
    "POST /incidents/{name}/close": "concern.change",
    "GET /monitor": "monitor.read",
    "GET /uses/{use_id}/monitor": "monitor.read",
    "GET /uses/{use_id}/monitor/numbers.csv": "monitor.read",
    "GET /uses/{use_id}/monitor/plan": "monitor.create",
    "POST /uses/{use_id}/monitor/plan": "monitor.create",
    "GET /monitor/incidents/{name}": "incident.read",
    "POST /monitor/incidents/{name}/acknowledge": "incident.change",
    "GET /monitor/incidents/{name}/snooze": "incident.change",
    "POST /monitor/incidents/{name}/snooze": "incident.change",
    "GET /monitor/incidents/{name}/escalate": "incident.change",
    "POST /monitor/incidents/{name}/escalate": "incident.change",
    "GET /monitor/incidents/{name}/resolve": "incident.change",
    "POST /monitor/incidents/{name}/resolve": "incident.change",
    "GET /monitor/incidents/{name}/reopen": "incident.change",
    "POST /monitor/incidents/{name}/reopen": "incident.change",
    "GET /monitor/steps/{name}/confirm": "rollback.confirm",
    "POST /monitor/steps/{name}/confirm": "rollback.confirm",
    "GET /monitor/steps/{name}/decline": "rollback.confirm",
    "POST /monitor/steps/{name}/decline": "rollback.confirm",
    "GET /monitor/steps/{name}/done": "rollback.confirm",
    "POST /monitor/steps/{name}/done": "rollback.confirm",
    "POST /monitor/steps/{name}/acknowledge": "incident.read",  # whoever was told
    "GET /sign-in": PUBLIC,
    "POST /sign-in": PUBLIC,
    "POST /sign-in/demo": PUBLIC,
    "GET /sign-in/provider": PUBLIC,
    "GET /sign-in/back": PUBLIC,
    "GET /sign-in/again": SIGNED_IN,
    "POST /sign-in/again": SIGNED_IN,
    "POST /sign-out": PUBLIC,
    "GET /join/{token}": PUBLIC,
    "POST /join/{token}": PUBLIC,
    "GET /account": SIGNED_IN,
    "POST /account/digest": SIGNED_IN,
    "GET /account/password": SIGNED_IN,
    "POST /account/password": SIGNED_IN,
    "POST /account/sessions/{name}/end": SIGNED_IN,
    "GET /account/tokens/new": "token.create",
    "POST /account/tokens/new": "token.create",
    "POST /account/tokens/{name}/revoke": SIGNED_IN,
    "GET /invitations": "invitation.read",
    "POST /invitations": "invitation.create",
    "POST /invitations/{name}/withdraw": "invitation.remove",
    "GET /emergency": SIGNED_IN,
    "POST /emergency": "emergency.create",
    "POST /emergency/{name}/review": "emergency.review",
    "MOUNT /static/fonts": PUBLIC,
    "MOUNT /static": PUBLIC,
}


class UnlistedRoute(Exception):
    """A route that the table does not name, or a line that names none: a programmer's mistake."""


def check(routes: Iterable[BaseRoute]) -> None:
    """Refuse routes that the table does not name, and lines of the table that name no route or no action.

    Raises:
        UnlistedRoute: There is one.
    """
    found = set(keys(routes))
    if unlisted := sorted(found - PAGES.keys()):
        raise UnlistedRoute(f"web/access.py does not say what these ask of their reader: {', '.join(unlisted)}")
    if gone := sorted(PAGES.keys() - found):
        raise UnlistedRoute(f"web/access.py names routes that there are not: {', '.join(gone)}")
    if unknown := sorted(action for action in PAGES.values() if action not in {PUBLIC, SIGNED_IN, *ACTIONS}):
        raise UnlistedRoute(f"web/access.py names actions that there are not: {', '.join(unknown)}")


def keys(routes: Iterable[BaseRoute]) -> Iterator[str]:
    """Every route as the table writes it: `METHOD /path`, or `MOUNT /path`."""
    for route in routes:
        path: Any = getattr(route, "path", None)
        methods: Any = getattr(route, "methods", None)
        yield from (f"{method} {path}" for method in sorted(methods)) if methods else [f"MOUNT {path}"]


_SHOWN: Final = tuple(
    (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), asked)
    for method, _, path, asked in ((*key.partition(" "), asked) for key, asked in PAGES.items())
    if method == "GET"
)


def is_page(address: str) -> bool:
    """Whether a page stands at an address of this house; what flows link to may be of a door that is not this one."""
    path = urlsplit(address).path
    return any(pattern.fullmatch(path) for pattern, _ in _SHOWN)


def opens(address: str, reader: Reader) -> bool:
    """Whether a page stands there that somebody's roles let them open somewhere."""
    path = urlsplit(address).path
    asked = next((asked for pattern, asked in _SHOWN if pattern.fullmatch(path)), None)
    return asked is not None and (asked in (PUBLIC, SIGNED_IN) or may(reader, asked))


def admit(method: str, path: str, reader: Reader | None) -> None:
    """Let a reader through to a page, or refuse; whose thing it is the page's own function asks again.

    Args:
        method: The request's method.
        path: The route's path, with its parameters unfilled.
        reader: Who is signed in; None is nobody.

    Raises:
        NotSignedIn: Nobody is, and the page is not for everybody.
        NotAllowed: None of their roles may do this anywhere.
        UnlistedRoute: The table does not name the route.
    """
    asked = PAGES.get(f"{method} {path}")
    if asked is None:
        raise UnlistedRoute(f"{method} {path}")
    if asked == PUBLIC:
        return
    if reader is None:
        raise NotSignedIn("your session has ended, or there was none")
    if asked != SIGNED_IN:
        require(reader, asked)
