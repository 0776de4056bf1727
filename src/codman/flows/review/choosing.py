"""The policy that a use meets at a checkpoint, by what the book knows of it on a day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sqlalchemy import Connection

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of
from codman.flows.review.setting import setting_of
from codman.registry.nouns import PRODUCTS
from codman.review.packs.catalog import OWN
from codman.review.packs.choose import Chosen, policies_for
from codman.spine.policy import Checkpoint
from codman.spine.use import Use


def own_packs(house: House) -> Path:
    """The folder of the hospital's own packs."""
    return Path(house.settings.workspace) / OWN


def chosen_for(house: House, connection: Connection, use: Use, checkpoint: Checkpoint, day: date) -> Chosen:
    """The policy a use meets at a checkpoint by the packs of a day, and why that one.

    Raises:
        NoPolicy: No pack has one for it.
        SeveralPolicies: Two are meant for it equally.
    """
    product = PRODUCTS.get(connection, use.product)
    tasks = {e.task for e in exhibits_of(house, connection, use) if e.task is not None}
    return policies_for(
        use.tier,
        next(iter(tasks)) if len(tasks) == 1 else None,
        setting_of(connection, use),
        product.kind,
        checkpoint,
        day,
        generative=product.generative,
        own=own_packs(house),
    )
