"""The question in which mode a use runs at a site: what would be taken is offered, and why the rest is not is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from codman.spine.site import Mode
from codman.web.views.forms import Ask
from codman.web.views.papers import Group


def with_modes(groups: Sequence[Group], why_not: Mapping[Mode, str]) -> tuple[Group, ...]:
    """The questions of a form, its mode narrowed."""
    return tuple(
        Group(title=one.title, asks=tuple(narrowed(ask, why_not) if ask.name == "mode" else ask for ask in one.asks))
        for one in groups
    )


def narrowed(ask: Ask, why_not: Mapping[Mode, str]) -> Ask:
    """The question with the modes that would be taken.

    Args:
        ask: The question with every mode.
        why_not: Why a mode would be refused, by mode.
    """
    kept = tuple(one for one in ask.options if one.value not in why_not)
    left = {mode: why for mode, why in why_not.items() if any(one.value == mode.value for one in ask.options)}
    because: dict[str, list[str]] = {}
    for mode, why in left.items():
        because.setdefault(why, []).append(mode.value)
    said = [f"Not {' or '.join(modes)}: {why}" for why, modes in because.items()]
    return replace(ask, options=kept, hint=". ".join([*([ask.hint] if ask.hint else []), *said]))
