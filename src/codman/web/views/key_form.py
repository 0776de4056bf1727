"""The form that registers a key."""

from __future__ import annotations

from dataclasses import dataclass

from codman.web.views.forms import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """Its questions, and what the key may claim."""

    asked: tuple[Asked, ...]
    origins: tuple[tuple[str, bool], ...]
    origins_error: str
    general: str  # a problem of no one field
