"""impact: a changed policy held against all that the book holds now, and which uses would come out otherwise.

A requirement that is the same in both editions is judged once.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, select

from codman.errors import BadInput
from codman.flows.house import House
from codman.flows.review.evidence import exhibits_of_many, outcomes
from codman.flows.review.setting import settings_of
from codman.registry.access import NotAllowed, Reader, paths_for
from codman.registry.inventory import visible
from codman.registry.nouns import PRODUCTS, USES
from codman.registry.schema import uses
from codman.review.policy.diff import Turned, turned_outcomes
from codman.spine.policy import Policy, Requirement, Severity
from codman.spine.product import Product
from codman.spine.use import RUNNING, Stage, Use
from codman.spine.verdict import Outcome, worst

_AT_ONCE = 200  # uses whose evidence is held at once
_Outcomes = Mapping[str, Outcome]  # by requirement
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
class Unjudged:
    """One use that cannot be judged by one of the editions, and why."""

    use: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Impact:
    """What a changed policy would change."""

    judged: int  # uses the policy is meant for
    uses: tuple[UseImpact, ...]  # whose outcome, or any requirement's, changes; the worst turn first
    unjudged: tuple[Unjudged, ...] = ()

    def by_outcome(self) -> dict[tuple[Outcome, Outcome], int]:
        """How many uses go from which outcome to which, the commonest first."""
        counts = Counter((one.old, one.new) for one in self.uses if one.old is not one.new)
        return dict(counts.most_common())


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
    with _nothing_collected(), house.database.reading() as connection:
        rows = connection.execute(select(uses).where(visible(within), uses.c.stage.in_(_CONCERNED)).order_by(uses.c.id))
        every = [USES.read(row) for row in rows]
        found, unjudged, counted = [], [], 0
        for done, (use, looked) in enumerate(_both(house, connection, every, old, new), 1):
            if progress is not None and (done % _AT_ONCE == 0 or done == len(every)):
                progress(done, len(every))
            if isinstance(looked, BadInput):
                unjudged.append(Unjudged(use.id, use.name, f"{looked.what}: {looked.why}"))
                continue
            before, after = looked
            was, now = _whole(old, before), _whole(new, after)
            if Outcome.NOT_APPLICABLE is was is now:
                continue
            counted += 1
            turns = turned_outcomes(before, after)
            if turns or was is not now:
                found.append(UseImpact(use.id, use.name, was, now, turns))
    found.sort(key=lambda one: (one.old is one.new, one.new is Outcome.MET, one.name))
    return Impact(judged=counted, uses=tuple(found), unjudged=tuple(unjudged))


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Leave the garbage collector out for a while: it would go through a hundred thousand measurements over and over.

    Nothing here points back to what points to it, so everything goes as soon as nobody holds it.
    """
    ran = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if ran:
            gc.enable()


def _both(
    house: House, connection: Connection, every: Sequence[Use], old: Policy, new: Policy
) -> Iterator[tuple[Use, tuple[_Outcomes, _Outcomes] | BadInput]]:
    now = house.database.clock()
    same = _same(old, new)
    changed = new.model_copy(update={"requires": tuple(r for r in new.requires if r.id not in same)})
    for low in range(0, len(every), _AT_ONCE):
        some = every[low : low + _AT_ONCE]
        products: dict[str, Product] = PRODUCTS.get_many(connection, [use.product for use in some])
        held = exhibits_of_many(house, connection, some)
        settings = settings_of(connection, some)
        for use in some:
            exhibits, product = held[use.id], products[use.product]
            try:
                before = outcomes(exhibits, old, use, product, at=now, setting=settings[use.id])
                anew: _Outcomes = {}
                if changed.requires:
                    anew = outcomes(exhibits, changed, use, product, at=now, setting=settings[use.id])
            except BadInput as error:  # evidence with several thresholds, say: one use must not hide all the others
                yield use, error
                continue
            yield use, (before, {r.id: anew.get(r.id) or before[r.id] for r in new.requires})


def _same(old: Policy, new: Policy) -> frozenset[str]:
    """The requirements that come out the same in both editions, whatever the evidence."""
    if (old.level, old.applies_to) != (new.level, new.applies_to):
        return frozenset()
    before = {r.id: _asked(r) for r in old.requires}
    return frozenset(r.id for r in new.requires if before.get(r.id) == _asked(r))


def _asked(r: Requirement) -> tuple[object, ...]:
    return (r.asked_as, r.asks, r.evidence, frozenset(r.origin), r.max_age_days)


def _whole(policy: Policy, found: _Outcomes) -> Outcome:
    """How an edition comes out as a whole."""
    return worst([found[r.id] for r in policy.requires if r.severity is Severity.BLOCK])
