"""What a form sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form as text."""

    values: Mapping[str, str]
    every: Mapping[str, list[str]]  # of fields that may be given several times

    def get(self, name: str) -> str | None:
        """A field's text; None where it is empty."""
        return self.values.get(name, "").strip() or None
