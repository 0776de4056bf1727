"""Reviews: a use before a checkpoint, who asks, votes and decides; decisions and the conditions they set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from codman.client.collections import Readable
from codman.client.review_answers import CaseRead, Minutes
from codman.spine.exclusion import Exclusion
from codman.spine.review import Acceptance, Case, CaseOutcome, Choice, Condition, Conflict, Remark, Reviewer, Vote


class Reviews(Readable[Case]):
    """Cases, open and closed."""

    def open(self, use: str, checkpoint: str, *, why: str | None = None, **more: Any) -> Case:
        """Bring a use before a checkpoint; sent again after a lost connection, it is one case.

        Args:
            use: Which use.
            checkpoint: Before which; its policy is chosen by tier, task, setting and kind.
            why: The reason, for the audit log.
            more: What else the API's documentation names: sites, planned, version, procedure, quorum, chair and so on.

        Raises:
            Conflict: A case of this use and checkpoint is open.
            Refused: No policy is meant for it, or a field cannot be kept.
        """
        body = {"use": use, "checkpoint": checkpoint, **more}
        return self._read(self._sender.send("POST", self._path, json=body, why=why, once=True))

    def get(self, name: str) -> Case:
        """The case alone."""
        return self.read(name).case

    def read(self, name: str) -> CaseRead:
        """The case with each requirement beside its evidence, its people, votes and conditions."""
        return CaseRead.model_validate(self._sender.send("GET", f"{self._path}/{name}").json())

    def minutes(self, name: str) -> Minutes:
        """Its minutes, written from the records."""
        return Minutes.model_validate(self._sender.send("GET", f"{self._path}/{name}/minutes").json())

    def name_reviewer(self, name: str, person: str, discipline: str) -> Reviewer:
        """Ask somebody to review it."""
        return Reviewer.model_validate(self._do(name, "reviewers", {"person": person, "discipline": discipline}))

    def correct_discipline(self, reviewer: Reviewer, discipline: str) -> Reviewer:
        """Correct what a reviewer judges a case as, before anybody voted in it; never one's own.

        Raises:
            Conflict: Somebody voted.
            ChangedMeanwhile: It was changed since it was read.
        """
        return self._of_reviewer(reviewer, "discipline", {"discipline": discipline})

    def lift_conflict(self, reviewer: Reviewer, why: str) -> Reviewer:
        """Lift a conflict of interest that a reviewer stated, with a reason; they state their interest anew."""
        return self._of_reviewer(reviewer, "lifting", {"why": why})

    def excuse(self, reviewer: Reviewer) -> None:
        """Take a reviewer off a case; who voted, or stated a conflict of interest, stays on it."""
        self._sender.send("DELETE", f"/reviewers/{reviewer.id}", etag=f'"{reviewer.revision}"')

    def state_interest(self, name: str, conflict: Conflict | str, note: str | None = None) -> Reviewer:
        """Say whether one has a conflict of interest: `none` or `conflict`."""
        return Reviewer.model_validate(self._do(name, "interest", {"conflict": conflict, "note": note}))

    def delegate(self, name: str, to: str | None) -> Reviewer:
        """Name who votes in one's place; None takes it back."""
        return Reviewer.model_validate(self._do(name, "delegation", {"to": to}))

    def vote(
        self, name: str, choice: Choice | str, *, on: str, reason: str | None = None, of: str | None = None
    ) -> Vote:
        """Vote; a second time changes the vote.

        Args:
            name: The review.
            choice: The vote.
            on: What was read: `read(name).table`.
            reason: Why; needed for a vote against.
            of: Whose vote it is, where one is their delegate.

        Raises:
            ChangedMeanwhile: What is voted on is another than was read.
        """
        body = {"choice": choice, "on": on, "reason": reason, "of": of}
        return Vote.model_validate(self._do(name, "votes", body))

    def remark(self, name: str, text: str, *, requirement: str | None = None, answers: str | None = None) -> Remark:
        """Ask, or answer the remark whose id is given."""
        body = {"text": text, "requirement": requirement, "answers": answers}
        return Remark.model_validate(self._do(name, "remarks", body))

    def add_condition(self, name: str, condition: Mapping[str, Any]) -> Condition:
        """Write what an approval will ask for: sentence, owner, due_on."""
        return Condition.model_validate(self._do(name, "conditions", dict(condition)))

    def accept_inconclusive(self, name: str, requirement: str, reason: str, condition: Mapping[str, Any]) -> Acceptance:
        """Accept in writing what the evidence cannot decide, under the condition that will decide it."""
        body = {"requirement": requirement, "reason": reason, "condition": dict(condition)}
        return Acceptance.model_validate(self._do(name, "acceptances", body))

    def say_not_applicable(self, name: str, requirement: str, why: str) -> Exclusion:
        """Say that a requirement does not apply to the use; it waits for a second person."""
        return Exclusion.model_validate(self._do(name, "exclusions", {"requirement": requirement, "why": why}))

    def agree_not_applicable(self, exclusion: Exclusion) -> Exclusion:
        """Agree to that, as the second person, without a hand in the use."""
        reply = self._sender.send("POST", f"/exclusions/{exclusion.id}/agreement", etag=f'"{exclusion.revision}"')
        return Exclusion.model_validate(reply.json())

    def say_applicable(self, exclusion: Exclusion, why: str) -> Exclusion:
        """Refuse it, end it, or take back what one said."""
        path = f"/exclusions/{exclusion.id}/refusal"
        reply = self._sender.send("POST", path, json={"why": why}, etag=f'"{exclusion.revision}"')
        return Exclusion.model_validate(reply.json())

    def withdraw(self, case: Case, *, why: str) -> Case:
        """Take it back."""
        path = f"{self._path}/{case.id}/withdrawal"
        return self._read(self._sender.send("POST", path, etag=f'"{case.revision}"', why=why))

    def name_chair(self, case: Case, chair: str, why: str) -> Case:
        """Say who presides over it instead of who was named, with a reason; oneself, to take it over.

        Raises:
            NotYours: One may not close it, has a hand in the use, or a vote in it.
            ChangedMeanwhile: The case was changed since it was read.
        """
        path = f"{self._path}/{case.id}/chair"
        return self._read(self._sender.send("POST", path, json={"chair": chair, "why": why}, etag=f'"{case.revision}"'))

    def plan_sites(self, case: Case, planned: Mapping[str, str | None]) -> Case:
        """Change where its use is yet to run, by site: silent, pilot, live, or None for no more.

        Args:
            case: As it was read.
            planned: The mode meant, by site; those it does not name stay.

        Raises:
            ChangedMeanwhile: The case was changed since it was read.
        """
        path = f"{self._path}/{case.id}/planned"
        return self._read(self._sender.send("POST", path, json={"planned": dict(planned)}, etag=f'"{case.revision}"'))

    def decide(
        self,
        case: Case,
        outcome: CaseOutcome | str,
        reasons: str,
        *,
        on: str | None = None,
        expires_on: str | None = None,
    ) -> Case:
        """Close it. It is signed in the closer's name, which asks for a person who has just signed in.

        Args:
            case: As it was read.
            outcome: How it ends.
            reasons: Why.
            on: What was read: `read(name).table`; refused once that is another.
            expires_on: From when it stands no more.

        Raises:
            NotYours: A token signs nothing.
            Conflict: The votes or the evidence do not carry the outcome.
            ChangedMeanwhile: It was changed since it was read.
        """
        body = {"outcome": outcome, "reasons": reasons, "on": on, "expires_on": expires_on}
        path = f"{self._path}/{case.id}/decision"
        return self._read(self._sender.send("POST", path, json=body, etag=f'"{case.revision}"'))

    def _of_reviewer(self, reviewer: Reviewer, step: str, body: Mapping[str, Any]) -> Reviewer:
        path = f"/reviewers/{reviewer.id}/{step}"
        return Reviewer.model_validate(
            self._sender.send("POST", path, json=dict(body), etag=f'"{reviewer.revision}"').json()
        )

    def _do(self, name: str, step: str, body: Mapping[str, Any]) -> Any:
        return self._sender.send("POST", f"{self._path}/{name}/{step}", json=dict(body)).json()


