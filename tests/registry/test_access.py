"""Who may do what: every cell of the reviewed table (G13), and what narrows it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from codman.registry.access import (
    ACTIONS,
    WHOLE_HOUSE,
    Held,
    NotAllowed,
    Reader,
    is_reading,
    may,
    named_in_scopes,
    paths_for,
    require,
)
from codman.registry.accounts_tokens import is_scope
from codman.spine.person import Role

TABLE = yaml.safe_load((Path(__file__).parent / "access_table.yaml").read_text())
ROLES = [Role(role) for role in TABLE["roles"]]
CELLS = {
    (action, role): cell
    for action, row in TABLE["cells"].items()
    for role, cell in zip(ROLES, row.split(), strict=True)
}

OWN = "/north/a/"
PLACES = {
    "own site": "/north/a/",
    "below it": "/north/a/icu/",
    "another site": "/north/b/",
    "a site whose name begins alike": "/north/ab/",
    "above it": "/north/",
    "the whole house": "/",
}


def somebody(*held: Held, **more: object) -> Reader:
    return Reader(person="person-1", name="engineer 1", held=held, **more)  # type: ignore[arg-type]


def test_the_reviewed_table_names_every_action_and_every_role_and_no_other():
    assert set(TABLE["cells"]) == set(ACTIONS)
    assert list(Role) == ROLES


@pytest.mark.parametrize("action", ACTIONS)
def test_every_cell_equals_the_reviewed_table(action):
    for role in Role:
        cell = CELLS[action, role]
        at_a_site, everywhere = somebody(Held(role, OWN)), somebody(Held(role, "/"))
        for place, path in PLACES.items():
            expected = cell == "S" and place in ("own site", "below it")
            assert may(at_a_site, action, [path]) is expected, (role, place)
            assert may(everywhere, action, [path]) is (cell in "SH"), (role, place)
        assert may(at_a_site, action) is (cell == "S")
        assert may(everywhere, action) is (cell in "SH")


def test_what_is_not_in_the_table_nobody_may_do():
    everything = somebody(*(Held(role) for role in Role))

    assert not may(everything, "inventory.burn")
    assert not may(everything, "inventory.burn", ["/"])
    assert not may(everything, "")


def test_nobody_without_a_role_may_do_anything():
    assert [action for action in ACTIONS if may(somebody(), action) or may(somebody(), action, ["/north/a/"])] == []


def test_a_read_only_reader_changes_nothing_in_any_role():
    looking = somebody(*(Held(role) for role in Role), read_only=True)

    allowed = {action for action in ACTIONS if may(looking, action, ["/"])}

    assert allowed == {action for action in ACTIONS if action.endswith((".read", ".export"))}


@pytest.mark.parametrize(
    ("scope", "action", "expected"),
    [
        ("*", "evidence.submit", True),
        ("evidence.submit", "evidence.submit", True),
        ("evidence.submit", "evidence.read", False),
        ("evidence.*", "evidence.read", True),
        ("evidence.*", "inventory.read", False),
        ("*.read", "inventory.read", True),
        ("*.read", "inventory.export", False),
        ("evidence", "evidence.read", False),
        ("event.send:icu-use", "event.send", True),
        ("event.send:icu-use", "evidence.submit", False),
        ("evidence.read:icu-use", "evidence.read", False),
    ],
)
def test_a_token_is_good_for_its_scopes_and_no_more(scope, action, expected):
    assert may(somebody(Held(Role.ADMIN), scopes=frozenset({scope})), action) is expected


@pytest.mark.parametrize(
    ("scopes", "uses"),
    [
        (None, None),
        ({"*"}, None),
        ({"event.*"}, None),
        ({"event.send", "event.send:a"}, None),
        ({"event.send:a", "event.send:b", "*.read"}, {"a", "b"}),
        ({"inventory.read"}, set()),
    ],
)
def test_a_scope_that_names_uses_is_good_for_those_alone(scopes, uses):
    reader = somebody(Held(Role.ENGINEER), scopes=None if scopes is None else frozenset(scopes))

    assert named_in_scopes(reader, "event.send") == uses


def test_only_a_scope_that_may_name_a_use_does():
    assert is_scope("event.send:icu-use")
    assert not is_scope("event.send:ICU use")
    assert not is_scope("event.send:")
    assert not is_scope("evidence.submit:icu-use")


def test_a_token_never_gives_what_its_owner_does_not_hold():
    viewer = somebody(Held(Role.VIEWER), scopes=frozenset({"*"}))

    assert {a for a in ACTIONS if may(viewer, a)} == {a for a in ACTIONS if Role.VIEWER in ACTIONS[a]}


def test_a_refusal_names_the_roles_that_would_do_and_says_where():
    with pytest.raises(NotAllowed) as refused:
        require(somebody(Held(Role.OFFICER, OWN)), "vendor.change")

    assert "for the whole house" in refused.value.why
    assert "admin, officer" in refused.value.why


def test_what_concerns_the_whole_house_is_all_in_the_table():
    assert set(ACTIONS) >= WHOLE_HOUSE


@given(
    held=st.lists(
        st.builds(Held, role=st.sampled_from(Role), path=st.sampled_from(["/", "/n/", "/n/a/", "/n/b/", "/s/"]))
    ),
    action=st.sampled_from(sorted(ACTIONS)),
    place=st.sampled_from(["/", "/n/", "/n/a/", "/n/a/icu/", "/n/b/", "/s/"]),
)
def test_another_role_never_takes_anything_away(held, action, place):
    allowed = may(somebody(*held), action, [place])

    assert allowed == any(may(somebody(one), action, [place]) for one in held)
    assert not allowed or any(place.startswith(path) for path in paths_for(somebody(*held), action))


def test_reading_is_what_ends_in_read_or_export():
    assert is_reading("audit.read")
    assert not is_reading("view.save")
