"""The inventory as it is asked: filters, facets, words, sites, pages."""

from __future__ import annotations

import pytest

from codman.registry.inventory import MISSING, BadFilter, BadFilterValue, Question, facets, paths_of, search
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS, PRODUCTS, SITES, USES, VENDORS
from codman.spine.product import ProductFields, VendorFields
from codman.spine.site import DeploymentFields, SiteFields
from codman.spine.use import UseFields


@pytest.fixture
def inventory(database):
    """Four uses: live and watched in the north, live and unwatched in the south, proposed, and of no site."""
    with database.changing(SYSTEM) as change:
        vendor = VENDORS.add(change, VendorFields(name="Acme 100%"), "acme")
        bought = PRODUCTS.add(change, ProductFields(name="Alert", kind="bought", vendor=vendor.id), "alert")
        built = PRODUCTS.add(change, ProductFields(name="Own", kind="built"), "own")
        for name, level, parent in (
            ("house", "system", None),
            ("north", "hospital", "house"),
            ("south", "hospital", "house"),
        ):
            SITES.add(change, SiteFields(name=name.title(), level=level, parent=parent), name)
        for name, fields in {
            "watched": {
                "product": bought.id,
                "stage": "live",
                "monitoring": "monthly",
                "site": "north",
                "tier": "high",
            },
            "unwatched": {"product": bought.id, "stage": "live", "impact": "high-impact", "site": "south"},
            "proposed": {"product": built.id, "stage": "proposed", "purpose": "Read chest films"},
            "floating": {"product": built.id, "stage": "live", "impact": "high-impact"},
        }.items():
            USES.add(change, UseFields(name=name, **fields), name)
        DEPLOYMENTS.add(change, DeploymentFields(use="floating", site="north", mode="live"))
    return database


def _names(database, within=("/",), **asked):
    with database.reading() as connection:
        return [use.name for use in search(connection, Question(**asked), within).items]


def test_filters_join_with_and_and_their_values_with_or(inventory):
    assert _names(inventory, where={"stage": ["live"]}) == ["floating", "unwatched", "watched"]
    assert _names(inventory, where={"stage": ["live", "proposed"], "kind": ["built"]}) == ["floating", "proposed"]


def test_missing_is_a_value_like_any_other(inventory):
    live_high_unwatched = {"stage": ["live"], "impact": ["high-impact"], "monitoring": [MISSING]}

    assert _names(inventory, where=live_high_unwatched) == ["floating", "unwatched"]
    assert _names(inventory, not_where={"monitoring": [MISSING]}) == ["watched"]
    assert _names(inventory, not_where={"tier": ["high"]}) == ["floating", "proposed", "unwatched"]


def test_words_are_looked_for_in_names_purpose_product_and_vendor_and_percent_signs_are_letters(inventory):
    assert _names(inventory, words="chest") == ["proposed"]
    assert _names(inventory, words="acme 100%") == ["unwatched", "watched"]
    assert _names(inventory, words="%") == ["unwatched", "watched"]


def test_a_reader_sees_what_belongs_to_or_runs_at_the_sites_within_reach(inventory):
    assert _names(inventory, within=("/house/north/",)) == ["floating", "watched"]
    assert _names(inventory, within=("/house/",)) == ["floating", "unwatched", "watched"]
    assert _names(inventory, within=()) == []


def test_facets_count_what_each_value_would_leave_and_are_not_bound_by_their_own_filter(inventory):
    with inventory.reading() as connection:
        counted = facets(connection, Question(where={"stage": ["live"]}))

    assert dict(counted["stage"]) == {"live": 3, "proposed": 1}
    assert dict(counted["kind"]) == {"bought": 2, "built": 1}
    assert dict(counted["impact"]) == {"high-impact": 2, MISSING: 1}


def test_a_page_ends_with_a_cursor_that_begins_the_next(inventory):
    with inventory.reading() as connection:
        first = search(connection, Question(limit=3))
        second = search(connection, Question(limit=3, cursor=first.next))

    assert first.total == second.total == 4
    assert [use.name for use in (*first.items, *second.items)] == ["floating", "proposed", "unwatched", "watched"]
    assert second.next is None


def test_a_filter_of_no_field_is_refused_with_the_nearest_name(inventory):
    with pytest.raises(BadFilter, match="stage"):
        _names(inventory, where={"stge": ["live"]})


@pytest.mark.parametrize(
    ("field", "wrong", "meant"),
    [
        ("stage", "lvie", "'live'"),
        ("impact", "high-impct", "'high-impact'"),
        ("tier", "hihg", "'high'"),
        ("decision", "aproved", "'approved'"),
        ("decision_role", "informed", "'informs'"),
        ("kind", "boughtt", "'bought'"),
        ("evidence", "filled", "'filed'"),
    ],
)
def test_a_value_that_a_field_never_holds_is_refused_with_the_nearest(inventory, field, wrong, meant):
    with pytest.raises(BadFilterValue, match=meant):
        _names(inventory, where={field: [MISSING, wrong]})
    with pytest.raises(BadFilterValue, match=meant):
        _names(inventory, not_where={field: [wrong]})
    with inventory.reading() as connection, pytest.raises(BadFilterValue, match=meant):
        facets(connection, Question(where={field: [wrong]}))


def test_a_value_of_a_field_that_holds_any_text_only_finds_nothing(inventory):
    assert _names(inventory, where={"organisation": ["nowhere"], "stage": [MISSING]}) == []
    assert _names(inventory, where={"organisation": ["nowhere"]}) == []


def test_a_list_names_the_sites_a_use_runs_at_and_paths_hold_its_own_too(inventory):
    with inventory.reading() as connection:
        (floating, *_) = search(connection, Question()).items
        assert floating.sites == ["North"]
        assert paths_of(connection, USES.get(connection, "floating")) == ["/house/north/"]
        assert paths_of(connection, USES.get(connection, "proposed")) == ["/"]
