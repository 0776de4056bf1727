"""ServiceNow and Jira: one ticket a message, whatever is lost on the way, and what their answers mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from notices import MESSAGE, NOTICE, message
from receivers import PASSWORD, USER, FakeJira, FakeServiceNow, serving

from codman.egress.policy import EgressPolicy
from codman.integrations.jira import Jira, as_document
from codman.integrations.servicenow import ServiceNow
from codman.jobs.notifier import NotAccepted, NotDelivered, ReceiverAway
from codman.settings import BadSetting

NOBODY_ELSE = EgressPolicy()


def service_now(url: str, password: str = PASSWORD) -> ServiceNow:
    return ServiceNow(url, USER, password, NOBODY_ELSE, group="AI safety")


def jira(url: str, password: str = PASSWORD) -> Jira:
    return Jira(url, USER, password, "GOV", NOBODY_ELSE)


@pytest.fixture(
    params=[(FakeServiceNow, service_now, "INC0010001"), (FakeJira, jira, "GOV-1")], ids=["servicenow", "jira"]
)
def system(request):
    """A ticket system, what opens tickets in it, and the first one's number."""
    fake, opener, number = request.param
    with serving(fake()) as receiver:
        yield receiver, opener, number


def test_a_message_becomes_one_ticket_and_the_same_again_finds_it(system):
    receiver, opener, number = system
    notifier = opener(receiver.url)

    assert notifier.send(MESSAGE) == number
    assert notifier.send(MESSAGE) == number
    assert notifier.send(message(id="msg_another")) != number

    assert len(receiver.records) == 2


def test_a_ticket_whose_answer_was_lost_is_found_and_not_made_again(system):
    receiver, opener, number = system
    receiver.lose_answers = 1
    notifier = opener(receiver.url)

    with pytest.raises(ReceiverAway):
        notifier.send(MESSAGE)
    assert notifier.send(MESSAGE) == number
    assert len(receiver.records) == 1


def test_an_incident_says_what_where_how_urgent_and_who_asked():
    with serving(FakeServiceNow()) as instance:
        service_now(instance.url).send(MESSAGE)

    (incident,) = instance.records
    assert incident["short_description"] == NOTICE.title
    assert "- Measure again by race (by 1 Dec 2026)" in incident["description"]
    assert incident["description"].endswith("https://codman.example.org/")
    assert (incident["impact"], incident["urgency"]) == ("1", "1")
    assert (incident["correlation_id"], incident["correlation_display"]) == (MESSAGE.id, "Codman")
    assert incident["assignment_group"] == "AI safety"


def test_another_incident_that_a_query_finds_by_mistake_is_not_taken_for_ours():
    with serving(FakeServiceNow()) as instance:
        instance.records.append({"number": "INC0000001"})  # a table without correlation_id: every query finds it

        assert service_now(instance.url).send(MESSAGE) == "INC0010002"


def test_an_issue_holds_a_document_with_its_list_and_links():
    with serving(FakeJira()) as site:
        jira(site.url).send(MESSAGE)

    fields = site.records[0]["fields"]
    assert fields["labels"] == ["codman", MESSAGE.id]
    assert fields["issuetype"] == {"name": "Task"}
    first, second, listed, link = as_document(NOTICE)["content"]
    assert [node["type"] for node in first["content"]] == ["text", "hardBreak", "text"]
    assert second["content"][0]["text"] == "Nobody else is told."
    assert listed["content"][0]["content"][0]["content"][0]["marks"][0]["attrs"]["href"].endswith("/uses/u-1")
    assert link["content"][0]["text"] == "https://codman.example.org/"


def test_what_jira_refuses_is_parked_with_the_names_of_the_fields_and_none_of_their_words():
    with serving(FakeJira()) as site, pytest.raises(NotAccepted) as refused:
        Jira(site.url, USER, PASSWORD, "NOPE", NOBODY_ELSE).send(MESSAGE)

    assert refused.value.why == "it answers with status 400, because of project"


@pytest.mark.parametrize(
    ("status", "headers", "error", "again_in"),
    [
        (400, {}, NotAccepted, None),
        (413, {}, NotAccepted, None),
        (422, {}, NotAccepted, None),
        (409, {}, NotDelivered, None),
        (429, {"Retry-After": "120"}, ReceiverAway, 120),
        (503, {"Retry-After": "soon"}, ReceiverAway, None),
        (500, {}, ReceiverAway, None),
        (302, {"Location": "http://127.0.0.1:1/"}, ReceiverAway, None),
        (404, {}, ReceiverAway, None),
    ],
)
def test_what_an_answer_means_for_the_message(system, status, headers, error, again_in):
    receiver, opener, _ = system
    receiver.next = [(status, headers)]

    with pytest.raises(error, match=f"status {status}") as raised:
        opener(receiver.url).send(MESSAGE)

    assert type(raised.value) is error
    assert getattr(raised.value, "again_in", None) == again_in
    assert receiver.records == []


def test_a_receiver_may_say_by_date_when_to_come_again(system):
    receiver, opener, _ = system
    receiver.next = [(503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)})]

    with pytest.raises(ReceiverAway) as away:
        opener(receiver.url).send(MESSAGE)

    assert 590 < away.value.again_in <= 600


def test_a_wrong_password_is_everybodys_trouble_and_stands_in_no_message(system):
    receiver, opener, _ = system

    with pytest.raises(ReceiverAway, match="status 401") as away:
        opener(receiver.url, "wrong password").send(MESSAGE)

    assert "wrong password" not in str(away.value)


def test_a_page_where_json_should_be_is_no_success(system):
    receiver, opener, _ = system
    receiver.next = [(200, {})]

    with pytest.raises(ReceiverAway, match="does not answer as"):
        opener(receiver.url).send(MESSAGE)


def test_nobody_at_the_address_is_away():
    with pytest.raises(ReceiverAway):
        service_now("http://127.0.0.1:9").send(MESSAGE)


@pytest.mark.parametrize(
    "url", ["http://tickets.example.org", "ftp://a.example.org", "https://me:pw@a.example.org", "x"]
)
def test_an_address_that_would_carry_passwords_in_the_open_is_refused(url):
    with pytest.raises(BadSetting) as bad:
        service_now(url)

    assert "pw" not in str(bad.value)
