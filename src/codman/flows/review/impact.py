"""impact: a changed policy held against all that the book holds now, and which uses would come out otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of_many, judged
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.inventory import visible
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import uses
from codman.review.policy.diff import Turned, turned
from codman.spine.policy import Policy
from codman.spine.product import Product
from codman.spine.use import RUNNING, Stage, Use
from codman.spine.verdict import Outcome, Verdict

_AT_ONCE = 200  # uses whose evidence is held at once
_CONCERNED = frozenset({*RUNNING, Stage.PAUSED, Stage.IN_REVIEW, Stage.TRIAGED})


@dataclass(frozen=True, slots=True)
class UseImpact:
    """One use that comes out otherwise."""

    use: str
    name: str
    old: Outcome
    new: Outcome
    turned: tuple[Turned, ...]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a changed policy would change."""

    judged: int  # uses the policy is meant for
    uses: tuple[UseImpact, ...]  # whose outcome, or any requirement's, changes; the worst turn first


def impact(
    house: House,
    reader: Reader,
    old: Policy,
    new: Policy,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Impact:
    """Hold two editions of a policy against the evidence of every use they are meant for.

    Args:
        house: The open house.
        reader: Who asks; only uses within their reach are judged.
        old: The edition in force.
        new: The changed one.
        progress: Told how many of how many uses are done.

    Raises:
        NotAllowed: They may read no use.
    """
    within = paths_for(reader, "review.read")
    if not within:
        raise NotAllowed("review.read", "anywhere")
    with house.database.reading() as connection:
        rows = connection.execute(select(uses).where(visible(within), uses.c.stage.in_(_CONCERNED)).order_by(uses.c.id))
        every = [USES.read(row) for row in rows]
        found, counted = [], 0
        for done, (use, before, after) in enumerate(_both(house, connection, every, old, new), 1):
            if progress is not None and (done % _AT_ONCE == 0 or done == len(every)):
                progress(done, len(every))
            if Outcome.NOT_APPLICABLE is before.outcome is after.outcome:
                continue
            counted += 1
            turns = turned(before, after)
            if turns or before.outcome is not after.outcome:
                found.append(UseImpact(use.id, use.name, before.outcome, after.outcome, turns))
    found.sort(key=lambda one: (one.old is one.new, one.new is Outcome.MET, one.name))
    return Impact(judged=counted, uses=tuple(found))


def _both(
    house: House, connection: Connection, every: Sequence[Use], old: Policy, new: Policy
) -> Iterator[tuple[Use, Verdict, Verdict]]:
    now = house.database.clock()
    for low in range(0, len(every), _AT_ONCE):
        some = every[low : low + _AT_ONCE]
        products: dict[str, Product] = PRODUCTS.get_many(connection, [use.product for use in some])
        held = exhibits_of_many(house, connection, some)
        for use in some:
            exhibits, product = held[use.id], products[use.product]
            yield use, judged(exhibits, old, use, product, at=now), judged(exhibits, new, use, product, at=now)
