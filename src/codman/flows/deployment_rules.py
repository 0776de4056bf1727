"""Rules of what runs where: which mode a site may be put in by hand, what an acceptance is of, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from codman.errors import CodmanError
from codman.registry import nouns
from codman.registry.access import NotAllowed
from codman.registry.interests import hand_in
from codman.registry.records import BadField
from codman.registry.schema_review import cases
from codman.review.superseding import exposure
from codman.spine.review import GRANTED
from codman.spine.site import Mode
from codman.spine.use import RUNNING, Stage

_ACCEPTED: Final = ("use", "site", "clinician", "version")  # what a clinician's acceptance is of
_RUNNING_MODES: Final = frozenset({Mode.SILENT, Mode.PILOT, Mode.LIVE})


class NotTheClinician(NotAllowed):
    """An acceptance by somebody other than the accountable clinician of the site, or by one with a hand in the use."""

    def __init__(self, hand: str | None = None) -> None:
        CodmanError.__init__(
            self,
            what="this acceptance is not yours to give",
            why="only the clinician whom the deployment names can accept it"
            if hand is None
            else f"you {hand}: a site accepts by a clinician who has no hand in the use",
            fix="have the deployment name you as its clinician, or ask the one it names"
            if hand is None
            else "have the deployment name another clinician of the site, who accepts it",
        )


def deployment_fits(connection: Connection, deployment: Any) -> None:
    """Refuse a mode that a site may not be put in by hand, and a version of another product.

    Raises:
        BadField: It is one.
    """
    _mode_within_stage(connection, deployment)
    if deployment.version is None:
        return
    product = nouns.VERSIONS.get(connection, deployment.version).product
    if nouns.USES.get(connection, deployment.use).product != product:
        raise BadField("deployment", "version", "it is a version of another product than the use's")


def _mode_within_stage(connection: Connection, deployment: Any) -> None:
    """Refuse to set a site going by hand beyond where the use stands, once a committee has had it before it.

    Raises:
        BadField: It would reach patients where the use does not, or run at all where the use is paused or retired;
            the site was paused; or no decision names it, or its clinician has not accepted it.
    """
    name = getattr(deployment, "id", None)
    mode = Stage(deployment.mode.value) if deployment.mode in _RUNNING_MODES else None
    before = None if name is None else nouns.DEPLOYMENTS.get(connection, name).mode
    if mode is None or before is deployment.mode:
        return
    use = nouns.USES.get(connection, deployment.use)
    decided = connection.execute(select(cases).where(cases.c.use == use.id)).all()
    if not decided:
        return
    stopped = use.stage in (Stage.PAUSED, Stage.RETIRED)
    why = ""
    if stopped or (mode is not Stage.SILENT and exposure(mode) > exposure(use.stage)):
        why = f"the use is {use.stage.value}: its sites follow when it is moved, from its own page"
    elif before is Mode.PAUSED:
        why = "it was paused here: it runs again when the use is moved, from its own page"
    elif mode is not Stage.SILENT and not any(_lets_run(one, deployment.site, mode) for one in decided):
        why = f"no decision lets it be {mode.value} at this site: open a case that names it"
    elif mode is not Stage.SILENT and deployment.accepted_at is None:
        why = "the site's clinician has not accepted it here: put it down as silent, and it follows once accepted"
    if why:
        raise BadField("deployment", "mode", why)


def _lets_run(case: Any, site: str, mode: Stage) -> bool:
    """Whether a case granted that a use runs at a site as far as this."""
    granted = case.outcome in [one.value for one in GRANTED] and case.leads_to in [one.value for one in RUNNING]
    return granted and exposure(Stage(case.leads_to)) >= exposure(mode) and (not case.sites or site in case.sites)


def with_what_follows(kind: str, old: Any, new: Any, patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """An acceptance is of this use, here, by this clinician, in this version; with another of them it is asked anew."""
    if kind != "deployment":
        return patch
    if new.accepted_at is not None and new.accepted_at != old.accepted_at:
        raise BadField(kind, "accepted_at", "it is set when the clinician accepts, and only then")
    if any(getattr(new, field) != getattr(old, field) for field in _ACCEPTED):
        return {**patch, "accepted_at": None}
    return patch


def accepted_by(connection: Connection, deployment: Any, person: str) -> None:
    """Refuse an acceptance that is not the word of the site's clinician, or of one with a hand in the use.

    Raises:
        NotTheClinician: It would be another's, or theirs who named themselves.
    """
    if deployment.clinician != person:
        raise NotTheClinician
    use = nouns.USES.get(connection, deployment.use)
    hands = hand_in(connection, use, nouns.PRODUCTS.get(connection, use.product))
    if person in hands:  # who answers for a use may name any clinician, and so themselves
        raise NotTheClinician(hands[person])
