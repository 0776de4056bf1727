"""Whether a clock of the law on medical devices fits what the record says of the tool; a contradiction is said."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from codman.flows.triage_record import settled_of
from codman.registry.nouns import USES
from codman.review.triage.rules import current_rules
from codman.spine.concern import Concern

_NONE: Final = frozenset({"no-device", "exempt-support"})  # answers of the intake's question `device`
_DEVICE: Final = frozenset({"authorised", "unauthorised"})
_OF_DEVICES: Final = "21-cfr-803/"


def against_the_record(connection: Connection, one: Concern) -> str:
    """What the record says against the clock of a concern, as a sentence; nothing where it says a device, or no clock.

    A clock is never stopped by it: the record may be what is wrong.
    """
    if one.clock is None or not one.clock.startswith(_OF_DEVICES):
        return ""
    if one.use is None:
        return "The rule is about medical devices, and nobody could say which tool this was."
    rules = current_rules()
    answered = settled_of(connection, rules, USES.get(connection, one.use)).values.get("device")
    if answered in _NONE:
        choice = rules.form.by_id["device"].chosen(str(answered))
        said = "" if choice is None else f" (“{choice.says}”)"
        return (
            f"The rule is about medical devices, and the record says that this is none{said}. One of the two is wrong: "
            "correct the record, or say that no rule applies. Until then the clock runs."
        )
    if answered in _DEVICE:
        return ""
    return "The rule is about medical devices, and the record does not say whether this is one."
