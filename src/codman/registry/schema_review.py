"""More tables of the book of record: intake, triage, review, conditions, reports, concerns, reopenings."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from codman.registry.columns import DAY, DIGEST, ID, LINE, TIME, WORD, metadata, record_table, ref

intakes = record_table(
    "intakes",
    Column("edition", LINE, nullable=False),
    Column("answers", JSON, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("carried", JSON, nullable=False),
    Column("notes", JSON, nullable=False),
    ref("owner", "people", needed=True),
    Column("source", LINE, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    ref("use", "uses"),
    Column("case", ID, index=True),
)

triages = record_table(
    "triages",
    ref("use", "uses", needed=True),
    Column("edition", LINE, nullable=False),
    Column("computed", WORD, nullable=False),
    Column("tier", WORD, nullable=False),
    Column("held", WORD),
    Column("asked", WORD),
    Column("reasons", JSON, nullable=False),
    Column("unknown", JSON, nullable=False),
    Column("classes", JSON, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    ref("asked_by", "people"),
    ref("agreed_by", "people"),
    Column("why", Text),
    Column("refused", Text),
)

determinations = record_table(  # research or quality improvement, as somebody determined it
    "determinations",
    ref("use", "uses", needed=True),
    Column("outcome", WORD, nullable=False),
    Column("determined_by", LINE, nullable=False),
    Column("determined_on", DAY, nullable=False),
    ref("recorded_by", "people", needed=True),
    Column("reference", LINE),
    Column("exempt_category", Integer),
    Column("expires_on", DAY),
    Column("covers", Text, nullable=False),
)

cases = record_table(
    "cases",
    ref("use", "uses", needed=True),
    Column("checkpoint", WORD, nullable=False),
    Column("procedure", WORD, nullable=False, index=True),
    Column("state", WORD, nullable=False, index=True),
    Column("leads_to", WORD, nullable=False),
    ref("version", "versions"),
    Column("sites", JSON, nullable=False),
    Column("planned", JSON, nullable=False),
    Column("plans", JSON, nullable=False),
    Column("policy", LINE, nullable=False),
    Column("edition", LINE, nullable=False),
    Column("policy_digest", DIGEST, nullable=False),
    ref("proposed_by", "people", needed=True),
    ref("chair", "people"),
    Column("quorum", Integer, nullable=False),
    Column("disciplines", JSON, nullable=False),
    Column("due_on", DAY),
    Column("outcome", WORD),
    Column("reasons", Text),
    Column("decided_at", TIME),
    Column("expires_on", DAY, index=True),
    Column("decision", DIGEST),
    Column("voted_on", DIGEST),
    ref("supersedes", "cases"),
)

policies = Table(  # each policy a case was ever judged by, word for word
    "policies",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("policy", LINE, nullable=False, index=True),
    Column("edition", LINE, nullable=False),
    Column("body", Text, nullable=False),  # canonical JSON
    Column("kept_at", TIME, nullable=False),
)

reviewers = record_table(
    "reviewers",
    ref("case", "cases", needed=True),
    ref("person", "people", needed=True),
    Column("discipline", LINE, nullable=False),
    Column("conflict", WORD, nullable=False),
    Column("conflict_note", Text),
    ref("delegate", "people"),
)
reviewers.append_constraint(UniqueConstraint("case", "person"))

votes = record_table(
    "votes",
    ref("case", "cases", needed=True),
    ref("person", "people", needed=True),
    ref("cast_by", "people", needed=True),
    Column("choice", WORD, nullable=False),
    Column("reason", Text),
    Column("statement", DIGEST),
    Column("cast_on", DIGEST),
)
votes.append_constraint(UniqueConstraint("case", "person"))

remarks = record_table(
    "remarks",
    ref("case", "cases", needed=True),
    ref("author", "people", needed=True),
    Column("requirement", LINE),
    ref("answers", "remarks"),
    Column("text", Text, nullable=False),
)

conditions = record_table(
    "conditions",
    ref("use", "uses", needed=True),
    ref("case", "cases", needed=True),
    Column("sentence", Text, nullable=False),
    ref("owner", "people", needed=True),
    Column("due_on", DAY, nullable=False, index=True),
    Column("requirement", LINE),
    Column("document", LINE),
    Column("patients_needed", Integer),
    Column("state", WORD, nullable=False, index=True),
    Column("handed_in", DIGEST),
    Column("handed_in_at", TIME),
    ref("handed_in_by", "people"),
    Column("returned_at", TIME),
    Column("said_done", Text),
    Column("said_done_at", TIME),
    Column("shown_by", DIGEST),
    Column("closed_at", TIME),
    Column("closed_by", DIGEST),
    Column("note", Text),
)

acceptances = record_table(
    "acceptances",
    ref("case", "cases", needed=True),
    Column("requirement", LINE, nullable=False),
    ref("person", "people", needed=True),
    Column("reason", Text, nullable=False),
    ref("condition", "conditions", needed=True),
)
acceptances.append_constraint(UniqueConstraint("case", "requirement"))

exclusions = record_table(
    "exclusions",
    ref("use", "uses", needed=True),
    ref("case", "cases", needed=True),
    Column("policy", LINE, nullable=False),
    Column("requirement", LINE, nullable=False),
    Column("asks", DIGEST, nullable=False),
    ref("version", "versions"),
    Column("sites", JSON, nullable=False),
    Column("why", Text, nullable=False),
    ref("asked_by", "people", needed=True),
    Column("log_index", Integer, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    ref("agreed_by", "people"),
    Column("agreed_at", TIME),
    Column("refused", Text),
    Column("ended", LINE),
)

change_plans = record_table(
    "change_plans",
    ref("use", "uses", needed=True),
    ref("case", "cases"),
    Column("modifications", JSON, nullable=False),
    Column("allows", JSON, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("requirements", JSON, nullable=False),
    Column("impact", Text, nullable=False),
    Column("valid_to", DAY),
)

reopenings = record_table(
    "reopenings",
    ref("use", "uses", needed=True),
    Column("policy", LINE, nullable=False),
    Column("requirement", LINE, nullable=False),
    Column("changed", WORD, nullable=False),
    Column("because", LINE, nullable=False),
    Column("became", LINE),
    Column("log_index", Integer),
    ref("plan", "change_plans"),
    Column("state", WORD, nullable=False, index=True),
    Column("closed_at", TIME),
    Column("closed_by", DIGEST),
)

pause_proposals = record_table(
    "pause_proposals",
    ref("use", "uses", needed=True),
    Column("cause", WORD, nullable=False),
    Column("because", LINE, nullable=False),
    ref("case", "cases"),
    ref("condition", "conditions"),
    ref("incident", "incidents"),
    Column("state", WORD, nullable=False, index=True),
    Column("settled_at", TIME),
    ref("settled_by", "people"),
    Column("why", Text),
)

log_cursors = Table(  # how far a round has read the log
    "log_cursors",
    metadata,
    Column("name", ID, primary_key=True),
    Column("position", BigInteger().with_variant(Integer, "sqlite"), nullable=False),
)

schedules = record_table(
    "schedules",
    ref("use", "uses", needed=True),
    Column("partner", WORD, nullable=False),
    Column("partner_name", LINE, nullable=False),
    ref("vendor", "vendors"),
    Column("email", LINE),
    ref("owner", "people", needed=True),
    Column("every_months", Integer, nullable=False),
    Column("first_due", DAY, nullable=False),
    Column("days_to_report", Integer, nullable=False),
    Column("grace_days", Integer, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
)

expected_reports = record_table(
    "expected_reports",
    ref("schedule", "schedules", needed=True),
    ref("use", "uses", needed=True),
    Column("period_start", DAY, nullable=False),
    Column("period_end", DAY, nullable=False),
    Column("due_on", DAY, nullable=False, index=True),
    Column("state", WORD, nullable=False, index=True),
    Column("way", WORD),
    Column("statement", DIGEST),
    ref("document", "documents"),
    Column("received_at", TIME),
    Column("reminded", Integer, nullable=False),
    Column("escalated_at", TIME),
    Column("excuse", Text),
    Column("incidents", Integer),
    Column("complaints", Integer),
    Column("changes", JSON, nullable=False),
    Column("tells", Boolean, nullable=False),
    ref("heeded_by", "people"),
    Column("heeded_at", TIME),
    Column("follows", Text),
)
expected_reports.append_constraint(UniqueConstraint("schedule", "period_start"))

links = Table(  # good for one answer without an account; kept only as a hash
    "links",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("purpose", WORD, nullable=False),  # report, concern
    Column("about", ID, nullable=False, index=True),
    Column("made_at", TIME, nullable=False),
    Column("made_by", ID),
    Column("expires_at", TIME),
    Column("used_at", TIME),
    Column("revoked_at", TIME),
)

concerns = record_table(
    "concerns",
    Column("number", LINE, unique=True),
    ref("use", "uses"),
    ref("site", "sites"),
    Column("ward", LINE),
    Column("category", WORD, nullable=False),
    Column("severity", WORD, nullable=False, index=True),
    Column("words", Text),
    Column("words_salt", LargeBinary),  # of the hash in its statement; goes with the words
    Column("contact", LINE),
    ref("raised_by", "people"),
    Column("happened_on", DAY),
    Column("raised_at", TIME, nullable=False),
    Column("see_by", TIME, nullable=False),
    Column("state", WORD, nullable=False, index=True),
    ref("acknowledged_by", "people"),
    Column("acknowledged_at", TIME),
    Column("event_reference", LINE),
    Column("pause", LINE),
    ref("pause_by", "people"),
    Column("pause_at", TIME),
    Column("pause_why", Text),
    Column("clock", LINE),
    Column("clock_due", DAY),
    Column("clock_met_on", DAY),
    Column("finding", Text),
    Column("closed_at", TIME),
    Column("statement", DIGEST),
    Column("escalated_at", TIME),
    Column("in_flood", Boolean, nullable=False),
    ref("repeats", "concerns"),
)

corrective_actions = record_table(
    "corrective_actions",
    ref("concern", "concerns", needed=True),
    ref("use", "uses"),
    Column("kind", WORD, nullable=False),
    Column("sentence", Text, nullable=False),
    ref("owner", "people", needed=True),
    Column("due_on", DAY, nullable=False, index=True),
    Column("done_on", DAY),
    Column("result", Text),
)

Index("ix_concerns_raised", concerns.c.raised_at)
Index("ix_conditions_open", conditions.c.state, conditions.c.due_on)
Index("ix_expected_reports_waiting", expected_reports.c.state, expected_reports.c.due_on)
