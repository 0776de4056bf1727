"""A concern is made less, or put elsewhere, by the committee with a reason; by nobody who has a hand in a use."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from ward import NORTH

from codman.flows.concerns import actions, following
from codman.flows.concerns.letting_off import NotImpartial
from codman.flows.concerns.raising import Place, Said, raise_concern
from codman.flows.concerns.reading import list_concerns, overview, read_concern
from codman.flows.harm import open_harm
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import SYSTEM
from codman.registry.nouns import DEPLOYMENTS
from codman.registry.records import BadField, NoSuchRecord
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.spine.person import Role
from codman.spine.site import DeploymentFields
from codman.web.app import make_web


def harm(ward):
    with ward.house.database.reading() as connection:
        return [one.id for one in open_harm(connection, "ward")]


@pytest.mark.parametrize(
    "patch", [{"severity": "no harm"}, {"severity": "unknown"}, {"use": None}, {"use": "ward-south"}, {"site": "south"}]
)
def test_whoever_is_named_clinician_later_makes_no_harm_less_and_puts_it_nowhere_else(ward, patch):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    ward.change(DEPLOYMENTS, "d-north", clinician="p-viewer")
    viewer = ward.person("viewer")
    had = following.acknowledge(ward.house, viewer, one.id)
    with pytest.raises(NotAllowed, match=r"concern\.change"):
        following.amend(ward.house, viewer, one.id, patch, had.revision, why="I say so")
    assert harm(ward) == [one.id]


def test_the_committee_says_that_harm_was_less_bad_with_a_reason_only(ward):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    safe, patch = ward.person("safe"), {"severity": "no harm"}
    for why in (None, " "):
        with pytest.raises(BadField, match="why"):
            following.amend(ward.house, safe, one.id, patch, one.revision, why=why)
    less = following.amend(ward.house, safe, one.id, patch, one.revision, why="The chart shows none")
    assert (less.severity, harm(ward)) == (ConcernSeverity.NO_HARM, [])


def test_what_nobody_knew_is_answered_by_the_clinician_of_the_site_without_a_seat(ward):
    ward.change(DEPLOYMENTS, "d-north", clinician="p-viewer")
    one = ward.raised(severity=ConcernSeverity.UNKNOWN).concern
    known = following.amend(ward.house, ward.person("viewer"), one.id, {"severity": "near miss"}, one.revision)
    assert known.severity is ConcernSeverity.NEAR_MISS


def test_the_form_offers_what_somebody_may_say_and_asks_the_committee_why(ward):
    ward.change(DEPLOYMENTS, "d-north", clinician="p-viewer")
    one = ward.raised(severity=ConcernSeverity.HARM).concern
    app = make_web(ward.house)
    said = {}
    for name in ("viewer", "safe"):
        app.state.reader_of = lambda _request, name=name: ward.person(name)
        said[name] = TestClient(app, base_url="http://localhost").get(f"/incidents/{one.id}/amend").text
    asked = ('value="near miss"', 'name="why"', 'name="use"', 'value="serious harm or death"')
    assert [text in said["viewer"] for text in asked] == [False, False, False, True]
    assert [text in said["safe"] for text in asked] == [True, True, True, True]
    assert "That it was less bad is for somebody else to say." in said["viewer"]


def test_a_concern_that_names_a_site_is_for_the_committee_of_that_site_alone(ward):
    with ward.house.database.changing(SYSTEM) as change:
        runs = DeploymentFields(use="ward", site="south", version="sepsis-120", mode="live", clinician="p-legal")
        DEPLOYMENTS.add(change, runs, "d-south")
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    lost = ward.raised(Place("ward")).concern  # nobody said where: every site that runs it
    north, south = ward.at("stat", "north"), ward.at("stat", "south")
    with pytest.raises(NoSuchRecord):
        read_concern(ward.house, south, one.id)
    with pytest.raises(NoSuchRecord):
        following.acknowledge(ward.house, south, one.id)
    assert [each.id for each in list_concerns(ward.house, south).items] == [lost.id]
    assert overview(ward.house, south).open == 1
    assert {each.id for each in list_concerns(ward.house, north).items} == {one.id, lost.id}
    assert following.acknowledge(ward.house, north, one.id).acknowledged_by == "p-stat"


def test_what_repeats_a_closed_concern_in_a_flood_stands_alone_the_oldest_first(ward):
    said = Said(category=ConcernCategory.MISSED, severity=ConcernSeverity.HARM, words="Late")
    first, second, third = (raise_concern(ward.house, said, NORTH, in_flood=True).concern for _ in range(3))
    assert (second.repeats, third.repeats, harm(ward)) == (first.id, first.id, [first.id])
    safe = ward.person("safe")
    had = following.acknowledge(ward.house, safe, first.id)
    had = following.decline_pause(ward.house, safe, first.id, had.revision, "Seen to")
    actions.close(ward.house, safe, first.id, had.revision, "Seen to")

    assert (ward.concern(second.id).repeats, ward.concern(third.id).repeats) == (None, second.id)
    assert harm(ward) == [second.id]
    ward.clock.forward(days=1)
    assert read_concern(ward.house, safe, second.id).overdue

    less = {"severity": "no harm"}
    following.amend(ward.house, safe, second.id, less, ward.concern(second.id).revision, why="The chart shows none")
    assert (ward.concern(third.id).repeats, harm(ward)) == (None, [third.id])


def test_a_concern_about_no_known_use_is_let_off_by_who_presides_and_answers_for_no_use(ward):
    one = ward.raised(Place(None, "north"), severity=ConcernSeverity.SERIOUS).concern
    own = Reader("p-owner", "Owner", (Held(Role.REVIEWER), Held(Role.CHAIR)))
    had = following.acknowledge(ward.house, own, one.id)
    for reader in (own, ward.person("safe")):
        for step in (
            lambda who: following.amend(ward.house, who, one.id, {"severity": "no harm"}, had.revision, why="None"),
            lambda who: following.set_clock(ward.house, who, one.id, had.revision, None, "No device"),
            lambda who: actions.close(ward.house, who, one.id, had.revision, "Nothing"),
        ):
            with pytest.raises(NotImpartial, match="nobody has said which"):
                step(reader)
    with pytest.raises(NotImpartial, match="answer for another one"):
        following.amend(ward.house, own, one.id, {"use": "ward-south"}, had.revision)
    chair = ward.person("chair")
    freed = following.set_clock(ward.house, chair, one.id, had.revision, None, "No device")
    named = following.amend(ward.house, own, one.id, {"use": "ward"}, freed.revision)
    with pytest.raises(NotImpartial, match="answer for this use"):
        actions.close(ward.house, own, one.id, named.revision, "Nothing")
