"""A right taken in an emergency stops harm and leaves nothing behind; what a token does is written as the token's."""

from __future__ import annotations

import pytest

from codman.registry.access import ACTIONS, IN_AN_EMERGENCY, Held, Reader, may
from codman.registry.log import SYSTEM, entries
from codman.registry.nouns import PRODUCTS
from codman.spine.person import Role
from codman.spine.product import ProductFields


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_a_lent_role_is_good_for_stopping_harm_alone(action):
    lent = Reader("p", "P", (Held(Role.OFFICER, lent=True),))
    held = Reader("p", "P", (Held(Role.OFFICER),))

    assert may(lent, action) is (may(held, action) and action in IN_AN_EMERGENCY)


def test_nothing_that_outlasts_an_emergency_can_be_done_in_one():
    lasting = {"key.create", "key.change", "grant.create", "token.create", "invitation.create", "audit.erase"}

    assert lasting & IN_AN_EMERGENCY == set()
    assert set(ACTIONS) >= IN_AN_EMERGENCY


def test_the_log_says_which_token_acted_for_whom(database):
    reader = Reader("p-one", "One", (Held(Role.OFFICER),), via="token", via_id="token-7")
    with database.changing(reader.author("r-1")) as change:
        PRODUCTS.add(change, ProductFields(name="By a program"))
    with database.changing(SYSTEM) as change:
        PRODUCTS.add(change, ProductFields(name="By the house"))

    with database.reading() as connection:
        first, second = (written.value["actor"] for written in entries(connection))
    assert first == {"kind": "person", "id": "p-one", "token": "token-7"}
    assert second == {"kind": "system", "id": "codman"}
