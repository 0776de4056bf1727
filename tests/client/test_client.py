"""The client against a real server: every operation, lists that go on, requests sent again, errors by their kind."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from evidence_examples import evaluation

from codman.client import Client
from codman.client.problems import ChangedMeanwhile, Conflict, NoAnswer, NotJson, NotThere, NotYours, Refused
from codman.client.sending import BadServer
from codman.evidence.envelope import sign
from codman.evidence.keys import generate, read_signing_key
from codman.evidence.receipt import verify_receipt
from codman.evidence.statements import canonical_statement
from codman.spine.pausing import PauseProposal
from codman.spine.watching import Incident, WatchStep


class Remembering(httpx.BaseTransport):
    """Passes requests on and remembers which operations they were."""

    def __init__(self):
        self._inner = httpx.HTTPTransport()
        self.seen = set()

    def handle_request(self, request):
        self.seen.add((request.method, request.url.path))
        return self._inner.handle_request(request)


class Failing(httpx.BaseTransport):
    """Answers with these statuses first, or drops the reply on the way back, then passes requests on."""

    def __init__(self, *first):
        self._inner = httpx.HTTPTransport()
        self._first = list(first)
        self.sent = 0

    def handle_request(self, request):
        self.sent += 1
        what = self._first.pop(0) if self._first else None
        if what == "lost":
            self._inner.handle_request(request).read()
            raise httpx.ReadError("the connection broke")
        if what is not None:
            return httpx.Response(what, headers={"Retry-After": "0"}, json={"title": "busy"})
        return self._inner.handle_request(request)


def _impatient(client):
    client._sender._pause = lambda _seconds: None
    return client


def test_the_client_covers_every_operation_of_the_openapi_document(server, hospital, tmp_path):
    transport = Remembering()
    with Client(server, hospital.tokens["officer"], transport=transport) as office:
        document = office.openapi()
        assert office.health()["status"] == "ok"
        assert "<html" in office.documentation()
        assert "color" in office.documentation_style()
        assert office.schema("evaluation")["title"].startswith("Codman")
        for collection, fields, patch in (
            (office.vendors, {"name": "Beta"}, {"contact": "x"}),
            (office.products, {"name": "Fall risk"}, {"kind": "built"}),
            (office.versions, {"product": "sepsis", "label": "2.0"}, {"ehr_build": "May"}),
            (office.sites, {"name": "S", "level": "hospital", "parent": "north"}, {"name": "T"}),
            (office.uses, {"product": "sepsis", "name": "Third"}, {"topic": "x"}),
            (
                office.facts,
                {"about_kind": "use", "about": "mary-use", "field": "hti-1/1.i", "value": "x", "source": "y"},
                {"value": "z"},
            ),
        ):
            made = collection.create(fields)
            assert collection.get(made.id) == made
            assert collection.change(made, patch).revision == 2
            assert made.id in [one.id for one in collection.list()]
        site = office.sites.create({"name": "New", "level": "hospital", "parent": "north"})
        deployed = office.deployments.create({"use": "john-use", "site": site.id, "mode": "silent"})
        office.deployments.change(office.deployments.get(deployed.id), {"mode": "pilot"})
        assert len(list(office.deployments.list(use="john-use"))) == 2
        assert office.uses.deploy("john-use", ["st-mary"], {"mode": "silent"})[0].site == "st-mary"
        assert {one.mode for one in office.uses.change_everywhere("john-use", {"mode": "live"})} == {"live"}
        assert len(office.uses.deployments("john-use")) == 3
        assert b"<AppliedModelCard" in office.uses.made_document("john-use", "chai")
        assert b"<html" in office.uses.made_document("john-use", "hti-1.html")
        assert json.loads(office.uses.made_document("john-use", "hti-1"))["use"]["id"] == "john-use"
        assert json.loads(office.uses.made_document("john-use", "cyclonedx"))["bomFormat"] == "CycloneDX"

        paper = office.documents.create(
            b"%PDF", "application/pdf", about_kind="use", about="mary-use", type="model-card", title="Card"
        )
        assert office.documents.content(paper.id) == b"%PDF"
        assert [one.id for one in office.documents.list()] == [office.documents.get(paper.id).id]

        signer = read_signing_key(_key(tmp_path))
        key = office.keys.create(
            {
                "name": "CI",
                "owner_kind": "pipeline",
                "owner": "ci",
                "origins": ["local"],
                "public_pem": signer.public.pem,
            }
        )
        statement = evaluation()
        receipt = office.submit(sign(canonical_statement(statement), signer).to_bytes())
        assert verify_receipt(receipt, hospital.house.log_key.public).size == receipt.tree_size
        assert office.submit(sign(canonical_statement(statement), signer).to_bytes()) == receipt
        assert office.evidence.read(receipt.digest).standing == "verified"
        assert office.evidence.statement(receipt.digest) == canonical_statement(statement)
        assert office.evidence.envelope(receipt.digest)
        assert office.evidence.verify(receipt.digest).bytes_match
        assert [one.digest for one in office.evidence.list(kind="evaluation", product="flc-mortality")] == [
            receipt.digest
        ]
        twin = office.products.create({"name": "Fall risk", "another": True})
        doubtful = office.submit(canonical_statement(evaluation(product="Fall risk", version="7", use=None))).digest
        assert [one.digest for one in office.evidence.doubts()] == [doubtful]
        assert office.evidence.settle(doubtful, twin.id, why="asked them").product_id == twin.id
        event = {"specversion": "1.0", "id": "1", "source": "/ci", "type": "dev.codman.evidence.v1",
                 "data": json.loads(canonical_statement(evaluation(note="again")))}  # fmt: skip
        batch = office.submit_batch(json.dumps([event, {**event, "data": {"no": "statement"}, "id": "2"}]).encode())
        assert office.events.send([]).accepted == 0
        assert (batch.filed, batch.refused) == (1, 1)
        other = read_signing_key(_key(tmp_path, "next"))
        newer = office.keys.rotate(office.keys.get(key.id), "CI next", other.public.pem)
        assert office.keys.revoke(newer).revoked_from is not None
        assert len(list(office.keys.list())) >= 2

        assert {row.id for row in office.inventory.list(site="st-mary")} == {"mary-use"}
        assert office.inventory.facets()["total"] == 3
        assert office.inventory.export("csv").startswith(b"\xef\xbb\xbfid,")
        guess = office.inventory.propose_mapping(b"Ref,Name,Stage\n1,Fall risk,Live\n", "ours")
        kept = office.mappings.put(guess.mapping)
        assert office.mappings.get("ours") == kept
        assert "ours" in [one.name for one in office.mappings.list(limit=2) if not one.ready]
        tried = office.inventory.import_file(b"Ref,Name,Stage\n1,Fall risk,Live\n", mapping="ours", dry_run=True)
        done = office.inventory.import_file(b"Ref,Name,Stage\n1,Fall risk,Live\n", mapping="ours", why="a list")
        assert (tried.dry_run, tried.created, done.dry_run, done.created) == (True, 1, False, 1)
        kept = office.mappings.put({**kept.mapping, "title": "Our list"}, etag=kept.etag)
        office.mappings.remove(kept)
        view = office.views.create("Mine", "stage=live")
        assert office.views.get(view.id) == view
        assert view in list(office.views.list())
        office.views.forget(view.id)

        one = office.concerns.create("it missed something", "serious harm or death", use="mary-use", site="icu")
        assert [each.id for each in office.concerns.list(use="mary-use")] == [one.id]
        assert office.concerns.get(office.concerns.acknowledge(one.id).id).state == "acknowledged"
        one = office.concerns.change(office.concerns.get(one.id), {"event_reference": "RL-7"})
        one = office.concerns.pause(one, "declined", "it runs beside the old alert, which stays on")
        assert one.pause == "declined"
        one = office.concerns.set_clock(one, "21-cfr-803/user-facility-death", "A death")
        one = office.concerns.report_sent(one, one.raised_at[:10])
        action = office.concerns.add_action(one.id, "corrective", "Mend it", owner="officer", due_on="2999-01-01")
        assert office.concerns.finish_action(action, "Mended").result == "Mended"
        one = office.concerns.close(one, "The feed was late")
        assert office.concerns.read(one.id).lacking == []
        assert b"fewest" in office.concerns.export()

        assert office.is_up()
        assert office.is_ready()["database"] == "ok"
        assert "codman_" in office.metrics()
        first = next(office.audit.list(order="index"))
        assert office.audit.get("0") == first
        assert office.audit.proof(0).leaf == first.leaf
        assert office.audit.consistency(1).older == 1
        assert office.audit.checkpoint().endswith("\n")
    with Client(server, hospital.tokens["admin"], transport=transport) as admin:
        person = admin.people.create({"name": "New person"})
        admin.people.change(admin.people.get(person.id), {"discipline": "nursing"})
        assert len(list(admin.people.list())) > 5
        grant = admin.people.grants(person.id).create({"role": "viewer"})
        assert admin.people.grants(person.id).get(grant.id) == next(admin.people.grants(person.id).list())
        admin.people.take_back(grant)
        token = admin.people.create_token(person.id, ["*.read"], name="t")
        assert token.secret is not None
        assert admin.people.tokens(person.id)[0].id == admin.people.token(person.id, token.id).id
        admin.people.revoke_token(person.id, token.id)
    with Client(server, hospital.tokens["reviewer"], transport=transport) as clinician:
        assert clinician.deployments.accept(clinician.deployments.get("icu-run")).accepted_at is not None
    _changes(server, hospital.tokens, transport)
    _monitoring(server, hospital.tokens, transport)
    _intakes(server, hospital.tokens, transport)
    _review(server, hospital.tokens, transport)
    _reports(server, hospital.tokens, transport)

    missing = []
    for path, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\{[a-z]+\}", "[^/]+", path))
        for method, operation in methods.items():
            if not any(method.upper() == sent and pattern.fullmatch(to) for sent, to in transport.seen):
                missing.append(operation["operationId"])
    assert not missing, ", ".join(missing)


def _intakes(server, tokens, transport):
    """A proposal from its first answer, and a tier raised by one and lowered by two."""
    with (
        Client(server, tokens["owner"], transport=transport) as owner,
        Client(server, tokens["chair"], transport=transport) as chair,
        Client(server, tokens["officer"], transport=transport) as officer,
    ):
        begun = owner.intakes.begin({"name": "Falls"})
        # beside the proposal that the house began for what runs undecided
        assert owner.intakes.get(begun.id).id in [one.id for one in owner.intakes.list()]
        assert owner.intakes.questions(begun.edition)[0]["id"] == "name"
        read = owner.intakes.answer(begun.id, {"name": "Falls", "kind": "built"}, revision=begun.revision)
        assert "vendor" not in [one["id"] for one in read["asked"]]
        revision = read["intake"]["revision"]
        with pytest.raises(Refused, match="cannot be sent in yet"):
            owner.intakes.submit(begun.id, revision=revision)
        gone = owner.intakes.withdraw(begun.id, revision=revision, why="another tool is bought")
        assert gone.state == "withdrawn"
        assert owner.intakes.take_up(begun.id, revision=gone.revision).state == "draft"
        row = owner.intakes.begin_from_file(b"AI Use Case,Agency\nA,x\nB,y\n", row="B", mapping="omb-2025-commercial")
        assert row.answers["name"] == "B"

        assert owner.triage.again("john-use").tier == "high"
        why = "It orders linen, whatever its record leaves open"
        asked = chair.triage.set("john-use", "low", why=why)
        assert (
            chair.triage.refuse(asked.id, "Mine to take back", revision=asked.revision).state
            == "a lower tier was refused"
        )
        asked = chair.triage.set("john-use", "low", why=why)
        assert officer.triage.agree(asked.id, revision=asked.revision).tier == "low"
        assert officer.triage.read("john-use")["standing"]["agreed_by"] == "officer"
        said = {"determined_by": "IRB office", "determined_on": "2026-10-01", "covers": "A silent run"}
        made = officer.triage.determine("john-use", outcome="quality improvement, not research", **said)
        assert made.determined_by == "IRB office"


def _review(server, tokens, transport):
    """A review from its opening to what a token may not sign, by everybody whose part it is."""
    with (
        Client(server, tokens["mary"], transport=transport) as mary,
        Client(server, tokens["chair"], transport=transport) as chair,
        Client(server, tokens["reviewer"], transport=transport) as reviewer,
    ):
        assert next(one for one in mary.policies.list() if one.pack == "predictive-high").holds
        assert mary.policies.get("predictive-high-go-live").policy["checkpoint"] == "go-live"
        assert {one.framework for one in mary.frameworks.list(at="2026-11-20")} >= {"hti-1", "iso-42001"}
        assert len(mary.frameworks.get("nist-ai-rmf").listed) == 72
        covered = mary.uses.controls("mary-use", framework="fda-pccp")
        assert [one.standing for one in covered.items] == ["open"] * 3
        assert covered.counts == {"fda-pccp": {"open": 3}}

        case = mary.reviews.open("mary-use", "go-live", sites=["icu"], quorum=3)
        case = mary.reviews.plan_sites(case, {"st-mary": "silent"})
        assert (sorted(case.sites), dict(case.planned)) == (["icu", "st-mary"], {"st-mary": "silent"})
        case = mary.reviews.plan_sites(case, {"st-mary": None})
        assert [one.id for one in mary.reviews.list(use="mary-use")] == [mary.reviews.get(case.id).id]
        assert chair.reviews.name_reviewer(case.id, "reviewer", "clinical").person == "reviewer"
        assert reviewer.reviews.state_interest(case.id, "none").conflict == "none"
        seat = chair.reviews.correct_discipline(chair.reviews.read(case.id).reviewers[0], "critical care")
        with pytest.raises(Refused, match="no conflict of interest"):
            chair.reviews.lift_conflict(seat, "there is none")
        chair.reviews.excuse(seat)
        assert chair.reviews.name_chair(chair.reviews.get(case.id), "chair", "Nobody is named.").chair == "chair"
        chair.reviews.name_reviewer(case.id, "reviewer", "clinical")
        assert reviewer.reviews.state_interest(case.id, "none").conflict == "none"
        with pytest.raises(Refused, match="hold none of the roles"):
            reviewer.reviews.delegate(case.id, "viewer")
        assert reviewer.reviews.delegate(case.id, None).delegate is None
        read = reviewer.reviews.read(case.id).table
        with pytest.raises(ChangedMeanwhile, match="what is voted on was changed"):
            reviewer.reviews.vote(case.id, "approve", on="0" * 64)
        vote = reviewer.reviews.vote(case.id, "approve with conditions", on=read)
        assert vote.choice == "approve with conditions"
        asked = reviewer.reviews.remark(case.id, "Who watches it at night?")
        assert mary.reviews.remark(case.id, "The ICU.", answers=asked.id).answers == asked.id
        owed = chair.reviews.add_condition(
            case.id, {"sentence": "Show it again", "owner": "reviewer", "due_on": "2099-02-01"}
        )
        requirement = mary.reviews.read(case.id).requirements[0].id
        with pytest.raises(Conflict, match="cannot be closed"):
            chair.reviews.accept_inconclusive(
                case.id, requirement, "too few", {"sentence": "More", "owner": "reviewer", "due_on": "2099-02-01"}
            )
        read = mary.reviews.read(case.id)
        missing = next(
            one.id for one in read.requirements if one.outcome == "missing" and one.id not in ("risk-assessment",)
        )
        said = mary.reviews.say_not_applicable(case.id, missing, "It is not meant for that, and nobody uses it so")
        agreed = chair.reviews.agree_not_applicable(said)
        assert (agreed.state, chair.reviews.say_applicable(agreed, "The ward does").state) == ("standing", "ended")
        assert [one.id for one in chair.conditions.list(use="mary-use")] == [owed.id]
        other = chair.reviews.add_condition(
            case.id, {"sentence": "Not needed", "owner": "reviewer", "due_on": "2099-02-01"}
        )
        assert chair.conditions.withdraw(other, "said twice").state == "withdrawn"
        owed = chair.conditions.prolong(owed, "2099-03-01", "the ward moved")
        with pytest.raises(Refused, match="not decided yet"):
            reviewer.conditions.say_done(owed, "It was shown to the whole ward")
        with pytest.raises(NotYours):
            mary.conditions.close(owed, "mine to say")
        with pytest.raises(Refused, match="no document waits"):
            chair.conditions.hand_back(owed, "it is not there")
        assert chair.conditions.close(owed, "seen on the ward").state == "closed"
        assert mary.reviews.minutes(case.id).remarks[0]["text"] == "Who watches it at night?"
        with pytest.raises(Conflict):
            chair.reviews.decide(chair.reviews.get(case.id), "approved", "as voted")
        with pytest.raises(NotYours):  # people have voted: only who presides, without a hand in it, takes it back
            mary.reviews.withdraw(mary.reviews.get(case.id), why="we bought another")
        assert chair.reviews.withdraw(chair.reviews.get(case.id), why="another was bought").state == "withdrawn"
        assert list(mary.decisions.list()) == []

        assert mary.uses.ways("mary-use").stage == "in-review"
        use = mary.uses.get("mary-use")
        with pytest.raises(Conflict, match="cannot go to live"):
            chair.uses.move(use, "live")
        with pytest.raises(Conflict, match="no case has decided that it retires"):
            mary.uses.move(use, "retired", why="we bought another")


def _reports(server, tokens, transport):
    """What a vendor owes about a use that runs, from its schedule to an answer that is none."""
    with (
        Client(server, tokens["mary"], transport=transport) as mary,
        Client(server, tokens["chair"], transport=transport) as chair,
    ):
        soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
        asked = {"partner": "vendor", "partner_name": "V", "owner": "mary", "every_months": 3, "first_due": soon}
        schedule = mary.schedules.create({"use": "mary-use", **asked}, why="in the contract")
        assert [one.id for one in mary.schedules.list(use="mary-use")] == [schedule.id]
        schedule = mary.schedules.change(mary.schedules.get(schedule.id), {"grace_days": 3})
        (owed,) = mary.reports.list(schedule=schedule.id)
        assert mary.reports.get(owed.report.id).standing == "expected"
        assert "/report/" in mary.reports.make_link(owed.report.id).link
        assert mary.reports.revoke_links(owed.report.id) == 1
        with pytest.raises(Refused, match="this is needed"):
            mary.reports.send_workbook(owed.report.id, mary.reports.workbook(owed.report.id))
        with pytest.raises(Refused):
            mary.reports.send(owed.report.id, b'{"no": "statement"}')
        with pytest.raises(Refused, match="tells of none"):
            chair.reports.heed(owed.report, "nothing follows")
        excused = chair.reports.excuse(owed.report, "it stood still")
        assert mary.reports.await_again(excused, "it ran after all").state == "due"
        assert not mary.schedules.end(schedule, why="the contract ended").active


def _changes(server, tokens, transport):
    """A plan, a question about a change, and pauses that nobody proposed."""
    with Client(server, tokens["mary"], transport=transport) as mary:
        plan = mary.change_plans.create(
            {
                "use": "mary-use",
                "modifications": ["version"],
                "allows": {"version": ["2.*"]},
                "protocol": "As before",
                "requirements": ["discrimination"],
                "impact": "Small",
            }
        )
        assert [one.id for one in mary.change_plans.list(use="mary-use")] == [plan.id]
        with pytest.raises(NotThere):
            mary.change_plans.lay_before(plan, "case-nowhere")
        assert mary.reopenings.would("mary-use", "version", "2.0") == []
        assert list(mary.reopenings.list(state="open")) == []
        assert list(mary.pause_proposals.list()) == []
        fields = {"use": "mary-use", "cause": "decision expired", "because": "it ran out", "case": "case-1"}
        kept = {"id": "pause-nowhere", "revision": 1, "created_at": plan.created_at, "updated_at": plan.created_at}
        proposal = PauseProposal.model_validate(fields | kept)
        with pytest.raises(NotThere):
            mary.pause_proposals.confirm(proposal, "as proposed")
    with Client(server, tokens["chair"], transport=transport) as chair, pytest.raises(NotThere):
        chair.pause_proposals.decline(proposal, "it is fine")


def _monitoring(server, tokens, transport):
    """A plan in the book, and incidents that nobody has."""
    plan = "plan: Mary\nedition: '1'\nrequires:\n  - {id: seen, evidence: monitoring, origin: [local]}\n"
    nowhere = {
        "id": "nowhere",
        "revision": 1,
        "created_at": "2026-11-01T00:00:00Z",
        "updated_at": "2026-11-01T00:00:00Z",
    }
    with Client(server, tokens["officer"], transport=transport) as officer:
        monitor = officer.monitors.create("mary-use", plan, owner="mary", why="what is tried here")
        assert officer.monitors.get(monitor.id).name == "Mary"
        assert [one.id for one in officer.monitors.list()] == [monitor.id]
        with pytest.raises(NotYours):
            Client(server, tokens["mary"], transport=transport).monitors.allow_rollback(monitor, "case-nowhere", "why")
        assert officer.monitors.stop(monitor, "it was a trial").state == "stopped"
        assert list(officer.looks.list()) == list(officer.signals.list()) == list(officer.incidents.list()) == []
        told = {"use": "mary-use", "title": "t", "owner": "mary", "holder": "mary", "opened_at": "2026-11-01T00:00:00Z"}
        incident = Incident.model_validate(told | nowhere)
        step = WatchStep.model_validate(
            {"incident": "nowhere", "use": "mary-use", "kind": "rolled back", "state": "proposed"} | nowhere
        )
        for ask in (
            lambda: officer.incidents.read("nowhere"),
            lambda: officer.incidents.get("nowhere"),
            lambda: officer.incidents.acknowledge(incident),
            lambda: officer.incidents.snooze(incident, "2026-11-02T00:00:00Z", "later"),
            lambda: officer.incidents.escalate(incident, "nobody is there"),
            lambda: officer.incidents.resolve(incident, "nothing"),
            lambda: officer.incidents.reopen(incident, "it is back"),
            lambda: officer.incidents.confirm_rollback(step, "go"),
            lambda: officer.incidents.decline_rollback(step, "stay"),
            lambda: officer.incidents.finish_rollback(step, "done"),
            lambda: officer.incidents.acknowledge_step(step),
            lambda: officer.incidents.propose_retraining(incident),
            lambda: officer.incidents.file_retraining(step, "go"),
            lambda: officer.incidents.decline_retraining(step, "stay"),
            lambda: officer.uses.challenge("nowhere", "2.0", 100),
        ):
            with pytest.raises(NotThere):
                ask()


def _key(folder, name="key"):
    generate(folder / name)
    return folder / f"{name}.key"


def test_a_list_goes_on_over_its_pages(server, hospital):
    with Client(server, hospital.tokens["officer"]) as client:
        for number in range(5):
            client.products.create({"name": f"P{number}"})
        assert len(list(client.products.list(limit=2))) == 6


def test_a_busy_server_is_asked_again_and_a_lost_reply_makes_no_second_record(server, hospital):
    transport = Failing(429, 503, "lost")
    with Client(server, hospital.tokens["officer"], transport=transport) as client:
        made = _impatient(client).products.create({"name": "Once"})
        assert transport.sent == 4
        assert [one.name for one in client.products.list(q="Once")] == [made.name]


def test_an_edit_whose_reply_was_lost_is_not_sent_again(server, hospital):
    transport = Failing(None, "lost")
    with Client(server, hospital.tokens["officer"], transport=transport) as client:
        use = _impatient(client).uses.get("mary-use")
        with pytest.raises(NoAnswer):
            client.uses.change(use, {"topic": "x"})
    assert transport.sent == 2


def test_nobody_answering_is_exit_4():
    with pytest.raises(NoAnswer) as failed, Client("http://127.0.0.1:9", "t") as client:
        _impatient(client).health()

    assert failed.value.exit_code == 4


def test_what_the_server_refuses_is_an_error_of_its_kind_with_its_fields(server, hospital):
    with Client(server, hospital.tokens["officer"]) as client:
        use = client.uses.get("mary-use")
        client.uses.change(use, {"topic": "x"})
        with pytest.raises(ChangedMeanwhile) as stale:
            client.uses.change(use, {"topic": "y"})
        assert stale.value.revision == 2
        with pytest.raises(NotThere):
            client.uses.get("nothing")
        with pytest.raises(Conflict):
            client.products.create({"name": "Other"}, id="sepsis")
        with pytest.raises(Refused) as refused:
            client.products.create({"kind": "stolen"})
        assert {error["pointer"] for error in refused.value.errors} == {"/name", "/kind"}
        with pytest.raises(Refused):
            client.submit(b'{"no": "statement"}')
    with Client(server) as stranger, pytest.raises(NotYours):
        stranger.uses.get("mary-use")


@pytest.mark.parametrize("server", ["http://codman.hospital.org", "ftp://x", "codman", "https://a:b@c", "http://[::1"])
def test_a_token_is_sent_to_no_address_where_others_could_read_it(server):
    with pytest.raises(BadServer) as refused:
        Client(server, "secret-token")
    assert "a:b" not in str(refused.value)


def test_a_statement_is_taken_as_bytes_as_text_and_as_a_dict_and_nothing_else(server, hospital):
    body = canonical_statement(evaluation())
    with Client(server, hospital.tokens["officer"]) as office:
        as_bytes, as_text = office.submit(body), office.submit(body.decode())
        as_dict = office.submit(json.loads(body))

        assert as_bytes == as_text == as_dict
        assert office.evidence.get(as_bytes.digest).standing == "claim"
        for bad, why in (([1], "of the type list"), ({"a": {1, 2}}, "no form in JSON"), ({"a": float("nan")}, "JSON")):
            with pytest.raises(NotJson, match="cannot be sent") as refused:
                office.submit(bad)
            assert why in refused.value.why
