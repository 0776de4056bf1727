"""A policy as plain values, the way its file has them."""

from __future__ import annotations

from typing import Any

from codman.spine.policy import Policy, Requirement


def plain(policy: Policy) -> dict[str, Any]:
    """A policy's keys as a file has them."""
    top = policy.model_dump(mode="json", exclude={"requires"}, exclude_none=True)
    return {**top, "requires": [plain_requirement(one) for one in policy.requires]}


def plain_requirement(requirement: Requirement) -> dict[str, Any]:
    """A requirement's keys as a file has them; a statement that need only be there has none beside `evidence`."""
    said = requirement.model_dump(mode="json", exclude={"asks", "asked_as"}, exclude_none=True)
    if requirement.asked_as != "evidence":
        asks = requirement.asks.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        said[requirement.asked_as] = asks.get("type", asks) if requirement.asked_as == "document" else asks
    return {key: value for key, value in said.items() if value != []}
