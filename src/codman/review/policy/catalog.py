"""The kinds of requirement there are: one line each."""

from __future__ import annotations

from typing import Final

from codman.review.policy import document, measurement, presence
from codman.review.policy.requirement import RequirementKind

# a requirement is of the first kind whose key it has; `evidence` alone comes last, because the others may name it too
KINDS: Final[tuple[RequirementKind, ...]] = (measurement.KIND, document.KIND, presence.KIND)
BY_KEY: Final[dict[str, RequirementKind]] = {kind.key: kind for kind in KINDS}
