"""Whether somebody must determine if a use is research; what they determined is in spine/determination.py."""

from __future__ import annotations

from typing import Final

from codman.review.triage.tier import Triage

_RESEARCH: Final = "research"
_NEEDED: Final = "a determination is needed"


def needed(triaged: Triage) -> bool | None:
    """Whether somebody must determine it; None until the answers say."""
    said = triaged.sorted_by(_RESEARCH)
    if said.found == _NEEDED:
        return True
    return None if said.could_be else False
