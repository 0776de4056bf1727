"""Whoever runs `codman` on the machine itself: they hold its files, so they may do here what an administrator may."""

from __future__ import annotations

from typing import Final

from codman.registry.access import Held, Reader
from codman.spine.person import Role

OPERATOR: Final = Reader(
    person="operator",
    name="the operator of this machine",
    held=(Held(Role.ADMIN), Held(Role.OFFICER)),
    via="machine",
)
