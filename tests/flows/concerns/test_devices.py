"""A clock of the law on devices, held against what the record says of the tool."""

from __future__ import annotations

import pytest

from codman.flows.concerns.devices import against_the_record
from codman.flows.records import create
from codman.spine.concern import Concern, ConcernSeverity


def said(ward, one: Concern) -> str:
    with ward.house.database.reading() as connection:
        return against_the_record(connection, one)


def answered(ward, device: str) -> None:
    answer = {"about_kind": "use", "about": "ward", "field": "intake/device", "value": device, "source": "p-owner"}
    for field, value in (("intake/device", device), ("intake/clinical", "yes")):
        create(ward.house, ward.person("owner"), "fact", answer | {"field": field, "value": value})


@pytest.mark.parametrize(
    ("device", "says"),
    [
        ("no-device", "the record says that this is none (“No medical device”)"),
        ("exempt-support", "the record says that this is none (“Decision support"),
        ("authorised", ""),
        ("unauthorised", ""),
        (None, "the record does not say whether this is one"),
    ],
)
def test_a_clock_about_devices_says_what_the_record_has_against_it(ward, device, says):
    one = ward.raised(severity=ConcernSeverity.SERIOUS).concern
    if device is not None:
        answered(ward, device)

    assert one.clock == "21-cfr-803/user-facility-death"
    assert (says in said(ward, one)) if says else said(ward, one) == ""


def test_without_a_clock_nothing_is_said_of_devices(ward):
    answered(ward, "no-device")
    assert said(ward, ward.raised(severity=ConcernSeverity.NEAR_MISS).concern) == ""
