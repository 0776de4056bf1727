"""What is kept is what would be worked out."""

from __future__ import annotations

from codman.registry.coverage import FieldCoverage, house_coverage
from codman.registry.database import Database
from codman.registry.kept import Kept
from codman.registry.log import SYSTEM
from codman.registry.nouns import PRODUCTS, SITES, USES


def test_an_answer_is_worked_out_once_and_again_after_any_change_of_the_book(database: Database) -> None:
    kept: Kept[list[FieldCoverage]] = Kept()
    worked: list[str] = []

    def asked(path: str) -> list[FieldCoverage]:
        with database.reading() as connection:

            def work() -> list[FieldCoverage]:
                worked.append(path)
                return house_coverage(connection, (path,))

            found = kept.of(connection, (path,), work)
            assert found == house_coverage(connection, (path,))
            return found

    with database.changing(SYSTEM) as change:
        SITES.add(change, SITES.validated({"name": "A", "level": "system"}), "site-a")
        PRODUCTS.add(change, PRODUCTS.validated({"name": "Sepsis"}), "product-1")
        USES.add(change, USES.validated({"product": "product-1", "name": "Sepsis, wards", "site": "site-a"}), "use-1")
    assert asked("/") == asked("/") == asked("/site-a/")
    assert asked("/site-b/") != asked("/site-a/")  # nothing is there
    assert worked == ["/", "/site-a/", "/site-b/"]
    with database.changing(SYSTEM) as change:
        USES.change(change, "use-1", {"purpose": "Warns of sepsis"}, None)
    asked("/")
    assert worked == ["/", "/site-a/", "/site-b/", "/"]


def test_of_very_many_answers_the_oldest_go(database: Database) -> None:
    kept: Kept[int] = Kept()
    with database.reading() as connection:
        for number in range(40):
            assert kept.of(connection, (str(number),), lambda number=number: number) == number  # type: ignore[misc]
        assert kept.of(connection, ("39",), lambda: -1) == 39
        assert kept.of(connection, ("0",), lambda: -1) == -1
