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
    ("/evidence", "Evidence", "evidence.read"),
    ("/coverage", "Coverage", "inventory.read"),
    ("/sites", "Sites", "inventory.read"),
    ("/vendors", "Vendors", "inventory.read"),
    ("/people", "People", "person.read"),
    ("/keys", "Keys", "key.read"),
    ("/audit", "Audit", "audit.read"),
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


def frame_of(reader: Reader | None, path: str) -> Frame:
    """The frame for this reader on this page."""
    if reader is None:
        return Frame(places=(), name=None, roles="", read_only=False)
    return Frame(
        places=tuple(
            Place(href=href, words=words, here=path == href or (href != "/" and path.startswith(f"{href}/")))
            for href, words, action in PLACES
            if action is None or may(reader, action)
        ),
        name=reader.name,
        roles=", ".join(sorted(ROLES[role] for role in reader.roles)) or "no role yet",
        read_only=reader.read_only,
    )


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
