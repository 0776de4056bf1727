"""The frame around every page: where one can go from here, and who one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codman.registry.access import Reader, may

# Link, words, the action it needs; a page stands here only once it exists
PLACES: Final = (
    ("/", "My work", None),
    ("/inventory", "Inventory", "inventory.read"),
    ("/attention", "Attention", "inventory.read"),
    ("/intakes", "Proposals", "intake.read"),
    ("/reviews", "Reviews", "review.read"),
    ("/monitor", "Monitor", "monitor.read"),
    ("/incidents", "Incidents", "concern.read"),
    ("/evidence", "Evidence", "evidence.read"),
    ("/coverage", "Coverage", "inventory.read"),
    ("/reports", "Reports", "report.read"),
    ("/policies", "Policies", "policy.read"),
    ("/sites", "Sites", "inventory.read"),
    ("/vendors", "Vendors", "inventory.read"),
    ("/people", "People", "person.read"),
    ("/invitations", "Invitations", "invitation.read"),
    ("/keys", "Keys", "key.read"),
    ("/audit", "Audit", "audit.read"),
    ("/status", "Status", "outbox.read"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A link of the main navigation."""

    href: str
    words: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The frame."""

    places: tuple[Place, ...]
    name: str | None  # who is signed in
    roles: str
    read_only: bool
    at_emergency: bool
    emergency: bool  # whether emergency access is theirs to take or to look at
    concern: bool  # whether this page leads to the form on which anybody reports one


def frame_of(reader: Reader | None, path: str) -> Frame:
    """The frame for this reader on this page."""
    if reader is None:
        return Frame(
            places=(), name=None, roles="", read_only=False, emergency=False, at_emergency=False, concern=_leads(path)
        )
    return Frame(
        places=tuple(
            Place(href=href, words=words, here=path == href or (href != "/" and path.startswith(f"{href}/")))
            for href, words, action in PLACES
            if action is None or may(reader, action)
        ),
        name=reader.name,
        roles=_roles(reader),
        read_only=reader.read_only,
        at_emergency=path == "/emergency",
        concern=_leads(path),
        emergency=may(reader, "emergency.create") or may(reader, "emergency.read"),
    )


def _leads(path: str) -> bool:
    """Every page leads there, but the form itself and what strangers are sent: posters and a report's link."""
    return not path.startswith(("/concern", "/report/"))


def _roles(reader: Reader) -> str:
    """The first role and how many more: the whole list stands on the account's page."""
    held = sorted(ROLES[role] for role in reader.roles)
    if not held:
        return "no role yet"
    return held[0] if len(held) == 1 else f"{held[0]} and {len(held) - 1} more"


ROLES: Final[Mapping[str, str]] = {
    "viewer": "viewer",
    "owner": "product owner",
    "engineer": "engineer",
    "reviewer": "reviewer",
    "chair": "committee chair",
    "officer": "governance officer",
    "auditor": "auditor",
    "admin": "administrator",
}
