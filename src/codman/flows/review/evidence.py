"""What the book holds about a use, laid before a policy: statements by what they are worth now, and documents."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from codman.evidence.store import Store
from codman.flows.house import House
from codman.flows.review.exclusions import Excluded
from codman.registry.schema import documents, statements, uses, versions
from codman.registry.standing import standing_of
from codman.review.policy.exhibit import Exhibit, merged, of_statement
from codman.review.policy.judge import judge_exhibits, outcomes_of_exhibits
from codman.spine.policy import AppliesTo, Policy
from codman.spine.product import Product
from codman.spine.statement import Kind, Origin, when
from codman.spine.use import Use
from codman.spine.verdict import Finding, Outcome, Result, Verdict

_AT_ONCE: Final = 500  # names in one question
_MOST_ROWS: Final = 300_000  # measurements held in memory, about half a kilobyte each
_JUDGED: Final = tuple(kind.value for kind in Kind if kind not in (Kind.DECISION, Kind.REPORT, Kind.CONCERN))


class _Shelf:
    """Statements that were read lately: a policy held against them again needs no file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[int, str], Exhibit] = OrderedDict()
        self._rows = 0

    def take(self, store: Store, digest: str) -> Exhibit:
        place = (id(store), digest)
        with self._lock:
            if place in self._held:
                self._held.move_to_end(place)
                return self._held[place]
        exhibit = of_statement(store.recall(digest), ())
        # once here, and not in each copy that a look takes
        exhibit.index()
        _ = exhibit.sound, exhibit.task
        with self._lock:
            if place not in self._held:
                self._held[place] = exhibit
                self._rows += len(exhibit.rows) + 1
            while self._rows > _MOST_ROWS and len(self._held) > 1:
                _, gone = self._held.popitem(last=False)
                self._rows -= len(gone.rows) + 1
        return exhibit


_shelf = _Shelf()


def exhibits_of(house: House, connection: Connection, use: Use) -> list[Exhibit]:
    """Everything filed about a use, or about its product for every use, in the order of time.

    What names a use that the book does not have is about that one, and counts for none; where several have its name,
    it counts for each until somebody says which is meant. Each is about what the book knows it to be about, whatever it
    calls it. What nobody registered signed, or a revoked key did, is there and does not count.
    """
    return exhibits_of_many(house, connection, [use])[use.id]


def exhibits_of_many(house: House, connection: Connection, uses: Sequence[Use]) -> dict[str, list[Exhibit]]:
    """The same for many uses, with as many questions to the database as for a few."""
    of_use: dict[str, list[Exhibit]] = {use.id: [] for use in uses}
    of_product: dict[str, list[Exhibit]] = {use.product: [] for use in uses}
    rows = [
        row
        for some in _some(sorted(of_product))
        for row in connection.execute(
            select(
                statements.c.digest,
                statements.c.version_id,
                statements.c.use_id,
                statements.c.use_name,
                statements.c.product_id,
            ).where(statements.c.product_id.in_(some), statements.c.kind.in_(_JUDGED))
        )
        if row.use_id is None or row.use_id in of_use
    ]
    unclear = _unclear(connection, {row.product_id for row in rows if row.use_id is None and row.use_name is not None})
    worth = standing_of(connection, [row.digest for row in rows])
    for row in rows:
        stands = worth[row.digest]
        exhibit = replace(
            _shelf.take(house.store, row.digest),
            product=row.product_id,
            version=row.version_id,
            use=row.use_id,
            verified=stands.word == "verified",
            unverifiable=None if stands.word == "verified" else stands.why,
        )
        if row.use_id is None and row.use_name is not None:
            for use in unclear.get((row.product_id, row.use_name.strip().lower()), ()):
                of_use.get(use, []).append(exhibit)
            continue
        (of_product[row.product_id] if row.use_id is None else of_use[row.use_id]).append(exhibit)
    for exhibit in _papers(connection, of_use, of_product):
        (of_product[str(exhibit.product)] if exhibit.use is None else of_use[exhibit.use]).append(exhibit)
    return {use.id: merged([*of_use[use.id], *of_product[use.product]]) for use in uses}


