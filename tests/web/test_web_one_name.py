"""Uses of one name: where two uses of different products share it, lists and pickers name the product beside."""

from __future__ import annotations

from html import unescape

import pytest
from seen_pages import Pages
from small_house import reader

from codman.flows.concerns.posters import make_poster
from codman.flows.house import House
from codman.registry.log import SYSTEM
from codman.registry.names import names_of
from codman.registry.nouns import DEPLOYMENTS, USES
from codman.spine.person import Role

NAME = "Sepsis early warning, adult wards"


@pytest.fixture
def another(house: House) -> None:
    """Another product's use of the same name, live at Hospital B; the same person answers for both."""
    with house.database.changing(SYSTEM) as change:
        twin = {"product": "product-noshow", "name": NAME, "site": "site-b", "stage": "live", "owner": "person-owner"}
        USES.add(change, USES.validated(twin), "use-twin")
        runs = {"use": "use-twin", "site": "site-b", "mode": "live"}
        DEPLOYMENTS.add(change, DEPLOYMENTS.validated(runs), "deployment-twin")


@pytest.mark.usefixtures("another")
@pytest.mark.parametrize("page", ["/", "/monitor?show=unwatched", "/concern", "/reviews/new"])
def test_two_uses_of_one_name_are_told_apart_by_their_products(pages: Pages, page: str) -> None:
    text = unescape(pages(Role.OWNER).get(page).text)

    assert f"{NAME} (Sepsis early warning)" in text
    assert f"{NAME} (No-show risk)" in text


@pytest.mark.usefixtures("another")
def test_what_mentions_one_of_them_by_its_id_names_its_product(house: House) -> None:
    with house.database.reading() as connection:
        named = names_of(connection, ["use-twin", "deployment-twin", "use-chest"])

    assert named == {
        "use-twin": f"{NAME} (No-show risk)",
        "deployment-twin": f"{NAME} (No-show risk) at Hospital B",
        "use-chest": "Chest X-ray triage",
    }


@pytest.mark.usefixtures("another")
def test_a_poster_says_of_which_product_it_is(house: House, pages: Pages) -> None:
    token = make_poster(house, reader(Role.OFFICER), "deployment-twin")
    assert f"Something wrong with {NAME} (No-show risk)?" in unescape(pages(None).get(f"/concern/{token}/poster").text)


@pytest.mark.parametrize("page", ["/", "/monitor?show=unwatched", "/concern"])
def test_a_name_that_one_use_has_stands_alone(pages: Pages, page: str) -> None:
    assert f"{NAME} (" not in unescape(pages(Role.OWNER).get(page).text)


def test_uses_of_one_product_and_one_name_are_not_told_apart_by_it(house: House) -> None:
    with house.database.changing(SYSTEM) as change:
        same = {"product": "product-sepsis", "name": NAME, "site": "site-b"}
        USES.add(change, USES.validated(same), "use-same")
    with house.database.reading() as connection:
        assert names_of(connection, ["use-sepsis"]) == {"use-sepsis": NAME}
