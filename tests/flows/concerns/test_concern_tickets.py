"""A concern opens one ticket where the house says so, and the ticket's number comes back into it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integrations"))
from receivers import PASSWORD, USER, FakeServiceNow, serving

from codman.egress.policy import read_policy
from codman.flows.concerns.tickets import keep_numbers
from codman.flows.outbox import outbox_round
from codman.integrations.servicenow import ServiceNow
from codman.registry.database import utc_now
from codman.settings import BadSetting, read_settings
from codman.wiring import notifiers_of


def test_a_ticket_is_opened_once_and_its_number_stands_in_the_concern(ward):
    with serving(FakeServiceNow()) as instance:
        notifier = ServiceNow(instance.url, USER, PASSWORD, read_policy([instance.url], ["127.0.0.1"]))
        settings = ward.house.settings.model_copy(update={"concerns_to": ("servicenow",)})
        ward.house = replace(ward.house, settings=settings, notifiers={"servicenow": notifier})
        mine, theirs = ward.raised(), ward.raised(event_reference="EV-1")

        outbox_round(ward.house)
        outbox_round(ward.house)

        assert len(instance.records) == 2
        assert ward.concern(mine.concern.id).event_reference == instance.records[0]["number"]
        assert ward.concern(theirs.concern.id).event_reference == "EV-1"  # what a person wrote down stays
        assert keep_numbers(ward.house) == 0


def test_without_being_named_a_system_hears_of_no_concern(ward):
    with serving(FakeServiceNow()) as instance:
        notifier = ServiceNow(instance.url, USER, PASSWORD, read_policy([instance.url], ["127.0.0.1"]))
        ward.house = replace(ward.house, notifiers={"servicenow": notifier})
        ward.raised()
        outbox_round(ward.house)
        assert instance.records == []


def test_a_system_that_is_not_set_up_cannot_be_named(tmp_path):
    settings = read_settings(workspace=tmp_path / "w", concerns_to=["jira"])
    with pytest.raises(BadSetting, match="jira_url"):
        notifiers_of(settings, read_policy([], []), utc_now)
