"""The tables of the book of record, the same on SQLite and PostgreSQL.

Times are text, ISO 8601 in UTC, which sorts as time does on both. Tables of records carry their model's field names.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from codman.registry.columns import DAY, DIGEST, ID, LINE, TIME, WHOLE, WORD, metadata, record_table, ref

# --- the inventory ---------------------------------------------------------------------------------------------------

vendors = record_table(
    "vendors",
    Column("name", LINE, nullable=False, index=True),
    Column("contact", LINE),
    Column("contract_starts", DAY),
    Column("contract_ends", DAY),
    Column("baa", Boolean),
    Column("data_rights", Text),
    Column("change_notice", Text),
    Column("annual_cost", Float),
)

products = record_table(
    "products",
    Column("name", LINE, nullable=False, index=True),
    Column("kind", WORD),
    ref("vendor", "vendors"),
    ref("embedded_in", "products"),
    Column("summary", Text),
    Column("model_type", LINE),
    Column("generative", Boolean),
    Column("submission", WORD, index=True),
)

versions = record_table(
    "versions",
    ref("product", "products", needed=True),
    Column("label", LINE, nullable=False),
    Column("digest", DIGEST, index=True),
    Column("descriptor", JSON(none_as_null=True)),
    Column("descriptor_statement", DIGEST),
    Column("released_on", DAY),
    ref("parent", "versions"),
    Column("change_note", Text),
    Column("pccp", Text),
    Column("ehr_build", LINE),
)
versions.append_constraint(UniqueConstraint("product", "label"))

sites = record_table(
    "sites",
    Column("name", LINE, nullable=False),
    Column("level", WORD, nullable=False),
    ref("parent", "sites"),
    Column("path", String(1000), nullable=False, unique=True),
)

people = record_table(
    "people",
    Column("name", LINE, nullable=False),
    Column("email", LINE, unique=True),
    Column("discipline", LINE),
    Column("active", Boolean, nullable=False),
)

grants = record_table(
    "grants",
    ref("person", "people", needed=True),
    Column("role", WORD, nullable=False),
    ref("site", "sites"),
)

uses = record_table(
    "uses",
    ref("product", "products", needed=True),
    Column("name", LINE, nullable=False, index=True),
    Column("organisation", LINE, index=True),
    ref("site", "sites"),
    Column("purpose", Text),
    Column("population", Text),
    Column("care_setting", LINE),
    Column("decision_role", WORD),
    Column("autonomy", LINE),
    Column("users", LINE),
    Column("alert_destination", LINE),
    Column("downtime_procedure", Text),
    Column("demographic_inputs", JSON(none_as_null=True)),
    Column("stage", WORD, nullable=False, index=True),
    Column("stage_since", DAY),
    Column("impact", WORD, index=True),
    Column("tier", WORD, index=True),
    Column("decision", WORD, nullable=False, index=True),
    ref("owner", "people"),
    Column("monitoring", Text),
    Column("topic", LINE),
    Column("planned", JSON, nullable=False),
)

deployments = record_table(
    "deployments",
    ref("use", "uses", needed=True),
    ref("site", "sites", needed=True),
    ref("version", "versions"),
    Column("mode", WORD, nullable=False, index=True),
    Column("since", DAY),
    ref("clinician", "people"),
    Column("accepted_at", TIME),
    Column("ehr_build", LINE),
    Column("serves", LINE),
    Column("note", Text),
)
deployments.append_constraint(UniqueConstraint("use", "site"))

documents = record_table(
    "documents",
    Column("about_kind", WORD, nullable=False),
    Column("about", ID, nullable=False, index=True),
    Column("type", WORD, nullable=False),
    Column("title", LINE, nullable=False),
    Column("digest", DIGEST, nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("media_type", LINE, nullable=False),
)

facts = record_table(  # what frameworks ask and no column holds: each with whose word it is
    "facts",
    Column("about_kind", WORD, nullable=False),
    Column("about", ID, nullable=False),
    Column("field", LINE, nullable=False),  # a framework's field, e.g. hti-1/4.i
    Column("value", Text, nullable=False),
    Column("basis", WORD, nullable=False),  # claim, document, evidence
    Column("source", LINE, nullable=False),
    Column("evidence", DIGEST),
)
facts.append_constraint(UniqueConstraint("about", "field", "source"))
NO_ANSWER: Final = (
    "",
    "-",
    "n/a",
    "na",
    "none provided",
    "not available",
    "not provided",
    "not specified",
    "tbd",
    "to be determined",
    "unknown",
)
# Facts that say something. Word for word the condition of an index: only then do both databases use it
FACT_SAYS: Final = text(
    f"lower(trim(substr(facts.value, 1, 40))) NOT IN ({', '.join(repr(word) for word in NO_ANSWER)})"
)
_FACT_SAYS: Final = text(FACT_SAYS.text.replace("facts.", ""))
Index(
    "ix_facts_said",
    *(facts.c[name] for name in ("about_kind", "field", "basis", "about")),
    sqlite_where=_FACT_SAYS,
    postgresql_where=_FACT_SAYS,
)

submission_matches = record_table(
    "submission_matches",
    ref("product", "products", needed=True),
    Column("list", WORD, nullable=False),
    Column("submission", WORD, nullable=False),
    Column("device", LINE, nullable=False),
    Column("company", LINE, nullable=False),
    Column("decided_on", DAY),
    Column("score", Float, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("state", WORD, nullable=False, index=True),  # proposed, confirmed, rejected
)
submission_matches.append_constraint(UniqueConstraint("product", "list", "submission"))

# --- imports ---------------------------------------------------------------------------------------------------------

mappings = record_table(
    "mappings",
    Column("name", LINE, nullable=False, unique=True),
    Column("body", JSON, nullable=False),
)

imported_rows = Table(  # so that a second import of the same row finds what the first one made
    "imported_rows",
    metadata,
    Column("mapping", LINE, primary_key=True),
    Column("identity", String(700), primary_key=True),
    Column("row_digest", DIGEST, nullable=False),
    ref("use", "uses", needed=True),
    Column("written", JSON, nullable=False),  # what it said, so that a person's later change is told from the file's
    Column("imported_at", TIME, nullable=False),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", ID, primary_key=True),
    ref("person", "people"),
    Column("name", LINE, nullable=False),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", TIME, nullable=False),
)

# --- evidence --------------------------------------------------------------------------------------------------------

keys = record_table(
    "keys",
    Column("keyid", DIGEST, nullable=False, unique=True),
    Column("name", LINE, nullable=False),
    Column("owner_kind", WORD, nullable=False),  # pipeline, vendor, lab, notary
    Column("owner", LINE, nullable=False),
    Column("origins", JSON, nullable=False),  # what it may claim
    Column("products", JSON(none_as_null=True)),  # only about these; null is any
    ref("site", "sites"),
    Column("public_pem", Text, nullable=False),
    Column("valid_from", TIME, nullable=False),
    Column("valid_to", TIME),  # rotated: good for what it signed before
    Column("revoked_from", TIME),  # what it signed from then on counts no more
    ref("replaced_by", "keys"),
)

statements = Table(
    "statements",
    metadata,
    Column("digest", DIGEST, primary_key=True),
    Column("kind", WORD, nullable=False),
    Column("product", LINE, index=True),  # as the statement names them
    Column("version", LINE),
    Column("use_name", LINE, index=True),
    Column("product_id", ID, ForeignKey("products.id"), index=True),  # as the book knows them
    Column("version_id", ID, ForeignKey("versions.id"), index=True),
    Column("use_id", ID, ForeignKey("uses.id")),
    Column("origin", WORD),
    Column("evaluated_at", TIME, index=True),
    Column("subject_digest", DIGEST, index=True),
    Column("keyid", DIGEST),  # whose signature was checked at filing; null is a claim nobody signed
    Column("standing", WORD, nullable=False),  # verified, claim
    Column("measurements", Integer),
    Column("headline", Text),
    Column("size", Integer, nullable=False),
    Column("filed_at", TIME, nullable=False, index=True),
    Column("filed_by", LINE, nullable=False),
    Column("log_index", WHOLE, nullable=False, unique=True),
)
Index("ix_statements_kind_log", statements.c.kind, statements.c.log_index)  # a kind's newest, without sorting all
Index("ix_statements_shown", *(statements.c[name] for name in ("kind", "origin", "standing", "use_id", "product_id")))
Index("ix_statements_use_standing", *(statements.c[name] for name in ("use_id", "standing", "keyid", "kind")))
Index("ix_statements_use_kind", statements.c.use_id, statements.c.kind, statements.c.evaluated_at)

requests = Table(  # idempotency: the same key and body gives the same reply, another body is refused
    "requests",
    metadata,
    Column("source", String(500), primary_key=True),
    Column("id", String(500), primary_key=True),
    Column("body_digest", DIGEST, nullable=False),
    Column("reply", JSON, nullable=False),
    Column("at", TIME, nullable=False),
)

# --- the audit log ---------------------------------------------------------------------------------------------------

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("size", WHOLE, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("number", WHOLE, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),  # canonical JSON: the leaf
    Column("at", TIME, nullable=False, index=True),
    Column("actor", LINE, nullable=False, index=True),
    Column("action", WORD, nullable=False, index=True),
    Column("about_kind", WORD, nullable=False),
    Column("about", LINE, nullable=False, index=True),
)

log_nodes = Table(  # roots of complete subtrees, so that a proof reads log n of them
    "log_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", WHOLE, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

log_texts = Table(  # people's own words, outside the tree: the entry holds their salted hash
    "log_texts",
    metadata,
    Column("number", WHOLE, ForeignKey("log_entries.number"), primary_key=True, autoincrement=False),
    Column("field", LINE, primary_key=True),
    Column("salt", LargeBinary(32), nullable=False),
    Column("text", Text),  # null once erased
    Column("hold", Boolean, nullable=False),
    Column("privileged", Boolean, nullable=False),
    Column("erased_at", TIME),
)

erasures = record_table(  # two people: one asks, another agrees
    "erasures",
    Column("log_index", WHOLE, nullable=False),
    Column("field", LINE),  # null is every text of the entry
    ref("asked_by", "people", needed=True),
    ref("agreed_by", "people"),
    Column("state", WORD, nullable=False),  # asked, done, withdrawn
)
