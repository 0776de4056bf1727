"""A concern is taken from anybody, reaches a clinician, and leaves its words where they can be erased."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update
from ward import NORTH, WORDS, Ward

from codman.flows import erasure
from codman.flows.audit import audit
from codman.flows.concerns.raising import Place, Said, may_identify, place_within, proof_of_words, raise_concern
from codman.registry.access import Held, NotAllowed, Reader
from codman.registry.log import LogBroken
from codman.registry.nouns import DEPLOYMENTS, PEOPLE, USES
from codman.registry.records import BadField, NoSuchRecord
from codman.registry.requests import KeyReused, Once
from codman.registry.schema import log_entries, log_texts, requests
from codman.registry.schema_review import concerns
from codman.spine.concern import ConcernCategory, ConcernSeverity
from codman.spine.person import Role
from codman.spine.use import Stage

SAID = Said(category=ConcernCategory.MISSED, severity=ConcernSeverity.HARM, words=WORDS)


def test_it_reaches_the_sites_clinician_by_a_stated_time_and_says_nothing_of_the_words(ward):
    raised = ward.raised(severity=ConcernSeverity.HARM)

    assert raised.told.circle.value == "accountable clinician"
    assert raised.concern.see_by == "2026-11-01T13:00:00.000000Z"  # raised at 9, harm is seen within four hours
    (to, event, text), *pause = ward.messages()
    assert (to, event) == ("clin@example.org", "concern.raised")
    assert "by 1 Nov 2026, 13:00 UTC" in text
    assert "Ward sepsis at North" in text
    assert [(to, event) for to, event, _text in pause] == [
        (f"{name}@example.org", "concern.pause") for name in ("owner", "p-one", "p-two")
    ]
    assert all("crashed" not in text for _to, _event, text in ward.messages())


@pytest.mark.parametrize(
    ("without", "circle", "told"),
    [
        ((), "accountable clinician", ["clin@example.org"]),
        (("clinician",), "owner of the use", ["owner@example.org"]),
        (("clinician", "owner"), "governance office", ["p-one@example.org", "p-two@example.org"]),
    ],
)
def test_without_a_clinician_it_goes_to_the_owner_and_without_one_to_the_officers(ward, without, circle, told):
    for name in without:
        ward.change(PEOPLE, {"clinician": "p-clin", "owner": "p-owner"}[name], active=False)

    assert ward.raised().told.circle.value == circle
    assert ward.told("concern.raised") == told


def test_a_clinician_without_an_address_is_passed_over_for_somebody_who_can_be_written_to(ward):
    ward.change(PEOPLE, "p-clin", email=None)
    assert ward.raised().told.circle.value == "owner of the use"


def test_a_concern_about_nothing_that_anybody_could_name_goes_to_the_officers_of_the_whole_house(ward):
    raised = ward.raised(Place())
    assert raised.told.circle.value == "governance office"
    assert (raised.concern.use, raised.concern.site, raised.concern.pause) == (None, None, None)
    assert ward.told("concern.raised") == ["p-one@example.org", "p-two@example.org"]


def test_a_use_that_runs_at_one_site_is_meant_there_and_of_another_site_the_owner_is_told(ward):
    assert ward.raised(Place("ward")).concern.site == "north"
    assert ward.raised(Place("ward", "south")).told.circle.value == "owner of the use"


@pytest.mark.parametrize(
    ("severity", "pause", "clock"),
    [
        (ConcernSeverity.NO_HARM, None, None),
        (ConcernSeverity.UNKNOWN, None, None),
        (ConcernSeverity.HARM, "proposed", None),
        (ConcernSeverity.SERIOUS, "proposed", "21-cfr-803/user-facility-death"),
    ],
)
def test_harm_proposes_a_pause_and_serious_harm_starts_the_clock_of_the_law(ward, severity, pause, clock):
    concern = ward.raised(severity=severity).concern
    assert (concern.pause, concern.clock) == (pause, clock)
    # Sunday 1 November: ten work days, Veterans Day on the 11th left out, end on Monday the 16th
    assert concern.clock_due == (None if clock is None else "2026-11-16")


def test_no_pause_is_proposed_of_what_does_not_run(ward):
    assert ward.raised(Place("ward-south"), severity=ConcernSeverity.HARM).concern.pause is None


def test_the_filed_statement_is_a_claim_that_holds_a_salted_hash_and_no_words(ward):
    concern = ward.raised().concern
    body = json.loads(ward.house.store.get(concern.statement).body)

    assert body["subject"][0] == {"name": "Sepsis alert@1.2.0", "digest": {"sha256": "a" * 64}}
    assert (body["predicate"]["category"], body["predicate"]["site"]) == ("it missed something", "North")
    assert "crashed" not in json.dumps(body)
    with ward.house.database.reading() as connection:
        salt, words = proof_of_words(connection, concern)
    assert hashlib.sha256(salt + words.encode()).hexdigest() == body["predicate"]["words"]["sha256"]
    assert len(salt) == 32
    assert audit(ward.house, ward.officer).entries > 0


def test_two_who_say_the_same_at_once_are_two_concerns(ward):
    one, two = ward.raised(words=None).concern, ward.raised(words=None).concern
    assert one.id != two.id
    assert one.statement != two.statement


def test_nothing_in_the_log_says_the_words(ward):
    ward.raised(contact="ext. 4711", event_reference="RL-1234")
    with ward.house.database.reading() as connection:
        entries = b"".join(bytes(raw) for raw in connection.execute(select(log_entries.c.entry)).scalars())
    for secret in (WORDS, "4711", "RL-1234"):
        assert secret.encode() not in entries


def test_after_an_erasure_neither_log_nor_concern_nor_kept_reply_has_the_words(ward):
    soon = "2026-11-01T09:05:00.000000Z"
    one, two = replace(ward.officer, fresh_until=soon), replace(ward.second, fresh_until=soon)
    once = Once("web:ward", "n1", "0" * 64)
    raised = raise_concern(ward.house, SAID.model_copy(update={"contact": "Ann, ext. 4711"}), NORTH, once=once)
    name = raised.concern.id
    with ward.house.database.reading() as connection:
        query = select(log_entries.c.number).where(log_entries.c.about == name)
        (index,) = connection.execute(query).scalars()

    asked = erasure.ask(ward.house, one, index, why="it names a patient")
    erasure.agree(ward.house, two, asked.id)

    kept = ward.concern(name)
    assert (kept.words, kept.contact) == (None, None)
    assert (kept.severity, kept.category) == (SAID.severity, SAID.category)
    with ward.house.database.reading() as connection:
        assert proof_of_words(connection, kept) is None
        everything = [
            str(row) for table in (concerns, log_texts, requests) for row in connection.execute(select(table))
        ]
    assert not [row for row in everything if "crashed" in row or "4711" in row]
    assert audit(ward.house, ward.officer).entries > 0


def test_words_that_were_put_back_past_the_log_are_noticed(ward):
    name = ward.raised().concern.id
    with ward.house.database.unrecorded() as connection:
        connection.execute(update(concerns).where(concerns.c.id == name).values(words="It worked well."))
    with pytest.raises(LogBroken, match="'words' of concern"):
        audit(ward.house, ward.officer)


def test_the_same_form_sent_twice_is_one_concern_and_with_other_words_is_refused(ward):
    once = Once("web:ward", "n1", "0" * 64)
    first = raise_concern(ward.house, SAID, NORTH, once=once)
    assert raise_concern(ward.house, SAID, NORTH, once=once).concern == first.concern
    assert len(ward.told("concern.raised")) == 1
    with pytest.raises(KeyReused):
        raise_concern(ward.house, SAID, NORTH, once=replace(once, body_digest="1" * 64))


def test_who_is_signed_in_is_named_only_if_they_wish(ward):
    reader = ward.person("stat")
    named = raise_concern(ward.house, SAID, NORTH, reader=reader).concern
    hidden = raise_concern(ward.house, SAID, NORTH, reader=reader, named=False).concern

    assert (named.raised_by, hidden.raised_by) == ("p-stat", None)
    with ward.house.database.reading() as connection:
        query = select(log_entries.c.actor, log_entries.c.about).where(log_entries.c.action == "concern.create")
        authors = {row.about: row.actor for row in connection.execute(query)}
    assert (authors[named.id], authors[hidden.id]) == ("p-stat", "concern-form")


def test_who_may_not_raise_or_sees_no_such_use_is_refused(ward):
    with pytest.raises(NotAllowed):
        raise_concern(ward.house, SAID, NORTH, reader=Reader("x", "X", ()))
    south = Reader("p-clin", "Clinician", (Held(Role.REVIEWER, "/south/"),))
    with pytest.raises(NoSuchRecord):
        place_within(ward.house, south, "ward", None)
    assert place_within(ward.house, south, "ward-south", "south") == Place("ward-south", "south")


def test_a_day_to_come_is_refused_and_nothing_is_kept(ward):
    with pytest.raises(BadField, match="happened_on"):
        ward.raised(happened_on="2026-11-02")
    assert ward.messages() == []
    assert ward.raised(happened_on="2026-11-01").concern.happened_on == "2026-11-01"


def test_an_ended_deployment_no_longer_says_where_a_use_runs(ward):
    ward.change(DEPLOYMENTS, "d-north", mode="ended")
    raised = ward.raised(Place("ward"))
    assert raised.concern.site is None
    assert raised.told.circle.value == "owner of the use"


@pytest.mark.parametrize(
    "words",
    [
        "MRN 00123",
        "record 4711302",
        "born on a Sunday",
        "DOB 3/4/1950",
        "Mrs Jones had it",
        "123-45-6789",
        "1950-03-04",
    ],
)
def test_words_that_may_name_a_patient_are_noticed(words):
    assert may_identify(words)


@pytest.mark.parametrize("words", [None, "It alarmed 30 times in 200 ms after 14:05", "Bed 12: no alert", WORDS])
def test_plain_words_are_let_be(words):
    assert not may_identify(words)


@given(st.text(max_size=300))
def test_any_words_can_be_looked_at(words):
    assert may_identify(words) in (True, False)


def test_the_use_stays_as_it_is_until_somebody_pauses_it(ward):
    ward.raised(severity=ConcernSeverity.SERIOUS)
    with ward.house.database.reading() as connection:
        assert USES.get(connection, "ward").stage is Stage.LIVE


def test_an_empty_public_address_loses_no_concern(tmp_path, monkeypatch):
    monkeypatch.setenv("CODMAN_PUBLIC_URL", "")
    ward = Ward(tmp_path)
    try:
        assert ward.raised(severity=ConcernSeverity.HARM).concern.severity is ConcernSeverity.HARM
        assert ward.told("concern.raised") == ["clin@example.org"]
    finally:
        ward.house.close()