def _unclear(connection: Connection, of: Set[str]) -> dict[tuple[str, str], list[str]]:
    """Uses of some products that share their name with another of the same product, by product and name."""
    called: dict[tuple[str, str], list[str]] = {}
    for some in _some(sorted(of)):
        for row in connection.execute(select(uses.c.id, uses.c.product, uses.c.name).where(uses.c.product.in_(some))):
            called.setdefault((row.product, row.name.strip().lower()), []).append(row.id)
    return {place: found for place, found in called.items() if len(found) > 1}


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for low in range(0, len(names), _AT_ONCE):
        yield names[low : low + _AT_ONCE]


def _papers(
    connection: Connection, of_use: Mapping[str, object], of_product: Mapping[str, object]
) -> Iterator[Exhibit]:
    """Documents that people filed: the log says who and when, so they stand without a key's signature."""
    made_from = {
        row.id: row.product
        for some in _some(sorted(of_product))
        for row in connection.execute(select(versions.c.id, versions.c.product).where(versions.c.product.in_(some)))
    }
    about = sorted({*of_use, *of_product, *made_from})
    for some in _some(about):
        for row in connection.execute(select(documents).where(documents.c.about.in_(some))):
            version = row.about if row.about_kind == "version" else None
            use = row.about if row.about_kind == "use" else None
            yield Exhibit(
                name=row.title,
                digest=row.digest,
                kind=Kind.DOCUMENT,
                origin=Origin.LOCAL,
                product=made_from.get(row.about, row.about) if use is None else None,
                version=version,
                use=use,
                evaluated_at=when(row.created_at),
                predicate={"document": row.type, "file": row.title},
                verified=True,
            )


def judged(
    exhibits: Sequence[Exhibit],
    policy: Policy,
    use: Use,
    product: Product,
    *,
    version: str | None = None,
    at: datetime | None = None,
    chosen: bool = False,
    setting: str | None = None,
    excluded: Mapping[str, Excluded] | None = None,
) -> Verdict:
    """A policy held against what the book holds about a use.

    Args:
        exhibits: As `exhibits_of` gives them.
        policy: What is demanded.
        use: The use.
        product: Its product.
        version: The version that is judged; where none is named, the one that the newest evidence is about.
        at: The time of judging; now where left out.
        chosen: The policy was chosen for this use when its case was opened: it is held, whatever has changed of the use
            since. Without, a policy that is not meant for such a use asks nothing of it.
        setting: Where care is given, as `setting_of` gives it; the use's own care setting without.
        excluded: Requirements that do not apply to it, as `excluded_in` gives them: passed over while nothing is filed
            for them; what is filed is judged.
    """
    if chosen:
        policy = policy.model_copy(update={"applies_to": AppliesTo()})
    facts = _facts(use, product, setting)
    verdict = judge_exhibits(policy, exhibits, at, facts=facts, version=version or _newest(exhibits), use=use.id)
    return verdict if not excluded else replace(verdict, results=tuple(_passed_over(verdict, excluded)))


def _passed_over(verdict: Verdict, excluded: Mapping[str, Excluded]) -> Iterator[Result]:
    for result in verdict.results:
        said = excluded.get(result.id) if result.outcome is Outcome.MISSING else None
        passed = None if said is None else Finding(outcome=Outcome.NOT_APPLICABLE, said=said.sentence)
        yield result if passed is None else result._replace(finding=passed)


def outcomes(
    exhibits: Sequence[Exhibit], policy: Policy, use: Use, product: Product, *, at: datetime, setting: str | None
) -> dict[str, Outcome]:
    """How each requirement comes out, by its id: the outcomes of `judged`, for who looks at thousands of uses."""
    facts = _facts(use, product, setting)
    return outcomes_of_exhibits(policy, exhibits, at, facts=facts, version=_newest(exhibits), use=use.id)


def _facts(use: Use, product: Product, setting: str | None) -> dict[str, str]:
    return {
        "tier": use.tier.value if use.tier else "",
        "setting": setting or use.care_setting or "",
        "kind": product.kind.value if product.kind else "",
    }


def _newest(exhibits: Sequence[Exhibit]) -> str | None:
    """The version that the newest evidence is about."""
    return next((one.version for one in reversed(exhibits) if one.version is not None), None)