class Conditions(Readable[Condition]):
    """What decisions asked for: of whom, by when."""

    def close(self, condition: Condition, note: str) -> Condition:
        """Say what shows that it is done, or accept the document handed in for it; never one's own."""
        return self._step(condition, "closing", {"note": note})

    def say_done(self, condition: Condition, said_done: str, shown_by: str | None = None) -> Condition:
        """Say that one's own is done, with a document's id or a digest that shows it; who presides closes it."""
        return self._step(condition, "completion", {"said_done": said_done, "shown_by": shown_by})

    def hand_back(self, condition: Condition, why: str) -> Condition:
        """Not accept the document, or its owner's word that it is done: it is open again."""
        return self._step(condition, "return", {"why": why})

    def prolong(self, condition: Condition, due_on: str, why: str) -> Condition:
        """Give it another day."""
        return self._step(condition, "prolongation", {"due_on": due_on, "why": why})

    def withdraw(self, condition: Condition, why: str) -> Condition:
        """Take it back before its case is decided."""
        return self._step(condition, "withdrawal", {"why": why})

    def _step(self, condition: Condition, step: str, body: Mapping[str, Any]) -> Condition:
        path = f"{self._path}/{condition.id}/{step}"
        return self._read(self._sender.send("POST", path, json=dict(body), etag=f'"{condition.revision}"'))
