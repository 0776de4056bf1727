"""More tables of the book of record: intake, triage, review, conditions, reports, concerns, reopenings."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from codman.registry.schema import metadata

_ID: Final = String(64)
_DIGEST: Final = String(64)
_TIME: Final = String(40)
_DAY: Final = String(10)
_WORD: Final = String(64)
_LINE: Final = String(400)


def _ref(name: str, target: str, *, needed: bool = False) -> Column[str]:
    return Column(name, _ID, ForeignKey(f"{target}.id"), nullable=not needed, index=True)


def _records(name: str, *columns: Column[Any]) -> Table:
    return Table(
        name,
        metadata,
        Column("id", _ID, primary_key=True),
        Column("revision", Integer, nullable=False),
        Column("created_at", _TIME, nullable=False),
        Column("updated_at", _TIME, nullable=False),
        *columns,
    )


intakes = _records(
    "intakes",
    Column("edition", _LINE, nullable=False),
    Column("answers", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("carried", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    _ref("owner", "people", needed=True),
    Column("source", _LINE, nullable=False),
    Column("state", _WORD, nullable=False, index=True),
    _ref("use", "uses"),
    Column("case", _ID, index=True),
)

triages = _records(
    "triages",
    _ref("use", "uses", needed=True),
    Column("edition", _LINE, nullable=False),
    Column("computed", _WORD, nullable=False),
    Column("tier", _WORD, nullable=False),
    Column("held", _WORD),
    Column("asked", _WORD),
    Column("reasons", JSON, nullable=False),
    Column("unknown", JSON, nullable=False),
    Column("state", _WORD, nullable=False, index=True),
    _ref("asked_by", "people"),
    _ref("agreed_by", "people"),
    Column("why", Text),
    Column("refused", Text),
)

determinations = _records(  # research or quality improvement, as somebody determined it
    "determinations",
    _ref("use", "uses", needed=True),
    Column("outcome", _WORD, nullable=False),
    Column("determined_by", _LINE, nullable=False),
    Column("determined_on", _DAY, nullable=False),
    _ref("recorded_by", "people", needed=True),
    Column("reference", _LINE),
    Column("exempt_category", Integer),
    Column("expires_on", _DAY),
    Column("covers", Text, nullable=False),
)

cases = _records(
    "cases",
    _ref("use", "uses", needed=True),
    Column("checkpoint", _WORD, nullable=False),
    Column("procedure", _WORD, nullable=False, index=True),
    Column("state", _WORD, nullable=False, index=True),
    Column("leads_to", _WORD, nullable=False),
    _ref("version", "versions"),
    Column("sites", JSON, nullable=False),
    Column("policy", _LINE, nullable=False),
    Column("edition", _LINE, nullable=False),
    Column("policy_digest", _DIGEST, nullable=False),
    _ref("proposed_by", "people", needed=True),
    _ref("chair", "people"),
    Column("quorum", Integer, nullable=False),
    Column("disciplines", JSON, nullable=False),
    Column("due_on", _DAY),
    Column("outcome", _WORD),
    Column("reasons", Text),
    Column("decided_at", _TIME),
    Column("expires_on", _DAY, index=True),
    Column("decision", _DIGEST),
    Column("voted_on", _DIGEST),
    _ref("supersedes", "cases"),
)

policies = Table(  # each policy a case was ever judged by, word for word
    "policies",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("policy", _LINE, nullable=False, index=True),
    Column("edition", _LINE, nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("kept_at", _TIME, nullable=False),
)

reviewers = _records(
    "reviewers",
    _ref("case", "cases", needed=True),
    _ref("person", "people", needed=True),
    Column("discipline", _LINE, nullable=False),
    Column("conflict", _WORD, nullable=False),
    Column("conflict_note", Text),
    _ref("delegate", "people"),
)
reviewers.append_constraint(UniqueConstraint("case", "person"))

votes = _records(
    "votes",
    _ref("case", "cases", needed=True),
    _ref("person", "people", needed=True),
    _ref("cast_by", "people", needed=True),
    Column("choice", _WORD, nullable=False),
    Column("reason", Text),
    Column("statement", _DIGEST),
    Column("cast_on", _DIGEST),
)
votes.append_constraint(UniqueConstraint("case", "person"))

remarks = _records(
    "remarks",
    _ref("case", "cases", needed=True),
    _ref("author", "people", needed=True),
    Column("requirement", _LINE),
    _ref("answers", "remarks"),
    Column("text", Text, nullable=False),
)

conditions = _records(
    "conditions",
    _ref("use", "uses", needed=True),
    _ref("case", "cases", needed=True),
    Column("sentence", Text, nullable=False),
    _ref("owner", "people", needed=True),
    Column("due_on", _DAY, nullable=False, index=True),
    Column("requirement", _LINE),
    Column("document", _LINE),
    Column("patients_needed", Integer),
    Column("state", _WORD, nullable=False, index=True),
    Column("handed_in", _DIGEST),
    Column("handed_in_at", _TIME),
    _ref("handed_in_by", "people"),
    Column("returned_at", _TIME),
    Column("closed_at", _TIME),
    Column("closed_by", _DIGEST),
    Column("note", Text),
)

acceptances = _records(
    "acceptances",
    _ref("case", "cases", needed=True),
    Column("requirement", _LINE, nullable=False),
    _ref("person", "people", needed=True),
    Column("reason", Text, nullable=False),
    _ref("condition", "conditions", needed=True),
)
acceptances.append_constraint(UniqueConstraint("case", "requirement"))

change_plans = _records(
    "change_plans",
    _ref("use", "uses", needed=True),
    _ref("case", "cases"),
    Column("modifications", JSON, nullable=False),
    Column("allows", JSON, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("requirements", JSON, nullable=False),
    Column("impact", Text, nullable=False),
    Column("valid_to", _DAY),
)

reopenings = _records(
    "reopenings",
    _ref("use", "uses", needed=True),
    Column("policy", _LINE, nullable=False),
    Column("requirement", _LINE, nullable=False),
    Column("changed", _WORD, nullable=False),
    Column("because", _LINE, nullable=False),
    Column("became", _LINE),
    Column("log_index", Integer),
    _ref("plan", "change_plans"),
    Column("state", _WORD, nullable=False, index=True),
    Column("closed_at", _TIME),
    Column("closed_by", _DIGEST),
)

pause_proposals = _records(
    "pause_proposals",
    _ref("use", "uses", needed=True),
    Column("cause", _WORD, nullable=False),
    Column("because", _LINE, nullable=False),
    _ref("case", "cases"),
    _ref("condition", "conditions"),
    _ref("incident", "incidents"),
    Column("state", _WORD, nullable=False, index=True),
    Column("settled_at", _TIME),
    _ref("settled_by", "people"),
    Column("why", Text),
)

log_cursors = Table(  # how far a round has read the log
    "log_cursors",
    metadata,
    Column("name", _ID, primary_key=True),
    Column("position", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
)

schedules = _records(
    "schedules",
    _ref("use", "uses", needed=True),
    Column("partner", _WORD, nullable=False),
    Column("partner_name", _LINE, nullable=False),
    _ref("vendor", "vendors"),
    Column("email", _LINE),
    _ref("owner", "people", needed=True),
    Column("every_months", Integer, nullable=False),
    Column("first_due", _DAY, nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
)

expected_reports = _records(
    "expected_reports",
    _ref("schedule", "schedules", needed=True),
    _ref("use", "uses", needed=True),
    Column("period_start", _DAY, nullable=False),
    Column("period_end", _DAY, nullable=False),
    Column("due_on", _DAY, nullable=False, index=True),
    Column("state", _WORD, nullable=False, index=True),
    Column("way", _WORD),
    Column("statement", _DIGEST),
    _ref("document", "documents"),
    Column("received_at", _TIME),
    Column("reminded", Integer, nullable=False),
    Column("escalated_at", _TIME),
    Column("excuse", Text),
)
expected_reports.append_constraint(UniqueConstraint("schedule", "period_start"))

links = Table(  # good for one answer without an account; kept only as a hash
    "links",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("purpose", _WORD, nullable=False),  # report, concern
    Column("about", _ID, nullable=False, index=True),
    Column("made_at", _TIME, nullable=False),
    Column("made_by", _ID),
    Column("expires_at", _TIME),
    Column("used_at", _TIME),
    Column("revoked_at", _TIME),
)

concerns = _records(
    "concerns",
    _ref("use", "uses"),
    _ref("site", "sites"),
    Column("ward", _LINE),
    Column("category", _WORD, nullable=False),
    Column("severity", _WORD, nullable=False, index=True),
    Column("words", Text),
    Column("words_salt", LargeBinary),  # of the hash in its statement; goes with the words
    Column("contact", _LINE),
    _ref("raised_by", "people"),
    Column("happened_on", _DAY),
    Column("raised_at", _TIME, nullable=False),
    Column("see_by", _TIME, nullable=False),
    Column("state", _WORD, nullable=False, index=True),
    _ref("acknowledged_by", "people"),
    Column("acknowledged_at", _TIME),
    Column("event_reference", _LINE),
    Column("pause", _LINE),
    Column("clock", _LINE),
    Column("clock_due", _DAY),
    Column("clock_met_on", _DAY),
    Column("finding", Text),
    Column("closed_at", _TIME),
    Column("statement", _DIGEST),
    Column("escalated_at", _TIME),
    Column("in_flood", Boolean, nullable=False),
    _ref("repeats", "concerns"),
)

corrective_actions = _records(
    "corrective_actions",
    _ref("concern", "concerns", needed=True),
    _ref("use", "uses"),
    Column("kind", _WORD, nullable=False),
    Column("sentence", Text, nullable=False),
    _ref("owner", "people", needed=True),
    Column("due_on", _DAY, nullable=False, index=True),
    Column("done_on", _DAY),
    Column("result", Text),
)

Index("ix_concerns_raised", concerns.c.raised_at)
Index("ix_conditions_open", conditions.c.state, conditions.c.due_on)
Index("ix_expected_reports_waiting", expected_reports.c.state, expected_reports.c.due_on)
