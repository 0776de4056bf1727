"""The care setting that policies are chosen and held by: what patients talk to is that, wherever they meet it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from codman.registry.schema import facts
from codman.spine.use import Use

PATIENT_FACING: Final = "patient-facing"
_ASKED: Final = "intake/patient_facing"  # the intake's own question
_AT_ONCE: Final = 500


def setting_of(connection: Connection, use: Use) -> str | None:
    """Where care is given, as policies name it under `applies_to: setting`."""
    return settings_of(connection, [use])[use.id]


def settings_of(connection: Connection, uses: Sequence[Use]) -> Mapping[str, str | None]:
    """The same of many uses, by use."""
    found = {use.id: use.care_setting for use in uses}
    names = sorted(found)
    for some in _some(names):
        said = select(facts.c.about).where(
            facts.c.about.in_(some), facts.c.field == _ASKED, func.lower(func.trim(facts.c.value)) == "yes"
        )
        found |= dict.fromkeys(connection.execute(said).scalars(), PATIENT_FACING)
    return found


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for low in range(0, len(names), _AT_ONCE):
        yield names[low : low + _AT_ONCE]
