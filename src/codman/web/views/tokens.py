"""The form for an API token, and the one page that shows its secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from codman.web.views.forms import Asked, Option

# The scopes programs ask for most, in words
PURPOSES: Final[Mapping[str, str]] = {
    "evidence.submit": "send evidence",
    "*.read": "read whatever you may read",
    "inventory.export": "export the inventory",
    "document.create": "file documents",
    "fact.create": "answer what frameworks ask",
    "version.create": "add versions of products",
    "audit.export": "fetch checkpoints of the audit log",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenForm:
    """Its questions."""

    asked: tuple[Asked, ...]
    every: tuple[Asked, ...]
    scopes: tuple[Option, ...]
    chosen: tuple[str, ...]
    scope_error: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """One that was just made."""

    secret: str
    name: str
    ends_at: str


def scope_words(scope: str) -> str:
    """A scope as people say it; those the form does not offer as the API writes them."""
    return PURPOSES.get(scope, scope)
