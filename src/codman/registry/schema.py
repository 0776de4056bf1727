"""The tables of the book of record, the same on SQLite and PostgreSQL.

Times are text, ISO 8601 in UTC, which sorts as time does on both. Tables of records carry their model's field names.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID: Final = String(64)
_DIGEST: Final = String(64)
_TIME: Final = String(40)
_DAY: Final = String(10)
_WORD: Final = String(64)
_LINE: Final = String(400)
_WHOLE: Final = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts rows in INTEGER only


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


# --- the inventory ---------------------------------------------------------------------------------------------------

vendors = _records(
    "vendors",
    Column("name", _LINE, nullable=False, index=True),
    Column("contact", _LINE),
    Column("contract_starts", _DAY),
    Column("contract_ends", _DAY),
    Column("baa", Boolean),
    Column("data_rights", Text),
    Column("change_notice", Text),
    Column("annual_cost", Float),
)

products = _records(
    "products",
    Column("name", _LINE, nullable=False, index=True),
    Column("kind", _WORD),
    _ref("vendor", "vendors"),
    _ref("embedded_in", "products"),
    Column("summary", Text),
    Column("model_type", _LINE),
    Column("generative", Boolean),
    Column("submission", _WORD, index=True),
)

versions = _records(
    "versions",
    _ref("product", "products", needed=True),
    Column("label", _LINE, nullable=False),
    Column("digest", _DIGEST, index=True),
    Column("descriptor", JSON(none_as_null=True)),
    Column("descriptor_statement", _DIGEST),
    Column("released_on", _DAY),
    _ref("parent", "versions"),
    Column("change_note", Text),
    Column("pccp", Text),
    Column("ehr_build", _LINE),
)
versions.append_constraint(UniqueConstraint("product", "label"))

sites = _records(
    "sites",
    Column("name", _LINE, nullable=False),
    Column("level", _WORD, nullable=False),
    _ref("parent", "sites"),
    Column("path", String(1000), nullable=False, unique=True),
)

people = _records(
    "people",
    Column("name", _LINE, nullable=False),
    Column("email", _LINE, unique=True),
    Column("discipline", _LINE),
    Column("active", Boolean, nullable=False),
)

grants = _records(
    "grants",
    _ref("person", "people", needed=True),
    Column("role", _WORD, nullable=False),
    _ref("site", "sites"),
)

uses = _records(
    "uses",
    _ref("product", "products", needed=True),
    Column("name", _LINE, nullable=False, index=True),
    Column("organisation", _LINE, index=True),
    _ref("site", "sites"),
    Column("purpose", Text),
    Column("population", Text),
    Column("care_setting", _LINE),
    Column("decision_role", _WORD),
    Column("autonomy", _LINE),
    Column("users", _LINE),
    Column("alert_destination", _LINE),
    Column("downtime_procedure", Text),
    Column("demographic_inputs", JSON(none_as_null=True)),
    Column("stage", _WORD, nullable=False, index=True),
    Column("stage_since", _DAY),
    Column("impact", _WORD, index=True),
    Column("tier", _WORD, index=True),
    Column("decision", _WORD, nullable=False, index=True),
    _ref("owner", "people"),
    Column("monitoring", Text),
    Column("topic", _LINE),
)

deployments = _records(
    "deployments",
    _ref("use", "uses", needed=True),
    _ref("site", "sites", needed=True),
    _ref("version", "versions"),
    Column("mode", _WORD, nullable=False, index=True),
    Column("since", _DAY),
    _ref("clinician", "people"),
    Column("accepted_at", _TIME),
    Column("ehr_build", _LINE),
    Column("note", Text),
)
deployments.append_constraint(UniqueConstraint("use", "site"))

documents = _records(
    "documents",
    Column("about_kind", _WORD, nullable=False),
    Column("about", _ID, nullable=False, index=True),
    Column("type", _WORD, nullable=False),
    Column("title", _LINE, nullable=False),
    Column("digest", _DIGEST, nullable=False, index=True),
    Column("size", Integer, nullable=False),
    Column("media_type", _LINE, nullable=False),
)

facts = _records(  # what frameworks ask and no column holds: each with whose word it is
    "facts",
    Column("about_kind", _WORD, nullable=False),
    Column("about", _ID, nullable=False),
    Column("field", _LINE, nullable=False),  # a framework's field, e.g. hti-1/4.i
    Column("value", Text, nullable=False),
    Column("basis", _WORD, nullable=False),  # claim, document, evidence
    Column("source", _LINE, nullable=False),
    Column("evidence", _DIGEST),
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

submission_matches = _records(
    "submission_matches",
    _ref("product", "products", needed=True),
    Column("list", _WORD, nullable=False),
    Column("submission", _WORD, nullable=False),
    Column("device", _LINE, nullable=False),
    Column("company", _LINE, nullable=False),
    Column("decided_on", _DAY),
    Column("score", Float, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("state", _WORD, nullable=False, index=True),  # proposed, confirmed, rejected
)
submission_matches.append_constraint(UniqueConstraint("product", "list", "submission"))

# --- imports ---------------------------------------------------------------------------------------------------------

mappings = _records(
    "mappings",
    Column("name", _LINE, nullable=False, unique=True),
    Column("body", JSON, nullable=False),
)

imported_rows = Table(  # so that a second import of the same row finds what the first one made
    "imported_rows",
    metadata,
    Column("mapping", _LINE, primary_key=True),
    Column("identity", String(700), primary_key=True),
    Column("row_digest", _DIGEST, nullable=False),
    _ref("use", "uses", needed=True),
    Column("written", JSON, nullable=False),  # what it said, so that a person's later change is told from the file's
    Column("imported_at", _TIME, nullable=False),
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", _ID, primary_key=True),
    _ref("person", "people"),
    Column("name", _LINE, nullable=False),
    Column("query", Text, nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("created_at", _TIME, nullable=False),
)

# --- evidence --------------------------------------------------------------------------------------------------------

keys = _records(
    "keys",
    Column("keyid", _DIGEST, nullable=False, unique=True),
    Column("name", _LINE, nullable=False),
    Column("owner_kind", _WORD, nullable=False),  # pipeline, vendor, lab, notary
    Column("owner", _LINE, nullable=False),
    Column("origins", JSON, nullable=False),  # what it may claim
    Column("products", JSON(none_as_null=True)),  # only about these; null is any
    _ref("site", "sites"),
    Column("public_pem", Text, nullable=False),
    Column("valid_from", _TIME, nullable=False),
    Column("valid_to", _TIME),  # rotated: good for what it signed before
    Column("revoked_from", _TIME),  # what it signed from then on counts no more
    _ref("replaced_by", "keys"),
)

statements = Table(
    "statements",
    metadata,
    Column("digest", _DIGEST, primary_key=True),
    Column("kind", _WORD, nullable=False),
    Column("product", _LINE, index=True),  # as the statement names them
    Column("version", _LINE),
    Column("use_name", _LINE, index=True),
    Column("product_id", _ID, ForeignKey("products.id"), index=True),  # as the book knows them
    Column("version_id", _ID, ForeignKey("versions.id"), index=True),
    Column("use_id", _ID, ForeignKey("uses.id")),
    Column("origin", _WORD),
    Column("evaluated_at", _TIME, index=True),
    Column("subject_digest", _DIGEST, index=True),
    Column("keyid", _DIGEST),  # whose signature was checked at filing; null is a claim nobody signed
    Column("standing", _WORD, nullable=False),  # verified, claim
    Column("measurements", Integer),
    Column("headline", Text),
    Column("size", Integer, nullable=False),
    Column("filed_at", _TIME, nullable=False, index=True),
    Column("filed_by", _LINE, nullable=False),
    Column("log_index", _WHOLE, nullable=False, unique=True),
)
Index("ix_statements_kind_log", statements.c.kind, statements.c.log_index)  # a kind's newest, without sorting all
Index("ix_statements_shown", *(statements.c[name] for name in ("kind", "origin", "standing", "use_id", "product_id")))
Index("ix_statements_use_standing", *(statements.c[name] for name in ("use_id", "standing", "keyid")))
Index("ix_statements_use_kind", statements.c.use_id, statements.c.kind, statements.c.evaluated_at)

requests = Table(  # idempotency: the same key and body gives the same reply, another body is refused
    "requests",
    metadata,
    Column("source", String(500), primary_key=True),
    Column("id", String(500), primary_key=True),
    Column("body_digest", _DIGEST, nullable=False),
    Column("reply", JSON, nullable=False),
    Column("at", _TIME, nullable=False),
)

# --- the audit log ---------------------------------------------------------------------------------------------------

log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("size", _WHOLE, nullable=False),
    CheckConstraint("id = 1", name="one"),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("number", _WHOLE, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),  # canonical JSON: the leaf
    Column("at", _TIME, nullable=False, index=True),
    Column("actor", _LINE, nullable=False, index=True),
    Column("action", _WORD, nullable=False, index=True),
    Column("about_kind", _WORD, nullable=False),
    Column("about", _LINE, nullable=False, index=True),
)

log_nodes = Table(  # roots of complete subtrees, so that a proof reads log n of them
    "log_nodes",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", _WHOLE, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary(32), nullable=False),
)

log_texts = Table(  # people's own words, outside the tree: the entry holds their salted hash
    "log_texts",
    metadata,
    Column("number", _WHOLE, ForeignKey("log_entries.number"), primary_key=True, autoincrement=False),
    Column("field", _LINE, primary_key=True),
    Column("salt", LargeBinary(32), nullable=False),
    Column("text", Text),  # null once erased
    Column("hold", Boolean, nullable=False),
    Column("privileged", Boolean, nullable=False),
    Column("erased_at", _TIME),
)

erasures = _records(  # two people: one asks, another agrees
    "erasures",
    Column("log_index", _WHOLE, nullable=False),
    Column("field", _LINE),  # null is every text of the entry
    _ref("asked_by", "people", needed=True),
    _ref("agreed_by", "people"),
    Column("state", _WORD, nullable=False),  # asked, done, withdrawn
)
